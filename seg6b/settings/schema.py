"""The schema that Hydra checks `conf/` against: a typo in a key or a type is refused where it stands."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from hydra.core.config_store import ConfigStore
from omegaconf import MISSING


class Compression(Enum):
    """Parquet compression of what a state writes."""

    snappy = "snappy"
    lz4 = "lz4"
    zstd = "zstd"
    uncompressed = "uncompressed"


class Audit(Enum):
    """How much S5 derives again from Parquet."""

    sampled = "sampled"
    full = "full"


@dataclass
class WorldSchema:
    """Group `world`."""

    name: str = "default"
    arrivals: int = 250_000
    seed: int = 1
    source: str = ""


@dataclass
class AttachSchema:
    """Group `s1`."""

    batch_rows: int = 500_000
    compression: Compression = Compression.snappy
    shards: int = 0


@dataclass
class StateSchema:
    """Groups `s2`, `s3`, `s4`."""

    batch_rows: int = 500_000
    compression: Compression = Compression.snappy


@dataclass
class ValidateSchema:
    """Group `s5`."""

    audit: Audit = Audit.sampled


@dataclass
class ExecutorSchema:
    """Group `executor`."""

    kind: str = "local"
    threads: int = 0


@dataclass
class TrackingSchema:
    """Group `tracking`."""

    enabled: bool = True
    uri: str = ""
    artifact_root: str = ""
    timeout_s: float = 10.0


@dataclass
class LaneSchema:
    """A lane file; a name that is no lane is refused by its type."""

    id: str = MISSING


@dataclass
class JobSchema:
    """The whole job."""

    root: str = "."
    run_id: str = ""
    seed: int = 42
    scenario_id: str = "baseline_v1"
    lane: LaneSchema | None = None
    posture: str = "bplus"
    world: WorldSchema = field(default_factory=WorldSchema)
    policy: dict[str, Any] = field(default_factory=dict)
    s1: AttachSchema = field(default_factory=AttachSchema)
    s2: StateSchema = field(default_factory=StateSchema)
    s3: StateSchema = field(default_factory=StateSchema)
    s4: StateSchema = field(default_factory=StateSchema)
    s5: ValidateSchema = field(default_factory=ValidateSchema)
    executor: ExecutorSchema = field(default_factory=ExecutorSchema)
    tracking: TrackingSchema = field(default_factory=TrackingSchema)
    gates: dict[str, Any] = field(default_factory=dict)
    budgets: dict[str, Any] = field(default_factory=dict)


def register() -> None:
    """Make the schema known to Hydra as `job_schema`; the primary config's defaults list starts with it."""
    ConfigStore.instance().store(name="job_schema", node=JobSchema)

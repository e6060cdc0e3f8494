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


class Attach(Enum):
    """How S1 attaches arrivals to what their parties hold."""

    join_chain = "join_chain"
    list_gather = "list_gather"
    dict_map = "dict_map"
    csr_gather = "csr_gather"


class Sessions(Enum):
    """How S1's sessions get into their index."""

    two_pass = "two_pass"
    bucketed = "bucketed"


class Writer(Enum):
    """How S2..S4 turn batches into parts."""

    per_batch = "per_batch"
    buffered = "buffered"
    row_group_append = "row_group_append"


class EventLabels(Enum):
    """How S4 labels events."""

    recompute = "recompute"
    carry = "carry"
    flow_join = "flow_join"
    fused = "fused"


class Timeline(Enum):
    """How S4 puts the events of cases together."""

    filter_concat = "filter_concat"
    long_form = "long_form"


class CampaignMap(Enum):
    """How S4 finds the truth rule of a flow's campaign; `trap_lost_none` is no strategy, it loses labels."""

    join = "join"
    expression = "expression"
    lookup = "lookup"
    trap_lost_none = "trap_lost_none"


class Columns(Enum):
    """What S4 reads of S3."""

    all = "all"
    pruned = "pruned"


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
    attach: Attach = Attach.csr_gather
    sessions: Sessions = Sessions.bucketed


@dataclass
class StateSchema:
    """Groups `s2` and `s3`."""

    batch_rows: int = 500_000
    compression: Compression = Compression.snappy
    writer: Writer = Writer.buffered
    target_file_mb: int = 64


@dataclass
class LabelSchema(StateSchema):
    """Group `s4`."""

    event_labels: EventLabels = EventLabels.fused
    timeline: Timeline = Timeline.long_form
    campaign_map: CampaignMap = CampaignMap.lookup
    columns: Columns = Columns.pruned


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
class ClosureSchema:
    """`lane.closure`."""

    scorer: str = ""
    state: str = ""
    min_reduction: float = 0.0
    target_s: float = 0.0
    stretch_s: float = 0.0
    min_fewer_parts: float = 0.0
    datasets: list[str] = field(default_factory=list)
    max_slower: float = 0.0
    control: dict[str, Any] = field(default_factory=dict)
    witness: bool = False
    seeds: list[int] = field(default_factory=list)
    unlocks: str = ""
    holds: str = ""
    level: str = "b"
    gates: list[str] = field(default_factory=list)
    moves: list[str] = field(default_factory=list)
    keeps: list[str] = field(default_factory=list)
    owns: list[str] = field(default_factory=list)
    falls: list[str] = field(default_factory=list)


@dataclass
class AlternativeSchema:
    """An item of `lane.alternatives`."""

    name: str = MISSING
    rejected_because: str = MISSING


@dataclass
class LaneSchema:
    """A lane file; a name that is no lane is refused by its type."""

    id: str = "adhoc"
    owner: str = ""
    kind: str = ""
    goal: str = ""
    history: list[str] = field(default_factory=list)
    requires: list[str] = field(default_factory=list)
    alternatives: list[AlternativeSchema] = field(default_factory=list)
    candidates: list[dict[str, Any]] = field(default_factory=list)
    base: str = ""
    repeats: int = 0
    max_repeats: int = 12
    confirm: bool = True
    warm_up: bool = True
    on_failure: str = "continue"
    retries: int = 1
    override: str = ""
    restart: bool = False
    closure: ClosureSchema = field(default_factory=ClosureSchema)


@dataclass
class ArmSchema:
    """The slot of a sweep; set by the bench."""

    sweep: str = ""
    name: str = ""
    set_index: int = 0
    round_index: int = 0
    execute_from: str = ""


@dataclass
class PruneSchema:
    """Group of settings `prune`."""

    auto: bool = True
    expensive_arrivals: int = 1_000_000
    grace_h: float = 24.0


@dataclass
class JobSchema:
    """The whole job."""

    root: str = "."
    run_id: str = ""
    seed: int = 42
    scenario_id: str = "baseline_v1"
    lane: LaneSchema = field(default_factory=LaneSchema)
    posture: str = "bplus"
    world: WorldSchema = field(default_factory=WorldSchema)
    policy: dict[str, Any] = field(default_factory=dict)
    s1: AttachSchema = field(default_factory=AttachSchema)
    s2: StateSchema = field(default_factory=StateSchema)
    s3: StateSchema = field(default_factory=StateSchema)
    s4: LabelSchema = field(default_factory=LabelSchema)
    s5: ValidateSchema = field(default_factory=ValidateSchema)
    executor: ExecutorSchema = field(default_factory=ExecutorSchema)
    tracking: TrackingSchema = field(default_factory=TrackingSchema)
    gates: dict[str, Any] = field(default_factory=dict)
    budgets: dict[str, Any] = field(default_factory=dict)
    source_run: str = "any"
    arm: ArmSchema = field(default_factory=ArmSchema)
    prune: PruneSchema = field(default_factory=PruneSchema)
    dry: bool = False


@dataclass
class LauncherSchema:
    """Choice `hydra/launcher=bench`; Hydra accepts launchers by names below `hydra_plugins` alone."""

    _target_: str = "hydra_plugins.seg6b.BenchLauncher"


def register() -> None:
    """Make the schema and the bench's launcher known to Hydra; the primary config's defaults list names both."""
    store = ConfigStore.instance()
    store.store(name="job_schema", node=JobSchema)
    store.store(group="hydra/launcher", name="bench", node=LauncherSchema)

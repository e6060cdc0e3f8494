"""One job, typed: what `python -m seg6b.lane` was asked to do, after Hydra and before anything happens."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seg6b.policy.packs import Policies
from seg6b.settings.knobs import StateKnobs


@dataclass(frozen=True, slots=True)
class WorldChoice:
    """Which world.

    Attributes:
        name: `tiny`, `default`, `large`, `authority` or `parquet`.
        arrivals: rows of the arrival stream, for generated worlds.
        seed: the generator's own seed; not the run's.
        source: folder of a published world, for `parquet`.
    """

    name: str
    arrivals: int
    seed: int
    source: str


@dataclass(frozen=True, slots=True)
class TrackingChoice:
    """Whether and where MLflow is told.

    Attributes:
        enabled: false keeps the run on disk alone.
        uri: tracking URI; empty means SQLite below `mlruns/`.
        artifact_root: empty means `mlruns/artifacts`.
        timeout_s: how long a locked or silent store is waited for.
    """

    enabled: bool
    uri: str
    artifact_root: str
    timeout_s: float


@dataclass(frozen=True, slots=True)
class Job:
    """One candidate run.

    Attributes:
        root: project root; everything is written below its `mlruns/` and `reports/`.
        run_id: a run to resume, empty for a new one.
        seed: run seed, varies 6B's draws.
        scenario_id: scenario of the world.
        lane: lane id.
        posture: name of the chosen set of packs.
        variants: chosen variant of each pack.
        world: which world.
        policy: the packs.
        knobs: knobs by state.
        threads: worker threads; 0 means all cores.
        tracking: MLflow.
        gates: the threshold file, as plain data.
        budgets: runtime budgets, as plain data.
    """

    root: Path
    run_id: str
    seed: int
    scenario_id: str
    lane: str
    posture: str
    variants: Mapping[str, str]
    world: WorldChoice
    policy: Policies
    knobs: Mapping[str, StateKnobs]
    threads: int
    tracking: TrackingChoice
    gates: Mapping[str, Any]
    budgets: Mapping[str, Any]

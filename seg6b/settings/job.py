"""One job, typed: what `python -m seg6b.lane` was asked to do, after Hydra and before anything happens."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
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
class ClosureRule:
    """When a lane closes.

    Attributes:
        scorer: `runtime` or `realism`; empty lets the kind of the lane choose. A baseline of `runtime` reports where
            the time goes, any other its gateboard.
        state: state whose time decides; empty means the first that the sweep runs.
        min_reduction: share of the control's time that must be gone, with its interval, to unlock the next lane.
        target_s: seconds at the authority's scale; 0 where none binds.
        stretch_s: likewise, for the lesser aim.
        min_fewer_parts: share of the control's parts that must be gone in each of `datasets`; then time is asked for no
            gain, and only no loss: the ratio of every state that wrote one of them lies below `1 + max_slower`.
        datasets: whose parts are counted.
        max_slower: share of the control's time that a state may lose at most, with its interval, where parts decide.
        control: knobs that the control has otherwise than the authority, where the question is the gain over ways that
            the authority no longer goes; empty leaves it the authority's own.
        witness: whether the winner of a timed lane is run once more, and kept only if its replay is identical.
        seeds: of a witness lane: run seeds that it executes, its own among them.
        unlocks: marker written when it closes, such as `UNLOCK_POPT.3_CONTINUE`; empty writes none.
        holds: marker written when it does not.
        level: `b` or `bplus`, at which the gates below are held.
        gates: gates that a remediation lane has to bring to `level`; an arm that leaves one open is rejected.
        moves: gates whose value has to move towards their threshold, without passing it yet.
        keeps: gates that earlier waves closed and that may not fall; empty holds every gate that passed before.
        owns: states whose rows the lane may change; rows of the states before them must stay. Empty: any state.
        falls: of an ablation: gates that have to fall for one of its arms; arms are held against the control.
    """

    scorer: str = ""
    state: str = ""
    min_reduction: float = 0.0
    target_s: float = 0.0
    stretch_s: float = 0.0
    min_fewer_parts: float = 0.0
    datasets: tuple[str, ...] = ()
    max_slower: float = 0.0
    control: Mapping[str, Any] = field(default_factory=dict)
    witness: bool = False
    seeds: tuple[int, ...] = ()
    unlocks: str = ""
    holds: str = ""
    level: str = "b"
    gates: tuple[str, ...] = ()
    moves: tuple[str, ...] = ()
    keeps: tuple[str, ...] = ()
    owns: tuple[str, ...] = ()
    falls: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Alternative:
    """A design that was weighed and not taken."""

    name: str
    rejected_because: str


@dataclass(frozen=True, slots=True)
class Lane:
    """A lane of the build plan, or what an ad hoc sweep stands in for one.

    Attributes:
        id: the build plan's name; `adhoc` outside lanes.
        owner: state that the lane owns.
        kind: `optimisation`, `remediation`, `baseline`, `witness`, `certification`; empty is derived from what varies.
        goal: one sentence.
        history: what the build plan measured.
        requires: markers that must stand in the ledger.
        alternatives: designs weighed before it ran.
        candidates: explicit list of overrides, one mapping a candidate.
        base: `last_good` starts from the packs of the last good run of the place, else of its authority; empty from
            those that the command composes.
        repeats: rounds of one set; 0 means five where time decides, one where rows change.
        max_repeats: rounds at most while the interval straddles.
        confirm: whether a provisional winner gets its second set at once.
        warm_up: whether a run of the control goes first and is not timed.
        on_failure: `continue`, `stop` or `retry`.
        retries: tries beside the first under `retry`.
        override: reason for running although a required marker is missing; empty refuses.
        restart: give up an unfinished sweep of this lane with other candidates.
        closure: its closing rule.
    """

    id: str = "adhoc"
    owner: str = ""
    kind: str = ""
    goal: str = ""
    history: tuple[str, ...] = ()
    requires: tuple[str, ...] = ()
    alternatives: tuple[Alternative, ...] = ()
    candidates: tuple[Mapping[str, Any], ...] = ()
    base: str = ""
    repeats: int = 0
    max_repeats: int = 12
    confirm: bool = True
    warm_up: bool = True
    on_failure: str = "continue"
    retries: int = 1
    override: str = ""
    restart: bool = False
    closure: ClosureRule = field(default_factory=ClosureRule)


@dataclass(frozen=True, slots=True)
class ArmChoice:
    """Which slot of which sweep a job is; the bench sets it, a person leaves it alone.

    Attributes:
        sweep: sweep id; empty outside sweeps.
        name: name of the arm.
        set_index: set of repeats.
        round_index: round.
        execute_from: state from which on nothing is linked; empty links whatever is equal.
    """

    sweep: str = ""
    name: str = ""
    set_index: int = 0
    round_index: int = 0
    execute_from: str = ""


@dataclass(frozen=True, slots=True)
class PruneChoice:
    """Keeping the disk free.

    Attributes:
        auto: prune by itself before an expensive rerun.
        expensive_arrivals: size of the world from which on a rerun is expensive.
        grace_h: hours after which what was pruned may be freed, and what nobody refers to counts as garbage.
    """

    auto: bool = True
    expensive_arrivals: int = 1_000_000
    grace_h: float = 24.0


@dataclass(frozen=True, slots=True)
class Job:
    """One candidate run.

    Attributes:
        root: project root; everything is written below its `mlruns/` and `reports/`.
        run_id: a run to resume, empty for a new one.
        seed: run seed, varies 6B's draws.
        scenario_id: scenario of the world.
        lane: the lane it belongs to.
        posture: name of the chosen set of packs.
        variants: chosen variant of each pack.
        world: which world.
        policy: the packs.
        knobs: knobs by state.
        threads: worker threads; 0 means all cores.
        tracking: MLflow.
        gates: the threshold file, as plain data.
        budgets: runtime budgets, as plain data.
        source_run: where equal upstream states are linked from: `any`, `none`, `authority`, `last_good` or a run id.
        arm: its slot in a sweep.
        prune: when to prune by itself.
        dry: say what would run, run nothing.
    """

    root: Path
    run_id: str
    seed: int
    scenario_id: str
    lane: Lane
    posture: str
    variants: Mapping[str, str]
    world: WorldChoice
    policy: Policies
    knobs: Mapping[str, StateKnobs]
    threads: int
    tracking: TrackingChoice
    gates: Mapping[str, Any]
    budgets: Mapping[str, Any]
    source_run: str = "any"
    arm: ArmChoice = field(default_factory=ArmChoice)
    prune: PruneChoice = field(default_factory=PruneChoice)
    dry: bool = False

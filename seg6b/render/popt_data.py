"""What the summary of POPT is made of: lanes as they were decided, the baseline, and what strategies bring."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from seg6b.scoring.closure import Ratio


@dataclass(frozen=True, slots=True)
class Cost:
    """What one state, or all of them, cost in the runs of one arm.

    Attributes:
        elapsed_s: wall seconds, of several runs the median; None where nothing was timed.
        peak_rss_mb: highest resident memory; None where no receipt is left.
        parts: files that it published.
    """

    elapsed_s: float | None
    peak_rss_mb: float | None
    parts: int


@dataclass(frozen=True, slots=True)
class ArmLine:
    """One arm of a lane.

    Attributes:
        name: such as `c02`.
        overrides: what makes it.
        decision: by rule.
        reasons: why, in words; the first one leads.
        cost: of the lane's state.
        ratio: its time over the control's; None where no pair was made.
    """

    name: str
    overrides: tuple[str, ...]
    decision: str
    reasons: tuple[str, ...]
    cost: Cost
    ratio: Ratio | None


@dataclass(frozen=True, slots=True)
class LaneLine:
    """One lane of the ladder.

    Attributes:
        lane: its id.
        file: name of its file.
        kind: `baseline`, `optimisation` or `witness`.
        owner: the state that it owns; empty where that is all of them.
        goal: one sentence.
        requires: markers that must stand before it runs.
        history: what the build plan measured.
        state: whose time decides; empty where all count.
        decision: by rule; empty where it was not closed here.
        marker: what it left in the ledger.
        best: name of the winning arm; empty without one.
        reasons: why, in words.
        overrides: overrides of the phase law that it ran under, with their reasons.
        strategies: of the control, or of the run that a baseline made.
        control: what the control cost, or that run; None where nothing ran.
        arms: every arm but the control.
    """

    lane: str
    file: str
    kind: str
    owner: str
    goal: str
    requires: tuple[str, ...]
    history: tuple[str, ...]
    state: str = ""
    decision: str = ""
    marker: str = ""
    best: str = ""
    reasons: tuple[str, ...] = ()
    overrides: tuple[str, ...] = ()
    strategies: tuple[str, ...] = ()
    control: Cost | None = None
    arms: tuple[ArmLine, ...] = ()


@dataclass(frozen=True, slots=True)
class StateLine:
    """One state of the baseline.

    Attributes:
        state: `S1` … `S5`.
        cost: of the run.
        bytes: that it published.
        target_s: budget, scaled to the world; 0 where none binds.
        status: `GREEN`, `AMBER` or `RED` against it; empty where none binds.
    """

    state: str
    cost: Cost
    bytes: int
    target_s: float
    status: str


@dataclass(frozen=True, slots=True)
class Hotspot:
    """A state of the baseline with its lanes.

    Attributes:
        state: `S1` … `S5`.
        elapsed_s: wall seconds.
        lanes: share of the state by lane, in the order of the hotspot map.
        residual: share that no lane was charged for.
    """

    state: str
    elapsed_s: float
    lanes: Mapping[str, float]
    residual: float


@dataclass(frozen=True, slots=True)
class Gain:
    """Time with a strategy over time without it, all else equal.

    Attributes:
        mean: of the paired ratios.
        ci95: its interval.
        n: pairs.
        lane: where it was measured.
    """

    mean: float
    ci95: tuple[float, float]
    n: int
    lane: str


@dataclass(frozen=True, slots=True)
class Worth:
    """What one strategy brings to its state.

    Attributes:
        key: the knob, such as `s4.event_labels`.
        state: whose time it is measured on.
        plan: the strategy that the build plan began with.
        now: the authority's own.
        alone: its gain while all others of the state are the build plan's; None where no lane asked that.
        on_top: its gain while all others of the state are the authority's; None likewise.
    """

    key: str
    state: str
    plan: str
    now: str
    alone: Gain | None
    on_top: Gain | None


@dataclass(frozen=True, slots=True)
class Summary:
    """The whole ladder.

    Attributes:
        world: name of the world.
        arrivals: its size.
        seed: run seed.
        testbed: machine and libraries of the baseline.
        run_id: of the baseline, the authority.
        plan_arrivals: size of the world that the build plan's seconds are of.
        lanes: every lane, in order; one that was not closed here has no decision.
        states: of the baseline, in order.
        hotspots: likewise, the slowest first.
        worth: strategies that differ from the build plan's, in the order of states.
        generated_utc: RFC 3339; the time of the last closure, so that telling again gives the same file.
    """

    world: str
    arrivals: int
    seed: int
    testbed: str
    run_id: str
    plan_arrivals: int
    lanes: tuple[LaneLine, ...]
    states: tuple[StateLine, ...]
    hotspots: tuple[Hotspot, ...]
    worth: tuple[Worth, ...]
    generated_utc: str

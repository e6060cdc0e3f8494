"""Hotspot map of a run: the share of each state in S1..S5, and of each metered lane in a state, ranked."""

from __future__ import annotations

from dataclasses import dataclass

from seg6b.runs.meter import LANES
from seg6b.scoring.closure import RunFacts
from seg6b.settings.rules import OWNERS


@dataclass(frozen=True, slots=True)
class LaneShare:
    """One of `input`, `compute`, `validate` and `write` in a state.

    Attributes:
        lane: its name.
        thread_s: seconds, summed over threads.
        share: of the state's thread seconds.
    """

    lane: str
    thread_s: float
    share: float


@dataclass(frozen=True, slots=True)
class StateShare:
    """One state.

    Attributes:
        rank: from 1, the slowest.
        state: `S1` … `S5`.
        executed: whether this run executed it; the time of a linked state is that of another run.
        elapsed_s: wall seconds.
        share: of the wall seconds of S1..S5.
        thread_s: wall seconds times threads, what the shares of the lanes are of.
        lanes: the metered lanes, the dearest first.
        residual_s: thread seconds that no lane was charged for: threads that waited, starting, merging, committing.
        residual_share: of the state's thread seconds; with the shares of the lanes it makes 1.
    """

    rank: int
    state: str
    executed: bool
    elapsed_s: float
    share: float
    thread_s: float
    lanes: tuple[LaneShare, ...]
    residual_s: float
    residual_share: float


@dataclass(frozen=True, slots=True)
class HotspotMap:
    """Where the time of a run goes.

    Attributes:
        threads: worker threads of the run.
        elapsed_s: wall seconds of S1..S5.
        order: states, the slowest first.
        states: likewise, with their shares.
    """

    threads: int
    elapsed_s: float
    order: tuple[str, ...]
    states: tuple[StateShare, ...]


def hotspot_map(facts: RunFacts, threads: int) -> HotspotMap:
    """Rank the states of a run by wall seconds, and the lanes in each by thread seconds; ties by name.

    Args:
        facts: of the run; a state that it lacks is left out.
        threads: worker threads that it ran with.
    """
    order = tuple(sorted((s for s in OWNERS if s in facts.elapsed_s), key=lambda s: (-facts.elapsed_s[s], s)))
    whole = sum(facts.elapsed_s[s] for s in order)
    states = tuple(_state(facts, state, rank, whole, threads) for rank, state in enumerate(order, 1))
    return HotspotMap(threads, whole, order, states)


def _state(facts: RunFacts, state: str, rank: int, whole: float, threads: int) -> StateShare:
    elapsed = facts.elapsed_s[state]
    thread_s = elapsed * threads
    charged = facts.lanes_s.get(state, {})
    lanes = [LaneShare(lane, charged.get(lane, 0.0), _share(charged.get(lane, 0.0), thread_s)) for lane in LANES]
    residual = thread_s - sum(lane.thread_s for lane in lanes)
    return StateShare(
        rank=rank,
        state=state,
        executed=state in facts.executed,
        elapsed_s=elapsed,
        share=_share(elapsed, whole),
        thread_s=thread_s,
        lanes=tuple(sorted(lanes, key=lambda lane: (-lane.thread_s, lane.lane))),
        residual_s=residual,
        residual_share=_share(residual, thread_s),
    )


def _share(part: float, whole: float) -> float:
    return part / whole if whole else 0.0

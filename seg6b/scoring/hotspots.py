"""Hotspot map of a run: the share of each state in S1..S5, and of each metered lane in a state, ranked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from seg6b.runs.meter import LANES, RESIDUAL, split_of
from seg6b.scoring.closure import RunFacts
from seg6b.settings.rules import OWNERS

MOST_RESIDUAL: Final = 0.03


@dataclass(frozen=True, slots=True)
class LaneShare:
    """One of `input`, `compute`, `validate`, `write` and `residual` in a state.

    Attributes:
        lane: its name.
        elapsed_s: wall seconds.
        share: of the state's wall seconds.
        cpu_s: CPU seconds.
        cpu_share: of the state's CPU seconds.
    """

    lane: str
    elapsed_s: float
    share: float
    cpu_s: float
    cpu_share: float


@dataclass(frozen=True, slots=True)
class StateShare:
    """One state.

    Attributes:
        rank: from 1, the slowest.
        state: `S1` … `S5`.
        executed: whether this run executed it; the time of a linked state is that of another run.
        elapsed_s: wall seconds.
        share: of the wall seconds of S1..S5.
        cpu_s: CPU seconds of the process.
        lanes: the metered lanes, the dearest first; empty where the receipt does not have them.
        residual: what no lane was charged for: starting threads, waiting, going from one to the next; with the lanes it
            makes the whole. None where the receipt does not have it.
    """

    rank: int
    state: str
    executed: bool
    elapsed_s: float
    share: float
    cpu_s: float
    lanes: tuple[LaneShare, ...]
    residual: LaneShare | None

    @property
    def unexplained(self) -> bool:
        """Whether more than 3 % of its time are residual."""
        return self.residual is not None and self.residual.share > MOST_RESIDUAL


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
    """Rank the states of a run, and the lanes in each, by wall seconds; ties by name.

    Args:
        facts: of the run; a state that it lacks is left out.
        threads: worker threads that it ran with.
    """
    order = tuple(sorted((s for s in OWNERS if s in facts.elapsed_s), key=lambda s: (-facts.elapsed_s[s], s)))
    whole = sum(facts.elapsed_s[s] for s in order)
    states = tuple(_state(facts, state, rank, whole) for rank, state in enumerate(order, 1))
    return HotspotMap(threads, whole, order, states)


def _state(facts: RunFacts, state: str, rank: int, whole: float) -> StateShare:
    elapsed, used = facts.elapsed_s[state], facts.cpu_s.get(state, 0.0)
    wall, cpu = (split_of(lanes.get(state, {})) for lanes in (facts.lanes_s, facts.lanes_cpu_s))
    found = {
        lane: LaneShare(lane, spent, _share(spent, elapsed), cpu.get(lane, 0.0), _share(cpu.get(lane, 0.0), used))
        for lane, spent in wall.items()
    }
    metered = (found[lane] for lane in LANES if lane in found)
    return StateShare(
        rank=rank,
        state=state,
        executed=state in facts.executed,
        elapsed_s=elapsed,
        share=_share(elapsed, whole),
        cpu_s=used,
        lanes=tuple(sorted(metered, key=lambda lane: (-lane.elapsed_s, lane.lane))),
        residual=found.get(RESIDUAL),
    )


def _share(part: float, whole: float) -> float:
    return part / whole if whole else 0.0

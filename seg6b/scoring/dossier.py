"""All that a sweep is judged by: its slots, the facts of their runs, and what they are compared with."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from seg6b.runs.sweep import CONTROL, SlotReceipt, SlotStatus, Sweep
from seg6b.scoring.closure import Drift, RunFacts

AUTHORITY: Final = "authority"


@dataclass(frozen=True, slots=True)
class Dossier:
    """A sweep, ready to be judged.

    Attributes:
        sweep: what was to be run.
        slots: what became of it.
        facts: of every run that ended, by name of its slot.
        baseline: of the authority; None without one.
        budgets: runtime budgets, as plain data.
        drifts: what the run of a slot (named) differs in from a reference.
    """

    sweep: Sweep
    slots: tuple[SlotReceipt, ...]
    facts: Mapping[str, RunFacts]
    baseline: RunFacts | None
    budgets: Mapping[str, Any]
    drifts: Callable[[str, RunFacts, RunFacts], tuple[Drift, ...]]

    @property
    def state(self) -> str:
        """The state whose time decides."""
        return judged_state(self.sweep)

    def ended(self, arm: str) -> tuple[tuple[str, RunFacts], ...]:
        """Name of the slot and facts of every run of an arm that ended, in the order of sets and rounds."""
        done = [s.slot for s in self.slots if s.slot.arm == arm and s.status == SlotStatus.DONE]
        done.sort(key=lambda slot: (slot.set_index, slot.round_index))
        return tuple((slot.name, self.facts[slot.name]) for slot in done)

    def failed(self, arm: str) -> tuple[SlotReceipt, ...]:
        """Slots of an arm that failed."""
        return tuple(s for s in self.slots if s.slot.arm == arm and s.status == SlotStatus.FAILED)

    @property
    def control(self) -> RunFacts | None:
        """The control's first run."""
        ended = self.ended(CONTROL)
        return ended[0][1] if ended else None

    def references(self, facts: RunFacts) -> tuple[RunFacts, ...]:
        """What the rows of a run must equal: the control's, and the authority's where they may be compared."""
        base = self.baseline if self.baseline is not None and same_rows_due(facts, self.baseline) else None
        return tuple(r for r in (self.control, base) if r is not None)


def judged_state(sweep: Sweep) -> str:
    """The state whose time decides a sweep."""
    return str(sweep.closure.get("state") or sweep.owner)


def same_rows_due(facts: RunFacts, base: RunFacts) -> bool:
    """Whether two runs must have equal rows: of one world, seed, policy and contract."""
    names = ("manifest_fingerprint", "seed", "parameter_hash", "contract")
    return all(getattr(base, name) == getattr(facts, name) for name in names)


def rounds_of(slots: tuple[SlotReceipt, ...], arm: str, set_index: int) -> int:
    """Rounds of one set that an arm has been through without a gap, ended or failed; the warm-up is none."""
    over = {
        s.slot.round_index
        for s in slots
        if s.slot.arm == arm and s.slot.set_index == set_index and s.status in {SlotStatus.DONE, SlotStatus.FAILED}
    }
    rounds = 0
    while rounds + 1 in over:
        rounds += 1
    return rounds

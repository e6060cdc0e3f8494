"""Which gates a phase moved: from what to what, with intervals."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from seg6b.gates.result import GateResult
from seg6b.render.gate_changes import GateChange, gate_change
from seg6b.render.story_waves import wave_of
from seg6b.render.wording import ABSENT, interval


@dataclass(frozen=True, slots=True)
class GateMove:
    """One gate before and after a phase, in words.

    Attributes:
        title: what it measures.
        rules: its thresholds.
        change: values and statuses of both sides.
        before_ci: interval before.
        after_ci: interval after.
    """

    title: str
    rules: str
    change: GateChange
    before_ci: str
    after_ci: str


def gate_moves(before: Mapping[str, GateResult], after: Mapping[str, GateResult], phase: str) -> list[GateMove]:
    """The gates whose status changed, and those that the phase owns whether they moved or not; in board order."""
    moves = [_move(gate, before.get(gate_id)) for gate_id, gate in after.items()]
    return [m for m in moves if _changed(m.change) or wave_of(m.change.gate_id).phase == phase]


def _changed(change: GateChange) -> bool:
    return any(was != now for was, now in (change.b, change.bplus))


def _move(after: GateResult, before: GateResult | None) -> GateMove:
    entry = {
        "reference": before.value if before else None,
        "value": after.value,
        "b_before": str(before.b) if before else "",
        "b_after": str(after.b),
        "bplus_before": str(before.bplus) if before else "",
        "bplus_after": str(after.bplus),
    }
    return GateMove(
        title=after.title,
        rules=f"B {after.b_rule}; B+ {after.bplus_rule}",
        change=gate_change(after.gate_id, entry),
        before_ci=interval(before.ci95) if before else ABSENT,
        after_ci=interval(after.ci95),
    )

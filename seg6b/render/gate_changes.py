"""Gates of a policy variant, before and after."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from seg6b.gates.result import Status, gate_order
from seg6b.render.wording import ABSENT, interval, number, signed
from seg6b.scoring.closure import ArmScore
from seg6b.scoring.realism import LEVELS


@dataclass(frozen=True, slots=True)
class GateChange:
    """One gate in words.

    Attributes:
        gate_id: its id.
        before: value of the reference, with its interval.
        after: value of the arm, with its interval.
        change: after minus before.
        b: status at B, before and after.
        bplus: status at B+, before and after.
        tone: `lost` where a level is lost, else `won` where one is won, else `same`.
    """

    gate_id: str
    before: str
    after: str
    change: str
    b: tuple[str, str]
    bplus: tuple[str, str]
    tone: str


def gate_changes(score: ArmScore) -> list[GateChange]:
    """Every gate of the arm, in the order of the board; what either side lacks is a dash."""
    return [gate_change(gate_id, score.gates[gate_id]) for gate_id in sorted(score.gates, key=gate_order)]


def arrow(sides: tuple[str, str]) -> str:
    """A status before and after; once where it stayed.

    >>> arrow(("FAIL", "PASS")), arrow(("PASS", "PASS"))
    ('FAIL → PASS', 'PASS')
    """
    return sides[0] if sides[0] == sides[1] else " → ".join(sides)


def gate_change(gate_id: str, entry: Mapping[str, Any]) -> GateChange:
    """One gate before and after, from an entry of `scoring.realism.gate_changes`."""
    before, after = entry.get("reference"), entry.get("value")
    moved = after - before if before is not None and after is not None else None
    b, bplus = (_sides(entry, level) for level in LEVELS)
    lost = any(was == Status.PASS != now for was, now in (b, bplus))
    won = any(now == Status.PASS != was for was, now in (b, bplus))
    tone = "lost" if lost else "won" if won else "same"
    sides = _valued(before, entry.get("reference_ci95")), _valued(after, entry.get("ci95"))
    return GateChange(gate_id, *sides, signed(moved), b, bplus, tone)


def _valued(value: float | None, ends: Sequence[float] | None) -> str:
    return f"{number(value)} {interval((ends[0], ends[1]))}" if ends else number(value)


def _sides(entry: Mapping[str, Any], level: str) -> tuple[str, str]:
    return str(entry.get(f"{level}_before") or ABSENT), str(entry.get(f"{level}_after") or ABSENT)

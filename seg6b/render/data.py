"""What a gateboard is made of: one run's receipts, gates and evidence, and the policy's own curves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from seg6b.evidence.tables import Evidence
from seg6b.gates.result import GateBoard
from seg6b.runs.receipt import RunReceipt, StateReceipt


@dataclass(frozen=True, slots=True)
class Curve:
    """A reference CDF: P(X <= x[i]) = p[i]; `x` ascends."""

    x: tuple[float, ...]
    p: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Budget:
    """Runtime budget of one state, seconds, scaled to the run's arrivals."""

    state: str
    target_s: float
    stretch_s: float


@dataclass(frozen=True, slots=True)
class BoardData:
    """Input of the gateboard.

    Attributes:
        receipt: the run.
        states: its states, in order.
        board: its gates.
        evidence: merged evidence by state; a missing table costs its plot, nothing else.
        curves: policy CDFs of the delay models, by model name, in seconds.
        budgets: runtime budgets; empty where none bind.
        notes: lines that must stand on the board, such as an override and its reason.
    """

    receipt: RunReceipt
    states: tuple[StateReceipt, ...]
    board: GateBoard
    evidence: Mapping[str, Evidence] = field(default_factory=dict)
    curves: Mapping[str, Curve] = field(default_factory=dict)
    budgets: tuple[Budget, ...] = ()
    notes: tuple[str, ...] = ()

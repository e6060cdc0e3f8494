"""REQ_CRITICAL_TRUTH_REALISM, REQ_CRITICAL_CASE_TIMELINE: the critical gates, none of them a warning."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from seg6b.evidence import laws
from seg6b.evidence.laws import Finding, Ledger
from seg6b.evidence.tables import Evidence
from seg6b.gates.result import GateBoard, GateResult, Status
from seg6b.states.s5_validate.check import Outcome, found
from seg6b.states.s5_validate.emitted import broken

TRUTH_GATES: Final = ("T1", "T2", "T3", "T22")
CASE_GATES: Final = ("T8", "T9", "T10")


def critical_truth(board: GateBoard, level: str) -> Outcome:
    """T1, T2, T3 and T22 pass on all rows; too little data is no pass."""
    return found(_failing(board, TRUTH_GATES, level), *_shown(board, TRUTH_GATES, level))


def critical_cases(board: GateBoard, level: str, ledger: Ledger, evidence: Mapping[str, Evidence]) -> Outcome:
    """T8, T9 and T10 pass, and every case runs from one opening to one close, as its members say."""
    findings = [*_failing(board, CASE_GATES, level), *laws.cases_whole(ledger), *broken(evidence, "cases")]
    metrics, thresholds = _shown(board, CASE_GATES, level)
    return found(findings, metrics, thresholds)


def status_at(gate: GateResult, level: str) -> Status:
    """Status of a gate at B or B+."""
    return gate.bplus if level == "BPLUS" else gate.b


def _failing(board: GateBoard, wanted: Sequence[str], level: str) -> Iterator[Finding]:
    for gate_id in wanted:
        gate = board.gates.get(gate_id)
        if gate is None:
            yield Finding(gate_id, f"{gate_id} was not evaluated")
        elif status_at(gate, level) is not Status.PASS:
            yield Finding(
                gate_id, f"{gate_id} ({gate.title}) is {status_at(gate, level)} at {level}", None, {"n": gate.n}
            )


def _shown(board: GateBoard, wanted: Sequence[str], level: str) -> tuple[dict[str, object], dict[str, object]]:
    gates = [board.gates[g] for g in wanted if g in board.gates]
    metrics = {g.gate_id: {"value": g.value, "n": g.n, "status": str(status_at(g, level))} for g in gates}
    rules = {g.gate_id: g.bplus_rule if level == "BPLUS" else g.b_rule for g in gates}
    return dict(metrics), {"critical_level": level, **rules}

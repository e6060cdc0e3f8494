"""Realism scorer: a policy variant is judged by its gates, before and after, and by its runtime budget."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

from seg6b.scoring.budgets import RED
from seg6b.scoring.closure import ArmScore, Decision, RunFacts
from seg6b.scoring.dossier import Dossier
from seg6b.scoring.facts import PASS

LEVELS: Final = {"b": "B", "bplus": "B+"}


def judge_variant(dossier: Dossier, score: ArmScore, run: RunFacts) -> ArmScore:
    """The score of a policy variant; its one run is judged, no time is compared.

    Args:
        dossier: the sweep.
        score: what was measured of the arm.
        run: its run.

    Returns:
        REJECT where S5 does not pass or a gate that passed B no longer does; HOLD where its state overdraws its
        budget, a gate fell from B+ to B, or nothing was gained; else KEEP.
    """
    before = reference_of(dossier, run)
    if before is None:
        return replace(
            score, decision=Decision.HOLD, reasons=("neither authority nor control has gates to hold against",)
        )
    changes = gate_changes(before, run)
    gained, lost = (_moved(changes, was=was) for was in (False, True))
    decision, reasons = _decided(dossier, score, run, gained, lost)
    whose = f"held against run {before.run_id[:8]} ({before.arm})"
    return replace(score, decision=decision, reasons=(*reasons, whose), gates=changes)


def reference_of(dossier: Dossier, run: RunFacts) -> RunFacts | None:
    """The authority if it is of the same world and seed, else the control's first run."""
    base = dossier.baseline
    same = base is not None and (base.manifest_fingerprint, base.seed) == (run.manifest_fingerprint, run.seed)
    return base if same else dossier.control


def gate_changes(before: RunFacts, after: RunFacts) -> dict[str, dict[str, Any]]:
    """By gate: value of the reference, value, and status at B and B+ before and after."""
    return {
        gate: {
            "reference": before.gates.get(gate, {}).get("value"),
            "value": now["value"],
            **{f"{level}_before": before.gates.get(gate, {}).get(level, "") for level in LEVELS},
            **{f"{level}_after": now[level] for level in LEVELS},
        }
        for gate, now in after.gates.items()
    }


def passed(score: ArmScore) -> int:
    """Gates that pass after, counted at B and at B+."""
    return sum(entry.get(f"{level}_after") == PASS for entry in score.gates.values() for level in LEVELS)


def _decided(
    dossier: Dossier, score: ArmScore, run: RunFacts, gained: dict[str, list[str]], lost: dict[str, list[str]]
) -> tuple[Decision, tuple[str, ...]]:
    if run.overall_status != PASS:
        failing = ", ".join(name for name, result in run.required.items() if result != PASS)
        status = run.overall_status or "not known: its report is gone"
        return Decision.REJECT, (f"S5 is {status}" + (f": {failing}" if failing else ""),)
    if lost["b"]:
        return Decision.REJECT, (f"gates that passed B no longer do: {', '.join(lost['b'])}",)
    red = [b for b in score.budgets if b.name == dossier.state and b.status == RED]
    if red:
        said = f"{red[0].elapsed_s:.2f} s of {red[0].stretch_s:.2f} s at most"
        return Decision.HOLD, (f"{dossier.state} is RED: {said}",)
    if lost["bplus"]:
        return Decision.HOLD, (f"gates that passed B+ no longer do: {', '.join(lost['bplus'])}",)
    if not any(gained.values()):
        return Decision.HOLD, ("no gate passes that did not pass before",)
    won = "; ".join(f"{', '.join(gates)} at {LEVELS[level]}" for level, gates in gained.items() if gates)
    return Decision.KEEP, (f"gates that pass now and did not before: {won}; none was lost",)


def _moved(changes: dict[str, dict[str, Any]], *, was: bool) -> dict[str, list[str]]:
    """By level, the gates that passed before and do not now, or the other way round."""
    return {
        level: [
            gate
            for gate, c in changes.items()
            if (c[f"{level}_before"] == PASS) is was and (c[f"{level}_after"] == PASS) is not was
        ]
        for level in LEVELS
    }

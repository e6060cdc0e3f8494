"""Realism scorer: a policy variant is judged by its gates, before and after, and by its runtime budget.

A wave of remediation has a rule of its own: gates that it must bring to a level, gates that earlier waves closed and
that may not fall, and states that it owns. What it leaves open, lets fall or touches beyond them rejects a variant.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, Final

from seg6b.gates.result import gate_order
from seg6b.scoring.budgets import overdraft, overdrawn
from seg6b.scoring.closure import ArmScore, Decision, RunFacts
from seg6b.scoring.dossier import Dossier
from seg6b.scoring.facts import PASS, failed_checks

LEVELS: Final = {"b": "B", "bplus": "B+"}
WARN: Final = "WARN"

Changes = dict[str, dict[str, Any]]
Verdict = tuple[Decision, str]


def judge_variant(dossier: Dossier, score: ArmScore, run: RunFacts) -> ArmScore:
    """The score of a policy variant; one run is judged, no time is compared.

    Args:
        dossier: the sweep.
        score: what was measured of the arm.
        run: its run.

    Returns:
        REJECT where S5 does not pass, a gate that may not fall fell below B, a gate of the wave stays open, or rows of
        a state change that the wave does not own; HOLD where its state overdraws its budget, a gate fell from B+ to B,
        or nothing was gained; else KEEP.
    """
    before = reference_of(dossier, run)
    if before is None:
        return replace(
            score, decision=Decision.HOLD, reasons=("neither authority nor control has gates to hold against",)
        )
    changes = gate_changes(before, run)
    against = _against(dossier, score, before, run, changes)
    decision, reason = next(iter(against), None) or (Decision.KEEP, _won(changes))
    whose = f"held against run {before.run_id[:8]} ({before.arm})"
    further = [said for _, said in against[1:]]
    warned = [f"S5 is {run.overall_status}"] if run.overall_status == WARN else []
    return replace(score, decision=decision, reasons=(reason, *further, *warned, whose), gates=changes)


def reference_of(dossier: Dossier, run: RunFacts) -> RunFacts | None:
    """What a variant is held against: in a wave or an ablation the control, which stands where the lane begins.

    Elsewhere the authority if it is of the same world and seed, else the control's first run.
    """
    rule = dossier.sweep.closure
    if is_wave(rule) or rule.get("falls"):
        return dossier.control
    base = dossier.baseline
    same = base is not None and (base.manifest_fingerprint, base.seed) == (run.manifest_fingerprint, run.seed)
    return base if same else dossier.control


def is_wave(rule: Mapping[str, Any]) -> bool:
    """Whether a closing rule is that of a wave of remediation."""
    return bool(rule.get("gates") or rule.get("owns"))


def gate_changes(before: RunFacts, after: RunFacts) -> Changes:
    """By gate: value and interval of the reference and of the variant, status and margin at B and B+ on both sides."""
    return {
        gate: {
            "reference": before.gates.get(gate, {}).get("value"),
            "reference_ci95": before.gates.get(gate, {}).get("ci95"),
            "value": now["value"],
            "ci95": now.get("ci95"),
            **{f"{level}_before": before.gates.get(gate, {}).get(level, "") for level in LEVELS},
            **{f"{level}_after": now[level] for level in LEVELS},
            **{f"{level}_margin": now.get(f"{level}_margin") for level in LEVELS},
            **{f"{level}_gain": _gain(before.gates.get(gate, {}), now, f"{level}_margin") for level in LEVELS},
        }
        for gate, now in sorted(after.gates.items(), key=lambda item: gate_order(item[0]))
    }


def passed(score: ArmScore) -> int:
    """Gates that pass after, counted at B and at B+."""
    return sum(entry.get(f"{level}_after") == PASS for entry in score.gates.values() for level in LEVELS)


def slack(score: ArmScore) -> float:
    """The least margin at B+ over all gates, in half-widths of the gate's own interval: how safely the arm passes."""
    found = [_safety(entry) for entry in score.gates.values()]
    return min((s for s in found if s is not None), default=0.0)


def _safety(entry: Mapping[str, Any]) -> float | None:
    margin, ends = entry.get("bplus_margin"), entry.get("ci95")
    if margin is None or not ends or not ends[1] > ends[0]:
        return None
    return float(margin) / ((ends[1] - ends[0]) / 2.0)


def still_open(changes: Mapping[str, Mapping[str, Any]], rule: Mapping[str, Any]) -> list[str]:
    """Gates that the rule asks for and that do not pass at its level after, with their status."""
    level = str(rule.get("level") or "b")
    states = {gate: changes.get(gate, {}).get(f"{level}_after") or "not measured" for gate in rule.get("gates") or ()}
    return [f"{gate} is {state} at {LEVELS[level]}" for gate, state in states.items() if state != PASS]


def _gain(before: Mapping[str, Any], now: Mapping[str, Any], margin: str) -> float | None:
    was, is_now = before.get(margin), now.get(margin)
    return None if was is None or is_now is None else float(is_now) - float(was)


def _against(dossier: Dossier, score: ArmScore, before: RunFacts, run: RunFacts, changes: Changes) -> list[Verdict]:
    """Everything that speaks against keeping the variant, the gravest first."""
    rule = dossier.sweep.closure
    found = [*_validated(run, wave=is_wave(rule)), *_trespasses(rule, before, run)]
    lost = fallen(changes, "b", rule.get("keeps") or changes)
    found += [(Decision.REJECT, f"gates that passed B no longer do: {', '.join(lost)}")] if lost else []
    left = still_open(changes, rule)
    found += [(Decision.REJECT, f"the wave is to close it: {'; '.join(left)}")] if left else []
    still = [gate for gate in rule.get("moves") or () if not (changes.get(gate, {}).get("b_gain") or 0.0) > 0.0]
    found += [(Decision.REJECT, f"gates that were to move did not: {', '.join(still)}")] if still else []
    found += [(Decision.HOLD, overdraft(budget)) for budget in overdrawn(score.budgets, dossier.state)]
    lost = fallen(changes, "bplus", rule.get("keeps") or changes)
    found += [(Decision.HOLD, f"gates that passed B+ no longer do: {', '.join(lost)}")] if lost else []
    if not _won(changes):
        found.append((Decision.HOLD, "no gate passes that did not pass before"))
    return sorted(found, key=lambda verdict: verdict[0] != Decision.REJECT)


def _validated(run: RunFacts, *, wave: bool) -> list[Verdict]:
    """S5 must pass; while waves go on, corridors of later waves may still warn."""
    if run.overall_status == PASS or (wave and run.overall_status == WARN):
        return []
    failing = ", ".join(failed_checks(run))
    status = run.overall_status or "not known: its report is gone"
    return [(Decision.REJECT, f"S5 is {status}" + (f": {failing}" if failing else ""))]


def _trespasses(rule: Mapping[str, Any], before: RunFacts, run: RunFacts) -> list[Verdict]:
    """Rows of states before the first one that the wave owns must be those of the reference."""
    first = min(rule.get("owns") or ("",)).lower()
    upstream = [name for name in run.digests if first and name[:2] < first]
    touched = [name for name in upstream if run.digests[name] != before.digests.get(name)]
    return [(Decision.REJECT, f"it changes rows that the wave does not own: {', '.join(touched)}")] if touched else []


def fallen(changes: Mapping[str, Mapping[str, Any]], level: str, gates: Iterable[str]) -> list[str]:
    """Those of `gates` that passed at `level` before and do not after."""
    return [g for g in gates if g in changes and changes[g][f"{level}_before"] == PASS != changes[g][f"{level}_after"]]


def _won(changes: Changes) -> str:
    """Gates that pass now and did not before, in words; empty where there is none."""
    won = {
        level: [g for g, c in changes.items() if c[f"{level}_after"] == PASS != c[f"{level}_before"]]
        for level in LEVELS
    }
    said = "; ".join(f"{', '.join(gates)} at {LEVELS[level]}" for level, gates in won.items() if gates)
    return f"gates that pass now and did not before: {said}" if said else ""

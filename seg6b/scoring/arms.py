"""One arm, judged: did its runs end, are its rows the reference's, do its checks hold, and only then its time."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from seg6b.runs.sweep import CONTROL, REMEDIATION, Arm, SlotReceipt
from seg6b.scoring.budgets import budget_facts, overdraft, overdrawn
from seg6b.scoring.closure import ArmScore, Decision, Drift, RunFacts
from seg6b.scoring.dossier import AUTHORITY, Dossier, rounds_of
from seg6b.scoring.drift import differing
from seg6b.scoring.facts import checks_pass, failed_checks
from seg6b.scoring.parts_rule import judged_states, part_counts, slowest_ratio, too_many
from seg6b.scoring.realism import judge_variant, reference_of
from seg6b.scoring.runtime import Pair, Timing, judge_times, planned_looks, said

KEPT: Final = (Decision.KEEP, Decision.KEEP_PROVISIONAL)
WEAKEST_FIRST: Final = (Decision.REJECT, Decision.HOLD, Decision.INSUFFICIENT, *reversed(KEPT))


def judge_arm(dossier: Dossier, arm: Arm) -> ArmScore:
    """The arm's score, by rule.

    Of a policy variant that was run twice the faster run counts: a cold kernel or a busy disk only adds to a time.
    """
    blank = ArmScore(arm.name, arm.overrides, Decision.INERT, (arm.inert,))
    if arm.inert:
        return blank
    ended, failed = dossier.ended(arm.name), dossier.failed(arm.name)
    if not ended:
        return _nothing_ended(dossier, blank, failed)
    if dossier.sweep.kind == REMEDIATION:
        run = min((facts for _, facts in ended), key=lambda facts: facts.elapsed_s.get(dossier.state, math.inf))
        return judge_variant(dossier, _measured(dossier, replace(blank, reasons=()), [run], failed), run)
    score = _measured(dossier, replace(blank, reasons=()), [facts for _, facts in ended], failed)
    drifted = _drifted(dossier, score, ended)
    if drifted is not None:
        return drifted
    faulty = _unsound(score, [facts for _, facts in ended])
    if faulty is not None:
        return faulty
    crowded = too_many(dossier.sweep.closure, score.parts) if score.parts else ""
    return replace(score, decision=Decision.REJECT, reasons=(crowded,)) if crowded else _timed(dossier, score, arm)


def _nothing_ended(dossier: Dossier, score: ArmScore, failed: Sequence[SlotReceipt]) -> ArmScore:
    """Not run yet, or every run failed; where the control fails too, that says nothing about the arm."""
    if not failed:
        return replace(score, decision=Decision.INSUFFICIENT, reasons=("it has not run yet",))
    lame = bool(dossier.failed(CONTROL)) and dossier.control is None
    decision = Decision.HOLD if lame else Decision.REJECT
    reason = f"none of its {len(failed)} runs ended: {failed[0].error or 'no error was recorded'}"
    reasons = (reason, "the control did not run either") if lame else (reason,)
    return replace(score, decision=decision, reasons=reasons, failed_runs=len(failed))


def _measured(dossier: Dossier, score: ArmScore, runs: Sequence[RunFacts], failed: Sequence[SlotReceipt]) -> ArmScore:
    """What is reported whatever the decision: checks, warn metrics, row counts, budgets."""
    variant = dossier.sweep.kind == REMEDIATION
    reference = reference_of(dossier, runs[0]) if variant else next(reversed(dossier.references(runs[0])), None)
    return replace(
        score,
        run_id=runs[0].run_id,
        checks_pass=all(checks_pass(run) for run in runs),
        warn_deltas=_deltas(runs[0], reference) if reference else {},
        parity_stable=variant or reference is None or all(run.rows == reference.rows for run in runs),
        budgets=budget_facts(runs, dossier.budgets, dossier.sweep.arrivals),
        failed_runs=len(failed),
        parts=part_counts(dossier.sweep.closure, runs, [facts for _, facts in dossier.ended(CONTROL)]),
    )


def _deltas(run: RunFacts, reference: RunFacts) -> dict[str, float]:
    both = [name for name in run.warn_metrics if name in reference.warn_metrics]
    return {name: run.warn_metrics[name] - reference.warn_metrics[name] for name in both}


def _drifted(dossier: Dossier, score: ArmScore, ended: Sequence[tuple[str, RunFacts]]) -> ArmScore | None:
    """The score of an arm with a run whose rows are not the reference's; its time is not looked at."""
    for name, run in ended:
        for reference in dossier.references(run):
            drifts = dossier.drifts(name, run, reference)
            if drifts:
                whose = AUTHORITY if reference is dossier.baseline else CONTROL
                reason = f"rows are not those of the {whose} {reference.run_id[:8]}: {drifts_said(drifts)}"
                likewise = whose == AUTHORITY and dossier.control is not None and differing(dossier.control, reference)
                more = ("the control's rows differ likewise: the code changed them, not the arm",) if likewise else ()
                return replace(
                    score,
                    decision=Decision.REJECT_SEMANTIC_DRIFT,
                    reasons=(reason, *more),
                    run_id=run.run_id,
                    drifts=drifts,
                )
    return None


def drifts_said(drifts: Sequence[Drift]) -> str:
    """Drifted datasets in words.

    >>> drifts_said([Drift("s4_case_flows_6B", 9, 10), Drift("s4_flow_truth_labels_6B", 5, 5, ("fraud_label",))])
    's4_case_flows_6B (9 rows, expected 10); s4_flow_truth_labels_6B.fraud_label'
    """
    return "; ".join(_said(drift) for drift in drifts)


def _said(drift: Drift) -> str:
    columns = ", ".join(f"{drift.dataset}.{column}" for column in drift.columns) or drift.dataset
    rows = f" ({drift.rows:,} rows, expected {drift.expected_rows:,})" if drift.rows != drift.expected_rows else ""
    return columns + rows


def _unsound(score: ArmScore, runs: Sequence[RunFacts]) -> ArmScore | None:
    """The score of an arm with a run that S5 does not accept; unknown checks are no pass."""
    for run in runs:
        failing = failed_checks(run)
        if failing:
            reason = f"required checks failed in run {run.run_id[:8]}: {', '.join(failing)}"
            return replace(score, decision=Decision.REJECT, reasons=(reason,))
        if not run.required:
            reason = f"the S5 report of run {run.run_id[:8]} is gone, so its required checks are not known"
            return replace(score, decision=Decision.HOLD, reasons=(reason,))
    return None


def _timed(dossier: Dossier, score: ArmScore, arm: Arm) -> ArmScore:
    """The score by time, held back where a failed run, the other states or a budget speak against it."""
    sweep = dossier.sweep
    rounds = (rounds_of(dossier.slots, arm.name, 1), rounds_of(dossier.slots, arm.name, 2))
    looks = planned_looks(sweep.repeats, sweep.max_repeats)
    limit, states = slowest_ratio(sweep.closure), judged_states(sweep.closure, dossier.state)
    pairs = _pairs(dossier, arm.name)
    timing = _weakest([judge_times(pairs, state, rounds, looks, limit) for state in states])
    against = [
        *_failures(dossier, score),
        *_regression(timing, limit),
        *map(overdraft, overdrawn(score.budgets, dossier.state)),
    ]
    held = timing.decision in KEPT and bool(against)
    seconds = [p.seconds((dossier.state,)) for p in timing.pairs]
    return replace(
        score,
        decision=Decision.HOLD if held else timing.decision,
        reasons=(*against, timing.reason) if held else (timing.reason, *against),
        set_ratios=timing.set_ratios,
        ratio=timing.ratio,
        lane_ratio=timing.lane_ratio,
        elapsed_s=tuple(mine for mine, _ in seconds),
        control_s=tuple(other for _, other in seconds),
    )


def _weakest(timings: Sequence[Timing]) -> Timing:
    """The first timing, with the decision of the one that says least for the arm."""
    worst = min(timings, key=lambda timing: WEAKEST_FIRST.index(timing.decision))
    return replace(timings[0], decision=worst.decision, reason=worst.reason)


def _pairs(dossier: Dossier, arm: str) -> list[Pair]:
    controls = {(r.set_index, r.round_index): r for _, r in dossier.ended(CONTROL)}
    runs = [r for _, r in dossier.ended(arm)]
    found = [(r, controls.get((r.set_index, r.round_index))) for r in runs if r.round_index > 0]
    return [Pair(mine, other) for mine, other in found if other is not None]


def _failures(dossier: Dossier, score: ArmScore) -> list[str]:
    failed = dossier.failed(score.arm)
    if not failed:
        return []
    total = len(failed) + len(dossier.ended(score.arm))
    return [f"{len(failed)} of its {total} runs failed: {failed[0].error or 'no error was recorded'}"]


def _regression(timing: Timing, limit: float) -> list[str]:
    ratio = timing.lane_ratio
    if ratio is None or ratio.bounds[0] <= limit:
        return []
    return [f"all executed states together are slower than the control's: {said(ratio, ratio.bounds)}"]

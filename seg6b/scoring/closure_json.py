"""A closure as the JSON file that lanes leave behind."""

from __future__ import annotations

import re
from dataclasses import asdict
from statistics import median
from typing import Any

from seg6b.runs.sweep import CONTROL
from seg6b.scoring.closure import ArmScore, Closure, RunFacts
from seg6b.scoring.facts import checks_pass
from seg6b.scoring.parts_rule import counts_parts, slowest_ratio, too_many
from seg6b.scoring.replay import ReplayWitness

SEGMENT = "6B"


def closure_json(closure: Closure) -> dict[str, Any]:
    """The fields of a closure file, and beside them every arm."""
    score = leading(closure)
    candidate = run_of(closure, score)
    control = next((run for run in closure.runs if run.arm == CONTROL), None)
    return {
        "phase": phase_of(closure.lane),
        "segment": SEGMENT,
        "lane": closure.lane,
        "kind": closure.kind,
        "owner": closure.owner,
        "sweep_id": closure.sweep_id,
        "decision": str(closure.decision),
        "best": closure.best,
        "marker": closure.marker,
        "reasons": list(closure.reasons),
        "overrides": list(closure.overrides),
        "baseline": run_json(closure.baseline),
        "witness": witness_json(closure.witness),
        "candidate": run_json(candidate),
        "control": run_json(control),
        "state_elapsed_s": _elapsed(closure, score),
        "metrics": _metrics(closure, score, candidate),
        "targets": closure.targets,
        "arms": [_arm(arm) for arm in closure.arms],
        "generated_utc": closure.generated_utc,
    }


def phase_of(lane: str) -> str:
    """The phase that a lane belongs to.

    >>> phase_of("POPT.2R2"), phase_of("P1"), phase_of("adhoc")
    ('POPT.2', 'P1', 'adhoc')
    """
    found = re.match(r"POPT\.\d+|P\d+", lane)
    return found.group() if found else lane


def leading(closure: Closure) -> ArmScore | None:
    """The best arm; without one the fastest whose rows are right, else the first that was run, else the first."""
    best = [arm for arm in closure.arms if arm.arm == closure.best]
    timed = sorted((arm.ratio.mean, arm.arm) for arm in closure.arms if arm.ratio is not None)
    nearest = [arm for arm in closure.arms if timed and arm.arm == timed[0][1]]
    ran = [arm for arm in closure.arms if arm.run_id]
    return next(iter((*best, *nearest, *ran, *closure.arms)), None)


def run_of(closure: Closure, score: ArmScore | None) -> RunFacts | None:
    """Facts of the run that stands for an arm."""
    return next((run for run in closure.runs if score is not None and run.run_id == score.run_id), None)


def run_json(facts: RunFacts | None) -> dict[str, Any] | None:
    """A run as a closure names it."""
    if facts is None:
        return None
    return {
        "run_id": facts.run_id,
        "seed": facts.seed,
        "manifest_fingerprint": facts.manifest_fingerprint,
        "parameter_hash": facts.parameter_hash,
        "knobs": facts.knobs,
        "required_check_results": facts.required,
        "required_checks_pass": checks_pass(facts),
        "warn_metrics": facts.warn_metrics,
        "content_digests": facts.digests,
        "overall_status": facts.overall_status,
        "verdict": facts.verdict,
        "testbed": facts.testbed,
    }


def witness_json(witness: ReplayWitness | None) -> dict[str, Any] | None:
    """What the replay said in short; the whole stands in its own files."""
    if witness is None:
        return None
    return {
        "run_id": witness.witness_id,
        "replayed": witness.run_id,
        "since": witness.since,
        "verdict": str(witness.verdict),
        "faults": list(witness.faults),
        "content_digests": {found.dataset: found.digests[1] for found in witness.datasets},
    }


def _elapsed(closure: Closure, score: ArmScore | None) -> dict[str, Any]:
    """Medians by state, and of the deciding state every repeat."""
    arm = score.arm if score else ""
    return {
        "state": closure.targets.get("state") or closure.owner,
        "baseline": closure.baseline.elapsed_s if closure.baseline else None,
        "candidate": _medians(closure, arm),
        "control": _medians(closure, CONTROL),
        "repeats": [{"arm": a.arm, "candidate": list(a.elapsed_s), "control": list(a.control_s)} for a in closure.arms],
    }


def _medians(closure: Closure, arm: str) -> dict[str, float]:
    runs = [run for run in closure.runs if run.arm == arm and run.round_index > 0]
    states = sorted({state for run in runs for state in run.executed})
    return {state: median(run.elapsed_s[state] for run in runs if state in run.executed) for state in states}


def _metrics(closure: Closure, score: ArmScore | None, candidate: RunFacts | None) -> dict[str, Any]:
    ratio = score.ratio if score else None
    budget = next((b for b in score.budgets if b.name == closure.targets.get("state")), None) if score else None
    limits = {name: float(closure.targets.get(f"scaled_{name}_s") or 0.0) for name in ("target", "stretch")}
    return {
        "reduction_vs_baseline": _reduction(closure, score, candidate),
        "ratio_vs_control": None if ratio is None else asdict(ratio),
        **{
            f"runtime_{name}_pass": budget.elapsed_s <= limit if budget and limit else None
            for name, limit in limits.items()
        },
        "warn_metric_deltas": score.warn_deltas if score else {},
        "parity_counts_stable": score.parity_stable if score and score.run_id else None,
        "digests_equal": not score.drifts if score and score.run_id else None,
        **_parts(closure, score),
        "non_regression_pass": _no_regression(score, slowest_ratio(closure.targets)),
    }


def _parts(closure: Closure, score: ArmScore | None) -> dict[str, Any]:
    """Parts of the datasets that the closing rule counts; nothing where it counts none."""
    if not counts_parts(closure.targets):
        return {}
    counts = score.parts if score else ()
    return {
        "part_counts": {c.dataset: {"control": c.control, "candidate": c.parts, "fewer": c.fewer} for c in counts},
        "fewer_parts_pass": not too_many(closure.targets, counts) if counts else None,
    }


def _reduction(closure: Closure, score: ArmScore | None, candidate: RunFacts | None) -> float | None:
    """Share of the authority's time that is gone; None between testbeds, and where it did not execute the state."""
    base, state = closure.baseline, str(closure.targets.get("state") or closure.owner)
    if base is None or candidate is None or score is None or not score.elapsed_s or score.drifts:
        return None
    if base.testbed != candidate.testbed or not base.elapsed_s.get(state):
        return None
    return 1.0 - median(score.elapsed_s) / base.elapsed_s[state]


def _no_regression(score: ArmScore | None, limit: float) -> bool | None:
    """Whether neither the deciding state nor all executed ones together are slower than the rule allows."""
    if score is None or score.ratio is None or score.lane_ratio is None:
        return None
    return score.ratio.bounds[0] <= limit and score.lane_ratio.bounds[0] <= limit


def _arm(score: ArmScore) -> dict[str, Any]:
    plain = asdict(score)
    return {**plain, "decision": str(score.decision)}

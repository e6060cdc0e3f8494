"""A closure in words, so that page, Markdown and terminal say the same."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Final

from seg6b.render.wording import ABSENT, seconds
from seg6b.runs.sweep import CONTROL, REMEDIATION
from seg6b.scoring.closure import ArmScore, Closure, Decision, Drift, Ratio, RunFacts
from seg6b.scoring.closure_json import leading

MEANING: Final = {
    Decision.KEEP: "What one set of runs showed recurred in a second, separate one.",
    Decision.KEEP_PROVISIONAL: "Shown by one set of runs; a second, separate set has to agree.",
    Decision.HOLD: "Nothing changes: the lane stays as it is.",
    Decision.INSUFFICIENT: "These runs do not settle it.",
    Decision.INERT: "Not timed: its knobs cannot bind at this size.",
    Decision.REJECT: "Not kept.",
    Decision.REJECT_SEMANTIC_DRIFT: "Its rows are not those of the reference; its speed does not matter.",
}
KEPT_VARIANT: Final = "Its gates hold and its runtime stays in its budget."
TONES: Final = {
    Decision.KEEP: "pass",
    Decision.KEEP_PROVISIONAL: "pass",
    Decision.HOLD: "insufficient",
    Decision.INSUFFICIENT: "insufficient",
    Decision.INERT: "insufficient",
    Decision.REJECT: "fail",
    Decision.REJECT_SEMANTIC_DRIFT: "fail",
}


@dataclass(frozen=True, slots=True)
class ArmRow:
    """One arm in words."""

    arm: str
    overrides: tuple[str, ...]
    decision: str
    tone: str
    reasons: tuple[str, ...]
    ratio: str
    ci95: str
    n: str
    pairs: str
    elapsed: str
    control: str
    checks: str
    budgets: tuple[tuple[str, str], ...]
    drifts: tuple[str, ...]


def meaning(decision: Decision, kind: str) -> str:
    """What a decision means, in plain words.

    >>> meaning(Decision.INSUFFICIENT, "optimisation")
    'These runs do not settle it.'
    """
    return KEPT_VARIANT if decision == Decision.KEEP and kind == REMEDIATION else MEANING[decision]


def arm_row(score: ArmScore) -> ArmRow:
    """An arm's row; a dash for whatever was not measured."""
    return ArmRow(
        arm=score.arm,
        overrides=score.overrides,
        decision=str(score.decision),
        tone=TONES[score.decision],
        reasons=score.reasons,
        ratio=ABSENT if score.ratio is None else fraction(score.ratio.mean),
        ci95=ABSENT if score.ratio is None else fractions(score.ratio.ci95),
        n=ABSENT if score.ratio is None else str(score.ratio.n),
        pairs=ABSENT if score.ratio is None else _pairs(score.ratio),
        elapsed=seconds(median(score.elapsed_s)) if score.elapsed_s else ABSENT,
        control=seconds(median(score.control_s)) if score.control_s else ABSENT,
        checks=checks_said(score),
        budgets=tuple((f"{b.name} {b.status} of {seconds(b.target_s)}", b.status.lower()) for b in score.budgets),
        drifts=tuple(drift_said(drift) for drift in score.drifts),
    )


def checks_said(score: ArmScore) -> str:
    """Required checks, row counts and runs that did not end."""
    if not score.run_id and not score.failed_runs:
        return ABSENT
    faults = [] if score.checks_pass else ["required checks failed"]
    faults += [] if score.parity_stable else ["row counts differ"]
    faults += [f"{score.failed_runs} {'run' if score.failed_runs == 1 else 'runs'} failed"] if score.failed_runs else []
    return ", ".join(faults) or "all pass"


def drift_said(drift: Drift) -> str:
    """A drifted dataset: its name, its columns, its rows where they differ.

    >>> drift_said(Drift("s4_flow_truth_labels_6B", 90, 100, ("fraud_label",)))
    's4_flow_truth_labels_6B (fraud_label; 90 rows, expected 100)'
    """
    columns = ", ".join(drift.columns) or "columns not compared"
    rows = "" if drift.rows == drift.expected_rows else f"; {drift.rows:,} rows, expected {drift.expected_rows:,}"
    return f"{drift.dataset} ({columns}{rows})"


def fraction(value: float) -> str:
    """A ratio of times.

    >>> fraction(0.71234), fraction(12.3456)
    ('0.712', '12.35')
    """
    return f"{value:.3f}" if abs(value) < 10.0 else f"{value:,.2f}"


def fractions(bounds: tuple[float, float]) -> str:
    """An interval of ratios.

    >>> fractions((0.70149, 0.73))
    '[0.701, 0.730]'
    """
    return f"[{fraction(bounds[0])}, {fraction(bounds[1])}]"


def change(ratio: float) -> str:
    r"""A ratio as faster or slower.

    >>> change(0.717), change(1.104), change(1.0)
    ('28.3\xa0% faster', '10.4\xa0% slower', 'as fast')
    """
    share = f"{abs(1.0 - ratio):.1%}".replace("%", "\u00a0%")
    if share.startswith("0.0\u00a0"):
        return "as fast"
    return f"{share} {'faster' if ratio < 1.0 else 'slower'}"


def ratio_said(ratio: Ratio, state: str = "") -> str:
    """A ratio with its interval and number of pairs."""
    speed = f"{change(ratio.mean)} on {state}" if state else change(ratio.mean)
    return f"{speed} (ratio {fraction(ratio.mean)}, 95\u00a0% {fractions(ratio.ci95)}, {_pairs(ratio)})"


def _pairs(ratio: Ratio) -> str:
    return f"{ratio.n} {'pair' if ratio.n == 1 else 'pairs'}"


def headline(closure: Closure) -> str:
    """The result in one sentence: the best arm, else the one that came nearest, else why nothing was measured."""
    score = leading(closure)
    if score is None:
        return "No arm was run."
    name = f"{score.arm} ({', '.join(score.overrides)})" if score.overrides else score.arm
    if score.drifts:
        return f"{name} does not have the reference's rows: {drift_said(score.drifts[0])}."
    if score.ratio is not None:
        start = f"{name} is" if closure.best else f"Nearest was {name}:"
        return f"{start} {ratio_said(score.ratio, timed_state(closure))}."
    said = next(iter(score.reasons), meaning(score.decision, closure.kind))
    return f"{name}: {said.removesuffix('.')}."


def timed_state(closure: Closure) -> str:
    """The state whose time decides."""
    return str(closure.targets.get("state") or closure.owner)


def required_ratio(closure: Closure) -> float | None:
    """The ratio that the lane has to stay below to unlock the next one; None where it asks for none."""
    reduction = float(closure.targets.get("min_reduction") or 0.0)
    return 1.0 - reduction if 0.0 < reduction < 1.0 else None


def control_named(closure: Closure) -> str:
    """What the lane names of its control, as a sentence; empty where the control is the authority's own."""
    named = closure.targets.get("control") or {}
    knobs = ", ".join(f"{key}={value}" for key, value in named.items())
    return f"The lane names knobs of its control: {knobs}." if knobs else ""


def timed_runs(closure: Closure, arm: str) -> list[RunFacts]:
    """An arm's runs in the order they were made, without the warm-up."""
    mine = [run for run in closure.runs if run.arm == arm and run.round_index > 0]
    return sorted(mine, key=lambda run: (run.set_index, run.round_index))


def arm_names(closure: Closure) -> list[str]:
    """The control, where it was run, and every arm that was."""
    seen = {run.arm for run in closure.runs}
    return [name for name in (CONTROL, *(score.arm for score in closure.arms)) if name in seen]


def run_of(closure: Closure) -> str:
    """What the files are named after: the run of the best arm, else of the first arm that has one, else the sweep."""
    ranked: Sequence[ArmScore] = sorted(closure.arms, key=lambda score: score.arm != closure.best)
    return next((score.run_id for score in ranked if score.run_id), closure.sweep_id)


def testbeds(closure: Closure) -> list[str]:
    """Identities of the machines and libraries that the runs were made on."""
    return sorted({run.testbed for run in closure.runs})


def short(run_id: str) -> str:
    """The first eight digits of an id, a dash for none."""
    return run_id[:8] or ABSENT

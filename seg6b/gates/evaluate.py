"""From evidence to a board: read every gate, judge it at both levels, and say the verdict."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from seg6b.errors import EvidenceMissing
from seg6b.evidence.tables import Evidence
from seg6b.gates import amounts, association, behaviour, campaigns, cases, coverage, latency, sessions, truth
from seg6b.gates.record import BEHAVIOUR, HARD, LOWER_BOUND, Baseline, Gate, Reading, Scene
from seg6b.gates.result import GateBoard, GateResult, Status, Verdict
from seg6b.gates.statistics import read_statistics
from seg6b.gates.thresholds import Limit, Limits, Plain, Thresholds, Uplift
from seg6b.policy.packs import Policies

GATES: Final[tuple[Gate, ...]] = (
    truth.legit_share,
    truth.fraud_prevalence,
    truth.untouched_is_legit,
    truth.campaign_is_not_legit,
    association.label_by_class,
    association.amount_by_view,
    association.class_spread,
    cases.negative_gaps,
    cases.fixed_spikes,
    cases.backward_cases,
    amounts.distinct_amounts,
    amounts.tail_ratio,
    amounts.top_amounts,
    latency.median_latency,
    latency.late_latency,
    latency.zero_latency,
    campaigns.class_targeting,
    campaigns.place_targeting,
    sessions.singleton_sessions,
    sessions.richness,
    coverage.policy_coverage,
    truth.truth_collisions,
)
UNLOCK: Final = "UNLOCK_P1"
HOLD: Final = "HOLD_REMEDIATE"


def evaluate(
    evidence: Mapping[str, Evidence],
    policies: Policies,
    thresholds: Thresholds,
    run_id: str,
    seed: int,
    baseline: Baseline | None = None,
) -> GateBoard:
    """T1..T22, X1..X5 where the gate file has them, and the statistics layer of one run.

    Args:
        evidence: merged evidence by state, `S1` to `S4`. What is missing makes its gates INSUFFICIENT.
        policies: the packs the run executed.
        thresholds: the threshold file.
        run_id: the run; nothing depends on it.
        seed: its seed; nothing depends on it.
        baseline: richness of a D+ run over the same world, where one is recorded.

    Returns:
        The board, equal for equal evidence, policies, thresholds and baseline.
    """
    scene = Scene(evidence, policies, thresholds, baseline)
    asked = (*GATES, *(gate for gate in behaviour.GATES if gate.gate_id in thresholds.behaviour))
    results = {gate.gate_id: _judge(gate, _read(gate, scene), scene) for gate in asked}
    verdict = verdict_of(results)
    return GateBoard(
        run_id=run_id,
        seed=seed,
        gate_file=thresholds.version,
        gate_file_digest=thresholds.digest,
        gates=results,
        statistics=read_statistics(scene),
        verdict=verdict,
        phase_decision=HOLD if verdict is Verdict.FAIL_REALISM else UNLOCK,
    )


def verdict_of(results: Mapping[str, GateResult]) -> Verdict:
    """PASS_BPLUS if T1..T22 pass B+, PASS_B if all hard gates pass B, else FAIL_REALISM."""
    if all(r.bplus is Status.PASS for r in results.values() if r.kind != BEHAVIOUR):
        return Verdict.PASS_BPLUS
    if all(r.b is Status.PASS for r in results.values() if r.kind == HARD):
        return Verdict.PASS_B
    return Verdict.FAIL_REALISM


def _read(gate: Gate, scene: Scene) -> Reading:
    try:
        reading = scene.once(gate.gate_id, lambda: gate.read(scene))
    except EvidenceMissing as missing:
        return Reading(None, 0, lacking=f"no evidence table {missing.where}")
    return _of_seeds(gate, reading, scene.thresholds.design_factors.get(gate.gate_id, 1.0))


def _of_seeds(gate: Gate, reading: Reading, factor: float) -> Reading:
    """The reading with the interval of another seed over the same world: `factor` times as far from the value."""
    if reading.value is None or reading.ci95 is None or factor == 1.0:
        return reading
    low, high = (reading.value + factor * (end - reading.value) for end in reading.ci95)
    return replace(reading, ci95=(low, high), gated=low if gate.judged_on == LOWER_BOUND else reading.gated)


def _judge(gate: Gate, reading: Reading, scene: Scene) -> GateResult:
    limits = scene.thresholds.limits(gate.gate_id)
    b, bplus = (_resolved(limit, scene, reading) for limit in (limits.b, limits.bplus))
    gated = reading.value if reading.gated is None else reading.gated
    clear = [_parts_clear(reading, limits, level) for level in ("b", "bplus")]
    reason = {"reason": reading.fault or reading.lacking} if reading.fault or reading.lacking else {}
    return GateResult(
        gate_id=gate.gate_id,
        title=gate.title,
        unit=gate.unit,
        kind=gate.kind,
        severity=gate.severity,
        owner=gate.owner,
        value=reading.value,
        raw=reading.value if reading.raw is None else reading.raw,
        ci95=reading.ci95,
        n=reading.n,
        b=_status(reading, b, gated, parts=clear[0]),
        bplus=_status(reading, bplus, gated, parts=clear[1]),
        b_rule=_words(gate, b, limits, "b"),
        bplus_rule=_words(gate, bplus, limits, "bplus"),
        b_margin=_margin(b, gated),
        bplus_margin=_margin(bplus, gated),
        detail={**reading.detail, **reason},
    )


def _resolved(limit: Limit, scene: Scene, reading: Reading) -> Plain:
    if not isinstance(limit, Uplift):
        return limit
    return limit.over(float(reading.detail.get("baseline", scene.thresholds.rules.richness_baseline)))


def _status(reading: Reading, limit: Plain, gated: float | None, *, parts: bool) -> Status:
    if reading.fault:
        return Status.FAIL
    if reading.lacking:
        return Status.INSUFFICIENT
    if gated is None:
        return Status.FAIL
    return Status.PASS if limit.holds(gated) and parts else Status.FAIL


def _parts_clear(reading: Reading, limits: Limits, level: str) -> bool:
    """Whether every further figure that the file names clears its floor; one that was not read does not."""
    return all(reading.parts.get(name, float("-inf")) >= getattr(pair, level) for name, pair in limits.parts.items())


def _words(gate: Gate, limit: Plain, limits: Limits, level: str) -> str:
    further = [f"{name.replace('_', ' ')} >= {getattr(pair, level):g}" for name, pair in limits.parts.items()]
    rule = f"{gate.judged_on} {limit.words()}" if gate.judged_on else limit.words()
    return ", ".join([rule, *further])


def _margin(limit: Plain, gated: float | None) -> float | None:
    return None if gated is None else limit.margin(gated)

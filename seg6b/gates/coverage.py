"""T21: were the amount tail, the timing laws and the delay laws really executed? Asked of counters, not of outcomes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import polars as pl

from seg6b.datasets import vocabulary as v
from seg6b.gates import amounts, cases, latency
from seg6b.gates.association import finite
from seg6b.gates.cubes import faults, total_of
from seg6b.gates.laws import shape
from seg6b.gates.record import CRITICAL, Gate, Reading, Scene, gate
from seg6b.gates.targets import delay_law, offset_law, point_mass
from seg6b.gates.thresholds import Uplift

Finding = tuple[bool, dict[str, Any]]


@gate("T21", "policy branches proven executed", unit="branches of 3", owner=("S2", "S4", "S5"), severity=CRITICAL)
def policy_coverage(scene: Scene) -> Reading:
    """Branches {amount tail, timing, delay} whose counters and shapes follow the policy, over 3."""
    branches = {"amount": _amount(scene), "timing": _timing(scene), "delay": _delay(scene)}
    proven = [name for name, (holds, _) in branches.items() if holds]
    detail = {name: {"proven": holds, **figures} for name, (holds, figures) in branches.items()}
    flows = total_of(scene.table("S2", "flow_types"))
    return Reading(
        len(proven) / 3,
        flows,
        detail={**detail, "inferred": _inferred(scene)},
        fault=_faults(scene),
        lacking="" if flows else "no flows",
    )


def _amount(scene: Scene) -> Finding:
    """Both branches drawn, and the tail share is what the families' point masses leave, pooled over families."""
    table = scene.table("S2", "amounts").drop_nulls("amount_minor")
    branch, family = (pl.col(c).cast(pl.String) for c in ("amount_branch", "amount_family"))
    rows = table.group_by(family=family).agg(n=pl.col("n").sum(), tail=pl.col("n").filter(branch == "TAIL").sum())
    n, tail, expected, variance = 0, 0, 0.0, 0.0
    for name, count, in_tail in rows.sort("family").select("family", "n", "tail").iter_rows():
        mass = point_mass(scene.policies, name)
        n, tail = n + count, tail + in_tail
        expected += count * (1.0 - mass)
        variance += count * mass * (1.0 - mass)
    if not n:
        return False, {"points": 0, "tails": 0}
    difference, error = abs(tail - expected) / n, variance**0.5 / n
    allowed = max(scene.thresholds.rules.tail_share_slack, 3.0 * error)
    holds = tail > 0 and n - tail > 0 and difference <= allowed
    return holds, {
        "points": n - tail,
        "tails": tail,
        "tail_share": tail / n,
        "tail_share_policy": expected / n,
        "allowed_difference": allowed,
    }


def _timing(scene: Scene) -> Finding:
    """Every flow drew a response offset, and the offsets follow their law."""
    law = offset_law(scene.policies, "auth_response")
    table = scene.table("S2", "offsets")
    drawn = total_of(table.filter(pl.col("offset_model_id") == "auth_response"))
    flows = total_of(scene.table("S2", "flow_types"))
    if law is None or not drawn:
        return False, {"drawn": drawn, "flows": flows}
    found = shape(scene, table, "offset_model_id", "auth_response", law)
    holds = drawn == flows and found.ks_corrected <= scene.thresholds.rules.timing_ks_max
    return holds, {"drawn": drawn, "flows": flows, "ks": found.ks, "ks_corrected": found.ks_corrected}


def _delay(scene: Scene) -> Finding:
    """Every delay model was sampled, does not sit on its bounds, and follows its law."""
    rules = scene.thresholds.rules
    table = scene.table("S4", "delays")
    holds, figures = True, dict[str, Any]()
    for model in v.DELAY_MODELS:
        found = shape(scene, table, "model", model, delay_law(scene.policies, model))
        if not found.n:
            holds, figures[model] = False, {"samples": 0}
            continue
        holds &= found.at_bounds < rules.bound_share_max and found.ks_corrected <= rules.delay_ks_max
        figures[model] = {
            "samples": found.n,
            "at_bounds": found.at_bounds,
            "ks": finite(found.ks),
            "ks_corrected": finite(found.ks_corrected),
        }
    return holds, figures


def _faults(scene: Scene) -> str:
    closed: tuple[tuple[str, str, Mapping[str, tuple[str, ...]]], ...] = (
        ("S2", "amounts", {"amount_family": v.AMOUNT_FAMILIES, "amount_branch": v.AMOUNT_BRANCHES}),
        ("S2", "offsets", {"offset_model_id": v.OFFSET_MODELS}),
        ("S4", "delays", {"model": v.DELAY_MODELS}),
    )
    return "; ".join(f for f in (faults(scene.table(s, t), columns) for s, t, columns in closed) if f)


INFERRED: Mapping[str, tuple[Gate, ...]] = {
    "amount": (amounts.distinct_amounts, amounts.tail_ratio, amounts.top_amounts),
    "timing": (latency.median_latency, latency.late_latency, latency.zero_latency),
    "delay": (cases.negative_gaps, cases.fixed_spikes, cases.backward_cases),
}


def _inferred(scene: Scene) -> dict[str, bool]:
    """The historical rule beside ours: a branch counts when the gates on its outcome pass B."""
    return {name: all(_passes(g, scene) for g in gates) for name, gates in INFERRED.items()}


def _passes(inner: Gate, scene: Scene) -> bool:
    reading, limit = scene.once(inner.gate_id, lambda: inner.read(scene)), scene.thresholds.gates[inner.gate_id].b
    gated = reading.value if reading.gated is None else reading.gated
    if reading.fault or reading.lacking or gated is None or isinstance(limit, Uplift):
        return False
    return limit.holds(gated)

"""T1..T4 and T22: is truth right, bounded, and decided by one rule?"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl

from seg6b.datasets import vocabulary as v
from seg6b.gates.collisions import colliding_rows, overlapping_pairs
from seg6b.gates.cubes import faults, share_of_cells, total_of
from seg6b.gates.record import CRITICAL, HIGH, Reading, Scene, gate
from seg6b.shards.cells import CELLS
from seg6b.stats.jackknife import jackknife

CLOSED = {
    "fraud_label": v.TRUTH_LABELS,
    "truth_subtype": v.TRUTH_SUBTYPES,
    "fraud_pattern_type": v.PATTERNS,
    "pattern_source": v.PATTERN_SOURCES,
    "truth_rule_id": v.TRUTH_RULES,
}
LEGIT = pl.col("fraud_label").cast(pl.String) == "LEGIT"
NOT_NONE = pl.col("fraud_pattern_type").cast(pl.String) != v.NONE
DECIDED_APART = pl.col("pattern_source").cast(pl.String) == "COLLATERAL"


@gate("T1", "share of flows that are LEGIT", unit="share", owner=("S4",), severity=CRITICAL)
def legit_share(scene: Scene) -> Reading:
    """count(fraud_label = LEGIT) / rows; `is_fraud_truth` must say the same on every row."""
    table = scene.table("S4", "truth")
    disagreeing = total_of(table.filter(pl.col("is_fraud_truth") == LEGIT))
    fault = faults(table, CLOSED, ("is_fraud_truth",))
    if disagreeing and not fault:
        fault = f"is_fraud_truth contradicts fraud_label on {disagreeing} rows"
    return _share(table, LEGIT, fault, {"disagreeing_rows": disagreeing})


@gate("T2", "share of flows that are fraud or abuse in truth", unit="share", owner=("S4", "S3"), severity=CRITICAL)
def fraud_prevalence(scene: Scene) -> Reading:
    """mean(is_fraud_truth); ABUSE counts."""
    table = scene.table("S4", "truth")
    rows = table.filter(pl.col("is_fraud_truth"))
    sources = rows.group_by(pl.col("pattern_source").cast(pl.String)).agg(pl.col("n").sum()).sort("pattern_source")
    shares = {s: n / total_of(table) for s, n in sources.iter_rows()}
    return _share(table, pl.col("is_fraud_truth"), faults(table, CLOSED, ("is_fraud_truth",)), {"by_source": shares})


@gate("T3", "untouched flows labelled LEGIT", unit="share", owner=("S4",), severity=CRITICAL)
def untouched_is_legit(scene: Scene) -> Reading:
    """Over flows without campaign, pattern or anomaly (S3's flags) that no collateral or posture rule decided."""
    table = scene.table("S4", "truth")
    touched = pl.col("campaign") | NOT_NONE | pl.col("overlay_anomaly_any")
    untouched = table.filter(~(touched | DECIDED_APART))
    rows, everyone = total_of(untouched), total_of(table)
    excluded = (everyone - rows) / everyone if everyone else math.nan
    limit = scene.thresholds.rules.excluded_share_max
    fault = faults(table, CLOSED)
    if excluded > limit and not fault:
        fault = f"{excluded:.4f} of the flows are excluded from the denominator, more than {limit}"
    no_campaign = table.filter(~pl.col("campaign"))
    detail = {
        "excluded_share": excluded,
        "excluded_campaign": total_of(table.filter(pl.col("campaign"))),
        "excluded_anomaly": total_of(table.filter(~pl.col("campaign") & (pl.col("overlay_anomaly_any") | NOT_NONE))),
        "excluded_collateral": total_of(table.filter(~touched & DECIDED_APART)),
        "all_non_campaign": _value(no_campaign, LEGIT),
    }
    return _share(untouched, LEGIT, fault, detail)


@gate("T4", "campaign flows labelled non-LEGIT", unit="share", owner=("S4",), severity=HIGH)
def campaign_is_not_legit(scene: Scene) -> Reading:
    """Over flows with a campaign id."""
    table = scene.table("S4", "truth")
    return _share(table.filter(pl.col("campaign")), ~LEGIT, faults(table, CLOSED), {})


@gate("T22", "truth-rule collisions", unit="collisions", owner=("S4", "S5"), severity=CRITICAL)
def truth_collisions(scene: Scene) -> Reading:
    """Overlapping pairs of rules in one tier, plus rows whose recorded rule is not the one rule that holds."""
    table = scene.table("S4", "truth")
    pairs = overlapping_pairs(scene.policies.truth)
    unmatched, colliding, contradicted = colliding_rows(table, scene.policies.truth)
    count = len(pairs) + unmatched + colliding + contradicted
    detail = {
        "overlapping_pairs": len(pairs),
        "pairs": [f"{a} + {b}" for a, b in pairs],
        "rows_without_rule": unmatched,
        "rows_with_several_rules": colliding,
        "rows_with_another_rule_recorded": contradicted,
    }
    lacking = "" if total_of(table) else "no flows"
    return Reading(float(count), total_of(table), detail=detail, fault=faults(table, CLOSED), lacking=lacking)


def _share(table: pl.DataFrame, hit: pl.Expr, fault: str, detail: Mapping[str, Any]) -> Reading:
    n = total_of(table)
    by_cell = table.select("cell", "n", hit=hit.fill_null(value=False).cast(pl.Int64) * pl.col("n"))
    sums = by_cell.group_by("cell").agg(pl.col("hit").sum(), pl.col("n").sum())
    cells = np.zeros((CELLS, 2))
    cells[sums["cell"].to_numpy()] = sums.select("hit", "n").to_numpy()
    value, ends = jackknife(cells, share_of_cells)
    return Reading(
        value if n else None, n, ci95=ends, detail=detail, fault=fault, lacking="" if n else "no rows to judge"
    )


def _value(table: pl.DataFrame, hit: pl.Expr) -> float | None:
    n = total_of(table)
    return total_of(table.filter(hit)) / n if n else None

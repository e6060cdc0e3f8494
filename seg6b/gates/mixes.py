"""Realised mixes against the policies' own, in bits of Jensen-Shannon divergence."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import Final

import polars as pl

from seg6b.datasets import vocabulary as v
from seg6b.evidence.s3_draws import QUOTA
from seg6b.gates import targets
from seg6b.gates.association import finite
from seg6b.gates.record import Scene
from seg6b.gates.result import StatisticResult, Status
from seg6b.gates.thresholds import Pair
from seg6b.stats.distance import jensen_shannon

Counts = Mapping[str, int]


def truth_mix(scene: Scene) -> Iterator[StatisticResult]:
    """LEGIT, FRAUD, ABUSE against what the rules that decided the rows promise."""
    table = scene.table("S4", "truth")
    target = targets.truth_labels(scene.policies, counted(table, "truth_rule_id"))
    yield _line(scene, "truth_mix", counted(table, "fraud_label"), target, scene.thresholds.statistics.jsd_truth)


def flow_type_mix(scene: Scene) -> Iterator[StatisticResult]:
    """Flow types of each channel that has flows."""
    table = scene.table("S2", "flow_types")
    mixes = targets.flow_types(scene.policies)
    for channel in v.CHANNELS:
        rows = table.filter(pl.col("channel_group").cast(pl.String) == channel)
        if rows.height:
            yield _line(scene, f"flow_type_mix.{channel}", counted(rows, "flow_type_id"), mixes.get(channel, {}))


def campaign_mix(scene: Scene) -> Iterator[StatisticResult]:
    """Targets hit by campaigns of each type against the quotas that the catalogue set for them."""
    flows = scene.table("S3", "campaign_flows").with_columns(pl.col("campaign_id", "campaign_type").cast(pl.String))
    hit = scene.table("S3", "campaign_targets").with_columns(pl.col("campaign_id").cast(pl.String))
    plan = scene.table("S3", "campaign_plan").with_columns(pl.col("campaign_id").cast(pl.String))
    types = dict(flows.select("campaign_id", "campaign_type").unique().iter_rows())
    merchants = dict(flows.group_by("campaign_id").agg(pl.col("merchant_id").n_unique()).iter_rows())
    sums = hit.group_by("campaign_id").agg(pl.col("baseline_flows", "instruments", "accounts").sum())
    kinds = targets.target_kinds(scene.policies)
    found: Counter[str] = Counter()
    for campaign, *counts in sums.sort("campaign_id").iter_rows():
        by_kind = dict(zip(("FLOW", "INSTRUMENT", "ACCOUNT"), counts, strict=True))
        by_kind |= {"EVENT": by_kind["FLOW"], "MERCHANT": merchants.get(campaign, 0)}
        found[_type_of(campaign, types)] += by_kind[kinds.get(_type_of(campaign, types), "FLOW")]
    quotas = plan.filter(pl.col("item").cast(pl.String) == QUOTA).select("campaign_id", "n").sort("campaign_id")
    target: Counter[str] = Counter()
    for campaign, quota in quotas.iter_rows():
        target[_type_of(campaign, types)] += quota
    yield _line(scene, "campaign_type_mix", found, target)


def _type_of(campaign: str, types: Mapping[str, str]) -> str:
    return types.get(campaign, f"without flows: {campaign[:8]}")


def chargeback_mix(scene: Scene) -> Iterator[StatisticResult]:
    """Chargeback types, and pairs of truth label and chargeback outcome, given how many chargebacks a label has."""
    table = scene.table("S4", "bank").filter(pl.col("chargeback_outcome").cast(pl.String) != "NO_CHARGEBACK")
    yield _line(
        scene, "chargeback_type_mix", counted(table, "chargeback_type"), targets.chargeback_types(scene.policies)
    )
    pairs = table.with_columns(pair=pl.concat_str("fraud_label", "chargeback_outcome", separator=" "))
    target = {
        f"{label} {outcome}": rows * share
        for label, rows in counted(table, "fraud_label").items()
        for outcome, share in targets.chargeback_outcomes(scene.policies, label).items()
    }
    yield _line(scene, "chargeback_outcome_mix", counted(pairs, "pair"), target)


def counted(table: pl.DataFrame, column: str) -> dict[str, int]:
    """Rows of each value of a column."""
    sums = table.group_by(pl.col(column).cast(pl.String)).agg(pl.col("n").sum()).sort(column, nulls_last=True)
    return {str(value): int(n) for value, n in sums.iter_rows()}


def _line(
    scene: Scene, name: str, found: Counts, target: Mapping[str, float], limit: Pair | None = None
) -> StatisticResult:
    """One mix; a value that the policy does not know counts against it, since its target is zero."""
    limits = scene.thresholds.statistics
    pair = limit or limits.jsd
    names, n = sorted({*found, *target}), sum(found.values())
    value = jensen_shannon([found.get(k, 0) for k in names], [target.get(k, 0.0) for k in names])
    total = sum(target.values())
    detail = {
        "found": {k: found.get(k, 0) / n if n else 0.0 for k in names},
        "target": {k: target.get(k, 0.0) / total if total else 0.0 for k in names},
        "limit_b": pair.b,
        "limit_bplus": pair.bplus,
    }
    return at_most(name, "jsd", value, pair, n, limits.min_samples, detail)


def at_most(
    name: str, test: str, value: float, limit: Pair, n: int, least: int, detail: Mapping[str, object]
) -> StatisticResult:
    """A line that passes when its value is at most the limit, and says INSUFFICIENT below `least` samples."""
    b, bplus = (Status.PASS if value <= bound else Status.FAIL for bound in (limit.b, limit.bplus))
    if n < least:
        b = bplus = Status.INSUFFICIENT
    return StatisticResult(name, test, finite(value), b, bplus, blocking=True, n=n, detail=detail)


mix_lines: Final[tuple[tuple[str, Callable[[Scene], Iterator[StatisticResult]]], ...]] = (
    ("truth_mix", truth_mix),
    ("campaign_type_mix", campaign_mix),
    ("flow_type_mix", flow_type_mix),
    ("chargeback_mix", chargeback_mix),
)

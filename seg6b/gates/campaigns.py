"""T17 and T18: are there several campaigns, and do they aim at different classes and places?

A seed draws the campaigns anew, each with a cohort of its own: what is sampled is the campaign, not its flows. The
interval is the wider of two, without each cell of parties and without each campaign.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from seg6b.datasets import vocabulary as v
from seg6b.gates.association import collapsed, finite
from seg6b.gates.cubes import Cube, cube, faults, total_of
from seg6b.gates.record import LOWER_BOUND, MED, STRETCH, Reading, Scene, gate
from seg6b.stats.contingency import bergsma_v, cramers_v
from seg6b.stats.jackknife import jackknife, wider

F64 = npt.NDArray[np.float64]
UNIT = "Cramér's V, bias-corrected"


@gate("T17", "campaigns by merchant class", unit=UNIT, owner=("S3",), severity=MED, kind=STRETCH, judged_on=LOWER_BOUND)
def class_targeting(scene: Scene) -> Reading:
    """V(campaign_id, merchant_class) on campaign flows, gated on its lower 95 % bound; enough campaigns and classes."""
    table = scene.table("S3", "campaign_flows")
    classes = cube(table, ("campaign_id", "merchant_class"))
    median = _median_distinct(classes)
    detail = {
        "campaigns": len(classes.labels[0]),
        "median_classes": median,
        "median_merchants": _median_of(table, "merchant_id"),
        "v_by_type": _v(table, "campaign_type", "merchant_class"),
        "v_by_type_raw": _v(table, "campaign_type", "merchant_class", raw=True),
    }
    parts = {"campaigns": float(len(classes.labels[0])), "median_classes": median}
    fault = faults(table, {"campaign_type": v.CAMPAIGN_TYPES, "merchant_class": v.CLASSES}, ("campaign_id",))
    return _depth(scene, classes, parts, detail, fault)


@gate("T18", "campaigns by time zone", unit=UNIT, owner=("S3", "S1"), severity=MED, kind=STRETCH, judged_on=LOWER_BOUND)
def place_targeting(scene: Scene) -> Reading:
    """V(campaign_id, tzid_primary) on campaign flows, gated on its lower 95 % bound; enough zones."""
    table = scene.table("S3", "campaign_flows")
    zones = cube(table, ("campaign_id", "tzid_primary"))
    corridors = table.with_columns(corridor=_text("merchant_country_iso") + ">" + _text("party_country_iso"))
    detail = {
        "median_zones": _median_distinct(zones),
        "v_by_type": _v(table, "campaign_type", "tzid_primary"),
        "v_by_corridor": _v(corridors, "campaign_id", "corridor"),
        "v_by_corridor_raw": _v(corridors, "campaign_id", "corridor", raw=True),
        "median_merchant_countries": _median_of(table, "merchant_country_iso"),
        "median_party_countries": _median_of(table, "party_country_iso"),
        "cross_border_spread": _cross_border_spread(table),
    }
    fault = faults(table, {}, ("campaign_id", "tzid_primary", "merchant_country_iso", "party_country_iso"))
    return _depth(scene, zones, {"median_zones": _median_distinct(zones)}, detail, fault)


def _depth(scene: Scene, counts: Cube, parts: Mapping[str, float], detail: Mapping[str, Any], fault: str) -> Reading:
    value, by_party = jackknife(counts.counts, bergsma_v)
    _, by_campaign = jackknife(_apart(counts), bergsma_v)
    ends = wider(by_party, by_campaign)
    least = scene.thresholds.rules.campaign_min_rows
    lacking = "" if counts.n >= least else f"{counts.n} campaign flows, fewer than {least}"
    fault = fault or collapsed(counts)
    return Reading(
        finite(value),
        counts.n,
        raw=finite(float(cramers_v(counts.total))),
        ci95=ends,
        gated=None if ends is None else ends[0],
        parts=parts,
        detail=detail,
        fault=fault,
        lacking=lacking or ("" if ends is not None else "no interval: the rows lie in too few cells"),
    )


def _apart(counts: Cube) -> F64:
    """Counts with each campaign on a layer of its own, shape (campaigns, campaigns, categories)."""
    return np.eye(len(counts.labels[0]))[:, :, None] * counts.total[None]


def _text(name: str) -> pl.Expr:
    return pl.col(name).cast(pl.String)


def _v(table: pl.DataFrame, row: str, column: str, *, raw: bool = False) -> float | None:
    return finite(float((cramers_v if raw else bergsma_v)(cube(table, (row, column)).total)))


def _median_distinct(counts: Cube) -> float:
    """Median over campaigns of how many categories a campaign touches; 0 without campaigns."""
    return _median((counts.total > 0).sum(1).tolist())


def _median_of(table: pl.DataFrame, name: str) -> float:
    distinct = table.group_by(_text("campaign_id")).agg(pl.col(name).n_unique())
    return _median(distinct[name].to_list())


def _median(values: Sequence[int]) -> float:
    return float(np.median(values)) if len(values) else 0.0


def _cross_border_spread(table: pl.DataFrame) -> float | None:
    """Largest minus smallest cross-border share over campaigns."""
    crossing = (_text("merchant_country_iso") != _text("party_country_iso")).cast(pl.Int64)
    sums = table.group_by(_text("campaign_id")).agg((crossing * pl.col("n")).sum().alias("hit"), pl.col("n").sum())
    shares = [hit / n for hit, n in sums.select("hit", "n").iter_rows()]
    return max(shares) - min(shares) if shares and total_of(table) else None

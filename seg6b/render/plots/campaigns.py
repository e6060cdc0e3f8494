"""Campaigns by class, by zone and by day (S3)."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Final

import polars as pl

from seg6b.render.data import BoardData
from seg6b.render.plots.counts import counts
from seg6b.render.plots.shape import HEAT, Figure, Plot, axis, figure, text
from seg6b.render.wording import number, percent

_EPOCH: Final = date(1970, 1, 1)
_ZONES_SHOWN: Final = 24
OTHERS: Final = "all other zones"


def campaigns_by_class(data: BoardData) -> Plot:
    """Which merchant classes each campaign hits."""
    frame = counts(data, "S3", "campaign_flows", ("campaign_id", "campaign_type", "merchant_class"))
    rows = sorted(set(frame["merchant_class"].to_list()), reverse=True)
    gate = data.board.gates.get("T17")
    caption = "Share of a campaign's flows in each class: columns that differ are targeting."
    caption += f" V (T17) {number(gate.value)}." if gate else ""
    return _heat("campaigns-by-class", "Campaigns by merchant class", caption, frame, "merchant_class", rows)


def campaigns_by_zone(data: BoardData) -> Plot:
    """Which time zones each campaign hits; the busiest by name, the rest as one row."""
    frame = counts(data, "S3", "campaign_flows", ("campaign_id", "campaign_type", "tzid_primary"))
    busy = frame.group_by("tzid_primary").agg(pl.col("n").sum()).sort("n", "tzid_primary", descending=[True, False])
    named = busy["tzid_primary"].to_list()[:_ZONES_SHOWN]
    zone = (
        pl.when(pl.col("tzid_primary").is_in(named))
        .then("tzid_primary")
        .otherwise(pl.lit(OTHERS))
        .alias("tzid_primary")
    )
    kept = frame.with_columns(zone).group_by("campaign_id", "campaign_type", "tzid_primary").agg(pl.col("n").sum())
    rows = [*([OTHERS] if busy.height > _ZONES_SHOWN else []), *reversed(named)]
    gate = data.board.gates.get("T18")
    caption = f"Share of a campaign's flows in each of {busy.height} zones." + (
        f" V (T18) {number(gate.value)}." if gate else ""
    )
    return _heat("campaigns-by-zone", "Campaigns by time zone", caption, kept, "tzid_primary", rows)


def campaigns_by_day(data: BoardData) -> Plot:
    """When each campaign runs: flows a day, from the first campaign day to the last."""
    frame = counts(data, "S3", "campaign_hours", ("campaign_id", "day"))
    names = _numbered(counts(data, "S3", "campaign_flows", ("campaign_type", "campaign_id")))
    ids = sorted(set(frame["campaign_id"].to_list()), key=lambda c: names.get(c, ""), reverse=True)
    seen = frame["day"].to_list()
    days = range(min(seen), max(seen) + 1)
    of = {(c, d): n for c, d, n in frame.select("campaign_id", "day", "n").iter_rows()}
    z = [[of.get((c, d), 0) for d in days] for c in ids]
    dates = [(_EPOCH + timedelta(days=d)).isoformat() for d in days]
    trace = _cells(dates, [text(names.get(c, str(c))) for c in ids], z, "%{y}<br>%{x}: %{z} flows<extra></extra>")
    drawn = figure(
        [trace],
        height=110 + 26 * len(ids),
        x=axis(type="date", showgrid=False, zeroline=False, tickformat="%d %b", nticks=8),
        y=axis(type="category", showgrid=False),
    )
    top = max(max(row) for row in z)
    return Plot(
        "campaigns-by-day", "Campaign activity", "Flows a day of each campaign.", drawn, "full", ("0", f"{top:,}")
    )


def _heat(name: str, title: str, caption: str, frame: pl.DataFrame, column: str, rows: list[str]) -> Plot:
    totals = dict(frame.group_by("campaign_id").agg(pl.col("n").sum()).iter_rows())
    numbered = _numbered(frame)
    ids = sorted(totals, key=lambda c: numbered[c])
    of = {(r, c): n for c, r, n in frame.select("campaign_id", column, "n").iter_rows()}
    z = [[round(of.get((r, c), 0) / totals[c], 5) for c in ids] for r in rows]
    trace = _cells(
        [text(numbered[c]) for c in ids], [text(r) for r in rows], z, "%{x}<br>%{y}: %{z:.1%}<extra></extra>"
    )
    drawn = figure(
        [trace],
        height=150 + 21 * len(rows),
        x=axis(type="category", showgrid=False, tickangle=-40),
        y=axis(type="category", showgrid=False),
    )
    return Plot(name, title, caption, drawn, scale=("0 %", percent(max(max(row) for row in z))))


def _numbered(frame: pl.DataFrame) -> dict[int, str]:
    pairs = frame.select("campaign_type", "campaign_id").unique().sort("campaign_type", "campaign_id")
    names: dict[int, str] = {}
    for (kind,), group in pairs.group_by("campaign_type", maintain_order=True):
        ids = group["campaign_id"].to_list()
        spoken = str(kind).replace("_", " ").lower()
        names |= {c: spoken if len(ids) == 1 else f"{spoken} {k}" for k, c in enumerate(ids, 1)}
    return names


def _cells(x: list[str], y: list[str], z: list[list[float]] | list[list[int]], hover: str) -> Figure:
    gap = {"xgap": int(len(x) < 40), "ygap": 1}
    return {
        "type": "heatmap",
        "x": x,
        "y": y,
        "z": z,
        "colorscale": HEAT,
        "showscale": False,
        "hovertemplate": hover,
        **gap,
    }

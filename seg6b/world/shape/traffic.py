"""Shape of the arrival stream: classes, merchants, countries, zones, virtual share, rhythm."""

from __future__ import annotations

from typing import Final

import numpy as np
import polars as pl

from seg6b.datasets import world_tables as w
from seg6b.datasets.parts import read_part
from seg6b.datasets.vocabulary import CLASSES
from seg6b.world.sealed import SealedWorld
from seg6b.world.shape.entities import Measures

COLUMNS: Final = ("merchant_id", "is_virtual", "tzid_primary", "ts_local_primary")
OFFICE: Final = (9, 17)
EVENING: Final = (17, 24)
COMMUTE: Final = ((6, 10), (16, 20))
ATM: Final = 6011
RAILS: Final = (4829, 6012)


def traffic_measures(world: SealedWorld) -> Measures:
    """Everything measured on arrivals, from one pass over the files."""
    counts = _counts(world)
    classes = world.table(w.MERCHANT_CLASSES, ["merchant_id", "primary_demand_class"])
    seeds = world.table(w.MERCHANT_SEEDS, ["merchant_id", "mcc", "channel", "home_country_iso"])
    rows = counts.join(classes, on="merchant_id", how="left").join(seeds, on="merchant_id", how="left")
    total = _total(rows)
    by_class = rows.group_by("primary_demand_class").agg(pl.col("n").sum())
    virtual = rows.filter("is_virtual")
    return {
        **{f"class_share.{c}": n / total for c, n in by_class.iter_rows()},
        **_sizes(rows.group_by("merchant_id").agg(pl.col("n").sum())["n"].to_numpy()),
        **{f"channel_share.{c}": n / total for c, n in _channels(rows).iter_rows()},
        "virtual_share": _total(virtual) / total,
        "virtual_in_online_24h": _share_where(virtual, pl.col("primary_demand_class") == "online_24h"),
        "time_zones": float(rows["tzid_primary"].n_unique()),
        "home_support": _home_support(world, rows),
        **_rhythms(rows),
    }


def _counts(world: SealedWorld) -> pl.DataFrame:
    """Arrivals by merchant, virtual flag, zone and local hour of the week (Monday 0 = 0)."""
    keys = ["merchant_id", "is_virtual", "tzid_primary", "how"]
    local = pl.col("ts_local_primary")
    how = ((local.dt.weekday().cast(pl.Int32) - 1) * 24 + local.dt.hour().cast(pl.Int32)).alias("how")
    parts = [
        read_part(path, COLUMNS)
        .with_columns(how, pl.col("tzid_primary").cast(pl.String))
        .group_by(keys)
        .agg(n=pl.len())
        for path in world.arrival_parts()
    ]
    return pl.concat(parts).group_by(keys).agg(pl.col("n").sum())


def _sizes(sizes: np.ndarray[tuple[int], np.dtype[np.int64]]) -> Measures:
    """Heavy tail of merchants: the largest, the top 1 % and 10 %, and every decile."""
    ranked = np.sort(sizes)[::-1] / sizes.sum()
    cuts = np.rint(np.arange(11) / 10 * ranked.size).astype(int)
    deciles = {f"merchant_decile.{10 - i}": float(ranked[cuts[i] : cuts[i + 1]].sum()) for i in range(10)}
    return {
        "merchants": float(sizes.size),
        "largest_merchant": float(ranked[0]),
        "top_1pct_merchants": float(ranked[: max(1, round(ranked.size * 0.01))].sum()),
        "top_5pct_merchants": float(ranked[: round(ranked.size * 0.05)].sum()),
        **deciles,
    }


def _channels(rows: pl.DataFrame) -> pl.DataFrame:
    """Arrivals by the channel that merchant data implies."""
    mixed = pl.col("is_virtual").any().over("merchant_id") & (~pl.col("is_virtual")).any().over("merchant_id")
    channel = (
        pl.when(pl.col("mcc") == ATM).then(pl.lit("ATM"))
        .when(pl.col("mcc").is_in(RAILS)).then(pl.lit("BANK_RAIL"))
        .when(mixed).then(pl.lit("HYBRID"))
        .when(pl.col("channel") == "card_present").then(pl.lit("POS"))
        .otherwise(pl.lit("ECOM"))
    )  # fmt: skip
    return rows.group_by(channel.alias("implied")).agg(pl.col("n").sum())


def _home_support(world: SealedWorld, rows: pl.DataFrame) -> float:
    """Largest absolute difference between a country's share of arrivals and its share of parties."""
    demand = rows.group_by(country=pl.col("home_country_iso").cast(pl.String)).agg(pl.col("n").sum())
    people = world.table(w.PARTIES, ["country_iso"]).group_by(country=pl.col("country_iso").cast(pl.String)).len()
    both = demand.join(people, on="country", how="full", coalesce=True).fill_null(0)
    gap = both["n"] / both["n"].sum() - both["len"] / both["len"].sum()
    return float(np.abs(gap.to_numpy()).max())


def _rhythms(rows: pl.DataFrame) -> Measures:
    """Share of each class's arrivals in the hours that name it, and how flat its average day is."""
    measures: Measures = {}
    hour, weekend = pl.col("how") % 24, pl.col("how") >= 120
    for name in CLASSES[:-1]:
        own = rows.filter(pl.col("primary_demand_class") == name)
        if own.is_empty():
            continue
        day = own.group_by(hour=hour).agg(pl.col("n").sum())["n"].to_numpy()
        measures |= {
            f"rhythm.{name}.office": _share_where(own, ~weekend & hour.is_between(OFFICE[0], OFFICE[1], closed="left")),
            f"rhythm.{name}.evening": _share_where(own, hour.is_between(EVENING[0], EVENING[1], closed="left")),
            f"rhythm.{name}.weekend": _share_where(own, weekend),
            f"rhythm.{name}.commute": _share_where(
                own, ~weekend & pl.any_horizontal(hour.is_between(a, b, closed="left") for a, b in COMMUTE)
            ),
            f"rhythm.{name}.night": _share_where(own, hour < 6),
            f"rhythm.{name}.peak_to_mean": float(day.max() / day.mean()),
        }
    return measures


def _share_where(rows: pl.DataFrame, condition: pl.Expr) -> float:
    total = _total(rows)
    return _total(rows.filter(condition)) / total if total else 0.0


def _total(rows: pl.DataFrame) -> float:
    return float(rows["n"].to_numpy().sum())

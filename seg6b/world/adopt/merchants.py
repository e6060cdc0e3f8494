"""Merchant tables of a published world: those that may be absent are derived, the rest is refused.

`merchant_seed` (MCC, posture, country) must be there; the currency follows from the country where it is not stated.
Zones follow from the arrivals, the class from the zones, sites may be empty.
"""

from __future__ import annotations

from pathlib import Path

import polars as pl

from seg6b.datasets.column import Dataset
from seg6b.datasets.frames import empty
from seg6b.datasets.vocabulary import CLASSES, UNKNOWN
from seg6b.datasets.world_tables import MERCHANT_CLASSES, MERCHANT_SEEDS, MERCHANT_ZONES, SITES
from seg6b.errors import InputRefused
from seg6b.world.adopt.convert import Piece
from seg6b.world.adopt.reading import read_table, values_of
from seg6b.world.adopt.source import Source
from seg6b.world.currencies import CURRENCY_OF
from seg6b.world.layout import PLACE_OF


def merchant_tables(source: Source, seen: pl.DataFrame) -> dict[Dataset, pl.DataFrame]:
    """The four merchant tables.

    Args:
        source: the published world.
        seen: merchant_id and tzid_primary of the arrivals, distinct.

    Raises:
        InputRefused: seeds or classes are missing, or a merchant of the arrivals has no seed.
    """
    seeds = _seeds(source)
    _known(seen, seeds)
    zones = _zones(source, seen, seeds)
    return {
        MERCHANT_SEEDS: seeds,
        MERCHANT_ZONES: zones,
        MERCHANT_CLASSES: _classes(source, zones),
        SITES: read_table(SITES, source.tables[SITES.name], source.axes)
        if SITES.name in source.tables
        else empty(SITES),
    }


def absent(dataset: Dataset, source: Source, why: str) -> InputRefused:
    """The refusal of a source without a table that nothing else can stand for."""
    place = PLACE_OF[dataset.name]
    return InputRefused(
        "E_WORLD_TABLE_MISSING", f"the source lacks {dataset.name} of segment {place.segment}",
        str(source.root / place.root), "no Parquet file of this world", why, "Add the published table to the source.",
    )  # fmt: skip


def _seeds(source: Source) -> pl.DataFrame:
    paths = source.tables.get(MERCHANT_SEEDS.name)
    if paths is None:
        raise absent(MERCHANT_SEEDS, source, "merchant_id, mcc, channel and home_country_iso of every merchant")
    return pl.concat([_with_currency(path, source) for path in paths])


def _with_currency(path: Path, source: Source) -> pl.DataFrame:
    frame = pl.read_parquet(path, hive_partitioning=False)
    piece = Piece(MERCHANT_SEEDS, path, source.axes)
    if "primary_currency" not in frame.columns and "home_country_iso" in frame.columns:
        country = frame["home_country_iso"].cast(pl.String)
        unknown = sorted(set(country.drop_nulls().unique()) - set(CURRENCY_OF))
        if unknown:
            raise piece.refuse(
                "E_WORLD_CURRENCY", "home_country_iso", "countries whose currency is not known", ", ".join(unknown[:5]),
                "a country code, or a column primary_currency",
            )  # fmt: skip
        frame = frame.with_columns(primary_currency=country.replace_strict(CURRENCY_OF, return_dtype=pl.String))
    return piece.canonical(frame, values_of(MERCHANT_SEEDS, [(piece, frame)]))


def _known(seen: pl.DataFrame, seeds: pl.DataFrame) -> None:
    strangers = seen.join(seeds, on="merchant_id", how="anti")["merchant_id"].unique().sort()
    if strangers.len():
        raise InputRefused(
            "E_WORLD_MERCHANT_UNKNOWN", f"{strangers.len()} merchants of the arrivals have no country, MCC and posture",
            MERCHANT_SEEDS.name, f"merchant_id {strangers[0]}", "a seed for every merchant of the arrivals",
            "Add the merchants to the published merchant_seed.",
        )  # fmt: skip


def _zones(source: Source, seen: pl.DataFrame, seeds: pl.DataFrame) -> pl.DataFrame:
    if MERCHANT_ZONES.name in source.tables:
        return read_table(MERCHANT_ZONES, source.tables[MERCHANT_ZONES.name], source.axes)
    home = seeds.select("merchant_id", legal_country_iso="home_country_iso")
    zones = tuple(sorted(seen["tzid_primary"].unique()))
    frame = seen.select("merchant_id", tzid=pl.col("tzid_primary").cast(pl.Enum(zones))).join(home, on="merchant_id")
    return frame.select(
        "merchant_id",
        "legal_country_iso",
        "tzid",
        demand_class=pl.lit(UNKNOWN, dtype=pl.Enum(CLASSES)),
        weekly_volume_expected=pl.lit(None, dtype=pl.Float64),
        virtual_preferred_flag=pl.lit(None, dtype=pl.Boolean),
    )


def _classes(source: Source, zones: pl.DataFrame) -> pl.DataFrame:
    if MERCHANT_CLASSES.name in source.tables:
        return read_table(MERCHANT_CLASSES, source.tables[MERCHANT_CLASSES.name], source.axes)
    if MERCHANT_ZONES.name not in source.tables:
        raise absent(MERCHANT_CLASSES, source, "the class of every merchant, here or in merchant_zone_profile_5A")
    ranked = zones.sort("merchant_id", pl.col("weekly_volume_expected").fill_null(0.0), descending=[False, True])
    return ranked.group_by("merchant_id", maintain_order=True).agg(
        primary_demand_class=pl.col("demand_class").first(),
        weekly_volume_total_expected=pl.col("weekly_volume_expected").sum(),
        scale_factor_total=pl.lit(None, dtype=pl.Float64),
    )

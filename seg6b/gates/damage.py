"""Named damages: evidence of a sound run, changed in one respect, for gates that no policy pack can make fall."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import polars as pl

from seg6b.evidence.tables import Evidence
from seg6b.shards.cells import CELLS

HOURS: Final = 168
FEW_CELLS: Final = CELLS // 8


@dataclass(frozen=True, slots=True)
class Damage:
    """One damage.

    Attributes:
        name: what is wrong afterwards, in words.
        gate_id: the gate that has to notice.
        state: state whose evidence is changed.
        table: the evidence table.
        change: from the table to the damaged one.
    """

    name: str
    gate_id: str
    state: str
    table: str
    change: Callable[[pl.DataFrame], pl.DataFrame]


def damaged(evidence: Mapping[str, Evidence], damage: Damage) -> Mapping[str, Evidence]:
    """The evidence with one table damaged; what was given stays as it is."""
    tables = evidence[damage.state].tables
    measure, frame = tables[damage.table]
    return {**evidence, damage.state: Evidence({**tables, damage.table: (measure, damage.change(frame))})}


def _cleared(truth: pl.DataFrame) -> pl.DataFrame:
    hit = pl.col("campaign") & (pl.col("cell") < FEW_CELLS)
    label = pl.when(hit).then(pl.lit("LEGIT")).otherwise("fraud_label").cast(truth.schema["fraud_label"])
    return truth.with_columns(fraud_label=label, is_fraud_truth=pl.col("is_fraud_truth") & ~hit)


def _capped(amounts: pl.DataFrame) -> pl.DataFrame:
    by_amount = amounts.group_by("amount_minor").agg(pl.col("n").sum()).sort("amount_minor")
    below = by_amount["n"].cum_sum()
    median = by_amount["amount_minor"].filter(below * 2 >= below.max())[0]
    return amounts.with_columns(pl.min_horizontal("amount_minor", 2 * median).alias("amount_minor"))


def _flattened(hours: pl.DataFrame) -> pl.DataFrame:
    classes = hours.group_by("cell", "merchant_class").agg(n=pl.col("n").sum() // HOURS + 1)
    week = pl.DataFrame({"hour": range(HOURS)}, schema={"hour": hours.schema["hour"]})
    return classes.join(week, how="cross").select(hours.columns)


DAMAGES: Final = (
    Damage("an eighth of the campaign flows is labelled LEGIT", "T4", "S4", "truth", _cleared),
    Damage("no amount exceeds twice the median", "T12", "S2", "amounts", _capped),
    Damage("every class has a flat week", "X2", "S1", "hour_of_week", _flattened),
)
"""T4 holds by the order of the truth rules, T12 by price points far apart, X2 by the world's own arrivals."""

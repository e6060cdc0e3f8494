"""Extremes as evidence: the first and last stamp of a kind, and the largest and total size of a thing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import polars as pl

from seg6b.evidence.keys import I64, U8, tally, tally_groups
from seg6b.evidence.tables import Measure

STAMPS: Final = ("arrival", "s2.auth_request", "s2.other", "s3.auth_request", "s3.other", "s4.flow", "s4.case")
SIZED: Final = (
    "session.arrivals",
    "session.flows",
    "flow.arrivals",
    "flow.events",
    "overlaid_flow.events",
    "overlaid_flow.amount_factor_ppm",
    "overlaid_flow.time_factor_ppm",
    "case.flows",
    "case.events",
    "case.span_us",
)
SPANS: Final = Measure(
    "spans", ("cell", "stamp"), ("n",), ("first_us",), ("last_us",), doc="microseconds since the epoch"
)
SIZES: Final = Measure("sizes", ("cell", "sized"), ("n", "total"), (), ("largest",), doc="sizes in the unit named")


def span_rows(stamp: str, cells: U8, stamps: pl.Series) -> pl.DataFrame:
    """First and last stamp of each cell; nulls are left out."""
    held = stamps.is_not_null()
    micros = stamps.drop_nulls().to_physical().to_numpy(writable=True)
    return _spans(stamp, tally(cells if micros.size == cells.size else cells[held.to_numpy()], micros))


def span_sets(names: Sequence[str], cells: U8, stamps: pl.Series, group: U8) -> list[pl.DataFrame]:
    """First and last stamp of each cell, for each group of rows; there are no nulls."""
    found = tally_groups(cells, stamps.to_physical().to_numpy(writable=True), group, len(names))
    return [_spans(name, found[i]) for i, name in enumerate(names)]


def size_rows(sized: str, cells: U8, sizes: pl.Series) -> pl.DataFrame:
    """Number, total and largest size of each cell."""
    n, total, _, largest = tally(cells, sizes.cast(pl.Int64).to_numpy(writable=True))
    at = np.flatnonzero(n)
    return pl.DataFrame(
        {
            "cell": at.astype(np.uint8),
            "sized": pl.Series([sized] * at.size, dtype=pl.Enum(SIZED)),
            "n": n[at],
            "total": total[at],
            "largest": largest[at],
        }
    )


def _spans(stamp: str, found: I64) -> pl.DataFrame:
    n, _, first, last = found
    at = np.flatnonzero(n)
    return pl.DataFrame(
        {
            "cell": at.astype(np.uint8),
            "stamp": pl.Series([stamp] * at.size, dtype=pl.Enum(STAMPS)),
            "n": n[at],
            "first_us": first[at],
            "last_us": last[at],
        }
    )

"""Extremes as evidence: the first and last stamp of a kind, and the largest and total size of a thing."""

from __future__ import annotations

from typing import Final

import numpy as np
import polars as pl

from seg6b.evidence.keys import I64, U8, tally
from seg6b.evidence.tables import Measure

STAMPS: Final = ("arrival", "s2.auth_request", "s2.other", "s3.auth_request", "s3.other", "s4.flow", "s4.case")
SIZED: Final = (
    "session.arrivals",
    "session.flows",
    "flow.arrivals",
    "flow.events",
    "overlaid_flow.events",
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
    held = stamps.is_not_null().to_numpy()
    micros = stamps.to_physical().fill_null(0).to_numpy()
    if not held.all():
        cells, micros = cells[held], micros[held]
    found = tally(cells, micros)
    at = np.flatnonzero(found[0])
    return pl.DataFrame(
        {
            "cell": at.astype(np.uint8),
            "stamp": pl.Series([stamp] * at.size, dtype=pl.Enum(STAMPS)),
            "n": found[0][at],
            "first_us": found[2][at],
            "last_us": found[3][at],
        }
    )


def size_rows(sized: str, cells: U8, sizes: I64) -> pl.DataFrame:
    """Number, total and largest size of each cell."""
    found = tally(cells, sizes.astype(np.int64, copy=False))
    at = np.flatnonzero(found[0])
    return pl.DataFrame(
        {
            "cell": at.astype(np.uint8),
            "sized": pl.Series([sized] * at.size, dtype=pl.Enum(SIZED)),
            "n": found[0][at],
            "total": found[1][at],
            "largest": found[3][at],
        }
    )

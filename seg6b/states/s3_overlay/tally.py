"""Counting draws: rows of the evidence table DRAWS."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl

from seg6b.evidence.s3_draws import Decision
from seg6b.shards.cells import CELLS

GLOBAL_CELL: Final = 0

U8 = npt.NDArray[np.uint8]


def tally(decision: Decision, cells: U8) -> pl.DataFrame:
    """One draw for each entry of `cells`, counted by cell."""
    counts = np.bincount(cells, minlength=CELLS)
    hit = np.flatnonzero(counts)
    return _frame(hit.astype(np.uint8), decision, counts[hit].astype(np.int64))


def tally_global(decision: Decision, n: int) -> pl.DataFrame:
    """`n` draws that belong to no party; they are booked on cell 0."""
    cells = np.array([GLOBAL_CELL] if n else [], np.uint8)
    return _frame(cells, decision, np.array([n] if n else [], np.int64))


def _frame(cells: U8, decision: Decision, counts: npt.NDArray[np.int64]) -> pl.DataFrame:
    names = {"family": pl.lit(decision[0], pl.String), "decision": pl.lit(decision[1], pl.String)}
    return pl.DataFrame({"cell": cells, "n": counts}).with_columns(**names).select("cell", "family", "decision", "n")

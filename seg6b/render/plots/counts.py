"""Counts of one evidence table over the cells, and what is drawn from them: bins, shares, steps."""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

from seg6b.errors import EvidenceMissing
from seg6b.render.data import BoardData

F64 = NDArray[np.float64]


def counts(data: BoardData, state: str, table: str, keys: tuple[str, ...]) -> pl.DataFrame:
    """`keys` (text instead of categories) and `n` summed over everything else, sorted by key.

    Raises:
        EvidenceMissing: the state or the table is not there, or nothing was counted.
    """
    if state not in data.evidence:
        raise EvidenceMissing("E_BOARD_EVIDENCE", f"{state} left no evidence")
    frame = data.evidence[state].table(table)
    grouped = frame.group_by(keys).agg(pl.col("n").sum().cast(pl.Int64))
    words = [pl.col(k).cast(pl.String) for k, kind in grouped.schema.items() if kind in (pl.Enum, pl.Categorical)]
    counted = grouped.with_columns(words).filter(pl.col("n") > 0).sort(keys)
    if counted.is_empty():
        raise EvidenceMissing("E_BOARD_EVIDENCE", f"{state} counted nothing in {table}")
    return counted


def log_shares(values: F64, weights: F64, edges: F64) -> F64:
    """Share of `weights` in each bin of `edges`; what lies outside counts in the outer bins, so that they sum to 1."""
    kept = np.clip(values, edges[0], edges[-1])
    heights: F64 = np.histogram(kept, bins=edges, weights=weights)[0].astype(np.float64)
    return heights / float(weights.sum())


def log_edges(low: float, high: float, a_decade: int) -> F64:
    """Bin edges, `a_decade` to each factor of ten, that cover `[low, high]`."""
    start, stop = np.floor(np.log10(low) * a_decade), np.ceil(np.log10(high) * a_decade)
    return 10.0 ** (np.arange(start, max(stop, start + 1) + 1) / a_decade)


def steps(edges: F64, heights: F64) -> tuple[list[float], list[float]]:
    """A histogram as a stair line: one corner a bin, closed at zero."""
    x = np.repeat(edges, 2)
    y = np.concatenate([[0.0], np.repeat(heights, 2), [0.0]])
    return x.round(6).tolist(), y.round(7).tolist()


def empirical(values: F64, weights: F64, points: int = 240) -> tuple[list[float], list[float]]:
    """An empirical CDF thinned to about `points` steps of equal height."""
    order = np.argsort(values, kind="stable")
    x, p = values[order], np.cumsum(weights[order]) / weights.sum()
    keep = np.unique(np.concatenate([[0], np.searchsorted(p, np.linspace(0.0, 1.0, points), "left"), [len(p) - 1]]))
    keep = keep[keep < len(p)]
    return x[keep].tolist(), p[keep].round(5).tolist()


def quantile(values: F64, weights: F64, q: float) -> float:
    """The smallest value with at least the share `q` of the weights at or below it."""
    order = np.argsort(values, kind="stable")
    share = np.cumsum(weights[order]) / weights.sum()
    return float(values[order][min(int(np.searchsorted(share, q, "left")), len(values) - 1)])

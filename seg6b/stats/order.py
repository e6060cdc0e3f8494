"""Order statistics of a weighted histogram: quantiles, ties and heavy values, exactly, with or without a cell."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

from seg6b.stats.jackknife import Interval, interval

F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class CellHistogram:
    """Counts of integer values by cell.

    Attributes:
        values: distinct values, ascending, shape (v,).
        total: count of each value over all cells, shape (v,).
        cells: the non-empty cells, ascending, shape (g,).
        row_cell: position in `cells` of each row, rows sorted by (cell, value).
        row_value: position in `values` of each row.
        row_n: count of each row.
    """

    values: I64
    total: I64
    cells: I64
    row_cell: I64
    row_value: I64
    row_n: I64

    @classmethod
    def of(cls, cell: npt.ArrayLike, value: npt.ArrayLike, n: npt.ArrayLike) -> Self:
        """The histogram of rows (cell, value, count); equal rows add up, zero counts vanish."""
        counts = np.asarray(n, np.int64)
        keep = counts > 0
        counts, cell = counts[keep], np.asarray(cell, np.int64)[keep]
        values, row_value = np.unique(np.asarray(value, np.int64)[keep], return_inverse=True)
        cells = np.flatnonzero(np.bincount(cell))
        width = max(1, values.size)
        key = np.searchsorted(cells, cell) * width + row_value
        order = np.argsort(key, kind="stable")
        key = key[order]
        starts = np.flatnonzero(np.diff(key, prepend=-1))
        row_n = np.add.reduceat(counts[order], starts) if starts.size else counts
        key = key[starts]
        return cls(values, _sums(key % width, row_n, values.size), cells, key // width, key % width, row_n)

    @property
    def n(self) -> int:
        """Observations."""
        return int(self.total.sum())

    @property
    def cell_n(self) -> I64:
        """Observations in each non-empty cell, shape (g,)."""
        return _sums(self.row_cell, self.row_n, self.cells.size)


def quantile(histogram: CellHistogram, q: float) -> float:
    """The `q`-quantile of the expanded multiset, by linear interpolation (NumPy's `linear`); NaN if empty."""
    if histogram.n == 0:
        return float("nan")
    low, high, t = _ranks(np.array([histogram.n]), q)
    cum = np.cumsum(histogram.total)
    a = histogram.values[np.searchsorted(cum, low, side="right")]
    b = histogram.values[np.searchsorted(cum, high, side="right")]
    return float(_lerp(a, b, t)[0])


def quantile_interval(histogram: CellHistogram, q: float, confidence: float = 0.95) -> Interval | None:
    """Interval of the `q`-quantile: the quantiles at the ends of the jackknife interval of the share below it.

    The share is a smooth statistic where the quantile is not: on a grid, or beside a heavy value, the jackknife of
    the quantile itself sees no variation at all, or a whole step of it.

    References:
        R. S. Woodruff, *Confidence intervals for medians and other position measures*, JASA 47, 1952.
    """
    if not histogram.n:
        return None
    below = histogram.values <= quantile(histogram, q)
    share = float(histogram.total[below].sum() / histogram.n)
    ends = interval(share, shares_without(histogram, below), confidence)
    if ends is None:
        return None
    half = 0.5 * (ends[1] - ends[0])
    return quantile(histogram, max(0.0, q - half)), quantile(histogram, min(1.0, q + half))


def top_share(histogram: CellHistogram, k: int) -> float:
    """Share of the observations that the `k` most frequent values hold; NaN if empty."""
    return float(_largest(histogram.total[None], k)[0] / histogram.n) if histogram.n else float("nan")


def top_shares_without(histogram: CellHistogram, k: int) -> F64:
    """`top_share` without each non-empty cell, shape (g,); NaN where nothing is left.

    Only values that can enter the top `k` after some deletion are looked at: those whose count is at least the
    smallest count that any of today's top `k` can fall to.
    """
    counts = histogram.total
    leading = np.argsort(-counts, kind="stable")[:k]
    floor = (counts[leading][None] - _dense(histogram, leading)).min(initial=0 if leading.size < k else counts.max())
    candidates = np.flatnonzero(counts >= floor)
    rest = histogram.n - histogram.cell_n
    left = counts[candidates][None] - _dense(histogram, candidates)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(rest > 0, _largest(left, k) / rest, np.nan)


def distinct_without(histogram: CellHistogram) -> F64:
    """How many values are left without each non-empty cell, shape (g,)."""
    alone = histogram.row_n == histogram.total[histogram.row_value]
    lost = np.bincount(histogram.row_cell[alone], minlength=histogram.cells.size)
    return (histogram.values.size - lost).astype(np.float64)


def shares_without(histogram: CellHistogram, chosen: npt.NDArray[np.bool_]) -> F64:
    """Share of observations whose value is `chosen` (shape (v,)), without each non-empty cell, shape (g,)."""
    picked = _sums(histogram.row_cell, histogram.row_n * chosen[histogram.row_value], histogram.cells.size)
    rest = histogram.n - histogram.cell_n
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(rest > 0, (histogram.total[chosen].sum() - picked) / rest, np.nan)


def _sums(group: I64, n: I64, size: int) -> I64:
    """Sum of `n` by group; exact, since counts stay below 2^53."""
    return np.bincount(group, n, size).astype(np.int64)


def _ranks(n: I64, q: float) -> tuple[I64, I64, F64]:
    place = (n - 1) * q
    low = np.floor(place).astype(np.int64)
    return low, np.minimum(low + 1, n - 1), place - low


def _lerp(a: I64, b: I64, t: F64) -> F64:
    step = (b - a).astype(np.float64)
    return np.where(t >= 0.5, b - step * (1.0 - t), a + step * t)


def _dense(histogram: CellHistogram, columns: I64) -> I64:
    """Counts of the values at `columns` by non-empty cell, shape (g, columns)."""
    place = np.full(histogram.values.size, -1, np.int64)
    place[columns] = np.arange(columns.size)
    where = place[histogram.row_value]
    hit = where >= 0
    out = np.zeros((histogram.cells.size, columns.size), np.int64)
    out[histogram.row_cell[hit], where[hit]] = histogram.row_n[hit]
    return out


def _largest(counts: I64, k: int) -> I64:
    if counts.shape[1] <= k:
        return counts.sum(1)
    return np.partition(counts, counts.shape[1] - k, axis=1)[:, -k:].sum(1)

"""Delete-one-cell jackknife: an interval for any statistic of counts kept by cell.

A cell is a cluster of parties, so the interval is honest about sessions, cases and everything else that
hangs together inside a party. The statistic is computed 64 times, each time without one cell.

References:
    J. Tukey, Ann. Math. Stat. 29, 1958, p. 614; B. Efron, *The Jackknife, the Bootstrap and Other Resampling
    Plans*, 1982, ch. 3.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from scipy import special

F64 = npt.NDArray[np.float64]
Interval = tuple[float, float]


def jackknife(cells: npt.ArrayLike, estimate: Callable[[F64], F64]) -> tuple[float, Interval | None]:
    """A statistic of all cells, and its 95 % interval.

    Args:
        cells: additive counts or sums, one entry a cell on axis 0, shape (cells, ...).
        estimate: the statistic of each entry of a stack, shape (k, ...) to shape (k,).

    Returns:
        The plain estimate from the total (NaN where undefined), and the interval around it.
    """
    counts = np.asarray(cells, np.float64)
    total = counts.sum(0)
    value = float(estimate(total[None])[0])
    filled = np.abs(counts).sum(tuple(range(1, counts.ndim))) > 0
    if np.count_nonzero(filled) < 2:
        return value, None
    return value, interval(value, estimate(total[None] - counts[filled]))


def wider(one: Interval | None, other: Interval | None) -> Interval | None:
    """The wider of two intervals about the same value; None where either cannot be told."""
    if one is None or other is None:
        return None
    return max(one, other, key=lambda ends: ends[1] - ends[0])


def interval(value: float, without: F64, confidence: float = 0.95) -> Interval | None:
    """The t-interval from the estimates that each leave one non-empty cell out.

    `se^2 = (g - 1)/g * sum((theta_i - mean)^2)`, ends `value -+ t((1 + confidence)/2, g - 1) se`. Cells
    that hold nothing are left out of `without`: to delete them changes nothing, so they must not count as evidence of
    stability.

    Args:
        value: the estimate from all cells.
        without: estimates without each non-empty cell, shape (g,).
        confidence: probability that the interval holds the truth.

    Returns:
        The interval; None with fewer than two cells, or if any estimate is undefined.
    """
    g = without.size
    if g < 2 or not np.isfinite(value) or not np.all(np.isfinite(without)):
        return None
    spread = float(((without - without.mean()) ** 2).sum())
    half = float(special.stdtrit(g - 1, 0.5 + 0.5 * confidence)) * float(np.sqrt(spread * (g - 1) / g))
    return value - half, value + half

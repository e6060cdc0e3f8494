"""Distances between distributions: Jensen-Shannon in bits, Kolmogorov-Smirnov, Wasserstein-1."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

F64 = npt.NDArray[np.float64]
Cdf = Callable[[F64], F64]

KS_95 = 1.36


def jensen_shannon(p: npt.ArrayLike, q: npt.ArrayLike) -> float:
    """Jensen-Shannon divergence in bits, 0..1; weights are normalised; NaN if either is all zero.

    `JSD = H((P + Q)/2) - (H(P) + H(Q))/2` with base-2 entropies.

    References:
        J. Lin, *Divergence measures based on the Shannon entropy*, IEEE Trans. Inf. Theory 37, 1991.
    """
    a, b = np.asarray(p, np.float64), np.asarray(q, np.float64)
    if not (a.sum() > 0 and b.sum() > 0):
        return float("nan")
    a, b = a / a.sum(), b / b.sum()
    middle = 0.5 * (a + b)
    return max(0.0, 0.5 * (_relative_entropy(a, middle) + _relative_entropy(b, middle)))


def ks_distance(values: npt.ArrayLike, n: npt.ArrayLike, cdf: Cdf, half_grid: float = 0.0) -> float:
    """Largest distance between the empirical CDF of a weighted histogram and `cdf`.

    Args:
        values: distinct values, ascending.
        n: count of each.
        cdf: P(X <= x) of the law before rounding; atoms allowed.
        half_grid: half the grid that values were rounded to. Then the law of the rounded value is a step function
            with `F(x + half_grid)` at a grid point, and it is compared at every observed point and just before it.

    Returns:
        D in 0..1; NaN without observations.
    """
    x, counts = np.asarray(values, np.float64), np.asarray(n, np.float64)
    if not counts.sum() > 0:
        return float("nan")
    at = np.cumsum(counts) / counts.sum()
    before = np.concatenate([[0.0], at[:-1]])
    low = cdf(x - half_grid) if half_grid else cdf(np.nextafter(x, -np.inf))
    return float(max(np.abs(at - cdf(x + half_grid)).max(), np.abs(before - low).max()))


def ks_beyond_noise(distance: float, n: int) -> float:
    """`D - 1.36/sqrt(n)`: what is left of D after the 95 % point of D under the law itself.

    References:
        N. Smirnov, Ann. Math. Stat. 19, 1948: the asymptotic 0.95 quantile of `sqrt(n) D` is 1.358.
    """
    return distance - KS_95 / float(np.sqrt(n)) if n > 0 else float("nan")


def wasserstein(values: npt.ArrayLike, n: npt.ArrayLike, cdf: Cdf, support: npt.ArrayLike) -> float:
    """Wasserstein-1 distance between a weighted histogram and a law: the area between the two CDFs.

    Args:
        values: distinct values, ascending.
        n: count of each.
        cdf: P(X <= x) of the law.
        support: further points, ascending, dense enough that the CDF is straight between them.

    Returns:
        The distance in the unit of `values`; NaN without observations.

    References:
        S. S. Vallender, Theory Probab. Appl. 18, 1974: `W1 = integral |F - G|`.
    """
    x, counts = np.asarray(values, np.float64), np.asarray(n, np.float64)
    if not counts.sum() > 0:
        return float("nan")
    points = np.union1d(x, np.asarray(support, np.float64))
    empirical = np.concatenate([[0.0], np.cumsum(counts) / counts.sum()])
    level = empirical[np.searchsorted(x, points[:-1], side="right")]
    left = cdf(points[:-1]) - level
    right = cdf(np.nextafter(points[1:], -np.inf)) - level
    crossing = left * right < 0.0
    size = np.abs(left) + np.abs(right)
    with np.errstate(divide="ignore", invalid="ignore"):
        area = np.where(crossing, 0.5 * (left**2 + right**2) / size, 0.5 * size)
    return float(np.sum(area * np.diff(points)))


def _relative_entropy(a: F64, b: F64) -> float:
    filled = a > 0
    return float(np.sum(a[filled] * np.log2(a[filled] / b[filled])))

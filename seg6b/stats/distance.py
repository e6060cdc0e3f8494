"""Distances between distributions: Jensen-Shannon in bits, Kolmogorov-Smirnov, Wasserstein-1."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

F64 = npt.NDArray[np.float64]
Cdf = Callable[[F64], F64]

KS_95 = 1.36
NORMAL_95 = 1.96


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


def ks_at_edges(low: npt.ArrayLike, high: npt.ArrayLike, n: npt.ArrayLike, cdf: Cdf) -> float:
    """Largest distance between the CDFs at the edges of bins.

    Args:
        low: lower edge of each bin that holds samples, ascending.
        high: upper edge of each.
        n: samples in each.
        cdf: P(X <= x) of the law.

    Returns:
        D in 0..1, short of the true one by at most the mass of one bin; NaN without observations.
    """
    counts = np.asarray(n, np.float64)
    if not counts.sum() > 0:
        return float("nan")
    at = np.cumsum(counts) / counts.sum()
    before = np.concatenate([[0.0], at[:-1]])
    ends = np.abs(at - cdf(np.asarray(high, np.float64))), np.abs(before - cdf(np.asarray(low, np.float64)))
    return float(max(ends[0].max(), ends[1].max()))


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


def wasserstein_beyond_noise(distance: float, n: int, cdf: Cdf, support: npt.ArrayLike) -> float:
    """`W1 - 1.96 J/sqrt(n)` with `J = integral sqrt(F (1 - F))`: what is left of W1 after noise.

    At each x the empirical CDF errs by more than `1.96 sqrt(F (1 - F)/n)` with probability 0.05 under the law; the
    integral of these bounds is reached when all errors have one sign, so noise passes it more rarely than that.

    Args:
        distance: W1.
        n: observations.
        cdf: P(X <= x) of the law.
        support: points, ascending, that cover the law.

    References:
        E. del Barrio, E. Giné, C. Matrán, Ann. Probab. 27, 1999: W1 of a sample converges as 1/sqrt(n) iff J is finite.
    """
    if n <= 0:
        return float("nan")
    points = np.asarray(support, np.float64)
    low, high = cdf(points[:-1]), cdf(np.nextafter(points[1:], -np.inf))
    middle = 0.5 * (low + high)
    spread = float(np.sum(np.sqrt(np.maximum(middle * (1.0 - middle), 0.0)) * np.diff(points)))
    return distance - NORMAL_95 * spread / float(np.sqrt(n))


def _relative_entropy(a: F64, b: F64) -> float:
    filled = a > 0
    return float(np.sum(a[filled] * np.log2(a[filled] / b[filled])))

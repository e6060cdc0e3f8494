"""Effect size of a quantity between two groups, from sums alone."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

F64 = npt.NDArray[np.float64]


def cohens_d(moments: npt.ArrayLike) -> F64:
    """Cohen's d of group 1 over group 0, signed: difference of means over the pooled sample SD.

    `sp^2 = ((n1 - 1) s1^2 + (n0 - 1) s0^2) / (n1 + n0 - 2)`, sample variances with n - 1.

    Args:
        moments: `n, sum(x), sum(x^2)` of each group, shape (..., 2, 3); `x` may be shifted by any one constant.

    Returns:
        d, shape (...); NaN where a group has fewer than two values or the pooled SD is zero.

    References:
        J. Cohen, *Statistical Power Analysis for the Behavioral Sciences*, 2nd ed. 1988, §2.2.
    """
    m = np.asarray(moments, np.float64)
    n, total, square = m[..., 0], m[..., 1], m[..., 2]
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = total / n
        deviation = np.maximum(square - total * mean, 0.0)
        pooled = np.sqrt(deviation.sum(-1) / (n.sum(-1) - 2.0))
        small = (n < 2).any(-1) | ~(pooled > 0.0)
        return np.where(small, np.nan, (mean[..., 1] - mean[..., 0]) / pooled)


def standardised(moments: npt.ArrayLike) -> F64:
    """Moments after each stratum was brought to mean 0 and sample SD 1.

    A stratum without spread (fewer than two values, or all equal) becomes zeros: it counts, and says nothing.

    Args:
        moments: `n, sum(x), sum(x^2)`, shape (..., strata, 2 groups, 3); `x` may be shifted within each stratum.

    Returns:
        Moments of the standardised values over all strata, shape (..., 2, 3).
    """
    m = np.asarray(moments, np.float64)
    n, total, square = m[..., 0], m[..., 1], m[..., 2]
    whole = m.sum(-2)
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = np.nan_to_num(whole[..., 1] / whole[..., 0])
        variance = (whole[..., 2] - whole[..., 1] * mean) / (whole[..., 0] - 1.0)
        scale = np.where(variance > 0.0, 1.0 / np.sqrt(np.where(variance > 0.0, variance, 1.0)), 0.0)
    z = (total - n * mean[..., None]) * scale[..., None]
    z2 = (square - 2.0 * mean[..., None] * total + n * mean[..., None] ** 2) * scale[..., None] ** 2
    return np.stack([n, z, z2], axis=-1).sum(-3)

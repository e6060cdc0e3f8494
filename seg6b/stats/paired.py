"""Paired log ratios: their mean with a t-interval, a bootstrap beside it, and why they do not settle a question.

A ratio of two times is judged on its logarithm, where being twice as fast and twice as slow weigh the same. Samples
come in strata (sets of repeats); the estimate is the mean over strata of their means, so that a longer set does not
outweigh a shorter one.

References:
    Student, Biometrika 6, 1908, p. 1; F. Satterthwaite, Biometrics Bull. 2, 1946, p. 110; B. Efron, R. Tibshirani,
    *An Introduction to the Bootstrap*, 1993, ch. 13.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy import special

F64 = npt.NDArray[np.float64]
Interval = tuple[float, float]

RESAMPLES: Final = 2000
FURTHER_MAX: Final = 200
TREND_P: Final = 0.01
# Largest gap over the wider of the two sides, which 2 % of normal samples of that size exceed.
_GAP_SIZES: Final = (5, 6, 8, 10, 12)
_GAP_LIMITS: Final = (3.7, 2.6, 1.6, 1.2, 1.0)


@dataclass(frozen=True, slots=True)
class PairedMean:
    """Mean of log ratios.

    Attributes:
        mean: over strata, of their means.
        error: its standard error; infinite where a stratum has a single value.
        freedom: degrees of freedom of the error.
        spread: standard deviation inside strata; 0 where no stratum has two values.
        n: values.
    """

    mean: float
    error: float
    freedom: float
    spread: float
    n: int

    def interval(self, confidence: float) -> Interval:
        """`mean -+ t((1 + confidence)/2, freedom) * error`."""
        half = _quantile(self.freedom, confidence) * self.error if math.isfinite(self.error) else math.inf
        return self.mean - half, self.mean + half


def paired_mean(strata: Sequence[F64]) -> PairedMean:
    """The mean of log ratios that come in one or more strata.

    `mean = sum(m_s)/k`, `error^2 = sum(v_s/n_s)/k^2` with the variances `v_s` of the strata, degrees of freedom
    after Satterthwaite.

    Args:
        strata: log ratios, shape (n_s,), at least one value each.
    """
    k = len(strata)
    n = [s.size for s in strata]
    mean = sum(float(s.mean()) for s in strata) / k
    if min(n) < 2:
        return PairedMean(mean, math.inf, 1.0, 0.0, sum(n))
    variances = [float(s.var(ddof=1)) for s in strata]
    shares = [v / m for v, m in zip(variances, n, strict=True)]
    total = sum(shares)
    inside = sum(v * (m - 1) for v, m in zip(variances, n, strict=True)) / (sum(n) - k)
    weights = sum(share**2 / (m - 1) for share, m in zip(shares, n, strict=True))
    freedom = total**2 / weights if weights > 0.0 else float(sum(n) - k)
    return PairedMean(mean, math.sqrt(total) / k, freedom, math.sqrt(inside), sum(n))


def bootstrap_interval(strata: Sequence[F64], confidence: float = 0.95) -> Interval:
    """Percentile bootstrap of the same mean, resampled inside strata; the same values give the same interval."""
    means = sum(s[_resamples(s.size, i)].mean(1) for i, s in enumerate(strata)) / len(strata)
    low, high = np.quantile(means, [0.5 - 0.5 * confidence, 0.5 + 0.5 * confidence])
    return float(low), float(high)


def unsettled_by(logs: F64, control_logs: F64) -> str:
    """Why log ratios do not settle: `drift`, `two modes`, else `spread`.

    Args:
        logs: log ratios of the pairs.
        control_logs: logarithms of the control's own times, in the order in which they were run.
    """
    spread = float(logs.std(ddof=1)) if logs.size > 1 else 0.0
    if trend_p(control_logs) < TREND_P and abs(_slope(control_logs)) * (control_logs.size - 1) > spread:
        return "drift"
    return "two modes" if two_modes(logs) or two_modes(control_logs) else "spread"


def trend_p(values: F64) -> float:
    """Two-sided p-value of a linear trend over the position; 1 with fewer than four values."""
    n = values.size
    if n < 4 or np.ptp(values) == 0.0:
        return 1.0
    at = np.arange(n) - (n - 1) / 2
    apart = values - values.mean()
    r = float(at @ apart) / math.sqrt(float(at @ at) * float(apart @ apart))
    if 1.0 - r * r < 1e-12:
        return 0.0
    t = r * math.sqrt((n - 2) / (1.0 - r * r))
    return float(2.0 * special.stdtr(n - 2, -abs(t)))


def two_modes(values: F64) -> bool:
    """Whether the values fall in two clusters of two or more, further apart than 98 % of normal samples would."""
    n = values.size
    if n < _GAP_SIZES[0]:
        return False
    ordered = np.sort(values)
    cut = int(np.argmax(np.diff(ordered)[1 : n - 2])) + 2
    gap = float(ordered[cut] - ordered[cut - 1])
    wider = max(float(np.ptp(ordered[:cut])), float(np.ptp(ordered[cut:])))
    return gap > float(np.interp(n, _GAP_SIZES, _GAP_LIMITS)) * wider


def further_pairs(mean: float, spread: float, have: int, confidence: float) -> int:
    """How many more pairs would take zero out of the interval if mean and spread stay; -1 where 200 would not."""

    def settled(n: int) -> bool:
        return _quantile(n - 1, confidence) * spread / math.sqrt(n) < abs(mean)

    last = have + FURTHER_MAX
    if not settled(last):
        return -1
    return next(n for n in range(max(have + 1, 2), last + 1) if settled(n)) - have


def _slope(values: F64) -> float:
    at = np.arange(values.size) - (values.size - 1) / 2
    return float(at @ values) / float(at @ at)


@lru_cache(maxsize=4096)
def _quantile(freedom: float, confidence: float) -> float:
    return float(special.stdtrit(freedom, 0.5 + 0.5 * confidence))


@lru_cache(maxsize=64)
def _resamples(n: int, stratum: int) -> npt.NDArray[np.int64]:
    """Positions to take, shape (RESAMPLES, n), from a hash of their own size: no generator and no state."""
    words = hashlib.shake_256(f"bootstrap:{n}:{stratum}".encode()).digest(4 * RESAMPLES * n)
    drawn = np.frombuffer(words, "<u4").astype(np.uint64)
    return ((drawn * np.uint64(n)) >> np.uint64(32)).astype(np.int64).reshape(RESAMPLES, n)

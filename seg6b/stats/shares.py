"""Interval of a share of which a run may hold no case at all."""

from __future__ import annotations

from scipy import special

from seg6b.stats.jackknife import Interval


def exact(share: float, n: int, confidence: float = 0.95) -> Interval:
    """The interval of a share of `n` independent rows from the binomial law: never narrow, however few the cases.

    >>> exact(0.0, 100)
    (0.0, 0.0362...)

    References:
        C. J. Clopper & E. S. Pearson, *The use of confidence or fiducial limits*, Biometrika 26, 1934.
    """
    cases, tail = round(share * n), 0.5 - 0.5 * confidence
    low = float(special.betaincinv(cases, n - cases + 1, tail)) if cases else 0.0
    high = float(special.betaincinv(cases + 1, n - cases, 1.0 - tail)) if cases < n else 1.0
    return low, high

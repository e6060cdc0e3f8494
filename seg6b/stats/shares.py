"""Interval of a share of which a run may hold no case at all."""

from __future__ import annotations

import math

from scipy import special

from seg6b.stats.jackknife import Interval


def wilson(share: float, n: int, confidence: float = 0.95) -> Interval:
    """The interval of a share of `n` independent rows; it has a width even where the share is 0 or 1.

    >>> wilson(0.0, 100)
    (0.0, 0.0369...)

    References:
        E. B. Wilson, *Probable inference, the law of succession, and statistical inference*, JASA 22, 1927.
    """
    z2 = float(special.ndtri(0.5 + 0.5 * confidence)) ** 2
    middle = share + z2 / (2.0 * n)
    half = math.sqrt(z2 * (share * (1.0 - share) / n + z2 / (4.0 * n * n)))
    return max(0.0, (middle - half) / (1.0 + z2 / n)), min(1.0, (middle + half) / (1.0 + z2 / n))

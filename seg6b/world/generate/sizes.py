"""Sizes of merchants: the published heavy tail, as integers that add up to the arrivals."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

LARGEST_SHARE: Final = 0.136
TOP_PERCENT: Final = 0.30
NEXT_FOUR: Final = 0.198
TOP_DECILE: Final = 0.593
# Millions of arrivals of the nine lower deciles, largest first; they fill what the top decile leaves.
LOWER_DECILES: Final = (14.1, 9.5, 7.4, 5.8, 4.7, 3.5, 2.6, 1.8, 1.0)
SECOND_AT_MOST: Final = 0.75


def merchant_sizes(arrivals: int, merchants: int) -> npt.NDArray[np.int64]:
    """Arrivals of each merchant, largest first, at least 1 each."""
    groups = _groups(merchants)
    means = np.array([share / count for count, share in groups])
    edges = np.sqrt(means[1:] * means[:-1])
    uppers = np.concatenate([[means[0]], edges])
    lowers = np.concatenate([edges, [means[-1] * means[-1] / edges[-1]]])
    weights = [_slope(*group, uppers[i], lowers[i]) for i, group in enumerate(groups)]
    share = np.sort(np.concatenate([[LARGEST_SHARE], *weights]))[::-1]
    return _integers(share / share.sum(), arrivals)


def _groups(merchants: int) -> list[tuple[int, float]]:
    """(merchants, share) of each stratum below the largest merchant, by size."""
    top = max(1, round(merchants * 0.01) - 1)
    most = top * SECOND_AT_MOST * LARGEST_SHARE
    top_share = min(TOP_PERCENT - LARGEST_SHARE, most)
    four = max(1, round(merchants * 0.04))
    decile = max(3, round(merchants * 0.1))
    five = max(1, decile - 1 - top - four)
    spill = TOP_PERCENT - LARGEST_SHARE - top_share
    groups = [(top, top_share), (four, NEXT_FOUR + spill), (five, TOP_DECILE - TOP_PERCENT - NEXT_FOUR)]
    left = merchants - 1 - top - four - five
    counts = np.diff(np.rint(np.arange(10) / 9 * left).astype(int))
    scale = (1.0 - TOP_DECILE) / sum(LOWER_DECILES)
    return groups + [(int(c), m * scale) for c, m in zip(counts, LOWER_DECILES, strict=True)]


def _slope(count: int, share: float, upper: float, lower: float) -> npt.NDArray[np.float64]:
    """`count` sizes falling in a line from `upper` towards `lower`, scaled to add up to `share`."""
    line = upper + (lower - upper) * (np.arange(count) + 0.5) / count
    return line * (share / line.sum())


def _integers(share: npt.NDArray[np.float64], total: int) -> npt.NDArray[np.int64]:
    """Largest remainders, each at least 1."""
    exact = share * total
    sizes = np.maximum(1, np.floor(exact).astype(np.int64))
    missing = total - int(sizes.sum())
    order = np.argsort(-(exact - sizes), kind="stable")
    sizes[order[: max(0, missing)]] += 1
    sizes[0] += min(0, missing)
    return np.sort(sizes)[::-1].copy()

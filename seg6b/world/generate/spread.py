"""Spreading sized things over labels so that each label carries its share of the size.

Labels start at random under given counts; then a thing of a label that holds too much is exchanged for one of
a label that holds too little, until no exchange helps. Integers only, so the result is exact everywhere.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

I64 = npt.NDArray[np.int64]
MOST_STEPS = 4_000


def spread(sizes: I64, targets: I64, counts: I64, u: npt.NDArray[np.float64], pinned: dict[int, int]) -> I64:
    """A label for each thing.

    Args:
        sizes: size of each thing.
        targets: total size wanted under each label; sums to `sizes.sum()`.
        counts: how many things each label gets; sums to the number of things.
        u: one uniform a thing, decides the start.
        pinned: things whose label is given.
    """
    labels = _start(counts, u, pinned)
    free = np.ones(sizes.size, bool)
    free[list(pinned)] = False
    excess = np.bincount(labels, weights=sizes, minlength=targets.size).astype(np.int64) - targets
    for _ in range(MOST_STEPS):
        if not _mend(labels, sizes, excess, free):
            break
    return labels


def _start(counts: I64, u: npt.NDArray[np.float64], pinned: dict[int, int]) -> I64:
    left = counts.copy()
    labels = np.full(u.size, -1, np.int64)
    for thing, label in pinned.items():
        labels[thing] = label
        left[label] -= 1
    rest = np.flatnonzero(labels < 0)
    labels[rest[np.argsort(u[rest], kind="stable")]] = np.repeat(np.arange(left.size), np.maximum(left, 0))[: rest.size]
    return labels


def _mend(labels: I64, sizes: I64, excess: I64, free: npt.NDArray[np.bool_]) -> bool:
    """One exchange between a label that holds too much and one that holds too little; False when none helps."""
    order = np.argsort(-excess, kind="stable")
    for heavy in order[: min(4, order.size)]:
        for light in order[::-1][:6]:
            if excess[heavy] <= 0 or excess[light] >= 0:
                continue
            ours = np.flatnonzero((labels == heavy) & free)
            theirs = np.flatnonzero((labels == light) & free)
            if ours.size == 0 or theirs.size == 0:
                continue
            moved = sizes[ours][:, None] - sizes[theirs][None, :]
            left = np.abs(excess[heavy] - moved) + np.abs(excess[light] + moved)
            i, j = divmod(int(np.argmin(left)), theirs.size)
            if left[i, j] < excess[heavy] - excess[light]:
                excess[heavy] -= moved[i, j]
                excess[light] += moved[i, j]
                labels[ours[i]], labels[theirs[j]] = light, heavy
                return True
    return False

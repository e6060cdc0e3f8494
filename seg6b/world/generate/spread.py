"""Spreading sized things over labels so that each label carries its share of the size.

Labels start at random under given counts; then the pair of things whose exchange mends the worst label most is
exchanged, until no exchange helps. Integers only, so the result is exact everywhere.
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
    """One exchange between the worst label and whichever label helps most; False when none helps."""
    for worst in np.argsort(-np.abs(excess), kind="stable")[:4]:
        ours = np.flatnonzero((labels == worst) & free)
        others = np.flatnonzero((labels != worst) & free)
        if ours.size == 0 or others.size == 0:
            continue
        moved = sizes[ours][:, None] - sizes[others][None, :]
        theirs = excess[labels[others]][None, :]
        gain = np.abs(excess[worst]) + np.abs(theirs) - np.abs(excess[worst] - moved) - np.abs(theirs + moved)
        best = int(np.argmax(gain))
        i, j = divmod(best, others.size)
        if gain[i, j] > 0:
            a, b = ours[i], others[j]
            excess[worst] -= moved[i, j]
            excess[labels[b]] += moved[i, j]
            labels[a], labels[b] = labels[b], labels[a]
            return True
    return False

"""The race: every candidate draws one exponential time over its weight, and the k smallest win.

Batches hand in their own k smallest; the threshold that separates winners from losers is a merge of those, so it does
not depend on how the flows were cut.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from seg6b.draws.quantile import lookup_all
from seg6b.policy.laws import Bounded, Exponential

F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]

EXPONENTIAL: Final[F64] = Bounded(min=0.0, max=40.0, tail=Exponential(law="EXPONENTIAL_V1", rate=1.0)).sampler().table
NOBODY: Final = -1.0


def exponential(u: F64) -> F64:
    """-log of a uniform, from the table."""
    return lookup_all(EXPONENTIAL, u)


@dataclass(frozen=True, slots=True)
class Runners:
    """The best candidates of one slot: scores and targets, in no order."""

    scores: F64
    targets: I64


@dataclass(frozen=True, slots=True)
class Threshold:
    """The last winner; a candidate wins when its (score, target) is not after it."""

    score: float
    target: int


LOST: Final = Threshold(NOBODY, 0)


def shortlist(scores: F64, targets: I64, k: int) -> Runners:
    """The k smallest by (score, target), and whatever ties with the last."""
    if scores.size <= k:
        return Runners(scores, targets)
    if k == 0:
        return Runners(scores[:0], targets[:0])
    bound = np.partition(scores, k - 1)[k - 1]
    keep = scores <= bound
    return Runners(scores[keep], targets[keep])


def finish(runners: Iterable[Runners], k: int) -> Threshold:
    """The k-th smallest over all batches; the last candidate where there are fewer."""
    pieces = list(runners)
    scores = np.concatenate([np.zeros(0), *(p.scores for p in pieces)])
    targets = np.concatenate([np.zeros(0, np.int64), *(p.targets for p in pieces)])
    if k == 0 or scores.size == 0:
        return LOST
    best = shortlist(scores, targets, k)
    order = np.lexsort((best.targets, best.scores))
    last = order[min(k, order.size) - 1]
    return Threshold(float(best.scores[last]), int(best.targets[last]))


def split_quota(quota: int, burst_share: float | None, rest: int, burst: int) -> tuple[int, int]:
    """Quota of (the rest, the burst): the burst takes its share; what one side cannot fill passes to the other."""
    wanted = min(int((burst_share or 0.0) * quota + 0.5), burst)
    in_rest = min(quota - wanted, rest)
    return in_rest, min(quota - in_rest, burst)


def scaled_cap(cap: I64, risk: F64) -> I64:
    """Flows of an entity that may be hit: the cap times its linear score, at least one."""
    return np.maximum(np.rint(cap * risk), 1.0).astype(np.int64)


def winners(scores: F64, targets: I64, slots: I64, thresholds: Mapping[int, Threshold]) -> npt.NDArray[np.bool_]:
    """Whether each candidate wins in its slot."""
    size = max(thresholds, default=-1) + 1
    limit, last = np.full(size, NOBODY), np.zeros(size, np.int64)
    for slot, threshold in thresholds.items():
        limit[slot], last[slot] = threshold.score, threshold.target
    wins: npt.NDArray[np.bool_] = (scores < limit[slots]) | ((scores == limit[slots]) & (targets <= last[slots]))
    return wins

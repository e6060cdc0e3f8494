"""Owning: how many things each owner has, and the things as flat arrays in owner order."""

from __future__ import annotations

from dataclasses import dataclass
from math import comb

import numpy as np
import numpy.typing as npt

from seg6b.draws.mix import U64, entities2

I64 = npt.NDArray[np.int64]
F64 = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Owned:
    """Things of owners, adjacent by owner.

    Attributes:
        owner: position of the owner of each thing.
        rank: running number within the owner, from 0.
    """

    owner: I64
    rank: I64


def own(counts: I64) -> Owned:
    """Lay out `counts` things an owner."""
    owner = np.repeat(np.arange(counts.size), counts)
    rank = np.arange(owner.size) - np.repeat(np.cumsum(counts) - counts, counts)
    return Owned(owner, rank)


def entities_of(owner_key: I64, rank: I64) -> U64:
    """Entity hash of each thing, from the key of its owner and its rank."""
    return entities2(owner_key, rank)


def negative_binomial(mean: float, shape: int, most: int) -> F64:
    """Cumulative probabilities of 0 .. `most` further things; variance `mean + mean² / shape`."""
    p = shape / (shape + mean)
    mass = np.array([comb(k + shape - 1, k) * p**shape * (1.0 - p) ** k for k in range(most + 1)])
    return np.round(np.cumsum(mass) / mass.sum(), 9)


def counts_of(u: F64, cumulative: F64) -> I64:
    """The count of each uniform."""
    return np.minimum(np.searchsorted(cumulative, u, side="right"), cumulative.size - 1).astype(np.int64)

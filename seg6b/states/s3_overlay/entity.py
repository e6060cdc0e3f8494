"""Entity hashes of campaign draws: a campaign's word with a target, and a step beyond that."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from seg6b.draws.compiled import kernel
from seg6b.draws.mix import U64, fold

I64 = npt.NDArray[np.int64]


@kernel
def with_ids(words: U64, ids: I64) -> U64:
    """Fold an id into each word."""
    out = np.empty(ids.size, np.uint64)
    for i in range(out.size):
        out[i] = fold(words[i], np.uint64(ids[i]))
    return out


@kernel
def with_id(word: np.uint64, ids: I64) -> U64:
    """Fold each id into one word."""
    out = np.empty(ids.size, np.uint64)
    for i in range(out.size):
        out[i] = fold(word, np.uint64(ids[i]))
    return out


@kernel
def with_step(entities: U64, step: int) -> U64:
    """Fold one step into each entity."""
    out = np.empty(entities.size, np.uint64)
    for i in range(out.size):
        out[i] = fold(entities[i], np.uint64(step))
    return out

"""Columns as arrays for kernels, and histograms of words: what the walks of the evidence share."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any, Final, TypeVar

import numpy as np
import numpy.typing as npt

I32 = npt.NDArray[np.int32]
I64 = npt.NDArray[np.int64]
U8 = npt.NDArray[np.uint8]
Flags = npt.NDArray[np.bool_]
_DENSE: Final = 1 << 18
Array = TypeVar("Array", bound=npt.NDArray[Any])


def runs(values: I64) -> I64:
    """Start of each run of equal values, and the number of values at the end."""
    return np.concatenate([np.flatnonzero(np.diff(values, prepend=values[:1] - 1)), [values.size]])


def tally(codes: Sequence[npt.NDArray[np.integer]], sizes: Sequence[int]) -> list[I64]:
    """The combinations of small codes that occur, one array a code, and how often each does, in order of the codes."""
    mixed = np.zeros(codes[0].size, np.int64)
    for code, size in zip(codes, sizes, strict=True):
        mixed *= size
        mixed += code
    if prod(sizes) > _DENSE:
        seen, n = word_counts(mixed)
    else:
        counts = np.bincount(mixed, minlength=1)
        seen = np.flatnonzero(counts)
        n = counts[seen]
    return [*np.unravel_index(seen, tuple(sizes)), n]


def word_counts(words: I64) -> tuple[I64, I64]:
    """The words that occur, ascending, and how often each does."""
    ordered = np.sort(words)
    heads = np.flatnonzero(np.concatenate([np.ones(min(1, words.size), np.bool_), ordered[1:] != ordered[:-1]]))
    return ordered[heads], np.diff(heads, append=words.size)

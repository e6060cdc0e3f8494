"""Content digests: one number for the rows of a table, whatever their order, parts or encoding.

Each row is hashed over its typed column values (dictionary columns by their strings, nulls as their own value)
and the row hashes are summed modulo 2^64, beside the row count. Digests of disjoint row sets add up.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt
import polars as pl

from seg6b.draws.compiled import kernel
from seg6b.draws.mix import U64, mix64, text64

_NULL = np.uint64(0xA5B35705F00DCAFE)


@dataclass(frozen=True, slots=True, order=True)
class ContentDigest:
    """Rows and the sum of their hashes modulo 2^64."""

    rows: int = 0
    total: int = 0

    def __add__(self, other: ContentDigest) -> ContentDigest:
        return ContentDigest(self.rows + other.rows, (self.total + other.total) % (1 << 64))

    def __str__(self) -> str:
        return f"{self.rows}:{self.total:016x}"

    @classmethod
    def parse(cls, text: str) -> ContentDigest:
        """The inverse of `str`."""
        rows, total = text.split(":")
        return cls(int(rows), int(total, 16))


@kernel
def _add_words(acc: U64, words: U64, factor: np.uint64, offset: np.uint64) -> None:
    for i in range(acc.size):
        acc[i] += (words[i] ^ offset) * factor


@kernel
def _add_codes(acc: U64, codes: npt.NDArray[np.uint32], words: U64, factor: np.uint64, offset: np.uint64) -> None:
    for i in range(acc.size):
        acc[i] += (words[codes[i]] ^ offset) * factor


@kernel
def _finish(acc: U64) -> np.uint64:
    total = np.uint64(0)
    for i in range(acc.size):
        total += mix64(acc[i])
    return total


@lru_cache(maxsize=4096)
def _category_words(categories: tuple[str, ...]) -> U64:
    return np.array([text64("category", c) for c in categories] + [_NULL], np.uint64)


@lru_cache(maxsize=4096)
def _column_words(name: str) -> tuple[np.uint64, np.uint64]:
    return text64("factor", name) | np.uint64(1), text64("offset", name)


def _numeric_words(series: pl.Series) -> U64:
    physical = series.to_physical()
    if series.dtype.is_float():
        values = physical.fill_null(0.0).cast(pl.Float64).to_numpy() + 0.0
        words = np.where(np.isnan(values), np.nan, values).view(np.uint64)
    else:
        words = physical.fill_null(0).cast(pl.Int64).to_numpy().view(np.uint64)
    if series.null_count():
        words = np.where(series.is_null().to_numpy(), _NULL, words)
    return words


def _add_column(acc: U64, series: pl.Series) -> None:
    factor, offset = _column_words(series.name)
    if isinstance(series.dtype, pl.Enum):
        words = _category_words(tuple(series.dtype.categories))
        codes = series.to_physical().cast(pl.UInt32).fill_null(words.size - 1).to_numpy()
        _add_codes(acc, codes, words, factor, offset)
    else:
        _add_words(acc, _numeric_words(series), factor, offset)


def content_digest(frame: pl.DataFrame, columns: Sequence[str] | None = None) -> ContentDigest:
    """Digest of the rows of `frame` over `columns` (all by default); column order does not matter."""
    acc = np.zeros(frame.height, np.uint64)
    for name in columns or frame.columns:
        _add_column(acc, frame[name])
    return ContentDigest(frame.height, int(_finish(acc)))


def column_digests(frame: pl.DataFrame, key: Sequence[str]) -> dict[str, ContentDigest]:
    """A digest for each column together with the key: names the column in which two tables differ."""
    return {name: content_digest(frame, tuple(dict.fromkeys((*key, name)))) for name in frame.columns}


def total_digest(digests: Iterable[ContentDigest]) -> ContentDigest:
    """The digest of the union of disjoint row sets."""
    return sum(digests, ContentDigest())

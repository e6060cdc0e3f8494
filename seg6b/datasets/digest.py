"""Content digests: one number for the rows of a table, whatever their order, parts or encoding.

Each row is hashed over its typed column values (dictionary columns by their strings, nulls as their own value)
and the row hashes are summed modulo 2^64, beside the row count. Digests of disjoint row sets add up.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa

from seg6b.datasets.frames import NEWEST
from seg6b.draws.compiled import kernel
from seg6b.draws.mix import U64, mix64, text64

BLOCK: Final = 1 << 15  # rows whose accumulators stay in the processor's cache while column after column is added

I64 = npt.NDArray[np.int64]
U8 = npt.NDArray[np.uint8]
Codes = npt.NDArray[np.unsignedinteger]

_NULL = np.uint64(0xA5B35705F00DCAFE)
_MAGNITUDE = np.uint64(0x7FFFFFFFFFFFFFFF)
_INFINITY = np.uint64(0x7FF0000000000000)
_NAN = np.uint64(0x7FF8000000000000)
_MINUS_ZERO = np.uint64(0x8000000000000000)
_NO_HOLES: Final = np.empty(0, np.uint8)
_NO_HOLES.flags.writeable = False


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
def _is_valid(valid: U8, bit: int) -> bool:
    return (valid[bit >> 3] >> np.uint8(bit & 7)) & 1 != 0


@kernel
def _add_integers(acc: U64, values: I64, valid: U8, bit: int, factor: np.uint64, offset: np.uint64) -> None:
    if valid.size == 0:
        for i in range(acc.size):
            acc[i] += (np.uint64(values[i]) ^ offset) * factor
    else:
        for i in range(acc.size):
            word = np.uint64(values[i]) if _is_valid(valid, bit + i) else _NULL
            acc[i] += (word ^ offset) * factor


@kernel
def _add_reals(acc: U64, bits: U64, valid: U8, bit: int, factor: np.uint64, offset: np.uint64) -> None:
    """Reals by their bits; every NaN is one, and zero has no sign."""
    for i in range(acc.size):
        word = bits[i]
        if word & _MAGNITUDE > _INFINITY:
            word = _NAN
        elif word == _MINUS_ZERO:
            word = np.uint64(0)
        if valid.size > 0 and not _is_valid(valid, bit + i):
            word = _NULL
        acc[i] += (word ^ offset) * factor


@kernel
def _add_flags(acc: U64, flags: U8, valid: U8, bit: int, factor: np.uint64, offset: np.uint64) -> None:
    """Booleans, packed as Arrow packs them; both bitmaps begin at `bit`."""
    for i in range(acc.size):
        word = np.uint64(_is_valid(flags, bit + i))
        if valid.size > 0 and not _is_valid(valid, bit + i):
            word = _NULL
        acc[i] += (word ^ offset) * factor


@kernel
def _add_codes(acc: U64, codes: Codes, words: U64, valid: U8, bit: int, factor: np.uint64, offset: np.uint64) -> None:
    if valid.size == 0:
        for i in range(acc.size):
            acc[i] += (words[codes[i]] ^ offset) * factor
    else:
        for i in range(acc.size):
            word = words[codes[i]] if _is_valid(valid, bit + i) else _NULL
            acc[i] += (word ^ offset) * factor


@kernel
def _finish(acc: U64) -> np.uint64:
    total = np.uint64(0)
    for i in range(acc.size):
        total += mix64(acc[i])
    return total


@lru_cache(maxsize=4096)
def _category_words(categories: tuple[str, ...]) -> U64:
    return np.array([text64("category", c) for c in categories] or [_NULL], np.uint64)


@lru_cache(maxsize=4096)
def _column_words(name: str) -> tuple[np.uint64, np.uint64]:
    return text64("factor", name) | np.uint64(1), text64("offset", name)


Adder = Callable[[U64, int, int], None]
"""Adds rows `a .. b - 1` of a column to their accumulators."""


def _adder(series: pl.Series) -> Adder:
    """How a column is added; its values are read where they lie in Arrow's buffers, at whatever offset."""
    factor, offset = _column_words(series.name)
    array = _plain(series).to_arrow(compat_level=NEWEST)
    if isinstance(series.dtype, pl.Enum):
        words, array = _category_words(tuple(series.dtype.categories)), array.indices
        codes, holes, bit = _values(array, "u"), _holes(array), array.offset
        return lambda acc, a, b: _add_codes(acc, codes[a:b], words, holes, bit + a, factor, offset)
    holes, bit = _holes(array), array.offset
    if pa.types.is_boolean(array.type):
        flags = np.frombuffer(array.buffers()[1] or b"", np.uint8)
        return lambda acc, a, _: _add_flags(acc, flags, holes, bit + a, factor, offset)
    if pa.types.is_floating(array.type):
        bits = _values(array, "u")
        return lambda acc, a, b: _add_reals(acc, bits[a:b], holes, bit + a, factor, offset)
    integers = _values(array, "i")
    return lambda acc, a, b: _add_integers(acc, integers[a:b], holes, bit + a, factor, offset)


def _plain(series: pl.Series) -> pl.Series:
    """The column in one of the widths that the kernels know."""
    dtype = series.dtype
    if dtype.is_float():
        return series.cast(pl.Float64)
    return series.cast(pl.Int64) if dtype.is_integer() and dtype != pl.Int32 else series


def _values(array: pa.Array, kind: str) -> npt.NDArray[Any]:
    width = array.type.bit_width // 8
    return np.frombuffer(array.buffers()[1] or b"", f"{kind}{width}")[array.offset : array.offset + len(array)]


def _holes(array: pa.Array) -> U8:
    """The bitmap of what is not null; empty where no value is."""
    return np.frombuffer(array.buffers()[0], np.uint8) if array.null_count else _NO_HOLES


def content_digest(frame: pl.DataFrame, columns: Sequence[str] | None = None) -> ContentDigest:
    """Digest of the rows of `frame` over `columns` (all by default); column order does not matter."""
    acc = np.zeros(frame.height, np.uint64)
    adders = [_adder(frame[name]) for name in columns or frame.columns]
    for start in range(0, frame.height, BLOCK):
        block = acc[start : start + BLOCK]
        for add in adders:
            add(block, start, start + block.size)
    return ContentDigest(frame.height, int(_finish(acc)))


def column_digests(frame: pl.DataFrame, key: Sequence[str]) -> dict[str, ContentDigest]:
    """A digest for each column together with the key: names the column in which two tables differ."""
    return {name: content_digest(frame, tuple(dict.fromkeys((*key, name)))) for name in frame.columns}


def total_digest(digests: Iterable[ContentDigest]) -> ContentDigest:
    """The digest of the union of disjoint row sets."""
    return sum(digests, ContentDigest())

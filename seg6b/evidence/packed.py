"""Counting rows by many small keys at once: the keys of a row are packed into one word, and words are counted.

The same table as `Measure.count`, several times faster: one integer is hashed a row instead of a tuple.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl

from seg6b.datasets.frames import dictionary
from seg6b.evidence.tables import Measure

_WORD: Final = 1 << 62
_SHORT: Final = 1 << 31
_DENSE: Final = 1 << 18


@dataclass(frozen=True, slots=True)
class _Key:
    """One key column: its values lie in `low .. low + radix - 1`; a dictionary's null is its last digit."""

    name: str
    dtype: pl.DataType
    low: int
    radix: int

    def digit(self, word: type[pl.Int32 | pl.Int64]) -> pl.Expr:
        """The column as digits 0 .. radix - 1."""
        column = pl.col(self.name)
        if isinstance(self.dtype, pl.Enum):
            return column.to_physical().cast(word).fill_null(self.radix - 1)
        return (column.cast(pl.Int64) - self.low).cast(word) if self.low else column.cast(word)

    def column(self, digits: npt.NDArray[np.int64]) -> pl.Series:
        """The values of digits, in the column's type."""
        if isinstance(self.dtype, pl.Enum):
            codes = np.where(digits == self.radix - 1, -1, digits)
            return dictionary(codes, list(self.dtype.categories)).rename(self.name)
        return pl.Series(self.name, digits + self.low).cast(self.dtype)


def count_packed(measure: Measure, frame: pl.DataFrame) -> pl.DataFrame:
    """Rows of `frame` for each combination of the measure's keys, as `n`, in any order.

    Keys are dictionaries (nulls allowed), booleans and integers; where they do not fit one word together, or an
    integer or boolean has nulls, the plain count is made.
    """
    keys = [_key(frame[name]) for name in measure.keys] if frame.height else [None]
    known = [key for key in keys if key is not None]
    size = prod(key.radix for key in known)
    if len(known) < len(keys) or size >= _WORD:
        return measure.count(frame)
    kind = pl.Int32 if size < _SHORT else pl.Int64
    word = pl.lit(0, kind)
    for key in known:
        word = word * pl.lit(key.radix, kind) + key.digit(kind)
    rest, n = _tally(frame.select(word=word)["word"], size)
    columns = []
    for key in reversed(known):
        rest, digits = np.divmod(rest, key.radix)
        columns.append(key.column(digits))
    return pl.DataFrame([*reversed(columns), n])


def _tally(words: pl.Series, size: int) -> tuple[npt.NDArray[np.int64], pl.Series]:
    """Each word met and how often, in any order; in a dense table where that is small."""
    if size <= _DENSE:
        counts = np.bincount(words.to_numpy(), minlength=size)
        met = np.flatnonzero(counts)
        return met, pl.Series("n", counts[met])
    found = words.to_frame("word").group_by("word").agg(n=pl.len().cast(pl.Int64))
    return found["word"].cast(pl.Int64).to_numpy(), found["n"]


def _key(series: pl.Series) -> _Key | None:
    dtype = series.dtype
    if isinstance(dtype, pl.Enum):
        return _Key(series.name, dtype, 0, len(dtype.categories) + 1)
    if series.null_count():
        return None
    if dtype == pl.Boolean:
        return _Key(series.name, dtype, 0, 2)
    if not dtype.is_integer():
        return None
    low, high = int(series.min()), int(series.max())  # type: ignore[arg-type]
    return _Key(series.name, dtype, low, high - low + 1)

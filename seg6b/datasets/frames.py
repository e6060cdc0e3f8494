"""Frames and arrays: building contract columns from NumPy and back, and the contract check of a frame.

Kernels work on arrays; tables are `pl.DataFrame`. A dictionary column travels as (codes, categories). Columns become
arrays by way of Arrow, which hands out what is there: most methods of `pl.Series` are queries for Polars' thread pool.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa

from seg6b.datasets.column import Dataset, Kind
from seg6b.errors import ContractBroken

Mask = npt.NDArray[np.bool_]
NEWEST: Final = pl.CompatLevel.newest()


def codes_of(series: pl.Series) -> npt.NDArray[np.int32]:
    """Codes of a dictionary column, nulls as -1."""
    codes: npt.NDArray[np.int32] = (
        series.to_arrow(compat_level=NEWEST).indices.cast(pa.int32()).fill_null(-1).to_numpy()
    )
    return codes


def categories_of(series: pl.Series) -> tuple[str, ...]:
    """Categories of a dictionary column."""
    if not isinstance(series.dtype, pl.Enum):
        raise ContractBroken(
            "E_DATASET_TYPE", "not a dictionary column", series.name, str(series.dtype), "an Enum column"
        )
    return tuple(series.dtype.categories)


def dictionary(codes: npt.NDArray[np.integer], categories: Sequence[str]) -> pl.Series:
    """A dictionary column from codes; negative codes become null."""
    size = len(categories)
    physical = pl.UInt8 if size <= 255 else pl.UInt16 if size <= 65535 else pl.UInt32
    target = pl.Enum(categories)
    if codes.size and codes.min() < 0:
        safe = pl.Series(np.where(codes < 0, 0, codes)).cast(physical)
        safe = safe.to_frame("c").select(pl.when(pl.lit(pl.Series(codes >= 0))).then(pl.col("c")))["c"]
        return safe.cat.to(target)
    return pl.Series(codes).cast(physical).cat.to(target)


def nullable(values: npt.NDArray[np.generic], null: Mask) -> pl.Series:
    """A column from an array, null where `null` holds."""
    series = pl.from_arrow(pa.array(values, mask=null))
    assert isinstance(series, pl.Series)  # noqa: S101 - narrows the type of from_arrow
    return series


def utc(micros: npt.NDArray[np.int64], null: Mask | None = None) -> pl.Series:
    """A UTC timestamp column from microseconds since the epoch."""
    series = pl.Series(micros) if null is None else nullable(micros, null)
    return series.cast(pl.Datetime("us", "UTC"))


def micros_of(series: pl.Series, *, null: int = np.iinfo(np.int64).min) -> npt.NDArray[np.int64]:
    """Microseconds since the epoch of a timestamp column; nulls as `null`."""
    return _filled(series.to_arrow().view(pa.int64()), null)


def ids_of(series: pl.Series, *, null: int = 0) -> npt.NDArray[np.int64]:
    """Values of a 64-bit integer column; nulls as `null`."""
    return _filled(series.to_arrow(), null)


def _filled(values: pa.Array, null: int) -> npt.NDArray[np.int64]:
    filled: npt.NDArray[np.int64] = (values.fill_null(null) if values.null_count else values).to_numpy()
    return filled


def conform(dataset: Dataset, frame: pl.DataFrame, code: str) -> pl.DataFrame:
    """`frame` in the contract's column order, or a refusal that names every column that breaks it."""
    wrong: list[str] = []
    missing = [n for n in dataset.names if n not in frame.columns]
    extra = [n for n in frame.columns if n not in dataset.names]
    wrong += [f"{n} is missing" for n in missing] + [f"{n} is not in the contract" for n in extra]
    schema = frame.schema
    for col in dataset.columns:
        if col.name in missing:
            continue
        dtype, want = schema[col.name], col.dtype()
        if (want is not None and dtype != want) or (col.kind is Kind.WORLD and not isinstance(dtype, pl.Enum)):
            wrong.append(f"{col.name} is {dtype}")
        elif not col.nullable and frame[col.name].null_count():
            wrong.append(f"{col.name} has {frame[col.name].null_count()} nulls")
    if wrong:
        raise ContractBroken(
            code, f"{len(wrong)} columns break the contract", dataset.name, "; ".join(wrong[:6]), "the contract's types"
        )
    return frame if tuple(frame.columns) == dataset.names else frame.select(dataset.names)


def empty(dataset: Dataset) -> pl.DataFrame:
    """A frame without rows; open dictionaries get no categories."""
    return pl.DataFrame(schema={c.name: c.dtype() or pl.Enum([]) for c in dataset.columns})

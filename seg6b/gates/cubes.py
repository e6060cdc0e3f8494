"""Evidence tables as arrays: counts by cell and category, and what must not be in them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from seg6b.shards.cells import CELLS
from seg6b.stats.order import CellHistogram

F64 = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Cube:
    """Counts by cell and one or more categories.

    Attributes:
        counts: shape (64, len(labels[0]), ...).
        labels: the values met on each further axis, sorted.
    """

    counts: F64
    labels: tuple[list[Any], ...]

    @property
    def total(self) -> F64:
        """Counts over all cells."""
        return self.counts.sum(0)

    @property
    def n(self) -> int:
        """All counts."""
        return int(self.counts.sum())

    def along(self, axis: int) -> dict[Any, int]:
        """Counts over all cells by one axis, by label."""
        others = tuple(i for i in range(self.counts.ndim) if i != axis + 1)
        return dict(zip(self.labels[axis], self.counts.sum(others).astype(int).tolist(), strict=True))


def cube(table: pl.DataFrame, by: Sequence[str], value: str = "n") -> Cube:
    """Counts of a table by cell and `by`; strings sort as text, whatever their codes."""
    plain = [pl.col(c).cast(pl.String) if isinstance(table.schema[c], pl.Enum) else pl.col(c) for c in by]
    rows = table.select("cell", *plain, pl.col(value)).group_by("cell", *by).agg(pl.col(value).sum())
    labels = tuple(rows[c].unique().sort().to_list() for c in by)
    where = [rows[c].rank("dense").to_numpy().astype(np.int64) - 1 for c in by]
    counts = np.zeros((CELLS, *(len(names) for names in labels)))
    counts[(rows["cell"].to_numpy(), *where)] = rows[value].to_numpy()
    return Cube(counts, labels)


def total_of(table: pl.DataFrame, value: str = "n") -> int:
    """Sum of a count column."""
    return int(table[value].sum())


def histogram(table: pl.DataFrame, value: str) -> CellHistogram:
    """The cell histogram of an integer column."""
    return CellHistogram.of(table["cell"].to_numpy(), table[value].to_numpy(), table["n"].to_numpy())


def faults(table: pl.DataFrame, closed: Mapping[str, Sequence[str]], never_null: Sequence[str] = ()) -> str:
    """What a gate may not silently accept: nulls, and values outside a closed vocabulary. Empty if there is none."""
    nulls = {name: total_of(table.filter(pl.col(name).is_null())) for name in (*closed, *never_null)}
    found = [f"{name} is null in {n} rows" for name, n in nulls.items() if n]
    for name, vocabulary in closed.items():
        met = table[name].drop_nulls().unique().cast(pl.String).to_list()
        unknown = sorted(set(met) - set(vocabulary))
        if unknown:
            found.append(f"{name} has unknown values {unknown[:5]}")
    return "; ".join(found)


def ratio(numerator: float, denominator: float) -> float | None:
    """A share, or None of nothing."""
    return numerator / denominator if denominator else None


def share_of_cells(parts: F64) -> F64:
    """`(..., 2)` sums of part and whole to shares; NaN of nothing."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(parts[..., 1] > 0, parts[..., 0] / parts[..., 1], np.nan)

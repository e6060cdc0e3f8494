"""Association of two categories: chi-square, Cramér's V, and the V that noise alone leaves at zero."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import special

F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]


def cramers_v(tables: npt.ArrayLike) -> F64:
    """Cramér's V of each table: `sqrt(chi2 / (n min(r - 1, c - 1)))` over non-empty rows and columns.

    Args:
        tables: counts, shape (..., rows, columns).

    Returns:
        V in 0..1, shape (...); NaN where fewer than two rows or columns are non-empty.

    References:
        H. Cramér, *Mathematical Methods of Statistics*, 1946, §21.9.
    """
    shape = _shape(tables)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(shape.degenerate, np.nan, np.sqrt(shape.phi2 / (np.minimum(shape.rows, shape.columns) - 1.0)))


def bergsma_v(tables: npt.ArrayLike) -> F64:
    """Bias-corrected Cramér's V of each table.

    `phi2c = max(0, chi2/n - (r-1)(c-1)/(n-1))`, `rc = r - (r-1)^2/(n-1)`, `cc` likewise,
    `V = sqrt(phi2c / min(rc - 1, cc - 1))`, over non-empty rows and columns.

    Args:
        tables: counts, shape (..., rows, columns).

    Returns:
        V, shape (...); NaN where fewer than two rows or columns are non-empty, or too few counts to correct.

    References:
        W. Bergsma, *A bias-correction for Cramér's V and Tschuprow's T*, J. Korean Stat. Soc. 42, 2013.
    """
    shape = _shape(tables)
    r, c, n1 = shape.rows, shape.columns, shape.n - 1.0
    with np.errstate(divide="ignore", invalid="ignore"):
        phi2 = np.maximum(0.0, shape.phi2 - (r - 1.0) * (c - 1.0) / n1)
        least = np.minimum(r - (r - 1.0) ** 2 / n1, c - (c - 1.0) ** 2 / n1) - 1.0
        return np.where(shape.degenerate | ~(least > 0.0), np.nan, np.sqrt(phi2 / least))


def chi_square(table: npt.ArrayLike) -> tuple[float, float, int]:
    """Pearson's chi-square of one table over its non-empty rows and columns.

    Returns:
        Statistic, p-value of independence, degrees of freedom; (NaN, NaN, 0) for a degenerate table.
    """
    shape = _shape(table)
    if bool(shape.degenerate):
        return float("nan"), float("nan"), 0
    freedom = int((shape.rows - 1) * (shape.columns - 1))
    statistic = float(shape.phi2 * shape.n)
    return statistic, float(special.chdtrc(freedom, statistic)), freedom


@dataclass(frozen=True, slots=True)
class _Shape:
    phi2: F64
    n: F64
    rows: F64
    columns: F64

    @property
    def degenerate(self) -> npt.NDArray[np.bool_]:
        return (self.rows < 2) | (self.columns < 2)


def _shape(tables: npt.ArrayLike) -> _Shape:
    counts = np.asarray(tables, np.float64)
    by_row, by_column = counts.sum(-1), counts.sum(-2)
    n = by_row.sum(-1)
    with np.errstate(divide="ignore", invalid="ignore"):
        expected = by_row[..., :, None] * by_column[..., None, :] / n[..., None, None]
        parts = np.where(expected > 0, (counts - expected) ** 2 / expected, 0.0)
        phi2 = parts.sum((-1, -2)) / n
    return _Shape(phi2, n, (by_row > 0).sum(-1).astype(np.float64), (by_column > 0).sum(-1).astype(np.float64))

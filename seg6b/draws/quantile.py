"""Inverse CDFs as tables: built once from a law, then read with + - x / alone.

The grid is a function of the bits of `v = min(u, 1 - u)`: 64 cells an octave from 1/2 down to 2^-34 and one
last cell to 0, on both sides. So a lookup is two shifts and one linear interpolation, the tails stay
resolved to 6e-11, and no logarithm of this machine's library is ever taken at draw time.
Values are rounded to 9 significant digits: libraries that differ in the last bits give the same table.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from seg6b.draws.compiled import kernel

F64 = npt.NDArray[np.float64]

CELLS = 64
OCTAVES = 33
SIDE = CELLS * OCTAVES + 2
_SHIFT = np.int64(46)
_BASE = np.int64((1023 - 1 - OCTAVES) * CELLS)


def round9(values: F64) -> F64:
    """Round to 9 significant decimal digits."""
    return np.array([float(f"{value:.8e}") for value in values], np.float64)


def grid() -> F64:
    """The `u` of each table entry, ascending: shape (2 * SIDE - 1,), from 0 through 1/2 to 1."""
    bits = (_BASE + np.arange(SIDE - 1, dtype=np.int64)) << _SHIFT
    lower = np.concatenate([[0.0], bits.view(np.float64)])
    return np.concatenate([lower, (1.0 - lower[::-1])[1:]])


def build_table(quantile: Callable[[F64], F64], low: float, high: float) -> F64:
    """Tabulate `quantile` on `grid()`; the ends are `low` and `high`. Monotone by construction."""
    points = grid()
    values = np.empty(points.size)
    values[1:-1] = quantile(points[1:-1])
    values[0], values[-1] = low, high
    table = round9(np.clip(np.maximum.accumulate(values), low, high))
    if not np.all(np.isfinite(table)):
        message = "a quantile table needs finite support"
        raise ValueError(message)
    return table


@kernel
def lookup(table: F64, u: float) -> float:
    """The quantile at `u` in (0, 1): linear between the two grid points around it."""
    upper = u > 0.5
    v = 1.0 - u if upper else u
    cell = (np.float64(v).view(np.int64) >> _SHIFT) - _BASE
    if cell < 0:
        low, high, cell = 0.0, np.int64(_BASE << _SHIFT).view(np.float64), np.int64(-1)
    else:
        low = np.int64((cell + _BASE) << _SHIFT).view(np.float64)
        high = np.int64((cell + _BASE + 1) << _SHIFT).view(np.float64)
    t = (v - low) / (high - low)
    if upper:
        last = table.size - 1
        near, far = table[last - int(cell + 1)], table[max(last - int(cell + 2), 0)]
    else:
        near, far = table[int(cell + 1)], table[min(int(cell + 2), table.size - 1)]
    return near + t * (far - near)


@kernel
def lookup_all(table: F64, u: F64) -> F64:
    """`lookup` of each row."""
    out = np.empty(u.size, np.float64)
    for i in range(u.size):
        out[i] = lookup(table, u[i])
    return out


def cdf_of_table(table: F64, values: F64) -> F64:
    """The CDF that the table really has, at `values`: for distances between draws and their own law."""
    points = grid()
    keep = np.concatenate([[True], np.diff(table) > 0])
    return np.interp(values, table[keep], points[keep], left=0.0, right=1.0)


def significant(value: float) -> float:
    """One number rounded as the tables are."""
    return float(f"{value:.8e}") if math.isfinite(value) else value

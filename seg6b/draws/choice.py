"""Choices inside kernels: one value of a tabulated law, one index of cumulative weights."""

from __future__ import annotations

import numpy as np

from seg6b.draws.compiled import kernel
from seg6b.draws.quantile import F64, lookup


@kernel
def sample(atom_mass: float, atom_cum: F64, atom_values: F64, table: F64, u: float) -> float:
    """One value of the law at uniform `u`: below `atom_mass` an atom, else the tail at the remapped uniform."""
    if u < atom_mass:
        v = u / atom_mass
        i = 0
        while i < atom_cum.size - 1 and v >= atom_cum[i]:
            i += 1
        return atom_values[i]
    return lookup(table, (u - atom_mass) / (1.0 - atom_mass))


@kernel
def sample_all(atom_mass: float, atom_cum: F64, atom_values: F64, table: F64, u: F64) -> F64:
    """`sample` of each row."""
    out = np.empty(u.size, np.float64)
    for i in range(u.size):
        out[i] = sample(atom_mass, atom_cum, atom_values, table, u[i])
    return out


@kernel
def pick(cum: F64, u: float) -> int:
    """Index of the first entry of the cumulative weights `cum` (last = total) above `u * total`."""
    target = u * cum[cum.size - 1]
    i = 0
    while i < cum.size - 1 and target >= cum[i]:
        i += 1
    return i

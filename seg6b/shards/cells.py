"""Cells: every party lies in one of 64 cells, by a hash that no seed and no world can move."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from seg6b.draws.compiled import kernel
from seg6b.draws.mix import U64, entity1, mix64, text64

CELLS: Final = 64
_ROUTE = text64("route", "party")
_S58 = np.uint64(58)


@kernel
def route_of(party_id: npt.NDArray[np.int64]) -> U64:
    """Routing hash of each party: parties are ordered by it, cells and shards are ranges of it."""
    out = np.empty(party_id.size, np.uint64)
    for i in range(party_id.size):
        out[i] = mix64(entity1(party_id[i]) ^ _ROUTE)
    return out


@kernel
def cell_of(party_id: npt.NDArray[np.int64]) -> npt.NDArray[np.uint8]:
    """Cell of each party, 0..63: the top six bits of its routing hash."""
    out = np.empty(party_id.size, np.uint8)
    for i in range(party_id.size):
        out[i] = np.uint8(mix64(entity1(party_id[i]) ^ _ROUTE) >> _S58)
    return out


def shard_of(route: U64, shards: int) -> npt.NDArray[np.int64]:
    """Shard of each routing hash, for a power of two of shards: a group of cells, or a part of one."""
    bits = shards.bit_length() - 1
    if bits == 0:
        return np.zeros(route.size, np.int64)
    return (route >> np.uint64(64 - bits)).astype(np.int64)

"""The order of a shard: party by routing hash, then time, merchant and arrival number."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from seg6b.draws.compiled import kernel
from seg6b.shards.stable import sort_rows

I32 = npt.NDArray[np.int32]
I64 = npt.NDArray[np.int64]


@kernel
def party_order(rank: I32, ts: I64, merchant: I32, seq: I64) -> I64:
    """Rows in the order of (rank, ts, merchant, seq).

    Args:
        rank: place of the party among all parties.
        ts: microseconds.
        merchant: index of the merchant, in order of id.
        seq: arrival number within the merchant.
    """
    size = rank.size
    order = np.empty(size, np.int64)
    if size == 0:
        return order
    low, high = rank.min(), rank.max()
    starts = np.zeros(high - low + 2, np.int64)
    for i in range(size):
        starts[rank[i] - low + 1] += 1
    for p in range(starts.size - 1):
        starts[p + 1] += starts[p]
    at = starts[:-1].copy()
    for i in range(size):
        order[at[rank[i] - low]] = i
        at[rank[i] - low] += 1
    for p in range(starts.size - 1):
        begin, end = starts[p], starts[p + 1]
        if end - begin > 1:
            sort_rows(order[begin:end], ts)
            _settle_ties(order[begin:end], ts, merchant, seq)
    return order


@kernel
def _settle_ties(rows: I64, ts: I64, merchant: I32, seq: I64) -> None:
    """Insertion sort of a party's rows, which are in order of time, by (merchant, seq) where times are equal."""
    for i in range(1, rows.size):
        row = rows[i]
        j = i - 1
        while j >= 0:
            other = rows[j]
            if ts[other] != ts[row]:
                break
            if merchant[other] < merchant[row] or (merchant[other] == merchant[row] and seq[other] <= seq[row]):
                break
            rows[j + 1] = other
            j -= 1
        rows[j + 1] = row

"""Sessions as they lie in rows: numbered, gathered, clustered. For rows of whole parties, parties adjacent."""

from __future__ import annotations

import numpy as np

from seg6b.draws.compiled import kernel
from seg6b.draws.mix import mix64
from seg6b.evidence.row_arrays import I32, I64


@kernel
def find_session(session: int, table: I64, first: I64, held: I64) -> np.int64:
    """Slot of `session` in the open-addressing `table`: that of its number, or the free one (-1) where it belongs.

    `first[number]` is the row in which the session appeared first, `held` the sessions of all rows.
    """
    mask = np.uint64(table.size - 1)
    slot = mix64(np.uint64(session)) & mask
    while table[slot] >= 0 and held[first[table[slot]]] != session:
        slot = (slot + np.uint64(1)) & mask
    return np.int64(slot)


@kernel
def number_sessions(session: I64) -> tuple[I64, I64, I64]:
    """Number of each row's session in order of appearance, first row of each session, and the table for lookups."""
    size = 8
    while size < 2 * session.size:
        size *= 2
    table = np.full(size, -1, np.int64)
    number, first = np.empty(session.size, np.int64), np.empty(session.size, np.int64)
    found = 0
    for i in range(session.size):
        if i > 0 and session[i] == session[i - 1]:
            number[i] = number[i - 1]
            continue
        slot = find_session(session[i], table, first, session)
        if table[slot] < 0:
            table[slot] = found
            first[found] = i
            found += 1
        number[i] = table[slot]
    return number, first[:found], table


@kernel
def rows_by_session(number: I64, sessions: int) -> tuple[I64, I64]:
    """Start of each session in the rows ordered by session, shape (sessions + 1,), and those rows."""
    start = np.zeros(sessions + 1, np.int64)
    for i in range(number.size):
        start[number[i] + 1] += 1
    for s in range(sessions):
        start[s + 1] += start[s]
    at = start[:-1].copy()
    rows = np.empty(number.size, np.int64)
    for i in range(number.size):
        rows[at[number[i]]] = i
        at[number[i]] += 1
    return start, rows


@kernel
def cluster_rows(
    rows: I64, begin: int, end: int, merchant: I64, channel: I32, cluster: I64, head: I64, size: I64
) -> int:
    """Cluster `rows[begin:end]` by merchant and channel; how many clusters there are.

    Fills the cluster of each row, and the first row and the size of each cluster, in order of appearance.
    """
    clusters = 0
    for i in range(begin, end):
        row, c = rows[i], 0
        while c < clusters and (merchant[head[c]] != merchant[row] or channel[head[c]] != channel[row]):
            c += 1
        if c == clusters:
            head[c], size[c] = row, 0
            clusters += 1
        cluster[i - begin] = c
        size[c] += 1
    return clusters

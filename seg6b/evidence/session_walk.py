"""One walk over the sessions of S2: arrivals and flows of each, and clusters of several arrivals."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
import polars as pl

from seg6b.datasets.frames import codes_of
from seg6b.draws.compiled import kernel, read_only
from seg6b.evidence.row_arrays import I32, I64, U8
from seg6b.evidence.session_rows import cluster_rows, find_session, number_sessions, rows_by_session
from seg6b.shards.cells import CELLS, cell_of

SIZE_CAP: Final = 50


class Sessions(NamedTuple):
    """What the walk found.

    Attributes:
        cell: cell of each session.
        arrivals: arrivals of each session.
        n_flows: its flows.
        n_arrivals: arrivals that its flows claim.
        clusters: clusters of several arrivals by cell and size (capped), shape (cells, cap + 1).
        strangers: flows of a session that no arrival names, by cell of the flow.
    """

    cell: U8
    arrivals: I64
    n_flows: I64
    n_arrivals: I64
    clusters: I64
    strangers: I64


def walk_sessions(arrivals: pl.DataFrame, flows: pl.DataFrame) -> Sessions:
    """Walk arrivals and flows of whole parties.

    Args:
        arrivals: rows of `s1_arrival_entities_6B`: party_id, session_id, merchant_id, channel_group.
        flows: rows of `s2_flow_anchor_baseline_6B`: party_id, session_id, n_arrivals.
    """
    session = read_only(arrivals["session_id"].to_numpy())
    number, first, table = number_sessions(session)
    start, rows = rows_by_session(number, first.size)
    cell = cell_of(read_only(arrivals["party_id"].to_numpy()))[first]
    merchant, channel = read_only(arrivals["merchant_id"].to_numpy()), read_only(codes_of(arrivals["channel_group"]))
    clusters = _clusters(start, rows, merchant, channel, cell)
    n_flows, n_arrivals, strangers = _claims(
        session,
        first,
        table,
        read_only(flows["session_id"].to_numpy()),
        read_only(flows["n_arrivals"].to_numpy()),
        cell_of(read_only(flows["party_id"].to_numpy())),
    )
    return Sessions(cell, np.diff(start), n_flows, n_arrivals, clusters, strangers)


@kernel
def _clusters(start: I64, rows: I64, merchant: I64, channel: I32, cell: U8) -> I64:
    found = np.zeros((CELLS, SIZE_CAP + 1), np.int64)
    longest = 1
    for s in range(cell.size):
        longest = max(longest, start[s + 1] - start[s])
    cluster, head, size = np.empty(longest, np.int64), np.empty(longest, np.int64), np.empty(longest, np.int64)
    for s in range(cell.size):
        if start[s + 1] - start[s] > 1:
            clusters = cluster_rows(rows, start[s], start[s + 1], merchant, channel, cluster, head, size)
            for c in range(clusters):
                if size[c] > 1:
                    found[cell[s], min(size[c], SIZE_CAP)] += 1
    return found


@kernel
def _claims(session: I64, first: I64, table: I64, flow_session: I64, claimed: I32, cell: U8) -> tuple[I64, I64, I64]:
    n_flows, n_arrivals = np.zeros(first.size, np.int64), np.zeros(first.size, np.int64)
    strangers = np.zeros(CELLS, np.int64)
    number = np.int64(-1)
    for f in range(flow_session.size):
        if f == 0 or flow_session[f] != flow_session[f - 1]:
            number = table[find_session(flow_session[f], table, first, session)]
        if number < 0:
            strangers[cell[f]] += 1
        else:
            n_flows[number] += 1
            n_arrivals[number] += claimed[f]
    return n_flows, n_arrivals, strangers

"""The plan: which arrivals make which flow.

Within a session arrivals are clustered by (merchant, channel); a cluster makes min(N, its arrivals) flows, and its
arrivals are dealt to them in turn, in time order, as cards are. The first arrival of a flow is its anchor. A flow
beyond the session's guard is not made: its arrivals go to the first flow of its cluster, or failing that to the
kept flows in turn.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
import polars as pl

from seg6b.datasets.frames import codes_of, micros_of
from seg6b.datasets.tables import SESSION_ARRIVALS
from seg6b.datasets.vocabulary import FLOW_PLAN_RULES
from seg6b.draws.choice import pick
from seg6b.draws.compiled import kernel, read_only
from seg6b.draws.mix import U64, draw, entity1, fold
from seg6b.errors import ContractBroken
from seg6b.evidence.row_arrays import I32, I64, U8
from seg6b.evidence.s2_draws import FLOW_COUNT
from seg6b.evidence.session_rows import cluster_rows, number_sessions, rows_by_session
from seg6b.shards.cells import cell_of
from seg6b.states.s2_flows.arrays import PlanArrays

_SINGLE: Final = FLOW_PLAN_RULES.index("SINGLE_ARRIVAL")
_CLUSTERED: Final = FLOW_PLAN_RULES.index("CLUSTERED")
_CLAMPED: Final = FLOW_PLAN_RULES.index("CLAMPED")
_ONE: Final = FLOW_PLAN_RULES.index("ONE_PER_ARRIVAL")
# Rows of the scratch array, whose columns are the rows or the clusters of one session.
_CLUSTER: Final = 0
_HEAD: Final = 1
_SIZE: Final = 2
_FLOWS: Final = 3
_TAKEN: Final = 4
_KEPT: Final = 5
_ANCHORS: Final = 6


class Arrivals(NamedTuple):
    """Arrivals of a batch, rows of a party adjacent and in order of (time, merchant, arrival_seq).

    Attributes:
        party: party_id.
        session: session_id.
        merchant: merchant_id.
        seq: arrival_seq.
        channel: code of the channel.
        merchant_class: code of the class.
        segment: code of the party's segment.
        cell: cell of the party.
    """

    party: I64
    session: I64
    merchant: I64
    seq: I64
    channel: I32
    merchant_class: I32
    segment: I32
    cell: U8


class Plan(NamedTuple):
    """Flows in order of their anchors, all of shape (flows,).

    Attributes:
        anchor: row of the anchor arrival.
        number: within the session, from 0, in order of the anchors.
        arrivals: arrivals that make the flow.
        rule: code of the plan rule.
    """

    anchor: I64
    number: I32
    arrivals: I32
    rule: U8


def in_order(arrivals: pl.DataFrame) -> pl.DataFrame:
    """The arrivals, each party's in order of time, ties by merchant and arrival_seq; parties keep their places."""
    party, ts = read_only(arrivals["party_id"].to_numpy()), read_only(micros_of(arrivals["ts_utc"]))
    merchant, seq = read_only(arrivals["merchant_id"].to_numpy()), read_only(arrivals["arrival_seq"].to_numpy())
    if _ordered(party, ts, merchant, seq):
        return arrivals
    run = pl.col("party_id").rle_id()
    return arrivals.sort(run, "ts_utc", "merchant_id", "arrival_seq")


def arrival_arrays(arrivals: pl.DataFrame) -> Arrivals:
    """Arrays of the columns that the kernels need."""
    party = read_only(arrivals["party_id"].to_numpy())
    return Arrivals(
        party,
        read_only(arrivals["session_id"].to_numpy()),
        read_only(arrivals["merchant_id"].to_numpy()),
        read_only(arrivals["arrival_seq"].to_numpy()),
        read_only(codes_of(arrivals["channel_group"])),
        read_only(codes_of(arrivals["merchant_class"])),
        read_only(codes_of(arrivals["party_segment_id"])),
        read_only(cell_of(party)),
    )


def plan_flows(arrivals: Arrivals, rules: PlanArrays, keys: U64, used: I64) -> Plan:
    """The flows that `arrivals` make; draws are counted in `used`.

    Raises:
        ContractBroken: `E_S2_SESSION_SPLIT` if two parties share a session, `E_S2_ARRIVAL_ASSIGNMENT` if an arrival
            is not in exactly one flow.
    """
    session, first, _ = number_sessions(arrivals.session)
    strangers = np.flatnonzero(arrivals.party[first[session]] != arrivals.party)
    if strangers.size:
        raise ContractBroken(
            "E_S2_SESSION_SPLIT",
            "a session holds arrivals of two parties",
            f"{SESSION_ARRIVALS.name}, session_id {arrivals.session[strangers[0]]}",
            f"party_id {arrivals.party[strangers[0]]} besides another",
            "one party a session",
            "Rerun S1.",
        )
    start, rows = rows_by_session(session, first.size)
    number, count, rule = _deal(start, rows, arrivals, rules, keys, used)
    anchor = np.flatnonzero(number >= 0)
    plan = Plan(
        read_only(anchor), read_only(number[anchor]), read_only(count[anchor]), read_only(rule[anchor].astype(np.uint8))
    )
    if int(plan.arrivals.sum()) != arrivals.party.size:
        raise ContractBroken(
            "E_S2_ARRIVAL_ASSIGNMENT",
            "arrivals are not in exactly one flow each",
            SESSION_ARRIVALS.name,
            f"{int(plan.arrivals.sum())} assignments",
            f"{arrivals.party.size}",
        )
    return plan


@kernel
def _ordered(party: I64, ts: I64, merchant: I64, seq: I64) -> bool:
    for i in range(1, party.size):
        if party[i] == party[i - 1] and ts[i] <= ts[i - 1]:
            if ts[i] < ts[i - 1] or merchant[i] < merchant[i - 1]:
                return False
            if merchant[i] == merchant[i - 1] and seq[i] < seq[i - 1]:
                return False
    return True


@kernel
def _deal(start: I64, rows: I64, arrivals: Arrivals, rules: PlanArrays, keys: U64, used: I64) -> I32:
    """For each row: number of the flow it anchors (-1 if none), arrivals of that flow, its plan rule."""
    session, merchant, channel, seq, cell = (
        arrivals.session, arrivals.merchant, arrivals.channel, arrivals.seq, arrivals.cell
    )  # fmt: skip
    one, counts, cum, most = rules.one_per_arrival, rules.counts, rules.cum, rules.max_flows
    out = np.full((3, rows.size), -1, np.int32)
    out[1] = 0
    scratch = np.empty((_ANCHORS + counts[counts.size - 1], _longest(start)), np.int64)
    cluster, head, size, flows = scratch[_CLUSTER], scratch[_HEAD], scratch[_SIZE], scratch[_FLOWS]
    for s in range(start.size - 1):
        begin, end = start[s], start[s + 1]
        if one:
            clusters = _alone(begin, end, scratch)
        else:
            clusters = cluster_rows(rows, begin, end, merchant, channel, cluster, head, size)
        for c in range(clusters):
            flows[c] = min(counts[0], size[c])
            if size[c] > 1 and counts.size > 1:
                row = head[c]
                used[cell[row], FLOW_COUNT] += 1
                u = draw(fold(fold(entity1(session[row]), merchant[row]), seq[row]), keys[FLOW_COUNT])
                flows[c] = min(counts[pick(cum, u)], size[c])
        _deal_session(rows, begin, end, scratch, most, _ONE if one else -1, out)
    return out


@kernel
def _longest(start: I64) -> int:
    longest = 1
    for s in range(start.size - 1):
        longest = max(longest, start[s + 1] - start[s])
    return longest


@kernel
def _alone(begin: int, end: int, scratch: I64) -> int:
    """A cluster for each row."""
    for i in range(end - begin):
        scratch[_CLUSTER, i], scratch[_SIZE, i] = i, 1
    return end - begin


@kernel
def _deal_session(rows: I64, begin: int, end: int, scratch: I64, most: int, one: int, out: I32) -> None:
    """Deal the rows of one session to the flows of their clusters; `one` is the plan rule if no cluster is formed."""
    scratch[_TAKEN, : end - begin] = 0
    made, surplus = 0, 0
    for i in range(end - begin):
        row, c = rows[begin + i], scratch[_CLUSTER, i]
        slot = scratch[_TAKEN, c] % scratch[_FLOWS, c]
        if scratch[_TAKEN, c] < scratch[_FLOWS, c]:
            anchor = row
            if made < most:
                scratch[_KEPT, made] = row
                single = _SINGLE if scratch[_SIZE, c] == 1 else _CLUSTERED
                out[0, row], out[2, row] = made, one if one >= 0 else single
                made += 1
            else:
                anchor = scratch[_ANCHORS, c] if slot > 0 else scratch[_KEPT, surplus % most]
                surplus += 1
                out[2, anchor] = _CLAMPED
            scratch[_ANCHORS + slot, c] = anchor
        out[1, scratch[_ANCHORS + slot, c]] += 1
        scratch[_TAKEN, c] += 1

"""One walk over the flows of S2 and their events: what every row must hold, latencies, drawn offsets, extremes."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
import polars as pl

from seg6b.datasets.frames import codes_of, ids_of, micros_of
from seg6b.datasets.vocabulary import EVENT_TYPES, NONE, OFFSET_MODELS, OUTCOMES
from seg6b.draws.compiled import kernel, read_only
from seg6b.evidence.row_arrays import I32, I64, U8, Flags
from seg6b.shards.cells import CELLS, cell_of

CHECKS: Final = (
    "time_monotone",
    "time_strict",
    "seq_contiguous",
    "events_of_flow",
    "request_first",
    "amount_sign",
    "clearing_close",
    "declined_final",
    "one_undo",
    "flow_stamps",
    "arrivals_once",
)
NEVER: Final = np.iinfo(np.int64).min
OFFSET_BITS: Final = 12
WORD: Final = CELLS * len(OFFSET_MODELS)
_MONOTONE: Final = CHECKS.index("time_monotone")
_STRICT: Final = CHECKS.index("time_strict")
_CONTIGUOUS: Final = CHECKS.index("seq_contiguous")
_EVENTS: Final = CHECKS.index("events_of_flow")
_FIRST: Final = CHECKS.index("request_first")
_SIGN: Final = CHECKS.index("amount_sign")
_CLOSE: Final = CHECKS.index("clearing_close")
_FINAL: Final = CHECKS.index("declined_final")
_UNDO: Final = CHECKS.index("one_undo")
_STAMPS: Final = CHECKS.index("flow_stamps")
_REQUEST: Final = EVENT_TYPES.index("AUTH_REQUEST")
_CHALLENGE: Final = EVENT_TYPES.index("STEP_UP_CHALLENGE")
_RESPONSE: Final = EVENT_TYPES.index("AUTH_RESPONSE")
_CLEARING: Final = EVENT_TYPES.index("CLEARING")
_REFUND: Final = EVENT_TYPES.index("REFUND")
_REVERSAL: Final = EVENT_TYPES.index("REVERSAL")
_KINDS: Final = len(EVENT_TYPES)
_MODELS: Final = len(OFFSET_MODELS)
_NO_MODEL: Final = OFFSET_MODELS.index(NONE)
_COARSE: Final = 1 << OFFSET_BITS


class FlowRows(NamedTuple):
    """Flows; nulls are `NEVER`.

    Attributes:
        flow_id: id.
        cell: cell of the party.
        n_events: events it claims.
        declined: declined by its outcome.
        stamps: what the flow says of its first event of each type, shape (event types, flows).
        amounts: its amounts for each event type, same shape.
    """

    flow_id: I64
    cell: U8
    n_events: I32
    declined: Flags
    stamps: I64
    amounts: I64


class EventRows(NamedTuple):
    """Events in the order of their flows; nulls are `NEVER`, of codes -1.

    Attributes:
        flow_id: id of the flow.
        seq: event_seq.
        kind: code of the type.
        ts: microseconds.
        amount: minor units.
        model: code of the offset model.
        latency: drawn offset, microseconds.
    """

    flow_id: I64
    seq: I32
    kind: I32
    ts: I64
    amount: I64
    model: I32
    latency: I64


class Walked(NamedTuple):
    """What the walk found.

    Attributes:
        seen: rows looked at, shape (checks, cells).
        bad: rows that break the check, same shape.
        latency: first AUTH_REQUEST to first AUTH_RESPONSE of each flow, microseconds, `NEVER` without the pair.
        step_up: whether the flow was challenged.
        span: longest time from first to last event, and most events of a flow, shape (2, cells).
        kinds: events, first and last time by event type, shape (3, event types, cells).
        offsets: a word for each drawn offset: its bin in milliseconds * `WORD` + cell * models + model.
    """

    seen: I64
    bad: I64
    latency: I64
    step_up: Flags
    span: I64
    kinds: I64
    offsets: I64


def walk_flows(flows: pl.DataFrame, events: pl.DataFrame) -> Walked:
    """Walk published flows and events of whole parties.

    Args:
        flows: rows of `s2_flow_anchor_baseline_6B`.
        events: rows of `s2_event_stream_baseline_6B` in the order of their flows; what is out of place counts as bad.
    """
    found = Walked(
        np.zeros((len(CHECKS), CELLS), np.int64),
        np.zeros((len(CHECKS), CELLS), np.int64),
        np.full(flows.height, NEVER),
        np.zeros(flows.height, np.bool_),
        np.zeros((2, CELLS), np.int64),
        np.zeros((3, _KINDS, CELLS), np.int64),
        np.empty(events.height, np.int64),
    )
    drawn = _walk(_flow_rows(flows), _event_rows(events), found)
    return found._replace(offsets=found.offsets[:drawn])


def _flow_rows(flows: pl.DataFrame) -> FlowRows:
    height = flows.height
    stamps, amounts = np.full((_KINDS, height), NEVER), np.full((_KINDS, height), NEVER)
    for kind, stamp, amount in (
        (_REQUEST, "ts_utc", "amount_minor"),
        (_RESPONSE, "auth_response_ts", "auth_amount_minor"),
        (_CLEARING, "clear_ts", "clear_amount_minor"),
        (_REFUND, "refund_ts", "refund_amount_minor"),
        (_REVERSAL, "reversal_ts", "reversal_amount_minor"),
    ):
        stamps[kind], amounts[kind] = micros_of(flows[stamp]), ids_of(flows[amount], null=NEVER)
    return FlowRows(
        read_only(flows["flow_id"].to_numpy()),
        cell_of(read_only(flows["party_id"].to_numpy())),
        read_only(flows["n_events"].to_numpy()),
        read_only(codes_of(flows["baseline_outcome"]) == OUTCOMES.index("AUTH_DECLINED")),
        read_only(stamps),
        read_only(amounts),
    )


def _event_rows(events: pl.DataFrame) -> EventRows:
    return EventRows(
        read_only(events["flow_id"].to_numpy()),
        read_only(events["event_seq"].to_numpy()),
        read_only(codes_of(events["event_type"])),
        read_only(micros_of(events["ts_utc"])),
        read_only(ids_of(events["amount_minor"], null=NEVER)),
        read_only(codes_of(events["offset_model_id"])),
        read_only(ids_of(events["latency_us"], null=NEVER)),
    )


@kernel
def _walk(flows: FlowRows, events: EventRows, found: Walked) -> int:
    """Fill `found`; how many offsets were drawn."""
    # Fields are taken out of the tuples once: numba counts references for every access inside a loop.
    flow_id, cells, n_events, declined = flows.flow_id, flows.cell, flows.n_events, flows.declined
    flow_stamps, flow_amounts = flows.stamps, flows.amounts
    owner, seq, kinds, ts = events.flow_id, events.seq, events.kind, events.ts
    amount, model, latency = events.amount, events.model, events.latency
    seen, bad, spread, count, offsets = found.seen, found.bad, found.span, found.kinds, found.offsets
    latencies, challenged = found.latency, found.step_up
    stamps, amounts = np.empty(_KINDS, np.int64), np.empty(_KINDS, np.int64)
    e, cell, drawn = 0, 0, 0
    for f in range(flow_id.size):
        first, cell = e, cells[f]
        stamps[:], amounts[:] = NEVER, NEVER
        while e < owner.size and owner[e] == flow_id[f]:
            kind = kinds[e]
            if stamps[kind] == NEVER:
                stamps[kind], amounts[kind] = ts[e], amount[e]
            _count(count, kind, cell, ts[e])
            _note(seen, bad, _SIGN, cell, _signed(kind, amount[e]))
            _note(seen, bad, _CONTIGUOUS, cell, seq[e] == e - first)
            if e > first:
                _note(seen, bad, _MONOTONE, cell, ts[e] >= ts[e - 1])
            if model[e] != _NO_MODEL:
                _note(seen, bad, _STRICT, cell, e > first and ts[e] > ts[e - 1])
                offsets[drawn] = offset_bin(latency[e] // 1000) * WORD + cell * _MODELS + model[e]
                drawn += 1
            e += 1
        _note(seen, bad, _EVENTS, cell, e - first == n_events[f] and e > first)
        spread[1, cell] = max(spread[1, cell], e - first)
        if e > first:
            spread[0, cell] = max(spread[0, cell], ts[e - 1] - ts[first])
            _note(seen, bad, _FIRST, cell, kinds[first] == _REQUEST)
        if stamps[_REQUEST] != NEVER and stamps[_RESPONSE] != NEVER:
            latencies[f] = stamps[_RESPONSE] - stamps[_REQUEST]
        challenged[f] = stamps[_CHALLENGE] != NEVER
        _judge(seen, bad, cell, stamps, amounts, declined[f])
        _note(seen, bad, _STAMPS, cell, _agree(f, stamps, amounts, flow_stamps, flow_amounts))
    bad[_EVENTS, cell] += owner.size - e
    return drawn


@kernel
def offset_bin(ms: int) -> int:
    """Milliseconds floored to `OFFSET_BITS` significant bits."""
    shift = 0
    while ms >> shift >= _COARSE:
        shift += 1
    return (ms >> shift) << shift


@kernel
def _note(seen: I64, bad: I64, check: int, cell: int, good: bool) -> None:  # noqa: FBT001
    seen[check, cell] += 1
    bad[check, cell] += 0 if good else 1


@kernel
def _count(count: I64, kind: int, cell: int, ts: int) -> None:
    """One more event of a type: number, first and last time."""
    fresh = count[0, kind, cell] == 0
    count[0, kind, cell] += 1
    count[1, kind, cell] = ts if fresh else min(count[1, kind, cell], ts)
    count[2, kind, cell] = ts if fresh else max(count[2, kind, cell], ts)


@kernel
def _signed(kind: int, amount: int) -> bool:
    if kind in (_REFUND, _REVERSAL):
        return amount < 0 and amount != NEVER
    return amount > 0


@kernel
def _judge(seen: I64, bad: I64, cell: int, stamps: I64, amounts: I64, declined: bool) -> None:  # noqa: FBT001
    """Rules between the events of one flow."""
    cleared, refunded, undone = stamps[_CLEARING] != NEVER, stamps[_REFUND] != NEVER, stamps[_REVERSAL] != NEVER
    if cleared:
        auth = amounts[_REQUEST]
        _note(seen, bad, _CLOSE, cell, 100 * abs(amounts[_CLEARING] - auth) <= auth + 100)
    if declined:
        _note(seen, bad, _FINAL, cell, not (cleared or refunded or undone))
    if refunded or undone:
        _note(seen, bad, _UNDO, cell, not (cleared or refunded) if undone else cleared)


@kernel
def _agree(f: int, stamps: I64, amounts: I64, flow_stamps: I64, flow_amounts: I64) -> bool:
    """Whether the flow says of its events what they say themselves."""
    for kind in (_REQUEST, _RESPONSE, _CLEARING, _REFUND, _REVERSAL):
        if stamps[kind] != flow_stamps[kind, f] or amounts[kind] != flow_amounts[kind, f]:
            return False
    return True

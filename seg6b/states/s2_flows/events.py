"""Events: the sequence of each flow and the time of each event.

CLEARING and REVERSAL are counted from AUTH_REQUEST, which happens at the anchor arrival; every other event from the
one before it (STEP_UP_CHALLENGE from AUTH_REQUEST, REFUND from CLEARING). An event comes at its anchor plus the drawn
offset, but never sooner than a step after the one before it; the offset is published as drawn.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from seg6b.datasets.vocabulary import CHANNELS, EVENT_TYPES, OFFSET_MODELS, RESPONSE_CODES
from seg6b.draws.compiled import kernel
from seg6b.draws.mix import U64, draw, entity1
from seg6b.draws.quantile import F64, lookup
from seg6b.evidence import s2_draws as d
from seg6b.evidence.row_arrays import I32, I64, U8
from seg6b.states.s2_flows.arrays import TimingArrays
from seg6b.states.s2_flows.flows import DECLINED, REVERSAL, STEP_UP, Flows
from seg6b.states.s2_flows.plan import Arrivals, Plan

_REQUEST: Final = EVENT_TYPES.index("AUTH_REQUEST")
_CHALLENGE: Final = EVENT_TYPES.index("STEP_UP_CHALLENGE")
_COMPLETE: Final = EVENT_TYPES.index("STEP_UP_COMPLETE")
_RESPONSE: Final = EVENT_TYPES.index("AUTH_RESPONSE")
_CLEARING: Final = EVENT_TYPES.index("CLEARING")
_REFUND: Final = EVENT_TYPES.index("REFUND")
_REVERSAL: Final = EVENT_TYPES.index("REVERSAL")
_KINDS: Final = len(EVENT_TYPES)
_APPROVED: Final = RESPONSE_CODES.index("APPROVED")
_DECLINED: Final = RESPONSE_CODES.index("DECLINED")
_ATM: Final = CHANNELS.index("ATM")
_TO_CLEAR_ATM: Final = OFFSET_MODELS.index("atm_auth_to_clear")
_MODELS: Final = {
    "AUTH_REQUEST": "NONE",
    "STEP_UP_CHALLENGE": "step_up_start",
    "STEP_UP_COMPLETE": "step_up_complete",
    "AUTH_RESPONSE": "auth_response",
    "CLEARING": "auth_to_clear",
    "REFUND": "clear_to_refund",
    "REVERSAL": "auth_to_reversal",
}
_DECISIONS: Final = {
    "AUTH_REQUEST": -1,
    "STEP_UP_CHALLENGE": d.CHALLENGE_TIME,
    "STEP_UP_COMPLETE": d.COMPLETE_TIME,
    "AUTH_RESPONSE": d.RESPONSE_TIME,
    "CLEARING": d.CLEARING_TIME,
    "REFUND": d.REFUND_TIME,
    "REVERSAL": d.REVERSAL_TIME,
}
_MODEL_OF: Final = np.array([OFFSET_MODELS.index(_MODELS[kind]) for kind in EVENT_TYPES], np.int64)
_DECISION_OF: Final = np.array([_DECISIONS[kind] for kind in EVENT_TYPES], np.int64)
NEVER: Final = np.iinfo(np.int64).min


class Events(NamedTuple):
    """Events of a batch, flow after flow; times in microseconds since the epoch.

    Attributes:
        flow: row of the flow.
        seq: number within the flow, from 0.
        kind: code of the event type.
        ts: time.
        amount: minor units.
        response: code of the response, -1 for none.
        model: code of the offset model.
        latency: drawn offset, microseconds.
        stamps: time of each event type in each flow, `NEVER` for those it lacks, shape (event types, flows).
        faults: events not after the one before, flows beyond the guard, and a row of such a flow.
    """

    flow: I64
    seq: I32
    kind: U8
    ts: I64
    amount: I64
    response: npt.NDArray[np.int8]
    model: U8
    latency: I64
    stamps: I64
    faults: I64


@kernel
def make_events(
    arrivals: Arrivals, ts: I64, plan: Plan, flows: Flows, timing: TimingArrays, keys: U64, used: I64
) -> Events:
    """Events of all flows; `ts` is the time of each arrival."""
    # Fields are taken out of the tuples once: numba counts references for every access inside a loop.
    anchor, cell, channel = plan.anchor, arrivals.cell, arrivals.channel
    flow_id, trace, n_events, amounts = flows.flow_id, flows.trace, flows.n_events, flows.amounts
    laws, zero, step, guard = timing.laws, timing.zero, timing.step_us, timing.guard_us
    mass, cum, values, atoms, tables = laws.mass, laws.cum, laws.values, laws.atoms, laws.tables
    total = n_events.sum()
    out_flow, out_seq, out_kind = np.empty(total, np.int64), np.empty(total, np.int32), np.empty(total, np.uint8)
    out_ts, out_amount, latency = np.empty(total, np.int64), np.empty(total, np.int64), np.zeros(total, np.int64)
    response, out_model = np.full(total, -1, np.int8), np.zeros(total, np.uint8)
    stamps, faults = np.full((_KINDS, flow_id.size), NEVER), np.zeros(3, np.int64)
    e = 0
    for f in range(flow_id.size):
        row, bits, kind = anchor[f], trace[f], _REQUEST
        entity, asked, now = entity1(flow_id[f]), ts[row], ts[row]
        for k in range(n_events[f]):
            if k > 0:
                kind = _following(kind, bits)
                base, earliest = (asked if kind in (_CLEARING, _REVERSAL) else now), now + step
                if not zero:
                    model = _TO_CLEAR_ATM if kind == _CLEARING and channel[row] == _ATM else _MODEL_OF[kind]
                    u = 0.5
                    if mass[model] < 1.0 or atoms[model] > 1:
                        used[cell[row], _DECISION_OF[kind]] += 1
                        u = draw(entity, keys[_DECISION_OF[kind]])
                    out_model[e] = model
                    latency[e] = _offset_us(model, u, mass, cum, values, atoms, tables)
                now = max(base + latency[e], earliest)
                if not zero and now <= out_ts[e - 1]:
                    faults[0], faults[2] = faults[0] + 1, f
            if kind == _RESPONSE:
                response[e] = _DECLINED if bits & DECLINED else _APPROVED
            out_flow[e], out_seq[e], out_kind[e], out_ts[e] = f, k, kind, now
            out_amount[e] = amounts[kind, f]
            stamps[kind, f] = now
            e += 1
        if now - asked > guard:
            faults[1], faults[2] = faults[1] + 1, f
    return Events(out_flow, out_seq, out_kind, out_ts, out_amount, response, out_model, latency, stamps, faults)


@kernel
def _following(kind: int, bits: int) -> int:
    """The event after one of `kind`."""
    if kind == _REQUEST:
        return _CHALLENGE if bits & STEP_UP else _RESPONSE
    if kind == _RESPONSE:
        return _REVERSAL if bits & REVERSAL else _CLEARING
    if kind == _CLEARING:
        return _REFUND
    return _COMPLETE if kind == _CHALLENGE else _RESPONSE


@kernel
def _offset_us(model: int, u: float, mass: F64, cum: F64, values: F64, atoms: I64, tables: F64) -> np.int64:
    """The offset of one law at uniform `u`, on the millisecond grid, in microseconds."""
    if u < mass[model]:
        v, atom = u / mass[model], 0
        while atom < atoms[model] - 1 and v >= cum[model, atom]:
            atom += 1
        seconds = values[model, atom]
    else:
        seconds = lookup(tables[model], (u - mass[model]) / (1.0 - mass[model]))
    return np.int64(np.rint(seconds * 1000.0)) * 1000

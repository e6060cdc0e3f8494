"""Events of campaign flows: amounts and gaps multiplied, clearing suppressed, settled flows declined."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from seg6b.datasets import vocabulary as v
from seg6b.draws.compiled import kernel
from seg6b.states.s3_overlay.posture import I32, I64

F64 = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

REQUEST, CHALLENGE, COMPLETE, RESPONSE, CLEARING, REFUND, REVERSAL = range(len(v.EVENT_TYPES))
TYPES: Final = len(v.EVENT_TYPES)
DECLINED: Final = v.RESPONSE_CODES.index("DECLINED")
ABSENT: Final = np.iinfo(np.int64).min
TICK_US: Final = 1000


class EventColumns(NamedTuple):
    """Events of some flows in flow order: codes over the vocabularies, times and latencies in microseconds."""

    event_type: I32
    ts: I64
    amount: I64
    response: I32
    latency: I64


class Orders(NamedTuple):
    """What to do to each flow: factors (0 = none), removals, and the event type that is the primary action."""

    amount_factor: F64
    time_factor: F64
    suppressed: Mask
    declined: Mask
    primary_type: I64


class Outcome(NamedTuple):
    """What became of the events: which are kept, their new `seq`, the primary action of each flow.

    `stamps` and `amounts` are by flow and event type, `ABSENT` where the flow has no such event any more.
    """

    kept: Mask
    seq: I32
    primary: Mask
    stamps: I64
    amounts: I64


def mutate_events(columns: EventColumns, offsets: I64, orders: Orders) -> tuple[EventColumns, Outcome]:
    """Apply the orders of each flow to its events `offsets[i] : offsets[i + 1]`; the input stays as it is.

    Amounts are rounded half-even one by one. Scaled gaps are put back on the millisecond grid; an event that is not
    scaled keeps its gap to its anchor; all stay at least 1 ms after the event before.
    """
    size, flows = columns.ts.size, orders.suppressed.size
    out = EventColumns(
        columns.event_type, columns.ts.copy(), columns.amount.copy(), columns.response.copy(), columns.latency.copy()
    )
    outcome = Outcome(
        kept=np.ones(size, np.bool_),
        seq=np.zeros(size, np.int32),
        primary=np.zeros(size, np.bool_),
        stamps=np.full((flows, TYPES), ABSENT, np.int64),
        amounts=np.full((flows, TYPES), ABSENT, np.int64),
    )
    _scale(out.amount, offsets, orders.amount_factor)
    _retime(columns, offsets, orders.time_factor, out)
    _settle(out, offsets, orders, outcome)
    return out, outcome


@kernel
def _scale(amount: I64, offsets: I64, factor: F64) -> None:
    for f in range(factor.size):
        if factor[f] > 0.0:
            for e in range(offsets[f], offsets[f + 1]):
                amount[e] = np.int64(np.rint(amount[e] * factor[f]))


@kernel
def _anchor(kind: int, first: int, e: int, challenge: int, clearing: int) -> int:
    """The event that event `e` is timed from: a response from the event before it, a refund from the clearing."""
    if kind == RESPONSE:
        return e - 1
    if kind == COMPLETE and challenge >= 0:
        return challenge
    if kind == REFUND and clearing >= 0:
        return clearing
    return first


@kernel
def _retime(old: EventColumns, offsets: I64, factor: F64, new: EventColumns) -> None:
    for f in range(factor.size):
        if factor[f] <= 0.0:
            continue
        first, challenge, clearing = offsets[f], -1, -1
        for e in range(first + 1, offsets[f + 1]):
            kind = old.event_type[e]
            anchor = _anchor(kind, first, e, challenge, clearing)
            gap = old.ts[e] - old.ts[anchor]
            wanted = gap
            if kind in (RESPONSE, CLEARING):
                wanted = np.int64(np.rint(gap * factor[f] / TICK_US)) * TICK_US
            new.ts[e] = max(new.ts[anchor] + wanted, new.ts[e - 1] + TICK_US)
            new.latency[e] += new.ts[e] - new.ts[anchor] - gap
            if kind == CHALLENGE:
                challenge = e
            elif kind == CLEARING:
                clearing = e


@kernel
def _removed(kind: int, suppressed: bool, declined: bool) -> bool:  # noqa: FBT001 - a kernel knows no keywords
    """Whether an event of this type goes: with the clearing its refund, with the approval all that follows it."""
    return (suppressed and kind in (CLEARING, REFUND)) or (declined and kind in (CLEARING, REFUND, REVERSAL))


@kernel
def _settle(events: EventColumns, offsets: I64, orders: Orders, outcome: Outcome) -> None:
    for f in range(orders.suppressed.size):
        n, found = 0, False
        for e in range(offsets[f], offsets[f + 1]):
            kind = events.event_type[e]
            if _removed(kind, orders.suppressed[f], orders.declined[f]):
                outcome.kept[e] = False
                continue
            if orders.declined[f] and kind == RESPONSE:
                events.response[e] = DECLINED
            outcome.seq[e] = n
            n += 1
            if outcome.stamps[f, kind] == ABSENT:
                outcome.stamps[f, kind] = events.ts[e]
                outcome.amounts[f, kind] = events.amount[e]
                if kind == orders.primary_type[f]:
                    outcome.primary[e] = True
                    found = True
        if not found:
            outcome.primary[offsets[f]] = True

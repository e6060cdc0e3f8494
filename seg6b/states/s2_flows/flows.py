"""Flows: type, branches and amounts of each, one uniform a decision."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np

from seg6b.datasets.vocabulary import AMOUNT_BRANCHES, BRANCH_BITS, EVENT_TYPES
from seg6b.draws.choice import pick
from seg6b.draws.compiled import kernel
from seg6b.draws.mix import U64, draw, entity1, entity2, id64
from seg6b.draws.quantile import lookup
from seg6b.evidence import s2_draws as d
from seg6b.evidence.row_arrays import I32, I64, U8, Flags
from seg6b.states.s2_flows.arrays import AmountArrays, FlowDraws, ShapeArrays
from seg6b.states.s2_flows.plan import Arrivals, Plan

STEP_UP: Final = 1 << BRANCH_BITS.index("STEP_UP")
REFUND: Final = 1 << BRANCH_BITS.index("REFUND")
PARTIAL: Final = 1 << BRANCH_BITS.index("PARTIAL_REFUND")
REVERSAL: Final = 1 << BRANCH_BITS.index("REVERSAL")
DECLINED: Final = 1 << BRANCH_BITS.index("DECLINED")
DROPPED: Final = 1 << BRANCH_BITS.index("DROPPED")
_POINT: Final = AMOUNT_BRANCHES.index("POINT")
_TAIL: Final = AMOUNT_BRANCHES.index("TAIL")
_CLEARING: Final = EVENT_TYPES.index("CLEARING")
_REFUND: Final = EVENT_TYPES.index("REFUND")
_REVERSAL: Final = EVENT_TYPES.index("REVERSAL")
_KINDS: Final = len(EVENT_TYPES)


class Flows(NamedTuple):
    """Flows of a batch, in the order of the plan.

    Attributes:
        flow_id: id.
        flow_type: code of the type.
        outcome: code of the outcome.
        trace: branch bits.
        n_events: events.
        family: code of the amount family.
        branch: code of the amount branch.
        amounts: minor units of each event type in each flow, 0 where the flow lacks a CLEARING, REFUND or REVERSAL
            (meaningless for an absent step-up), shape (event types, flows).
    """

    flow_id: I64
    flow_type: U8
    outcome: U8
    trace: I32
    n_events: I32
    family: U8
    branch: U8
    amounts: I64


class Shapes(NamedTuple):
    """The part of `Flows` that has nothing to do with money; a refund is not yet known to be partial."""

    flow_id: I64
    flow_type: U8
    outcome: U8
    trace: I32
    n_events: I32


def make_flows(
    arrivals: Arrivals, plan: Plan, shape: ShapeArrays, money: AmountArrays, draws: FlowDraws, used: I64
) -> Flows:
    """Type, branches and amounts of each flow of the plan; draws are counted in `used`."""
    shapes = _shape_flows(arrivals, plan, shape, draws.keys, draws.domain, used)
    trace, family, branch, amounts = _value_flows(arrivals, plan, shapes, shape.clearing, money, draws.keys, used)
    return Flows(shapes.flow_id, shapes.flow_type, shapes.outcome, trace, shapes.n_events, family, branch, amounts)


@kernel
def _shape_flows(arrivals: Arrivals, plan: Plan, shape: ShapeArrays, keys: U64, domain: np.uint64, used: I64) -> Shapes:
    # Fields are taken out of the tuples once: numba counts references for every access inside a loop.
    anchor, number, session, cell, channel = plan.anchor, plan.number, arrivals.session, arrivals.cell, arrivals.channel
    type_cum, types, n_types, outcomes = shape.type_cum, shape.types, shape.n_types, shape.outcome
    stepped, clearing, declined, most = shape.step_up, shape.clearing, shape.declined, shape.max_events
    step_up_p, refund_p, reversal_p = shape.step_up_p, shape.refund_p, shape.reversal_p
    n = anchor.size
    flow_id, flow_type, outcome = np.empty(n, np.int64), np.empty(n, np.uint8), np.empty(n, np.uint8)
    trace, n_events = np.empty(n, np.int32), np.empty(n, np.int32)
    for f in range(n):
        row, which = anchor[f], channel[anchor[f]]
        flow_id[f] = id64(entity2(session[row], number[f]), domain)
        entity, counts = entity1(flow_id[f]), used[cell[row]]
        drawn = 0
        if n_types[which] > 1:
            drawn = pick(type_cum[which], _uniform(entity, d.FLOW_TYPE, keys, counts))
        kind = types[which, drawn]
        bits = (STEP_UP if stepped[kind] else 0) | (DECLINED if outcomes[kind] == declined else 0)
        events = 2 + (2 if stepped[kind] else 0) + (1 if clearing[kind] else 0)
        if _happens(step_up_p[kind], entity, d.STEP_UP, keys, counts):
            bits |= STEP_UP if events + 2 <= most else DROPPED
            events += 2 if events + 2 <= most else 0
        if _happens(reversal_p[kind], entity, d.REVERSAL, keys, counts):
            bits |= REVERSAL
        elif _happens(refund_p[kind], entity, d.REFUND, keys, counts):
            bits |= REFUND if events + 1 <= most else DROPPED
            events += 1 if events + 1 <= most else 0
        flow_type[f], outcome[f], trace[f], n_events[f] = kind, outcomes[kind], bits, events
    return Shapes(flow_id, flow_type, outcome, trace, n_events)


@kernel
def _value_flows(
    arrivals: Arrivals, plan: Plan, shapes: Shapes, clearing: Flags, money: AmountArrays, keys: U64, used: I64
) -> tuple[I32, U8, U8, I64]:
    """Branch bits with partial refunds, amount family, amount branch, amounts."""
    anchor, party, cell, channel = plan.anchor, arrivals.party, arrivals.cell, arrivals.channel
    merchant_class, segment = arrivals.merchant_class, arrivals.segment
    flow_id, flow_type, trace = shapes.flow_id, shapes.flow_type, shapes.trace.copy()
    families, factors, habits, habit_table = money.family, money.factor, money.habits, money.habit
    mass, cum, values, atoms, tables = (
        money.laws.mass, money.laws.cum, money.laws.values, money.laws.atoms, money.laws.tables
    )  # fmt: skip
    jitter, full_p, low, high, bounds = money.jitter, money.full_p, money.partial[0], money.partial[1], money.bounds
    n, habit = anchor.size, 1.0
    family, branch, amounts = np.empty(n, np.uint8), np.empty(n, np.uint8), np.zeros((_KINDS, n), np.int64)
    for f in range(n):
        row, entity, counts = anchor[f], entity1(flow_id[f]), used[cell[anchor[f]]]
        which = families[channel[row]]
        if habits and (f == 0 or party[row] != party[anchor[f - 1]]):
            habit = lookup(habit_table, _uniform(entity1(party[row]), d.PARTY_HABIT, keys, counts))
        point = _happens(mass[which], entity, d.AUTH_KIND, keys, counts)
        u = _uniform(entity, d.AUTH_VALUE, keys, counts) if not point or atoms[which] > 1 else 0.5
        if point:
            auth = _minor(values[which, pick(cum[which], u)], bounds)
        else:
            auth = _minor(lookup(tables[which], u) * (factors[merchant_class[row], segment[row]] * habit), bounds)
        family[f], branch[f] = which, _POINT if point else _TAIL
        for kind in range(_CLEARING):
            amounts[kind, f] = auth
        if trace[f] & REVERSAL:
            amounts[_REVERSAL, f] = -auth
        elif clearing[flow_type[f]]:
            swing = (2.0 * _uniform(entity, d.CLEARING_FACTOR, keys, counts) - 1.0) * jitter if jitter > 0.0 else 0.0
            amounts[_CLEARING, f] = _minor(auth * (1.0 + swing), bounds)
        if trace[f] & REFUND:
            fraction = 1.0
            if not _happens(full_p, entity, d.REFUND_KIND, keys, counts):
                fraction = low + _uniform(entity, d.REFUND_FRACTION, keys, counts) * (high - low)
                trace[f] |= PARTIAL
            amounts[_REFUND, f] = -_minor(amounts[_CLEARING, f] * fraction, bounds)
    return trace, family, branch, amounts


@kernel
def _uniform(entity: np.uint64, decision: int, keys: U64, counts: I64) -> float:
    counts[decision] += 1
    return draw(entity, keys[decision])


@kernel
def _happens(p: float, entity: np.uint64, decision: int, keys: U64, counts: I64) -> bool:
    """A draw against `p`; a certain answer draws nothing."""
    if p <= 0.0 or p >= 1.0:
        return p >= 1.0
    return _uniform(entity, decision, keys, counts) < p


@kernel
def _minor(value: float, bounds: tuple[float, float]) -> np.int64:
    """A positive amount, rounded half to even, within the bounds of an amount."""
    return np.int64(min(max(np.rint(value), bounds[0]), bounds[1]))

"""S2: from sessions to flows and events, a batch of whole parties at a time."""

from __future__ import annotations

from functools import partial
from typing import Final, NamedTuple

from seg6b.datasets.frames import micros_of
from seg6b.datasets.tables import EVENTS, FLOWS, SESSION_ARRIVALS
from seg6b.draws.compiled import read_only
from seg6b.errors import ContractBroken
from seg6b.evidence.measure_s2 import measure_s2
from seg6b.evidence.s2_draws import S2_DECISIONS
from seg6b.evidence.tables import draws_used
from seg6b.states.context import StateContext
from seg6b.states.mapping import Batch, Emission, Reads, transform
from seg6b.states.s2_flows.arrays import (
    AmountArrays,
    FlowDraws,
    PlanArrays,
    ShapeArrays,
    TimingArrays,
    amount_arrays,
    flow_draws,
    new_counts,
    plan_arrays,
    shape_arrays,
    timing_arrays,
)
from seg6b.states.s2_flows.columns import CARRIED, event_frame, flow_frame
from seg6b.states.s2_flows.events import Events, make_events
from seg6b.states.s2_flows.flows import Flows, make_flows
from seg6b.states.s2_flows.plan import arrival_arrays, in_order, plan_flows

READS: Final = Reads(SESSION_ARRIVALS, (*CARRIED, "merchant_currency"))


class Rules(NamedTuple):
    """Everything that every batch needs: policies as arrays, and the draws of the run."""

    plan: PlanArrays
    shape: ShapeArrays
    money: AmountArrays
    timing: TimingArrays
    draws: FlowDraws


def run(ctx: StateContext) -> None:
    """Write flows and events of all sessions."""
    with ctx.meter.lane("compute"):
        rules = rules_of(ctx)
    transform(ctx, READS, partial(flows_of, rules), measure_s2)


def rules_of(ctx: StateContext) -> Rules:
    """The rules that the policies of `ctx` state."""
    policy, switches = ctx.policy, ctx.policy.behaviour
    return Rules(
        plan_arrays(policy.flow_shape, switches),
        shape_arrays(policy.flow_shape, switches),
        amount_arrays(policy.amount, switches),
        timing_arrays(policy.timing),
        flow_draws(ctx.draws),
    )


def flows_of(rules: Rules, batch: Batch) -> Emission:
    """Flows and events of one batch."""
    used, keys = new_counts(), rules.draws.keys
    rows = in_order(batch.anchor)
    arrivals = arrival_arrays(rows)
    plan = plan_flows(arrivals, rules.plan, keys, used)
    flows = make_flows(arrivals, plan, rules.shape, rules.money, rules.draws, used)
    events = make_events(arrivals, read_only(micros_of(rows["ts_utc"])), plan, flows, rules.timing, keys, used)
    _lawful(events, flows)
    table = flow_frame(rows[plan.anchor], plan, flows, events)
    return Emission({FLOWS: table, EVENTS: event_frame(table, events)}, draws_used(used, S2_DECISIONS))


def _lawful(events: Events, flows: Flows) -> None:
    backward, beyond, last = (int(x) for x in events.faults)
    where = f"{EVENTS.name}, flow_id {flows.flow_id[last]}" if backward or beyond else ""
    if backward:
        raise ContractBroken(
            "E_S2_TIMES_NOT_INCREASING",
            "an event is not after the one before it",
            where,
            f"{backward} events",
            "strictly increasing times",
        )
    if beyond:
        raise ContractBroken(
            "E_S2_FLOW_SPAN",
            "a flow lasts longer than the guard of the timing pack",
            where,
            f"{beyond} flows",
            "at most `flow_guard_s`",
        )

"""The draws that S2's other evidence and the policies imply, by cell: what S5 compares the counted draws with."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import polars as pl

from seg6b.evidence import s2_draws as d
from seg6b.evidence.tables import Evidence
from seg6b.policy import amount, flow_shape, timing
from seg6b.policy.laws import Sampler
from seg6b.policy.packs import Policies

_Rows = tuple[int, pl.DataFrame]
_TIMES: Final = {
    "auth_response": d.RESPONSE_TIME,
    "step_up_start": d.CHALLENGE_TIME,
    "step_up_complete": d.COMPLETE_TIME,
    "auth_to_clear": d.CLEARING_TIME,
    "atm_auth_to_clear": d.CLEARING_TIME,
    "clear_to_refund": d.REFUND_TIME,
    "auth_to_reversal": d.REVERSAL_TIME,
}
_REFUNDED, _PARTIAL, _REVERSED = 2, 4, 8


def implied_draws(evidence: Evidence, policy: Policies) -> pl.DataFrame:
    """Draws by cell, family and decision; a decision with one possible outcome draws nothing.

    Args:
        evidence: evidence of S2, merged or not.
        policy: the packs that S2 ran with.

    Returns:
        Columns cell, family, decision, n; only counts above zero.
    """
    found = [*_plans(evidence, policy), *_shapes(evidence, policy), *_money(evidence, policy)]
    found += _offsets(evidence, policy)
    frames = []
    for number, rows in found:
        family, decision = d.S2_DECISIONS[number]
        frames.append(rows.select("cell", family=pl.lit(family), decision=pl.lit(decision), n=pl.col("n")))
    keys = ("cell", "family", "decision")
    schema = {"cell": pl.UInt8, "family": pl.String, "decision": pl.String, "n": pl.Int64}
    counted = pl.concat([pl.DataFrame(schema=schema), *frames]).group_by(keys).agg(pl.col("n").sum())
    return counted.filter(pl.col("n") > 0).sort(keys)


def _plans(evidence: Evidence, policy: Policies) -> Iterator[_Rows]:
    pack = policy.flow_shape
    several = isinstance(pack, flow_shape.Clustered) and len(pack.flows_per_cluster.counts) > 1
    if several and policy.behaviour.multi_flow_sessions:
        yield d.FLOW_COUNT, evidence.table("session_clusters")


def _shapes(evidence: Evidence, policy: Policies) -> Iterator[_Rows]:
    pack, switches, flows = policy.flow_shape, policy.behaviour, evidence.table("flow_types")
    many = [channel for channel in flow_shape.CHANNELS if len(pack.shares(channel)) > 1]
    yield d.FLOW_TYPE, flows.filter(_text("channel_group").is_in(many))
    if switches.step_ups:
        yield d.STEP_UP, flows.filter(_branches(pack, "step_up"))
    if switches.reversals:
        yield d.REVERSAL, flows.filter(_branches(pack, "reversal"))
    if switches.refunds:
        yield d.REFUND, flows.filter(_branches(pack, "refund") & ~_bit(_REVERSED))


def _money(evidence: Evidence, policy: Policies) -> Iterator[_Rows]:
    pack, amounts = policy.amount, evidence.table("amounts")
    samplers = {family: pack.sampler(family) for family in amount.FAMILIES}
    family, branch = _text("amount_family"), _text("amount_branch")
    mixed = [f for f, s in samplers.items() if 0.0 < s.atom_mass < 1.0]
    yield d.AUTH_KIND, amounts.filter(family.is_in(mixed))
    choosing = [f for f, s in samplers.items() if s.atom_values.size > 1]
    yield d.AUTH_VALUE, amounts.filter((branch == "TAIL") | family.is_in(choosing))
    if isinstance(pack, amount.Conditioned):
        yield d.PARTY_HABIT, evidence.table("parties")
    if isinstance(pack, amount.PointsByHash):
        return
    flows, events = evidence.table("flow_types"), evidence.table("event_types")
    if pack.cross_events.clearing_jitter > 0.0 and policy.behaviour.clearing_jitter:
        yield d.CLEARING_FACTOR, events.filter(_text("event_type") == "CLEARING")
    if 0.0 < pack.cross_events.refund_full_probability < 1.0:
        yield d.REFUND_KIND, flows.filter(_bit(_REFUNDED))
    yield d.REFUND_FRACTION, flows.filter(_bit(_PARTIAL))


def _offsets(evidence: Evidence, policy: Policies) -> Iterator[_Rows]:
    pack, offsets = policy.timing, evidence.table("offsets")
    if isinstance(pack, timing.Timing):
        for model, number in _TIMES.items():
            if _open(pack.sampler(model)):
                yield number, offsets.filter(_text("offset_model_id") == model)


def _open(law: Sampler) -> bool:
    """Whether more than one value can come out."""
    return law.atom_mass < 1.0 or law.atom_values.size > 1


def _branches(pack: flow_shape.Model, branch: flow_shape.BranchId) -> pl.Expr:
    """Flows whose type leaves the branch to a draw."""
    names = [name for name in flow_shape.FLOW_TYPES if 0.0 < pack.branch_probability(branch, name) < 1.0]
    return _text("flow_type_id").is_in(names)


def _bit(bit: int) -> pl.Expr:
    return (pl.col("branch_trace") & bit) != 0


def _text(column: str) -> pl.Expr:
    return pl.col(column).cast(pl.String)

"""The packs of S2 as arrays, in the form in which its kernels read them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from seg6b.datasets.vocabulary import (
    AMOUNT_FAMILIES,
    CHANNELS,
    CLASSES,
    FLOW_TYPES,
    OFFSET_MODELS,
    OUTCOMES,
    SEGMENTS,
)
from seg6b.draws.mix import U64
from seg6b.draws.quantile import F64
from seg6b.draws.uniform import Draws
from seg6b.evidence.row_arrays import I32, I64, U8, Flags
from seg6b.evidence.s2_draws import S2_DECISIONS
from seg6b.policy import amount, behaviour, flow_shape, timing
from seg6b.policy.laws import Sampler
from seg6b.shards.cells import CELLS

_PLAIN = Sampler(0.0, np.ones(1), np.ones(1), np.ones(3))


class LawArrays(NamedTuple):
    """Several laws side by side; row i belongs to law i.

    Attributes:
        mass: total mass of the atoms.
        cum: cumulative probability of the atoms, padded with 1.
        values: values of the atoms, padded with the last.
        atoms: number of atoms.
        tables: quantile table of the tail.
    """

    mass: F64
    cum: F64
    values: F64
    atoms: I64
    tables: F64


class PlanArrays(NamedTuple):
    """How arrivals become flows.

    Attributes:
        one_per_arrival: every arrival is a flow.
        cum: cumulative probability of the number of flows of a cluster.
        counts: those numbers.
        max_flows: most flows of one session.
    """

    one_per_arrival: bool
    cum: F64
    counts: I64
    max_flows: int


class ShapeArrays(NamedTuple):
    """Types and branches; the last six are indexed by flow type.

    Attributes:
        type_cum: cumulative probability of the types of each channel.
        types: their codes.
        n_types: how many types a channel has.
        outcome: code of the outcome.
        step_up: the template holds a step-up.
        clearing: the template holds a CLEARING.
        step_up_p: probability that a step-up is inserted.
        refund_p: probability of a refund.
        reversal_p: probability of a reversal.
        declined: code of the declined outcome.
        max_events: most events of one flow.
    """

    type_cum: F64
    types: I32
    n_types: I64
    outcome: U8
    step_up: Flags
    clearing: Flags
    step_up_p: F64
    refund_p: F64
    reversal_p: F64
    declined: int
    max_events: int


class AmountArrays(NamedTuple):
    """Money.

    Attributes:
        family: family code of each channel.
        laws: law of each family, minor units.
        factor: multiplier of tail amounts, by merchant class and party segment.
        habits: whether parties have a habit.
        habit: quantile table of the habit's factor.
        jitter: half width of the clearing factor.
        full_p: probability of a full refund.
        partial: lowest and highest fraction of a partial refund.
        bounds: smallest and largest amount.
    """

    family: I32
    laws: LawArrays
    factor: F64
    habits: bool
    habit: F64
    jitter: float
    full_p: float
    partial: tuple[float, float]
    bounds: tuple[float, float]


class TimingArrays(NamedTuple):
    """Offsets.

    Attributes:
        zero: no offset is drawn and time stands still.
        laws: law of each offset model (the first, NONE, is never drawn), seconds.
        step_us: least time between two events of a flow.
        guard_us: longest flow.
    """

    zero: bool
    laws: LawArrays
    step_us: int
    guard_us: int


class FlowDraws(NamedTuple):
    """The draws of one run.

    Attributes:
        keys: key of each decision of S2, by its number.
        domain: domain of flow ids.
    """

    keys: U64
    domain: np.uint64


def plan_arrays(pack: flow_shape.Model, switches: behaviour.Model) -> PlanArrays:
    """Arrays of the flow plan; without multi-flow sessions a cluster is one flow."""
    counts, probs = [1], [1.0]
    if isinstance(pack, flow_shape.Clustered) and switches.multi_flow_sessions:
        counts, probs = pack.flows_per_cluster.counts, pack.flows_per_cluster.probs
    one = isinstance(pack, flow_shape.OnePerArrival)
    return PlanArrays(one, _cumulative(probs), np.array(counts, np.int64), switches.max_flows_per_session)


def shape_arrays(pack: flow_shape.Model, switches: behaviour.Model) -> ShapeArrays:
    """Arrays of types and branches; without step-ups a stepped-up card flow becomes a plain one after its draw."""
    size = len(FLOW_TYPES)
    out = ShapeArrays(
        np.ones((len(CHANNELS), size)),
        np.zeros((len(CHANNELS), size), np.int32),
        np.array([len(pack.shares(c)) for c in flow_shape.CHANNELS], np.int64),
        np.zeros(size, np.uint8),
        np.zeros(size, np.bool_),
        np.zeros(size, np.bool_),
        _branch(pack, "step_up", on=switches.step_ups),
        _branch(pack, "refund", on=switches.refunds),
        _branch(pack, "reversal", on=switches.reversals),
        OUTCOMES.index("AUTH_DECLINED"),
        switches.max_events_per_flow,
    )
    for row, channel in enumerate(flow_shape.CHANNELS):
        shares = pack.shares(channel)
        out.type_cum[row, : len(shares)] = _cumulative(list(shares.values()))
        out.types[row, : len(shares)] = [_type_code(name, step_ups=switches.step_ups) for name in shares]
    if isinstance(pack, flow_shape.Clustered):
        for name, flow_type in pack.flow_types.items():
            code = FLOW_TYPES.index(name)
            out.outcome[code] = OUTCOMES.index(flow_type.outcome)
            out.step_up[code], out.clearing[code] = flow_type.has_step_up, flow_type.has_clearing
    return out


def amount_arrays(pack: amount.Model, switches: behaviour.Model) -> AmountArrays:
    """Arrays of the amount laws."""
    cross = None if isinstance(pack, amount.PointsByHash) else pack.cross_events
    partial = cross.partial_refund if cross else None
    return AmountArrays(
        np.array([AMOUNT_FAMILIES.index(pack.family_of(c)) for c in flow_shape.CHANNELS], np.int32),
        _laws([pack.sampler(f) for f in amount.FAMILIES]),
        _factors(pack),
        isinstance(pack, amount.Conditioned),
        pack.party_habit.law().sampler().table if isinstance(pack, amount.Conditioned) else np.ones(3),
        cross.clearing_jitter if cross and switches.clearing_jitter else 0.0,
        cross.refund_full_probability if cross else 1.0,
        (partial.low, partial.high) if partial else (1.0, 1.0),
        (float(amount.MIN_MINOR), float(amount.MAX_MINOR)),
    )


def timing_arrays(pack: timing.Model) -> TimingArrays:
    """Arrays of the offset laws, in the order of their codes."""
    if isinstance(pack, timing.ZeroLatency):
        return TimingArrays(zero=True, laws=_laws([_PLAIN] * len(OFFSET_MODELS)), step_us=0, guard_us=0)
    laws = _laws([_PLAIN, *(pack.sampler(model) for model in OFFSET_MODELS[1:])])
    return TimingArrays(zero=False, laws=laws, step_us=timing.STEP_MS * 1000, guard_us=round(pack.flow_guard_s * 1e6))


def flow_draws(draws: Draws) -> FlowDraws:
    """Keys and id domain of one run."""
    keys = np.array([draws.key(family, decision) for family, decision in S2_DECISIONS], np.uint64)
    return FlowDraws(keys, draws.id_domain("flow"))


def new_counts() -> I64:
    """Draws used, zero so far: shape (cells, decisions)."""
    return np.zeros((CELLS, len(S2_DECISIONS)), np.int64)


def _cumulative(probs: Sequence[float]) -> F64:
    out = np.cumsum(probs, dtype=np.float64)
    out[-1] = 1.0
    return out


def _branch(pack: flow_shape.Model, branch: flow_shape.BranchId, *, on: bool) -> F64:
    return np.array([pack.branch_probability(branch, t) if on else 0.0 for t in flow_shape.FLOW_TYPES])


def _type_code(name: str, *, step_ups: bool) -> int:
    plain = name == "CARD_AUTH_STEPUP_CLEAR" and not step_ups
    return FLOW_TYPES.index("CARD_AUTH_CLEAR" if plain else name)


def _factors(pack: amount.Model) -> F64:
    """Shape (merchant classes, segments); a class that no policy names has factor 1 before the segment's."""
    out = np.ones((len(CLASSES), len(SEGMENTS)))
    if isinstance(pack, amount.Conditioned):
        for row, merchant_class in enumerate(CLASSES):
            for column, segment in enumerate(amount.SEGMENTS):
                out[row, column] = pack.location_shift.factor(merchant_class, segment)
    return out


def _laws(samplers: Sequence[Sampler]) -> LawArrays:
    width = max(1, *(s.atom_values.size for s in samplers))
    span = max(s.table.size for s in samplers)
    out = LawArrays(
        np.array([s.atom_mass for s in samplers]),
        np.ones((len(samplers), width)),
        np.zeros((len(samplers), width)),
        np.array([s.atom_values.size for s in samplers], np.int64),
        np.zeros((len(samplers), span)),
    )
    for row, sampler in enumerate(samplers):
        atoms = sampler.atom_values.size
        out.cum[row, :atoms], out.values[row, :atoms] = sampler.atom_cum, sampler.atom_values
        if sampler.table.size == span:
            out.tables[row] = sampler.table
    return out

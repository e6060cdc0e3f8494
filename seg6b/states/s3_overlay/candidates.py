"""Candidates: which flows of a batch are eligible for which instance, and how much each target is wanted.

Pairs of a frame that pass the filter form *groups*: for entity targets all pairs of the entity in one slot, else the
pair alone. Instruments and accounts never leave their party, so a group is whole within a batch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from seg6b.datasets import vocabulary as v
from seg6b.draws.compiled import kernel
from seg6b.draws.mix import U64, draw, fold
from seg6b.draws.quantile import lookup
from seg6b.draws.uniform import Draws
from seg6b.evidence import s3_draws as d
from seg6b.policy.campaign import Filter, LinearScore, Template
from seg6b.states.s3_overlay.frames import Pairs, bits
from seg6b.states.s3_overlay.instances import Instance
from seg6b.states.s3_overlay.posture import I32, I64, Lookups
from seg6b.states.s3_overlay.race import EXPONENTIAL

F64 = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

ANYONE: Final = -1
ONE: Final = np.ones(1, np.int64)
KINDS: Final = ("FLOW", "EVENT", "INSTRUMENT", "ACCOUNT", "MERCHANT")
INSTRUMENT: Final = 2
ACCOUNT: Final = 3
MERCHANT: Final = 4
HOUR_US: Final = 3_600_000_000
HOURS: Final = 24


@dataclass(frozen=True, slots=True)
class Rows:
    """Flows as arrays; `instrument_id` 0 where there is none, `likes` codes over the file's own categories."""

    party_id: I64
    flow_id: I64
    account_id: I64
    instrument_id: I64
    merchant_id: I64
    device_id: I64
    ip_id: I64
    ts: I64
    role: I32
    segment: I32
    tier: I32
    cleared: Mask
    traits: tuple[I32, I32, I32, I32]


@dataclass(frozen=True, slots=True)
class Terms:
    """What instances ask beyond their frames; first axis = instance, masks over vocabularies, -1 = anything."""

    kinds: I64
    words: U64
    keys: U64
    roles: I64
    segments: I64
    merchant_roles: I64
    ip_groups: I64
    needs_clearing: Mask
    tier_weight: F64
    device_weight: F64
    least: F64


@dataclass(frozen=True, slots=True)
class Likes:
    """Cohort weights, shape (instances, values): the four traits of a flow, and the hour of the UTC day."""

    traits: tuple[F64, F64, F64, F64]
    hours: F64


class Found(NamedTuple):
    """Eligible pairs, and the groups they form.

    A group is a target in one slot; its weight is that of its most wanted pair, its risk the largest linear score, its
    row that of its first pair.
    """

    pair_row: I64
    pair_group: I64
    pair_weight: F64
    group_slot: I64
    group_target: I64
    group_weight: F64
    group_risk: F64
    group_row: I64
    group_merchant: I64


def terms_of(instances: Sequence[Instance], filters: dict[str, Filter], draws: Draws) -> Terms:
    """The terms of instances of the full catalogue."""
    asked = [(t, filters[t.filter]) for t in (i.template for i in instances) if t is not None]
    keys = {k: draws.key(*(d.QUOTA_REALISATION if k == "MERCHANT" else d.SELECT_TARGET)) for k in KINDS}
    return Terms(
        kinds=np.array([KINDS.index(t.target) for t, _ in asked], np.int64),
        words=np.array([i.word for i in instances], np.uint64),
        keys=np.array([keys[t.target] for t, _ in asked], np.uint64),
        roles=np.array([_mask(v.PARTY_FRAUD_ROLES, f.party_roles) for _, f in asked], np.int64),
        segments=np.array([_segments(f.party_types) for _, f in asked], np.int64),
        merchant_roles=np.array([_mask(v.MERCHANT_FRAUD_ROLES, f.merchant_roles) for _, f in asked], np.int64),
        ip_groups=np.array([_mask(v.IP_GROUPS, f.ip_groups) for _, f in asked], np.int64),
        needs_clearing=np.array([t.target_event == "CLEARING" for t, _ in asked], np.bool_),
        tier_weight=np.array([_coefficient(t, f, "PARTY_RISK") for t, f in asked]),
        device_weight=np.array([_coefficient(t, f, "HIGH_RISK_DEVICE") for t, f in asked]),
        least=np.array([_least(t, f) for t, f in asked]),
    )


def _mask(vocabulary: Sequence[str], members: Sequence[str] | None) -> int:
    return -1 if members is None else bits(vocabulary, members)


def _segments(party_types: Sequence[str] | None) -> int:
    """Bit set of the segments of these party types: a segment is named after its type."""
    if party_types is None:
        return -1
    return sum(1 << i for i, name in enumerate(v.SEGMENTS) if name.split("_")[0] in party_types)


def _coefficient(template: Template, chosen: Filter, feature: str) -> float:
    if template.target == "MERCHANT" or not isinstance(chosen.weight, LinearScore):
        return 0.0
    return {str(k): c for k, c in chosen.weight.coefficients.items()}.get(feature, 0.0)


def _least(template: Template, chosen: Filter) -> float:
    """Least linear score: 1 where nothing is scored. A merchant is weighed when all of its flows are seen."""
    if template.target == "MERCHANT" or not isinstance(chosen.weight, LinearScore):
        return 1.0
    return chosen.weight.min


@dataclass(frozen=True, slots=True)
class Scored:
    """What a batch holds for the race: trimmed `Found` and the score of each group (smaller is better)."""

    found: Found
    scores: F64


def find_candidates(rows: Rows, pairs: Pairs, terms: Terms, likes: Likes, lookups: Lookups) -> Scored:
    """Eligible pairs and their groups in row order, and the scores of the groups."""
    pairs = _eligible(rows, pairs, terms, lookups)
    risk = _risks(rows, pairs, terms, lookups)
    weight = risk * _liking(rows, pairs, likes)
    kind = terms.kinds[pairs.instance]
    target = np.where(kind == INSTRUMENT, rows.instrument_id[pairs.row], rows.flow_id[pairs.row])
    target = np.where(kind == ACCOUNT, rows.account_id[pairs.row], target)
    entity = (kind == INSTRUMENT) | (kind == ACCOUNT)
    group = np.empty(pairs.row.size, np.int64)
    first = _group(rows.party_id[pairs.row], pairs.slot, target, entity, group)
    first = first[: int(group.max(initial=-1)) + 1]
    wanted, riskiest = np.zeros(first.size), np.zeros(first.size)
    np.maximum.at(wanted, group, weight)
    np.maximum.at(riskiest, group, risk)
    merchant = np.searchsorted(lookups.merchant_ids, rows.merchant_id[pairs.row[first]])
    found = Found(
        pairs.row, group, weight, pairs.slot[first], target[first], wanted, riskiest, pairs.row[first], merchant
    )
    return Scored(found, _score(found.group_slot, found.group_target, wanted, terms.words, terms.keys, EXPONENTIAL))


def _eligible(rows: Rows, pairs: Pairs, terms: Terms, lookups: Lookups) -> Pairs:
    """The pairs that pass their filters, the costly lookups last."""
    row, instance = pairs.row, pairs.instance
    passes = ((terms.roles[instance] >> rows.role[row]) & (terms.segments[instance] >> rows.segment[row]) & 1) > 0
    passes &= rows.cleared[row] | ~terms.needs_clearing[instance]
    passes &= (rows.instrument_id[row] > 0) | (terms.kinds[instance] != INSTRUMENT)
    asks = (terms.merchant_roles[instance] != ANYONE) | (terms.kinds[instance] == MERCHANT)
    passes[asks] &= _holds(
        lookups.merchant_ids, lookups.merchant_roles, rows.merchant_id[row[asks]], terms.merchant_roles[instance[asks]]
    )
    asks = passes & (terms.ip_groups[instance] != ANYONE)
    passes[asks] &= _holds(lookups.ip_ids, lookups.ip_groups, rows.ip_id[row[asks]], terms.ip_groups[instance[asks]])
    return Pairs(row[passes], pairs.slot[passes])


def _holds(ids: I64, codes: npt.NDArray[np.integer], wanted: I64, masks: I64) -> Mask:
    """Whether the code of each wanted id is in its mask; an unknown id is in none."""
    at = np.minimum(np.searchsorted(ids, wanted), max(0, ids.size - 1))
    if ids.size == 0:
        return np.zeros(wanted.size, np.bool_)
    holds: Mask = (ids[at] == wanted) & ((masks >> codes[at]) & 1 > 0)
    return holds


def _risks(rows: Rows, pairs: Pairs, terms: Terms, lookups: Lookups) -> F64:
    """Linear score of each pair's target; 1 where the filter weighs nothing."""
    row, instance = pairs.row, pairs.instance
    score = terms.tier_weight[instance] * rows.tier[row]
    scored = np.flatnonzero(terms.device_weight[instance])
    risky = _holds(lookups.risky_devices, np.zeros_like(lookups.risky_devices), rows.device_id[row[scored]], ONE)
    score[scored] += np.where(risky, terms.device_weight[instance[scored]], 0.0)
    return np.maximum(score, terms.least[instance])


def _liking(rows: Rows, pairs: Pairs, likes: Likes) -> F64:
    """Cohort preference of each pair's flow."""
    row, instance = pairs.row, pairs.instance
    liking: F64 = likes.hours[instance, (rows.ts[row] // HOUR_US) % HOURS]
    for table, codes in zip(likes.traits, rows.traits, strict=True):
        liking *= table[instance, codes[row]]
    return liking


@kernel
def _group(party: I64, slot: I64, target: I64, entity: Mask, group: I64) -> I64:
    """Number the groups in order of their first pair; returns those first pairs (as many entries as pairs)."""
    first = np.empty(party.size, np.int64)
    groups, opened = 0, 0
    for p in range(party.size):
        if p > 0 and party[p] != party[p - 1]:
            opened = groups
        g = groups
        if entity[p]:
            for known in range(groups - 1, opened - 1, -1):
                at = first[known]
                if slot[at] == slot[p] and target[at] == target[p]:
                    g = known
                    break
        if g == groups:
            first[groups] = p
            groups += 1
        group[p] = g
    return first


@kernel
def _score(slot: I64, target: I64, weight: F64, words: U64, keys: U64, table: F64) -> F64:
    """Exponential race: -log(u) / weight, one draw a group."""
    out = np.empty(slot.size, np.float64)
    for g in range(out.size):
        entity = fold(fold(words[slot[g] >> 1], np.uint64(target[g])), np.uint64(slot[g] & 1))
        out[g] = lookup(table, draw(entity, keys[slot[g] >> 1])) / weight[g]
    return out

"""Merchant targets: a merchant's flows lie in many parties, so both races, of merchants and of their flows, are merged.

Places are (slot, merchant index) pairs, flattened as slot x merchants + merchant.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from seg6b.datasets import vocabulary as v
from seg6b.draws.mix import draw_all
from seg6b.draws.uniform import Draws
from seg6b.evidence import s3_draws as d
from seg6b.policy.campaign import LinearScore
from seg6b.states.s3_overlay.candidates import F64, MERCHANT, Mask, Scored
from seg6b.states.s3_overlay.entity import with_id, with_step
from seg6b.states.s3_overlay.instances import Instance
from seg6b.states.s3_overlay.posture import I32, I64, Lookups
from seg6b.states.s3_overlay.race import NOBODY, Runners, exponential, finish, scaled_cap, split_quota, winners


@dataclass(frozen=True, slots=True)
class MerchantGlance:
    """Eligible flows of merchant instances in one batch: totals by place, and the best flows of each place."""

    places: I64
    flows: I64
    cross_border: I64
    liking: F64
    runner_places: I64
    runners: Runners


@dataclass(frozen=True, slots=True)
class MerchantThresholds:
    """By place: the last winning (score, flow) of a chosen merchant, nobody for all others."""

    merchants: int
    limit: F64
    last: I64

    def wins(self, slots: I64, merchant: I64, scores: F64, flow_id: I64) -> Mask:
        """Whether each flow of a merchant instance is hit."""
        place = slots * self.merchants + merchant
        limit = self.limit[place]
        wins: Mask = (scores < limit) | ((scores == limit) & (flow_id <= self.last[place]))
        return wins


def glance_at_merchants(scored: Scored, kinds: I64, most: I64, merchants: int, cross_border: Mask) -> MerchantGlance:
    """Totals and shortlists of a batch; `most` are the flows that a merchant of each instance may lose at most."""
    found = scored.found
    mine = np.flatnonzero(kinds[found.group_slot >> 1] == MERCHANT)
    place = found.group_slot[mine] * merchants + found.group_merchant[mine]
    places, index = np.unique(place, return_inverse=True)
    flows = np.bincount(index, minlength=places.size)
    crossing = np.bincount(index[cross_border[found.group_row[mine]]], minlength=places.size)
    liking = np.zeros(places.size)
    np.maximum.at(liking, index, found.group_weight[mine])
    scores, targets = scored.scores[mine], found.group_target[mine]
    order = np.lexsort((targets, scores, index))
    rank = np.arange(order.size) - (np.cumsum(flows) - flows)[index[order]]
    keep = order[rank < most[found.group_slot[mine[order]] >> 1]]
    return MerchantGlance(places, flows, crossing, liking, place[keep], Runners(scores[keep], targets[keep]))


@dataclass(frozen=True, slots=True)
class MerchantChoice:
    """Chosen merchants of a run: thresholds of their flows, and by instance how many merchants could be chosen."""

    thresholds: MerchantThresholds
    candidates: dict[int, int]


def choose_merchants(
    glances: Sequence[MerchantGlance],
    instances: Sequence[Instance],
    weights: Sequence[LinearScore | None],
    quotas: Sequence[tuple[int, int]],
    lookups: Lookups,
    draws: Draws,
) -> MerchantChoice:
    """Race the merchants of each instance, then the flows of each chosen merchant up to the cap in `quotas[i][1]`.

    Args:
        glances: what the batches saw.
        instances: all instances.
        weights: linear score by instance, None for uniform weights.
        quotas: (merchants wanted, flows a merchant) by instance.
        lookups: merchants of the world.
        draws: the run's draws.
    """
    count = lookups.merchant_ids.size
    totals = _totals(glances, 2 * len(instances) * count)
    limit, last = np.full(totals.flows.size, NOBODY), np.zeros(totals.flows.size, np.int64)
    candidates = {}
    for i, instance in enumerate(instances):
        if instance.target != "MERCHANT":
            continue
        fields = [_field(instance, 2 * i + wave, totals, weights[i], lookups, draws) for wave in (0, 1)]
        sizes = [field.places.size for field in fields]
        candidates[i] = sum(sizes)
        burst = instance.template.burstiness if instance.template is not None else None
        for field, k in zip(fields, split_quota(quotas[i][0], burst, sizes[0], sizes[1]), strict=True):
            won = _winners(field, k)
            caps = scaled_cap(np.full(won.size, quotas[i][1]), field.risk[won])
            for place, cap in zip(field.places[won], caps, strict=True):
                end = finish([_at(g, int(place)) for g in glances], int(cap))
                limit[place], last[place] = end.score, end.target
    return MerchantChoice(MerchantThresholds(count, limit, last), candidates)


@dataclass(frozen=True, slots=True)
class _Totals:
    """Eligible flows by place over all batches."""

    flows: I64
    crossing: I64
    liking: F64


def _totals(glances: Sequence[MerchantGlance], size: int) -> _Totals:
    totals = _Totals(np.zeros(size, np.int64), np.zeros(size, np.int64), np.zeros(size))
    for glance in glances:
        totals.flows[glance.places] += glance.flows
        totals.crossing[glance.places] += glance.cross_border
        np.maximum.at(totals.liking, glance.places, glance.liking)
    return totals


@dataclass(frozen=True, slots=True)
class _Field:
    """The merchants that run in a slot: their places, linear scores, and race."""

    places: I64
    risk: F64
    runners: Runners


def _field(
    instance: Instance, slot: int, totals: _Totals, weight: LinearScore | None, lookups: Lookups, draws: Draws
) -> _Field:
    count = lookups.merchant_ids.size
    there = np.flatnonzero(totals.flows[slot * count : (slot + 1) * count])
    place = slot * count + there
    risk = _linear(weight, lookups.merchant_tiers[there], totals.crossing[place] / totals.flows[place])
    ids = lookups.merchant_ids[there]
    u = draw_all(with_step(with_id(instance.word, ids), slot & 1), draws.key(*d.SELECT_TARGET))
    return _Field(place, risk, Runners(exponential(u) / (totals.liking[place] * risk), ids))


def _winners(field: _Field, k: int) -> I64:
    """Indexes of the k merchants that win."""
    runners = field.runners
    end = finish([runners], k)
    return np.flatnonzero(winners(runners.scores, runners.targets, np.zeros(field.places.size, np.int64), {0: end}))


def most_flows(score: LinearScore | None, cap: int) -> int:
    """Flows that the riskiest possible merchant may lose."""
    top = _linear(score, np.full(1, len(v.RISK_TIERS) - 1, np.int32), np.ones(1))
    return int(scaled_cap(np.full(1, cap), top)[0])


def _linear(score: LinearScore | None, tier: I32, crossing: F64) -> F64:
    if score is None:
        return np.ones(tier.size)
    coefficients = {str(k): c for k, c in score.coefficients.items()}
    risk, border = coefficients.get("MERCHANT_RISK", 0.0), coefficients.get("CROSS_BORDER", 0.0)
    return np.maximum(risk * tier.astype(np.float64) + border * crossing, score.min)


def _at(glance: MerchantGlance, place: int) -> Runners:
    here = glance.runner_places == place
    return Runners(glance.runners.scores[here], glance.runners.targets[here])

"""Targets: one pass that scores every eligible candidate, and the thresholds that come out of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl

from seg6b.datasets.frames import categories_of, codes_of, ids_of, micros_of
from seg6b.datasets.tables import FLOWS
from seg6b.draws.uniform import Draws
from seg6b.errors import ContractBroken
from seg6b.policy.campaign import Catalogue, LinearScore, Template
from seg6b.shards.cells import CELLS, cell_of
from seg6b.states.context import StateContext
from seg6b.states.mapping import Batch, Reads, scan
from seg6b.states.s3_overlay.candidates import (
    MERCHANT,
    Likes,
    Mask,
    Rows,
    Scored,
    Terms,
    find_candidates,
    terms_of,
)
from seg6b.states.s3_overlay.census import DIMENSIONS, Census
from seg6b.states.s3_overlay.cohort import Cohorts
from seg6b.states.s3_overlay.frames import Frames, frames_of, pairs_of
from seg6b.states.s3_overlay.instances import Instance
from seg6b.states.s3_overlay.merchants import (
    MerchantGlance,
    MerchantThresholds,
    choose_merchants,
    glance_at_merchants,
    most_flows,
)
from seg6b.states.s3_overlay.posture import I64, Posture
from seg6b.states.s3_overlay.race import Runners, Threshold, finish, shortlist, split_quota

ROW_COLUMNS: Final = (
    "flow_id",
    "party_id",
    "account_id",
    "instrument_id",
    "merchant_id",
    "device_id",
    "ip_id",
    "ts_utc",
    "clear_ts",
    "channel_group",
    "flow_type_id",
    "party_fraud_role",
    "party_segment_id",
    "is_cross_border",
    *DIMENSIONS,
)


@dataclass(frozen=True, slots=True)
class Seeker:
    """Everything that finds and scores the candidates of a batch; the same in both passes."""

    frames: Frames
    terms: Terms
    cohorts: Cohorts
    posture: Posture

    def look(self, flows: pl.DataFrame) -> tuple[Rows, Scored]:
        """Rows of a batch and its scored candidates."""
        rows = _rows(flows, self.posture)
        merchants, parties, zones = (
            m.weights(categories_of(flows[name]))
            for m, name in zip(self.cohorts.members[1:], DIMENSIONS[1:], strict=True)
        )
        likes = Likes((self.cohorts.classes, merchants, parties, zones), self.cohorts.hours)
        pairs = pairs_of(flows, self.frames)
        return rows, find_candidates(rows, pairs, self.terms, likes, self.posture.lookups)


def _rows(flows: pl.DataFrame, posture: Posture) -> Rows:
    party = flows["party_id"].to_numpy()
    return Rows(
        party_id=party,
        flow_id=flows["flow_id"].to_numpy(),
        account_id=flows["account_id"].to_numpy(),
        instrument_id=ids_of(flows["instrument_id"]),
        merchant_id=flows["merchant_id"].to_numpy(),
        device_id=flows["device_id"].to_numpy(),
        ip_id=flows["ip_id"].to_numpy(),
        ts=micros_of(flows["ts_utc"]),
        role=codes_of(flows["party_fraud_role"]),
        segment=codes_of(flows["party_segment_id"]),
        tier=posture.tiers_of(party),
        cleared=flows["clear_ts"].is_not_null().to_numpy(),
        traits=(
            codes_of(flows["merchant_class"]),
            codes_of(flows["merchant_country_iso"]),
            codes_of(flows["party_country_iso"]),
            codes_of(flows["tzid_primary"]),
        ),
    )


def seeker_of(
    instances: Sequence[Instance], policy: Catalogue, cohorts: Cohorts, posture: Posture, draws: Draws
) -> Seeker:
    """The seeker of a run."""
    return Seeker(frames_of(instances), terms_of(instances, policy.filters, draws), cohorts, posture)


@dataclass(frozen=True, slots=True)
class Targets:
    """Who is hit: thresholds by slot, by merchant place, and caps on the flows of an entity.

    Attributes:
        thresholds: by slot, for all but merchant instances.
        merchants: by place, for merchant instances.
        caps: flows of one entity, by instance (1 where a target is a flow).
        quotas: targets wanted, by instance.
        chosen: targets that won their race, by instance.
        candidates: eligible targets, by instance.
        tallies: evidence of candidates: cell, instance, level (0 target, 1 flow of a merchant), n.
    """

    thresholds: dict[int, Threshold]
    merchants: MerchantThresholds
    caps: I64
    quotas: tuple[int, ...]
    chosen: tuple[int, ...]
    candidates: tuple[int, ...]
    tallies: pl.DataFrame


@dataclass(frozen=True, slots=True)
class _Glance:
    runners: dict[int, Runners]
    groups: I64
    merchants: MerchantGlance


def choose_targets(
    ctx: StateContext, policy: Catalogue, instances: Sequence[Instance], census: Census, seeker: Seeker
) -> Targets:
    """Score every candidate once and merge the shortlists of all batches."""
    templates = [i.template for i in instances if i.template is not None]
    domain = [int(n) for n in census.domain_flows]
    quotas = [_quota(policy, t, n, seeker) for t, n in zip(templates, domain, strict=True)]
    caps = np.array([t.entity_flows(n) for t, n in zip(templates, domain, strict=True)], np.int64)
    guard_targets(policy, quotas, ctx.world.arrivals)
    weights = [w if isinstance(w := policy.filters[t.filter].weight, LinearScore) else None for t in templates]
    most = np.array([most_flows(w, int(c)) for w, c in zip(weights, caps, strict=True)], np.int64)
    found = scan(ctx, Reads(FLOWS, ROW_COLUMNS), _looker(seeker, np.array(quotas, np.int64), most))
    groups = sum((g.groups for g in found), np.zeros((2 * len(instances), CELLS), np.int64))
    merchants = choose_merchants(
        [g.merchants for g in found],
        instances,
        weights,
        list(zip(quotas, (int(c) for c in caps), strict=True)),
        seeker.posture.lookups,
        ctx.draws,
    )
    races = [_race(i, t, quotas[i], found, groups) for i, t in enumerate(templates)]
    fields = [merchants.candidates.get(i, field.candidates) for i, field in enumerate(races)]
    tallies = _tallies(groups, seeker.terms.kinds == MERCHANT, merchants.candidates)
    return Targets(
        thresholds={slot: end for race in races for slot, end in race.thresholds.items()},
        merchants=merchants.thresholds,
        caps=caps,
        quotas=tuple(quotas),
        chosen=tuple(min(quota, size) for quota, size in zip(quotas, fields, strict=True)),
        candidates=tuple(fields),
        tallies=tallies,
    )


@dataclass(frozen=True, slots=True)
class _Race:
    """The race of one instance: how many ran, and the last winner of each slot."""

    candidates: int
    thresholds: dict[int, Threshold]


def _race(i: int, template: Template, quota: int, found: Sequence[_Glance], groups: I64) -> _Race:
    """Merge the shortlists of an instance; merchants race elsewhere."""
    if template.target == "MERCHANT":
        return _Race(0, {})
    rest, burst = (int(groups[2 * i + wave].sum()) for wave in (0, 1))
    ends = {}
    for wave, k in enumerate(split_quota(quota, template.burstiness, rest, burst)):
        slot = 2 * i + wave
        ends[slot] = finish((g.runners[slot] for g in found if slot in g.runners), k)
    return _Race(rest + burst, ends)


def _quota(policy: Catalogue, template: Template, domain_flows: int, seeker: Seeker) -> int:
    """Targets that an instance wants; the domain of a merchant template are the merchants of the world."""
    domain = seeker.posture.lookups.merchant_ids.size if template.target == "MERCHANT" else domain_flows
    return min(template.quota.targets(domain, template.activation.expected), policy.guards.max_targets_per_instance)


def _looker(seeker: Seeker, quotas: I64, most: I64) -> Callable[[Batch], _Glance]:
    kinds = seeker.terms.kinds
    merchants = seeker.posture.lookups.merchant_ids.size

    def look(batch: Batch) -> _Glance:
        rows, scored = seeker.look(batch.anchor)
        found = scored.found
        cells = cell_of(rows.party_id[found.group_row]).astype(np.int64)
        counted = np.bincount(found.group_slot * CELLS + cells, minlength=2 * kinds.size * CELLS)
        runners = {}
        for slot in np.flatnonzero(np.bincount(found.group_slot, minlength=2 * kinds.size)):
            if kinds[slot >> 1] != MERCHANT:
                mine = np.flatnonzero(found.group_slot == slot)
                k = int(quotas[slot >> 1])
                runners[int(slot)] = shortlist(scored.scores[mine], found.group_target[mine], k)
        crossing = batch.anchor["is_cross_border"].to_numpy()
        glance = glance_at_merchants(scored, kinds, most, merchants, crossing)
        return _Glance(runners, counted.reshape(-1, CELLS), glance)

    return look


def guard_targets(policy: Catalogue, quotas: Sequence[int], arrivals: int) -> None:
    """Refuse more targets than the guard allows at this size of world; floors of tiny worlds are let through."""
    floors = sum(t.quota.floor * t.activation.max_instances for t in policy.templates)
    limit = max(policy.guards.max_targets_per_million * arrivals / 1e6, floors)
    if sum(quotas) > limit:
        raise ContractBroken(
            "E_S3_TARGET_CAP",
            "the campaigns want more targets than the guard allows",
            "policy/campaign guards.max_targets_per_million",
            str(sum(quotas)),
            f"at most {limit:.0f} at {arrivals} arrivals",
            "Lower the quotas or raise the guard.",
        )


def _tallies(groups: I64, merchant: Mask, merchant_candidates: dict[int, int]) -> pl.DataFrame:
    by_instance = groups.reshape(-1, 2, CELLS).sum(axis=1)
    instance, cell = np.nonzero(by_instance)
    frame = pl.DataFrame(
        {
            "cell": cell.astype(np.uint8),
            "instance": instance.astype(np.int64),
            "level": merchant[instance].astype(np.int64),
            "n": by_instance[instance, cell],
        }
    )
    chosen = [(0, i, 0, n) for i, n in merchant_candidates.items() if n]
    return pl.concat([frame, pl.DataFrame(chosen, schema=frame.schema, orient="row")])

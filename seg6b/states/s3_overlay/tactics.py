"""Tactics: what is done to each campaign flow, at most two mutations, never two on one axis."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl

from seg6b.datasets import vocabulary as v
from seg6b.datasets.frames import codes_of, ids_of
from seg6b.draws.choice import sample_all
from seg6b.draws.mix import U64, draw_all
from seg6b.draws.uniform import Draws
from seg6b.evidence import s3_draws as d
from seg6b.evidence.s3_draws import Decision
from seg6b.policy.laws import Sampler
from seg6b.policy.overlay import LARGEST_AMOUNT, AmountOnly, Reach, TacticsOverlay
from seg6b.states.s3_overlay.entity import with_ids, with_step
from seg6b.states.s3_overlay.frames import bits
from seg6b.states.s3_overlay.hits import Hits
from seg6b.states.s3_overlay.instances import Instance
from seg6b.states.s3_overlay.pools import Pool, Pools
from seg6b.states.s3_overlay.posture import I64
from seg6b.states.s3_overlay.sites import Sites

F64 = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

AMOUNT, IP, DEVICE, SITE, BURST, SUPPRESS, DECLINE = range(len(v.TACTICS))
AXIS_OF: Final = ("AMOUNT", "IDENTITY", "IDENTITY", "ROUTING", "TIMING", "STRUCTURE", "STRUCTURE")
AXIS_BITS: Final = np.array([1 << v.MUTATION_AXES.index(a) for a in AXIS_OF], np.int64)


@dataclass(frozen=True, slots=True)
class Mutations:
    """What happens to each hit.

    Attributes:
        tactics: bit set over the tactics.
        amount_factor: factor on all amounts, 0 where they stay.
        time_factor: factor on the response and clearing gaps, 0 where they stay.
        device_id: device afterwards.
        ip_id: IP afterwards.
        site_id: site afterwards, 0 for none.
    """

    tactics: I64
    amount_factor: F64
    time_factor: F64
    device_id: I64
    ip_id: I64
    site_id: I64

    @property
    def axes(self) -> I64:
        """Bit set over the mutation axes."""
        has = (self.tactics[:, None] >> np.arange(AXIS_BITS.size)) & 1 > 0
        axes: I64 = np.bitwise_or.reduce(np.where(has, AXIS_BITS, 0), axis=1)
        return axes

    def using(self, tactic: int) -> Mask:
        """Which hits use a tactic."""
        return (self.tactics >> tactic) & 1 > 0


@dataclass(frozen=True, slots=True)
class Toolbox:
    """Tactics made ready for a run.

    Attributes:
        policy: the pack.
        mix: weight of each tactic by instance, shape (instances, tactics).
        declining: whether each instance's settled flows may be declined.
        words: hash of each campaign.
        amount: sampler of the amount factor.
        time: sampler of the time factor.
        pools: swap pools.
        sites: sites.
        draws: the run's draws.
    """

    policy: TacticsOverlay
    mix: F64
    declining: Mask
    words: U64
    amount: Sampler
    time: Sampler
    pools: Pools
    sites: Sites
    draws: Draws


def toolbox_of(
    policy: TacticsOverlay, instances: Sequence[Instance], pools: Pools, sites: Sites, draws: Draws
) -> Toolbox:
    """The toolbox of a run."""
    choices = {str(kind): mix for kind, mix in policy.mix.items()}
    mix = np.zeros((len(instances), len(v.TACTICS)))
    for row, instance in enumerate(instances):
        for choice in choices[instance.campaign_type]:
            mix[row, v.TACTICS.index(choice.tactic)] = choice.prob
    return Toolbox(
        policy=policy,
        mix=mix,
        declining=np.array([i.campaign_type == policy.decline.campaign_type for i in instances], np.bool_),
        words=np.array([i.word for i in instances], np.uint64),
        amount=policy.tactics.amount_upshift.factor.sampler(),
        time=policy.tactics.burst_timing.factor.sampler(),
        pools=pools,
        sites=sites,
        draws=draws,
    )


def mutate(flows: pl.DataFrame, hits: Hits, tools: Toolbox) -> Mutations:
    """Choose tactics and their parameters for the hit flows (`flows` holds just those, in order)."""
    entity = with_ids(tools.words[hits.instances], flows["flow_id"].to_numpy())
    fits = _compatible(flows, hits, tools)
    tactics = _choose(entity, fits, hits, tools)
    device, ip, site = (ids_of(flows[c]).copy() for c in ("device_id", "ip_id", "site_id"))
    done = Mutations(
        tactics,
        _factor(entity, tactics, AMOUNT, tools.amount, tools.draws),
        _factor(entity, tactics, BURST, tools.time, tools.draws),
        device,
        ip,
        site,
    )
    _swap(entity, done, hits, tools)
    at = np.flatnonzero(done.using(SITE))
    u = _uniforms(entity[at], SITE, d.SELECT_ROUTING_ANOMALY, tools.draws)
    site[at] = tools.sites.shifted(tools.sites.choices(site[at])[0], u)
    return done


def raise_amounts(flows: pl.DataFrame, hits: Hits, policy: AmountOnly, words: U64, draws: Draws) -> Mutations:
    """The D+ overlay: a uniform amount factor on every hit."""
    entity = with_ids(words[hits.instances], flows["flow_id"].to_numpy())
    u = _uniforms(entity, AMOUNT, d.APPLY_MUTATION_PARAM, draws)
    kept = (ids_of(flows[c]) for c in ("device_id", "ip_id", "site_id"))
    factor = policy.min_factor + u * (policy.max_factor - policy.min_factor)
    return Mutations(np.full(hits.size, 1 << AMOUNT), factor, np.zeros(hits.size), *kept)


def _compatible(flows: pl.DataFrame, hits: Hits, tools: Toolbox) -> Mask:
    """Which tactics can be applied to each hit, shape (hits, tactics)."""
    t = tools.policy.tactics
    reaches: Mapping[int, Reach] = {
        AMOUNT: t.amount_upshift,
        IP: t.ip_swap_anon,
        DEVICE: t.device_swap_shared,
        SITE: t.site_shift,
        BURST: t.burst_timing,
        SUPPRESS: t.suppress_clearing,
    }
    fits = np.zeros((hits.size, len(v.TACTICS)), np.bool_)
    channel, kind = codes_of(flows["channel_group"]), codes_of(flows["flow_type_id"])
    for tactic, reach in reaches.items():
        fits[:, tactic] = (bits(v.CHANNELS, reach.channels) >> channel) & 1 > 0
        fits[:, tactic] &= (bits(v.FLOW_TYPES, reach.flow_types) >> kind) & 1 > 0
    fits[:, AMOUNT] &= _may_grow(flows, t.amount_upshift.factor.max)
    fits[:, IP] &= _other_member(tools.pools.ips, hits.instances, flows["ip_id"].to_numpy())
    fits[:, DEVICE] &= _other_member(tools.pools.devices, hits.instances, flows["device_id"].to_numpy())
    fits[:, SITE] &= tools.sites.choices(ids_of(flows["site_id"]))[1] > 0
    fits[:, SUPPRESS] &= flows["clear_ts"].is_not_null().to_numpy()
    fits[:, DECLINE] = tools.declining[hits.instances] & (flows["baseline_outcome"] == "AUTH_SETTLED").to_numpy()
    return fits


def _may_grow(flows: pl.DataFrame, largest_factor: float) -> Mask:
    """Whether all amounts may be multiplied.

    |clearing - auth| < 1 % of auth before means that both sides, each rounded, stay within 1 % + 1 unit afterwards.
    """
    auth = flows["auth_amount_minor"].to_numpy()
    clear = flows["clear_amount_minor"].fill_null(pl.Series(auth)).to_numpy()
    may: Mask = (100 * np.abs(clear - auth) < auth) & (np.maximum(auth, clear) * largest_factor < LARGEST_AMOUNT)
    return may


def _other_member(pools: Sequence[Pool], instances: I64, current: I64) -> Mask:
    """Whether the instance's pool has a member other than the current one."""
    sizes = np.array([p.members.size for p in pools], np.int64)[instances]
    single = np.array([p.members[0] if p.members.size else 0 for p in pools], np.int64)[instances]
    other: Mask = (sizes > 1) | ((sizes == 1) & (single != current))
    return other


def _choose(entity: U64, fits: Mask, hits: Hits, tools: Toolbox) -> I64:
    """Bit set of the tactics of each hit: the decline, one drawn from the mix, perhaps a second."""
    policy, most = tools.policy, tools.policy.guards.max_mutations_per_flow
    share = policy.decline.share
    declined = fits[:, DECLINE] & (tools.draws.uniform(*d.CAMPAIGN_DECLINE, entity) < share)
    used = declined.astype(np.int64)
    chosen = np.where(declined, 1 << DECLINE, 0)
    weights = np.where(fits & ~(declined[:, None] & _same_axis(DECLINE)), tools.mix[hits.instances], 0.0)
    first = _pick(weights, tools.draws.uniform(*d.SELECT_TACTIC, entity))
    first[used >= most] = -1
    u = tools.draws.uniform(*d.SECOND_TACTIC, entity)
    second = _pick(np.where(_same_axis(first), 0.0, weights), u / policy.second_tactic)
    second[(u >= policy.second_tactic) | (used + 1 >= most) | (first < 0)] = -1
    for pick in (first, second):
        chosen |= np.where(pick >= 0, 1 << np.maximum(pick, 0), 0)
    return chosen


def _same_axis(tactic: I64 | int) -> Mask:
    """Which tactics share the axis of `tactic`, shape (hits or 1, tactics)."""
    axes = AXIS_BITS[np.atleast_1d(np.asarray(tactic))]
    same: Mask = axes[:, None] == AXIS_BITS[None, :]
    return same


def _pick(weights: F64, u: F64) -> I64:
    """Index drawn by `u` in proportion to each row's weights; -1 where all are 0."""
    cumulative = np.cumsum(weights, axis=1)
    total = cumulative[:, -1]
    aim = np.minimum(u * total, np.nextafter(total, 0.0))
    return np.where(total > 0.0, (aim[:, None] >= cumulative).sum(axis=1), -1)


def _factor(entity: U64, tactics: I64, tactic: int, law: Sampler, draws: Draws) -> F64:
    factor = np.zeros(entity.size)
    at = np.flatnonzero((tactics >> tactic) & 1)
    factor[at] = sample_all(*law.arrays, _uniforms(entity[at], tactic, d.APPLY_MUTATION_PARAM, draws))
    return factor


def _swap(entity: U64, done: Mutations, hits: Hits, tools: Toolbox) -> None:
    """Replace IPs and devices in place by members of the campaign's pools."""
    for tactic, pools, ids in ((IP, tools.pools.ips, done.ip_id), (DEVICE, tools.pools.devices, done.device_id)):
        u = _uniforms(entity, tactic, d.SELECT_SWAP_CANDIDATE, tools.draws)
        for instance in np.unique(hits.instances):
            pool = pools[instance]
            at = np.flatnonzero(done.using(tactic) & (hits.instances == instance))
            pick = (u[at] * pool.members.size).astype(np.int64)
            same = pool.members[pick] == ids[at]
            pick = np.where(same, (pick + 1) % max(1, pool.members.size), pick)
            ids[at] = pool.members[pick]
            if tactic == DEVICE:
                done.ip_id[at] = np.where(pool.ips[pick] > 0, pool.ips[pick], done.ip_id[at])


def _uniforms(entity: U64, step: int, decision: Decision, draws: Draws) -> F64:
    return draw_all(with_step(entity, step), draws.key(*decision))

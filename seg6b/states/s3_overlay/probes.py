"""Probes of card testing: small authorisations on a target instrument, minutes apart, around one of its flows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl

from seg6b.datasets import vocabulary as v
from seg6b.datasets.frames import Mask, dictionary, ids_of, micros_of, nullable, utc
from seg6b.draws.choice import sample_all
from seg6b.draws.mix import U64, draw_all, id64_all
from seg6b.draws.uniform import Draws
from seg6b.errors import ContractBroken
from seg6b.evidence import s3_draws as d
from seg6b.evidence.s3_draws import Decision
from seg6b.policy.laws import Bounded
from seg6b.policy.overlay import Probes
from seg6b.states.s3_overlay.entity import with_ids
from seg6b.states.s3_overlay.hits import Hits
from seg6b.states.s3_overlay.instances import SECOND_US, Instance
from seg6b.states.s3_overlay.mutated import Mutated
from seg6b.states.s3_overlay.posture import I64
from seg6b.states.s3_overlay.tactics import DEVICE, IP, SITE

CARRIED: Final = (1 << IP) | (1 << DEVICE) | (1 << SITE)
DECLINED_BIT: Final = 16
TICKS_A_SECOND: Final = 1000
TICK_US: Final = 1000


@dataclass(frozen=True, slots=True)
class Prober:
    """Probing made ready for a run.

    Attributes:
        policy: the pack's block.
        probing: whether each instance probes.
        words: hash of each campaign.
        starts_us: window starts of each instance.
        limit: most probes an instrument may get, so that all together stay under the guard.
        draws: the run's draws.
    """

    policy: Probes
    probing: Mask
    words: U64
    starts_us: tuple[tuple[int, ...], ...]
    limit: int
    draws: Draws

    def uniforms(self, decision: Decision, entity: U64) -> npt.NDArray[np.float64]:
        """Uniforms of one decision."""
        return draw_all(entity, self.draws.key(*decision))

    def seconds(self, law: Bounded, decision: Decision, entity: U64) -> I64:
        """Draws of a law of seconds, on the millisecond grid, in microseconds."""
        drawn = sample_all(*law.sampler().arrays, self.uniforms(decision, entity))
        return np.rint(drawn * TICKS_A_SECOND).astype(np.int64) * TICK_US


def prober_of(
    policy: Probes, instances: Sequence[Instance], chosen: Sequence[int], most_new_flows: int, draws: Draws
) -> Prober:
    """The prober of a run; only card testing on instruments probes."""
    probing = [
        i.campaign_type == "CARD_TESTING" and i.target == "INSTRUMENT" and i.template is not None for i in instances
    ]
    targets = sum(n for n, probes in zip(chosen, probing, strict=True) if probes)
    span_us = int(2 * policy.span_s * SECOND_US)
    for instance, probes in zip(instances, probing, strict=True):
        if probes and instance.window_us < span_us:
            raise ContractBroken(
                "E_S3_PROBE_SPAN",
                "a campaign's window is too short for its probes",
                instance.template_id,
                f"{instance.window_us / SECOND_US:g} s",
                f"at least twice the longest run of probes, {span_us / SECOND_US:g} s",
                "Lengthen the window in policy/campaign or shorten the gaps in policy/overlay.",
            )
    return Prober(
        policy,
        np.array(probing, np.bool_),
        np.array([i.word for i in instances], np.uint64),
        tuple(i.starts_us for i in instances),
        most_new_flows // max(1, targets),
        draws,
    )


@dataclass(frozen=True, slots=True)
class _Plan:
    """One probe a row: the hit it probes from, its entity, its time."""

    source: I64
    entity: U64
    ts: I64


def add_probes(mutated: Mutated, hits: Hits, prober: Prober) -> tuple[Mutated, I64]:
    """Probe flows and events of a batch in S3's columns, and the hits that were probed from (one draw each)."""
    sources = _sources(mutated.flows, hits, prober)
    plan = _schedule(mutated.flows, hits, sources, prober)
    flows = _flows(mutated.flows, plan, prober)
    return Mutated(flows, _events(flows)), sources


def _sources(flows: pl.DataFrame, hits: Hits, prober: Prober) -> I64:
    """The first hit of every (instance, instrument) that probes, in hit order."""
    instrument = ids_of(flows["instrument_id"])
    mine = np.flatnonzero(prober.probing[hits.instances] & (instrument > 0))
    if prober.limit == 0 or mine.size == 0:
        return mine[:0]
    order = np.lexsort(
        (flows["flow_id"].to_numpy()[mine], micros_of(flows["ts_utc"])[mine], instrument[mine], hits.instances[mine])
    )
    pairs = np.stack([hits.instances[mine][order], instrument[mine][order]])
    first = np.ones(order.size, np.bool_)
    first[1:] = (pairs[:, 1:] != pairs[:, :-1]).any(axis=0)
    return np.sort(mine[order][first])


def _schedule(flows: pl.DataFrame, hits: Hits, sources: I64, prober: Prober) -> _Plan:
    """Counts and times: the run ends at the source, or begins there where its window would be left."""
    policy = prober.policy
    instance = hits.instances[sources]
    entity = with_ids(prober.words[instance], flows["instrument_id"].to_numpy()[sources])
    span = policy.most - policy.fewest + 1
    drawn = policy.fewest + (prober.uniforms(d.PROBE_COUNT, entity) * span).astype(np.int64)
    count = np.minimum(drawn, prober.limit)
    run = np.repeat(np.arange(sources.size), count)
    ends = np.cumsum(count)
    index = np.arange(run.size) - (ends - count)[run]
    each = with_ids(entity[run], index)
    gap = prober.seconds(policy.gap_s, d.PROBE_GAP, each)
    total = np.concatenate([[0], np.cumsum(gap)])
    passed = total[1:] - total[(ends - count)[run]]
    whole = (total[ends] - total[ends - count])[run]
    anchor = micros_of(flows["ts_utc"])[sources]
    opened = [max(s for s in prober.starts_us[i] if s <= t) for i, t in zip(instance, anchor, strict=True)]
    before = anchor[run] - whole >= np.array(opened, np.int64)[run]
    ts = np.where(before, anchor[run] - whole + passed - gap, anchor[run] + passed)
    return _Plan(sources[run], each, ts)


def _flows(flows: pl.DataFrame, plan: _Plan, prober: Prober) -> pl.DataFrame:
    policy, n = prober.policy, plan.ts.size
    amount = sample_all(*policy.amount_minor.sampler().arrays, prober.uniforms(d.PROBE_AMOUNT, plan.entity))
    minor = pl.Series(np.rint(amount).astype(np.int64))
    declined = prober.uniforms(d.PROBE_DECLINE, plan.entity) < policy.decline_share
    answered = plan.ts + prober.seconds(policy.response_s, d.PROBE_RESPONSE, plan.entity)
    source = flows[plan.source]
    carried = source["tactic_ids"].to_numpy() & CARRIED
    identity, routing = (carried & ~(1 << SITE)) > 0, (carried & (1 << SITE)) > 0
    axes = identity * (1 << v.MUTATION_AXES.index("IDENTITY")) + routing * (1 << v.MUTATION_AXES.index("ROUTING"))
    gone = np.ones(n, np.bool_)
    return source.with_columns(
        flow_id=pl.Series(id64_all(plan.entity, prober.draws.id_domain("probe_flow"))),
        flow_index_within_session=pl.lit(-1, pl.Int32),
        n_arrivals=pl.lit(0, pl.Int32),
        ts_utc=utc(plan.ts),
        flow_type_id=dictionary(np.where(declined, 1, 0), v.FLOW_TYPES),
        baseline_outcome=dictionary(np.where(declined, 1, 0), v.OUTCOMES),
        amount_minor=minor,
        auth_amount_minor=minor,
        **{c: nullable(np.zeros(n, np.int64), gone) for c in ("clear_amount_minor", "refund_amount_minor")},
        reversal_amount_minor=nullable(np.zeros(n, np.int64), gone),
        auth_response_ts=utc(answered),
        **{c: utc(plan.ts, gone) for c in ("clear_ts", "refund_ts", "reversal_ts")},
        n_events=pl.lit(2, pl.Int32),
        amount_branch=dictionary(np.full(n, v.AMOUNT_BRANCHES.index("TAIL")), v.AMOUNT_BRANCHES),
        flow_plan_rule_id=dictionary(np.full(n, v.FLOW_PLAN_RULES.index("CAMPAIGN_PROBE")), v.FLOW_PLAN_RULES),
        branch_trace=pl.Series(np.where(declined, DECLINED_BIT, 0).astype(np.int32)),
        origin_type=dictionary(np.full(n, v.ORIGINS.index("PURE_FRAUD_FLOW")), v.ORIGINS),
        origin_flow_id=source["flow_id"],
        tactic_ids=pl.Series(carried.astype(np.int32)),
        mutation_axes=pl.Series(axes.astype(np.int32)),
        **{c: pl.lit(None, pl.Float64) for c in ("amount_factor", "time_factor")},
        **{c: pl.lit(value=False) for c in ("amount_modified_flag", "timing_modified_flag", "structure_modified_flag")},
        identity_swap_flag=pl.Series(identity),
        routing_anomaly_flag=pl.Series(routing),
    )


def _events(flows: pl.DataFrame) -> pl.DataFrame:
    """Request and response of each probe."""
    n = flows.height
    both = np.repeat(np.arange(n), 2)
    answer = np.tile(np.array([False, True]), n)
    ts, answered = micros_of(flows["ts_utc"]), micros_of(flows["auth_response_ts"])
    declined = (flows["flow_type_id"] == "CARD_AUTH_DECLINE").to_numpy()
    code = np.where(answer, declined[both].astype(np.int64), -1)
    each = flows[both]
    return each.select(
        "flow_id",
        pl.Series("event_seq", answer.astype(np.int32)),
        dictionary(np.where(answer, v.EVENT_TYPES.index("AUTH_RESPONSE"), 0), v.EVENT_TYPES).alias("event_type"),
        utc(np.where(answer, answered[both], ts[both])).alias("ts_utc"),
        "amount_minor",
        "currency_iso",
        dictionary(code, v.RESPONSE_CODES).alias("response_code"),
        dictionary(answer.astype(np.int64), v.OFFSET_MODELS).alias("offset_model_id"),
        pl.Series("latency_us", np.where(answer, (answered - ts)[both], 0)),
        "session_id",
        "fraud_flag",
        "campaign_id",
        "fraud_pattern_type",
        pl.Series("is_fraud_event", ~answer),
        "origin_flow_id",
        nullable(np.zeros(2 * n, np.int32), np.ones(2 * n, np.bool_)).alias("origin_event_seq"),
    )

"""The second pass: one batch of baseline flows, overlaid."""

from __future__ import annotations

import numpy as np
import polars as pl

from seg6b.datasets.tables import EVENTS_WITH_FRAUD, FLOWS_WITH_FRAUD
from seg6b.draws.uniform import Draws
from seg6b.evidence import s3_draws as d
from seg6b.evidence.behaviour import ORIGINS, origins
from seg6b.evidence.tables import DRAWS, Evidence
from seg6b.policy.overlay import TacticsOverlay, varies
from seg6b.shards.cells import cell_of
from seg6b.states.mapping import Batch, Emission
from seg6b.states.s3_overlay.anomaly import MARKED, OUTSIDE
from seg6b.states.s3_overlay.compose import compose, event_rows
from seg6b.states.s3_overlay.hits import NO_HITS, Hits, find_hits, hash_hits
from seg6b.states.s3_overlay.mutated import Mutated, apply_mutations
from seg6b.states.s3_overlay.plan import Plan
from seg6b.states.s3_overlay.posture import I64
from seg6b.states.s3_overlay.probes import Prober, add_probes
from seg6b.states.s3_overlay.tactics import AMOUNT, BURST, DECLINE, DEVICE, IP, SITE, Mutations, mutate, raise_amounts
from seg6b.states.s3_overlay.tally import U8, tally


def overlay_batch(batch: Batch, plan: Plan, draws: Draws) -> Emission:
    """Flows and events of a batch after campaigns and anomalies, with the draws that this pass made."""
    flows = batch.anchor
    cells = cell_of(flows["party_id"].to_numpy())
    evidence = Evidence()
    hits = _hits(flows, plan, draws)
    _note_hash_draws(evidence, plan, cells)
    hit_flows = flows[hits.rows]
    done = _mutations(hit_flows, hits, plan, draws)
    mutated = apply_mutations(hit_flows, batch.follower[event_rows(flows, hits.rows)], hits, done, plan.names)
    probes = Mutated(mutated.flows.clear(), mutated.events.clear())
    if plan.toolbox is not None:
        _note_mutations(evidence, plan.toolbox.policy, hits, done, plan, cells[hits.rows])
    if plan.prober is not None:
        probes, sources = add_probes(mutated, hits, plan.prober)
        _note_probes(evidence, plan.prober, cells[hits.rows[sources]], cell_of(probes.flows["party_id"].to_numpy()))
    if plan.amounts is not None:
        evidence.put(DRAWS, tally(d.APPLY_MUTATION_PARAM, cells[hits.rows]))
    anomalous = np.zeros(flows.height, np.bool_)
    if plan.marker is not None:
        marks = plan.marker.mark(flows, hits.rows)
        anomalous = marks == MARKED
        evidence.put(DRAWS, tally(d.OVERLAY_ANOMALY, cells[marks != OUTSIDE]))
    whole = compose(batch, hits.rows, mutated, probes, anomalous, plan.names.ids)
    evidence.put(ORIGINS, origins(whole.flows, plan.terminals, plan.open_ips))
    return Emission({FLOWS_WITH_FRAUD: whole.flows, EVENTS_WITH_FRAUD: whole.events}, evidence)


def _hits(flows: pl.DataFrame, plan: Plan, draws: Draws) -> Hits:
    if not plan.instances:
        return NO_HITS
    if plan.hunt.seeker is not None and plan.hunt.targets is not None:
        return find_hits(flows, plan.hunt.seeker, plan.hunt.targets, plan.ranks)
    return hash_hits(flows, plan.words, _thresholds(plan), draws)


def _thresholds(plan: Plan) -> I64:
    return np.array([i.threshold_ppm for i in plan.instances], np.int64)


def _mutations(flows: pl.DataFrame, hits: Hits, plan: Plan, draws: Draws) -> Mutations:
    if plan.toolbox is not None:
        return mutate(flows, hits, plan.toolbox)
    if plan.amounts is not None:
        return raise_amounts(flows, hits, plan.amounts, plan.words, draws)
    message = "a plan has either tactics or amounts"
    raise AssertionError(message)


def _note_hash_draws(evidence: Evidence, plan: Plan, cells: U8) -> None:
    """Hash targets draw once a flow for each template whose threshold is not zero."""
    if plan.hunt.seeker is None and plan.instances:
        evidence.put(DRAWS, tally(d.SELECT_TARGET, np.tile(cells, np.count_nonzero(_thresholds(plan)))))


def _note_mutations(
    evidence: Evidence, policy: TacticsOverlay, hits: Hits, done: Mutations, plan: Plan, cells: U8
) -> None:
    declining = np.array([i.campaign_type == policy.decline.campaign_type for i in plan.instances], np.bool_)
    room = policy.guards.max_mutations_per_flow - done.using(DECLINE)
    spec = policy.tactics
    notes = [
        (d.CAMPAIGN_DECLINE, declining[hits.instances] & (policy.decline.share < 1.0)),
        (d.SELECT_TACTIC, room >= 1),
        (d.SECOND_TACTIC, room >= 2),
        (d.APPLY_MUTATION_PARAM, done.using(AMOUNT) & varies(spec.amount_upshift.factor)),
        (d.APPLY_MUTATION_PARAM, done.using(BURST) & varies(spec.burst_timing.factor)),
        (d.SELECT_SWAP_CANDIDATE, done.using(IP) | done.using(DEVICE)),
        (d.SELECT_ROUTING_ANOMALY, done.using(SITE)),
    ]
    for decision, drew in notes:
        evidence.put(DRAWS, tally(decision, cells[drew]))


def _note_probes(evidence: Evidence, prober: Prober, sources: U8, probes: U8) -> None:
    policy = prober.policy
    evidence.put(DRAWS, tally(d.PROBE_COUNT, sources))
    evidence.put(DRAWS, tally(d.PROBE_DECLINE, probes))
    for decision, law in (
        (d.PROBE_GAP, policy.gap_s),
        (d.PROBE_AMOUNT, policy.amount_minor),
        (d.PROBE_RESPONSE, policy.response_s),
    ):
        if varies(law):
            evidence.put(DRAWS, tally(decision, probes))

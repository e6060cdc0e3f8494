"""S4: a pure map over batches of whole parties."""

from __future__ import annotations

from typing import Final

import numpy as np

from seg6b.datasets.tables import BANK_VIEW, CASE_FLOWS, CASES, EVENT_LABELS, TRUTH
from seg6b.errors import ContractBroken
from seg6b.evidence.measure_s4 import measure_s4
from seg6b.policy.case import Unordered
from seg6b.states.context import StateContext
from seg6b.states.mapping import Batch, Emission, transform
from seg6b.states.s4_labels.bank_view import View, view_flows
from seg6b.states.s4_labels.campaign_map.strategies import CHOICES as CAMPAIGN_MAPS
from seg6b.states.s4_labels.case_book import case_links, refuse_duplicates
from seg6b.states.s4_labels.cases import open_cases
from seg6b.states.s4_labels.columns import COLUMNS
from seg6b.states.s4_labels.counts import Counts, Keys, draw_keys, draws_evidence, new_counts
from seg6b.states.s4_labels.delays import Delays, delay_laws
from seg6b.states.s4_labels.event_labels.contract import LabelledFlows, label_events
from seg6b.states.s4_labels.event_labels.strategies import STRATEGIES as LABELLINGS
from seg6b.states.s4_labels.flows import I64, NEVER, READS, Flows, flow_arrays
from seg6b.states.s4_labels.rows import bank_rows, truth_rows
from seg6b.states.s4_labels.timeline.contract import tell_cases
from seg6b.states.s4_labels.timeline.strategies import STRATEGIES as TIMELINES
from seg6b.states.s4_labels.truth import Truth, label_truth

MILLION: Final = 1_000_000


def run(ctx: StateContext) -> None:
    """Label flows and events, view them as the bank does, and tell the cases.

    Raises:
        ContractBroken: rows that S3's contract forbids, a case that breaks its own, or a guard of the case pack.
    """
    ids: list[I64] = []

    def work(batch: Batch) -> Emission:
        emission, cases = label_batch(ctx, batch)
        ids.append(cases)
        return emission

    transform(ctx, COLUMNS[ctx.knobs.columns], work, measure_s4)
    with ctx.meter.lane("validate"):
        _check_cases(ctx, np.concatenate(ids) if ids else np.empty(0, np.int64))


def label_batch(ctx: StateContext, batch: Batch) -> tuple[Emission, I64]:
    """The rows of one batch, and the ids of its cases."""
    policy, counts = ctx.policy, new_counts()
    flows = flow_arrays(batch.anchor)
    delays, keys = delay_laws(policy.delay), draw_keys(ctx.draws)
    truth, view = label_flows(ctx, flows, delays, keys, counts)
    book = open_cases(batch.anchor, flows, view.outcomes, policy.case, delays, draws=ctx.draws, counts=counts)
    closed_at = book.spread(book.stamp[:, -1], flows.flow_id.size, NEVER)
    labelled = LabelledFlows(
        flows,
        truth,
        view,
        closed_at,
        batch.anchor["n_events"].to_numpy(),
        policy.bank_view.windows,
        relabel=lambda rows: label_flows(ctx, rows, delays, keys, new_counts()),
    )
    events = label_events(LABELLINGS[ctx.knobs.event_labels], batch.follower, labelled)
    close_ms = book.spread(book.close_ms, flows.flow_id.size, -1)
    frames = {
        TRUTH: truth_rows(batch.anchor, truth, f"{policy.truth.policy_id}.{policy.truth.kind}"),
        BANK_VIEW: bank_rows(batch.anchor, view, closed_at=closed_at, close_ms=close_ms),
        EVENT_LABELS: events,
        CASES: tell_cases(TIMELINES[ctx.knobs.timeline], book, flows.flow_id),
        CASE_FLOWS: case_links(book, flows.flow_id),
    }
    return Emission(frames, draws_evidence(counts)), book.case_id


def label_flows(ctx: StateContext, flows: Flows, delays: Delays, keys: Keys, counts: Counts) -> tuple[Truth, View]:
    """Truth and bank view of each flow, in row order; `counts` gains the draws made."""
    policy, behaviour = ctx.policy, ctx.policy.behaviour
    truth = label_truth(
        flows,
        policy.truth,
        keys,
        counts,
        campaign_map=CAMPAIGN_MAPS[ctx.knobs.campaign_map],
        collateral=behaviour.collateral,
        posture=behaviour.posture,
    )
    return truth, view_flows(flows, truth, policy.bank_view, delays, keys, counts)


def _check_cases(ctx: StateContext, case_id: I64) -> None:
    """What no batch can see alone: ids of different batches, and the number of cases."""
    if isinstance(ctx.policy.case, Unordered):
        return
    refuse_duplicates(case_id)
    flows = sum(part.rows for part in ctx.inputs[READS.anchor.name].parts)
    limit = ctx.policy.case.guards.cases_per_million_flows
    if case_id.size * MILLION > limit * flows:
        raise ContractBroken(
            "E_S4_CASE_GUARD",
            "more cases than guard cases_per_million_flows allows",
            CASES.name,
            f"{case_id.size} cases of {flows} flows",
            f"at most {limit} a million",
            "Lower the involvement in the bank_view pack.",
        )

"""Shards: their rows in party order, attached, cut into sessions, published and measured."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import polars as pl

from seg6b.datasets.frames import dictionary
from seg6b.datasets.tables import SESSION_ARRIVALS, SESSIONS
from seg6b.datasets.vocabulary import IP_TYPES
from seg6b.errors import ContractBroken
from seg6b.evidence.measure_s1 import CHOICES, IP_GROUPS, measure_arrivals, measure_sessions
from seg6b.evidence.row_arrays import tally
from seg6b.evidence.tables import Evidence
from seg6b.shards.batches import cut_parties
from seg6b.shards.cells import CELLS
from seg6b.states.context import StateContext
from seg6b.states.s1_attach.boundaries import SECOND_US, Cut, Visits, cut_sessions
from seg6b.states.s1_attach.choices import choice_rows, count_open, count_open_gaps
from seg6b.states.s1_attach.exchange import Exchange
from seg6b.states.s1_attach.links import LINK_DECISIONS, Links, Rows
from seg6b.states.s1_attach.order import party_order
from seg6b.states.s1_attach.parts import Parts
from seg6b.states.s1_attach.plan import Plan
from seg6b.states.s1_attach.published import chosen_ids, published_arrivals
from seg6b.states.s1_attach.route import NOTHING, Routed, key_sum
from seg6b.states.s1_attach.score import scores
from seg6b.states.s1_attach.sessions.contract import Members
from seg6b.states.s1_attach.sessions.strategies import STRATEGIES
from seg6b.states.s1_attach.tallies import BOUNDARY, put_draws
from seg6b.states.s1_attach.unique import UniqueIds


def attach_shards(ctx: StateContext, plan: Plan, exchange: Exchange, ids: UniqueIds, shards: range) -> Routed:
    """Write the parts of some consecutive shards, note their evidence, and say what passed."""
    with ctx.meter.lane("compute"):
        rows = exchange.collect(shards)
        if rows.is_empty():
            return NOTHING
        rows = _in_order(rows, plan)
    task = _Task(ctx, plan, Parts(ctx.output, exchange.rows.size))
    found = []
    folder = ctx.scratch / f"sessions-{shards.start:05d}"
    for sessions in STRATEGIES[ctx.knobs.sessions](task.members(rows), folder, ctx.meter):
        task.parts.emit(SESSIONS, sessions)
        with ctx.meter.lane("validate"):
            ctx.output.note(measure_sessions(sessions))
        found.append(sessions["session_id"].to_numpy())
    task.parts.close()
    with ctx.meter.lane("validate"):
        ids.add(shards.start, np.concatenate(found))
    return task.passed


@dataclass(slots=True)
class _Task:
    """Some consecutive shards on their way to their parts."""

    ctx: StateContext
    plan: Plan
    parts: Parts
    passed: Routed = NOTHING

    def members(self, rows: pl.DataFrame) -> Iterator[Members]:
        """The members of sessions batch by batch, once the arrivals of the batch are published."""
        ctx = self.ctx
        for start, stop in cut_parties(self.plan.parties.party_id[rows["party"].to_numpy()], ctx.knobs.batch_rows):
            with ctx.meter.lane("compute"):
                arrivals, members, evidence = _attach(ctx, self.plan, rows[start:stop])
            self.parts.emit(SESSION_ARRIVALS, arrivals)
            with ctx.meter.lane("validate"):
                ctx.output.note(evidence)
                ctx.output.note(measure_arrivals(arrivals, members.cut.session_id.size))
                keys = key_sum(arrivals["merchant_id"].to_numpy(), arrivals["arrival_seq"].to_numpy())
                self.passed += Routed(arrivals.height, int(keys), NOTHING.draws, _proxies(evidence))
            ctx.progress(stop - start)
            yield members


def _proxies(evidence: Evidence) -> int:
    types = evidence.table(IP_GROUPS.name)
    return int(types.filter(types["ip_type"] == "VPN_PROXY")["n"].sum())


def _in_order(rows: pl.DataFrame, plan: Plan) -> pl.DataFrame:
    rank = plan.parties.rank[rows["party"].to_numpy()]
    columns = (rows[name].to_numpy() for name in ("ts_utc", "merchant", "arrival_seq"))
    return rows[party_order(rank, *columns)]


def _attach(ctx: StateContext, plan: Plan, rows: pl.DataFrame) -> tuple[pl.DataFrame, Members, Evidence]:
    """Arrivals, the members of their sessions, and the evidence that only S1 can give."""
    evidence = Evidence()
    keyed = _keyed(plan, rows)
    rule = rows["rule"].to_numpy()
    links = _link(plan, keyed, evidence)
    evidence.put(
        CHOICES, choice_rows((*plan.decisions, *LINK_DECISIONS), count_open(keyed, links, rule, plan.openings))
    )
    chosen = chosen_ids(plan.held, links)
    visits = Visits(
        party_id=plan.parties.party_id[keyed.party],
        ts=rows["ts_utc"].to_numpy(),
        merchant_id=keyed.merchant_id,
        seq=keyed.seq,
        device_id=chosen.device_id,
        channel=keyed.channel,
        cell=keyed.cell,
    )
    cut = _cut(ctx, visits, evidence)
    session_id = np.empty(rule.size, np.int64)
    session_id[cut.order] = np.repeat(cut.session_id, np.diff(cut.starts))
    score = scores(keyed, rule, plan.base, plan.home_country, plan.pools)
    arrivals = published_arrivals(plan, rows, visits, chosen, session_id=session_id, score=score)
    return arrivals, Members(cut, visits, chosen), evidence


def _keyed(plan: Plan, rows: pl.DataFrame) -> Rows:
    party, merchant = rows["party"].to_numpy(), rows["merchant"].to_numpy()
    return Rows(
        party=party,
        merchant=merchant,
        merchant_id=plan.merchants.merchant_id[merchant],
        seq=rows["arrival_seq"].to_numpy(),
        channel=rows["channel"].to_numpy(),
        family=plan.parties.family[party],
        cell=plan.parties.cell[party],
    )


def _link(plan: Plan, rows: Rows, evidence: Evidence) -> Links:
    links, drawn, lost = plan.link(rows)
    if lost >= 0:
        raise ContractBroken(
            "E_S1_NO_CANDIDATE",
            "a party lacks an account, instrument, device or IP that it was chosen for",
            f"party_id {plan.parties.party_id[rows.party[lost]]}, arrival_seq {rows.seq[lost]}",
            "none",
            "a candidate a step",
            "This is a fault of S1, not of the world: report it.",
        )
    put_draws(evidence, LINK_DECISIONS, drawn)
    cell, ip_type, n = tally((rows.cell, plan.held.ip_type[links.ip]), (CELLS, len(IP_TYPES)))
    evidence.put(
        IP_GROUPS, pl.DataFrame({"cell": cell.astype(np.uint8), "ip_type": dictionary(ip_type, IP_TYPES), "n": n})
    )
    return links


def _cut(ctx: StateContext, visits: Visits, evidence: Evidence) -> Cut:
    policy = ctx.policy.session
    drawn = np.zeros((CELLS, 1), np.int64)
    cut = cut_sessions(visits, policy, ctx.draws, drawn[:, 0], stochastic=ctx.policy.behaviour.stochastic_boundary)
    put_draws(evidence, (BOUNDARY,), drawn)
    if policy.kind == "gap":
        spans = policy.hard_timeout_s * int(SECOND_US), policy.hard_break_s * int(SECOND_US)
        evidence.put(CHOICES, choice_rows((BOUNDARY,), count_open_gaps(cut, visits, *spans)))
    sizes = np.diff(cut.starts)
    largest = int(sizes.argmax())
    if sizes[largest] > policy.max_session_arrivals:
        raise ContractBroken(
            "E_S1_SESSION_TOO_LARGE",
            "a session has more arrivals than the guard allows",
            f"session_id {cut.session_id[largest]}",
            str(sizes[largest]),
            f"at most {policy.max_session_arrivals}",
            "Cut sessions finer, or correct the guard session.max_session_arrivals.",
        )
    return cut

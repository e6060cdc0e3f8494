"""S1: attach every arrival to entities and cut the arrivals of each party into sessions.

Arrivals are read once, in any order, and sent to the shard of the party they draw. Then every shard is put into
order, linked, cut and published on its own.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from seg6b.errors import ContractBroken, UsageError
from seg6b.evidence.measure_s1 import CHOICES
from seg6b.evidence.tables import Evidence
from seg6b.shards.batches import group_parts
from seg6b.shards.cells import CELLS
from seg6b.states.context import StateContext
from seg6b.states.s1_attach.choices import choice_rows
from seg6b.states.s1_attach.exchange import Exchange
from seg6b.states.s1_attach.plan import Plan, prepare
from seg6b.states.s1_attach.route import NOTHING, Routed, route_arrivals
from seg6b.states.s1_attach.shards import attach_shards
from seg6b.states.s1_attach.tallies import RATE, put_draws
from seg6b.states.s1_attach.unique import UniqueIds

ROWS_A_SHARD: Final = 500_000
FEWEST_SHARDS: Final = 8
MOST_SHARDS: Final = 4096


def run(ctx: StateContext) -> None:
    """Write `s1_arrival_entities_6B` and `s1_session_index_6B` with their evidence."""
    shards = shard_count(ctx.knobs.shards, ctx.world.arrivals)
    with ctx.meter.lane("compute"):
        plan = prepare(ctx)
    exchange, ids = Exchange(shards, ctx.scratch), UniqueIds(ctx.scratch)
    routed = route_arrivals(ctx, plan, exchange, shards)
    groups = group_parts(exchange.rows.tolist(), ctx.knobs.batch_rows, ctx.executor.workers)
    done = ctx.executor.map(lambda group: attach_shards(ctx, plan, exchange, ids, group), groups)
    passed = sum(done, NOTHING)
    with ctx.meter.lane("compute"):
        exchange.close()
    with ctx.meter.lane("validate"):
        _conserved(ctx, routed, passed)
        ids.check()
        ctx.output.note(_plan_evidence(ctx, plan, routed))
        _guard_proxies(ctx, passed)


def shard_count(wanted: int, arrivals: int) -> int:
    """Shards of a run: as asked, else the power of two that gives about half a million arrivals each, at least 8."""
    if wanted == 0:
        return min(MOST_SHARDS, max(FEWEST_SHARDS, 1 << (-(-arrivals // ROWS_A_SHARD) - 1).bit_length()))
    if wanted < 1 or wanted > MOST_SHARDS or wanted & (wanted - 1):
        raise UsageError(
            "E_S1_SHARDS", "the number of shards is not possible", "s1.shards", str(wanted),
            f"0 or a power of two up to {MOST_SHARDS}", "Choose another s1.shards.",
        )  # fmt: skip
    return wanted


def _conserved(ctx: StateContext, routed: Routed, passed: Routed) -> None:
    """Arrivals sealed = read = published, by count and by the sum of the hashes of their keys."""
    sealed = (ctx.world.arrivals, ctx.world.arrival_key_sum % (1 << 64))
    told = [sealed, (routed.rows, routed.key_sum), (passed.rows, passed.key_sum)]
    if told[0] == told[1] == told[2]:
        return
    raise ContractBroken(
        "E_S1_ARRIVALS_LOST",
        "arrivals sealed, read and published differ",
        "s1_arrival_entities_6B",
        " / ".join(f"{rows} rows, keys {keys:016x}" for rows, keys in told),
        "equal counts and keys",
        "Verify the world; if it is whole, this is a fault of S1: report it.",
    )


def _plan_evidence(ctx: StateContext, plan: Plan, routed: Routed) -> Evidence:
    """Draws of the routing phase, and the rates that were drawn."""
    evidence = Evidence()
    put_draws(evidence, plan.decisions, routed.draws)
    rates = np.bincount(plan.parties.cell, minlength=CELLS)[:, None]
    if ctx.policy.attachment.kind == "pooled" and ctx.policy.activity.kind == "bursts":
        put_draws(evidence, (RATE,), rates * int(ctx.policy.activity.draws_rate))
    evidence.put(CHOICES, choice_rows((RATE,), rates))
    return evidence


def _guard_proxies(ctx: StateContext, passed: Routed) -> None:
    """Arrivals through proxies stay within the cap; the weights hold it on average, so 4 standard errors pass."""
    if ctx.policy.attachment.kind == "uniform":
        return
    cap = ctx.policy.attachment.proxy_share_cap
    if passed.proxies > cap * passed.rows + 4.0 * math.sqrt(cap * (1.0 - cap) * passed.rows):
        raise ContractBroken(
            "E_S1_PROXY_SHARE",
            "too many arrivals come through anonymiser proxies",
            "attachment.proxy_share_cap",
            f"{passed.proxies / passed.rows:.4f}",
            f"at most {cap}",
            "The world has too many devices with a proxy alone, or the cap is too low.",
        )

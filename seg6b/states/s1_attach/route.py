"""From arrival files to shards: channel, party, and the way to the party's shard."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl

from seg6b.datasets.frames import ids_of, micros_of
from seg6b.datasets.vocabulary import ATTACH_RULES, CHANNELS
from seg6b.draws.compiled import kernel
from seg6b.draws.mix import entity2
from seg6b.errors import ContractBroken
from seg6b.shards.cells import CELLS, shard_of
from seg6b.states.context import StateContext
from seg6b.states.s1_attach.arrivals import OPEN_COLUMNS, batches, channels_of
from seg6b.states.s1_attach.exchange import Exchange
from seg6b.states.s1_attach.merchants import known_merchants, recoded
from seg6b.states.s1_attach.party import NO_HOME, PARTY_DECISIONS, Contacts, choose_parties
from seg6b.states.s1_attach.plan import Plan

I64 = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Routed:
    """What has passed: arrivals, the wrapping sum of their key hashes, draws by cell and decision, uses of proxies."""

    rows: int
    key_sum: int
    draws: I64
    proxies: int = 0

    def __add__(self, other: Routed) -> Routed:
        return Routed(
            self.rows + other.rows,
            (self.key_sum + other.key_sum) % (1 << 64),
            self.draws + other.draws,
            self.proxies + other.proxies,
        )


NOTHING: Final = Routed(0, 0, np.zeros((CELLS, len(PARTY_DECISIONS)), np.int64))


def route_arrivals(ctx: StateContext, plan: Plan, exchange: Exchange, shards: int) -> Routed:
    """Send every arrival of the world to the shard of its party; the order of the files does not matter."""
    shard = shard_of(plan.parties.route, shards).astype(np.int32)

    def work(task: tuple[int, Path]) -> Routed:
        seen = NOTHING
        for number, batch in enumerate(batches(ctx, task[1])):
            with ctx.meter.lane("compute"):
                rows, routed = _route(plan, batch, task[1])
                exchange.deliver((task[0], number), rows, shard[rows["party"].to_numpy()])
                seen = seen + routed
        return seen

    paths = ctx.world.arrival_parts()
    return sum(ctx.executor.map(work, list(enumerate(paths))), NOTHING)


def _route(plan: Plan, batch: pl.DataFrame, path: Path) -> tuple[pl.DataFrame, Routed]:
    merchants = plan.merchants
    merchant = known_merchants(batch["merchant_id"].to_numpy(), merchants.merchant_id, path)
    seq, ts = batch["arrival_seq"].to_numpy(), micros_of(batch["ts_utc"])
    channel = channels_of(batch["channel_group"], merchants.channel[merchant], path)
    party, rule = np.empty(merchant.size, np.int32), np.empty(merchant.size, np.int8)
    tally = np.zeros((CELLS, len(PARTY_DECISIONS)), np.int64)
    contacts = Contacts(merchant, channel, seq, ts, merchants.merchant_id, plan.home_country)
    lost = choose_parties(party, rule, tally, contacts, plan.pools, plan.awake, plan.party_keys)
    if lost >= 0:
        raise ContractBroken(
            "E_S1_NO_CANDIDATE",
            "no party of the world can be attached on this channel",
            f"{path.name}, merchant_id {batch['merchant_id'][lost]}, arrival_seq {seq[lost]}",
            CHANNELS[channel[lost]],
            "an eligible party a channel",
            "Check accounts and instruments of the world against attachment.account_classes.",
        )
    rule[rule == NO_HOME] = ATTACH_RULES.index(plan.rule_no_home)
    open_codes = {name: recoded(batch[name], plan.categories[name]) for name in OPEN_COLUMNS}
    rows = pl.DataFrame(
        {
            "party": party,
            "rule": rule,
            "channel": channel,
            "merchant": merchant,
            "arrival_seq": seq,
            "ts_utc": ts,
            "bucket_index": batch["bucket_index"].to_numpy(),
            "ts_local_primary": micros_of(batch["ts_local_primary"]),
            "is_virtual": batch["is_virtual"].cast(pl.UInt8).to_numpy(),
            "site_id": ids_of(batch["site_id"]),
            "edge_id": ids_of(batch["edge_id"]),
            **open_codes,
        }
    )
    return rows, Routed(merchant.size, int(key_sum(batch["merchant_id"].to_numpy(), seq)), tally)


@kernel
def key_sum(merchant_id: I64, seq: I64) -> np.uint64:
    """Wrapping sum of the hashes of arrival keys."""
    total = np.uint64(0)
    for i in range(seq.size):
        total += entity2(merchant_id[i], seq[i])
    return total

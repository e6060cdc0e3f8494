"""Strategy `join_chain`: the batch is a table that a count join and an index join widen at each step (before POPT.1).

Candidates are tables of (owner, index). A step joins the batch with the number of candidates of each row's owner,
gives every row as many indexes, joins those on (owner, index), and goes on with the rows of the chosen candidates. A
device is drawn by its place alone, so the batch is joined on the one place that was drawn.

Costs one scan of the batch a step and ten hash joins a batch, each of which copies the batch: two for accounts,
instruments and IPs, four for devices (party and merchant, by number and by place); no sort, since joins keep the order
of their left side. Memory: tables of all candidates, made once (36 B an account, 24 B an instrument or IP, 12 B a
device), and the batch once for every candidate of its rows (some 90 B each, with the hash tables of the joins).
"""

from __future__ import annotations

from functools import partial
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

from seg6b.draws.mix import entities2
from seg6b.states.s1_attach.attach.contract import Law, Link, Linked
from seg6b.states.s1_attach.attach.gathered import (
    F64,
    I32,
    Bools,
    By,
    Devices,
    Found,
    by_cell,
    choose_devices,
    choose_place,
    lost_at,
)
from seg6b.states.s1_attach.entities import Held
from seg6b.states.s1_attach.links import Links, Rows


class Chain(NamedTuple):
    """One kind of candidates: how many each owner has, and which stands at each index.

    Attributes:
        counts: `owner`, `n`, and what else is known of an owner.
        members: `owner`, `index`, `member`, and what a choice goes by: `group_0`, `share_0`, of accounts on two sides.
    """

    counts: pl.DataFrame
    members: pl.DataFrame


class Chains(NamedTuple):
    """The tables of all steps."""

    account: Chain
    instrument: Chain
    own_device: Chain
    terminal: Chain
    ip: Chain


def prepare(held: Held, law: Law) -> Link:
    """The chain over these candidates; see `contract.Strategy`."""
    sides = range(len(held.account_group))
    accounts: dict[str, npt.NDArray[Any]] = {f"group_{side}": held.account_group[side] for side in sides}
    accounts |= {f"share_{side}": held.account_share[side] for side in sides}
    instruments: dict[str, npt.NDArray[Any]] = {"group_0": held.instrument_kind, "share_0": held.instrument_share}
    chains = Chains(
        account=_chain(held.account_at, accounts),
        instrument=_chain(held.instrument_at, instruments),
        own_device=_chain(held.device_at, {"member": held.device}, main=held.main_device),
        terminal=_chain(held.terminal_at, {"member": held.terminal}),
        ip=_chain(held.ip_at, {"group_0": held.ip_group, "share_0": held.ip_share}, groups=held.ip_groups),
    )
    return partial(_link, chains, law)


def _chain(at: I32, columns: dict[str, npt.NDArray[Any]], **of_owner: I32) -> Chain:
    sizes, places = np.diff(at), np.arange(at[-1], dtype=np.int32)
    owners = np.arange(sizes.size, dtype=np.int32)
    owner = np.repeat(owners, sizes)
    members = pl.DataFrame({"owner": owner, "index": places - at[owner], "member": places} | columns)
    return Chain(pl.DataFrame({"owner": owners, "n": sizes, **of_owner}), members)


def _link(chains: Chains, law: Law, rows: Rows) -> Linked:
    weights, keys = law.weights, law.keys
    batch = pl.DataFrame(rows._asdict()).with_columns(
        side=law.optional[rows.channel].astype(np.int8),
        row=rows.family * 5 + rows.channel,
        entity=entities2(rows.merchant_id, rows.seq),
    )
    batch, by_account = _step(batch, chains.account, "party", "account", weights.account, keys.account)
    if batch["account"].has_nulls():
        return lost_at(batch["account"].is_null().to_numpy())
    spare = batch["side"].to_numpy() > 0
    batch = batch.with_columns(side=pl.lit(0, pl.Int8))
    batch, by_instrument = _step(batch, chains.instrument, "account", "instrument", weights.instrument, keys.instrument)
    missing = batch["instrument"].is_null().to_numpy() & ~spare
    if missing.any():
        return lost_at(missing)
    batch, by_device = _device_step(batch, chains, law)
    batch = batch.with_columns(row=pl.col("row") * 32)
    batch, by_ip = _step(batch, chains.ip, "device", "ip", weights.ip, keys.ip)
    links = (batch[name].fill_null(-1).to_numpy() for name in Links._fields)
    return Linked(Links(*links), by_cell(rows.cell, (by_account, by_instrument, by_device, by_ip)), -1)


def _step(
    batch: pl.DataFrame, chain: Chain, owner: str, name: str, weight: F64, key: np.uint64
) -> tuple[pl.DataFrame, Bools]:
    """The batch with one more link, null where a row has no candidate, and which rows drew."""
    counted = batch.join(chain.counts, left_on=owner, right_on="owner", how="left", maintain_order="left")
    if "groups" in counted.columns:
        counted = counted.with_columns(row=pl.col("row") + pl.col("groups"))
    indexed = counted.with_columns(index=pl.int_ranges(0, "n", dtype=pl.Int32)).explode("index", empty_as_null=True)
    each = indexed.join(
        chain.members, left_on=[owner, "index"], right_on=["owner", "index"], how="left", maintain_order="left"
    )
    # Exploding leaves a row without candidates one row of nulls.
    n = counted["n"].to_numpy().astype(np.int64)
    stood = np.maximum(n, 1)
    low = np.cumsum(stood) - stood
    by = By(*(counted[column].to_numpy() for column in By._fields))
    at, drew = choose_place(_found(each, low, low + n), by, weight, key)
    chosen = each[np.where(at < 0, low, at)].select(*batch.columns, pl.col("member").alias(name))
    return chosen.with_columns(pl.when(pl.lit(pl.Series(at >= 0))).then(name).alias(name)), drew


def _found(each: pl.DataFrame, low: npt.NDArray[np.int64], high: npt.NDArray[np.int64]) -> Found:
    sides = range(sum(column.startswith("group_") for column in each.columns))
    return Found(
        low=low,
        high=high,
        member=each["member"].fill_null(-1).to_numpy(),
        group=np.stack([each[f"group_{side}"].fill_null(0).to_numpy() for side in sides]),
        share=np.stack([each[f"share_{side}"].fill_null(0.0).to_numpy() for side in sides]),
    )


def _device_step(batch: pl.DataFrame, chains: Chains, law: Law) -> tuple[pl.DataFrame, Bools]:
    """The batch with its devices, and which rows drew."""
    own, shop = chains.own_device, chains.terminal
    counted = batch.join(own.counts, left_on="party", right_on="owner", how="left", maintain_order="left")
    counted = counted.join(
        shop.counts, left_on="merchant", right_on="owner", how="left", maintain_order="left", suffix="_shop"
    )
    devices = Devices(*(counted[column].to_numpy() for column in ("n", "main", "n_shop")))
    family, channel = counted["family"].to_numpy(), counted["channel"].to_numpy()
    terminal, primary = (t[family, channel] for t in (law.weights.terminal, law.weights.primary))
    place, drew = choose_devices(devices, terminal, primary, counted["entity"].to_numpy(), law.keys.device)
    placed = counted.with_columns(index=place, behind=place - devices.own)
    placed = placed.join(
        own.members, left_on=["party", "index"], right_on=["owner", "index"], how="left", maintain_order="left"
    )
    placed = placed.join(
        shop.members,
        left_on=["merchant", "behind"],
        right_on=["owner", "index"],
        how="left",
        maintain_order="left",
        suffix="_shop",
    )
    return placed.select(*batch.columns, device=pl.coalesce("member", "member_shop")), drew

"""The candidate tables: accounts that serve a channel, devices that have an IP, IPs of devices, instruments."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
import polars as pl

from seg6b.datasets import vocabulary as v
from seg6b.datasets import world_tables as w
from seg6b.datasets.frames import categories_of, codes_of
from seg6b.errors import InputRefused
from seg6b.policy.attachment import CHANNELS, Pooled, Uniform
from seg6b.world.sealed import SealedWorld

SCALE: Final = 1_000_000


def read_device_ips(world: SealedWorld, policy: Pooled | Uniform) -> pl.DataFrame:
    """One row a device and IP: group, type, weight of the link's role."""
    weights = dict.fromkeys(v.IP_ROLES, SCALE)
    if policy.kind == "pooled":
        weights |= {role: round(weight * SCALE) for role, weight in policy.ip_role_weights.items()}
    links = world.table(w.IP_LINKS, ["ip_id", "device_id", "link_role"]).sort("device_id", "ip_id", "link_role")
    links = links.unique(["device_id", "ip_id"], keep="first", maintain_order=True)
    ips = world.table(w.IPS, ["ip_id", "ip_type"]).unique("ip_id")
    known = links.join(ips, on="ip_id", how="left", maintain_order="left")
    if known["ip_type"].null_count():
        orphan = known.filter(pl.col("ip_type").is_null())["ip_id"][0]
        raise InputRefused(
            "E_S1_LINK_UNKNOWN",
            "a link names an IP that the base lacks",
            w.IP_LINKS.name,
            f"ip_id {orphan}",
            f"a row in {w.IPS.name}",
            "Seal the world again from consistent tables.",
        )
    group = {name: v.IP_GROUPS.index(group) for name, group in v.IP_GROUP_OF.items()}
    return known.with_columns(group=mapped(known["ip_type"], group), weight=mapped(known["link_role"], weights))


def read_device_links(world: SealedWorld, ips: pl.DataFrame) -> pl.DataFrame:
    """Device links whose device has an IP, one row a device and user, the strongest role first."""
    links = world.table(w.DEVICE_LINKS, ["device_id", "party_id", "merchant_id", "link_role"])
    links = links.join(ips.select("device_id").unique(), on="device_id", how="semi")
    links = links.sort("party_id", "merchant_id", "device_id", "link_role")
    return links.unique(["party_id", "merchant_id", "device_id"], keep="first", maintain_order=True)


def read_accounts(world: SealedWorld, policy: Pooled | Uniform) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Accounts that serve some channel, with class, channels and counts of instruments; and the instruments."""
    kinds = {name: v.INSTRUMENT_KINDS.index(instrument_kind(name)) for name in v.INSTRUMENT_TYPES}
    classes = {name: v.LEDGER_CLASSES.index(ledger_class(name)) for name in v.ACCOUNT_TYPES}
    card_like = [
        v.INSTRUMENT_KINDS.index(k) for k in (v.INSTRUMENT_KINDS if policy.kind == "uniform" else policy.card_like)
    ]
    instruments = world.table(w.ACCOUNT_INSTRUMENTS, ["account_id", "instrument_id", "instrument_type"])
    instruments = instruments.select("account_id", "instrument_id", kind=mapped(instruments["instrument_type"], kinds))
    tallies = instruments.group_by("account_id").agg(cards=pl.col("kind").is_in(card_like).sum().cast(pl.Int32))
    accounts = world.table(w.ACCOUNTS, ["account_id", "owner_party_id", "account_type"])
    accounts = accounts.select(
        "account_id", party_id="owner_party_id", ledger=mapped(accounts["account_type"], classes)
    )
    accounts = accounts.join(tallies, on="account_id", how="left").with_columns(pl.col("cards").fill_null(0))
    return accounts.with_columns(channels=_channels(policy)).filter(pl.col("channels") > 0), instruments


def _channels(policy: Pooled | Uniform) -> pl.Expr:
    """Bit set of the channels that an account serves."""
    if policy.kind == "uniform":
        return pl.when(pl.col("cards") > 0).then(31).otherwise(0).cast(pl.UInt8)
    bits = pl.lit(0, pl.UInt8)
    for c, channel in enumerate(CHANNELS):
        serves = pl.col("ledger").is_in([v.LEDGER_CLASSES.index(name) for name in policy.account_classes[channel]])
        if channel not in policy.instrument_optional:
            serves &= pl.col("cards") > 0
        bits = bits | pl.when(serves).then(1 << c).otherwise(0).cast(pl.UInt8)
    return bits


def ledger_class(account_type: str) -> str:
    """The ledger class of an account type."""
    if account_type.startswith("MERCHANT_"):
        return "SETTLEMENT"
    if "CREDIT_CARD" in account_type:
        return "CREDIT_REVOLVING"
    return "CREDIT_INSTALLMENT" if "LOAN" in account_type else "DEPOSIT"


def instrument_kind(instrument_type: str) -> str:
    """The kind of an instrument type."""
    if instrument_type.endswith("_PHYSICAL"):
        return "CARD_PHYSICAL"
    if instrument_type.endswith("_VIRTUAL"):
        return "CARD_VIRTUAL"
    return "BANK_HANDLE" if "BANK_ACCOUNT" in instrument_type else "WALLET_TOKEN"


def mapped(series: pl.Series, values: Mapping[str, int]) -> pl.Series:
    """A dictionary column through a table of integers."""
    table = np.array([values[name] for name in categories_of(series)], np.int64)
    return pl.Series(table[codes_of(series)]).cast(pl.Int32)

"""Shape of parties, accounts, instruments, devices and IPs, and of what links them."""

from __future__ import annotations

from typing import Final

import numpy as np
import polars as pl

from seg6b.datasets import world_tables as w
from seg6b.datasets.column import Dataset
from seg6b.datasets.frames import categories_of
from seg6b.world.sealed import SealedWorld

Measures = dict[str, float]

NATURE: Final = {
    "MOBILE_PHONE": "personal",
    "WEARABLE": "personal",
    "TABLET": "household",
    "DESKTOP": "household",
    "LAPTOP": "portable",
    "IOT_DEVICE": "iot",
}


def shares(world: SealedWorld, dataset: Dataset, column: str) -> Measures:
    """Share of each value of a column, as `<column>.<value>`."""
    values = world.table(dataset, [column])[column]
    counts = dict(values.value_counts().iter_rows())
    return {f"{column}.{value}": counts.get(value, 0) / values.len() for value in categories_of(values)}


def party_measures(world: SealedWorld) -> Measures:
    """Parties by type, segment, country and region; how many can be attached."""
    parties = world.table(w.PARTIES, ["party_id"]).height
    able = eligible_parties(world)
    return {
        **shares(world, w.PARTIES, "party_type"),
        **shares(world, w.PARTIES, "segment_id"),
        **shares(world, w.PARTIES, "country_iso"),
        **shares(world, w.PARTIES, "region_id"),
        "countries": float(world.table(w.PARTIES, ["country_iso"])["country_iso"].n_unique()),
        "eligible_share": able / parties,
        "arrivals_per_eligible_party": world.arrivals / max(1, able),
    }


def eligible_parties(world: SealedWorld) -> int:
    """Parties that own an account with an instrument and a device with an IP link."""
    holders = world.table(w.INSTRUMENTS, ["owner_party_id"])["owner_party_id"].unique()
    linked = world.table(w.IP_LINKS, ["device_id"])["device_id"].unique()
    owners = world.table(w.DEVICES, ["device_id", "primary_party_id"]).filter(
        pl.col("device_id").is_in(linked.implode()) & pl.col("primary_party_id").is_not_null()
    )["primary_party_id"]
    return int(owners.unique().is_in(holders.implode()).to_numpy().sum())


def account_measures(world: SealedWorld) -> Measures:
    """Accounts an owner, instruments an account, and their types."""
    parties = world.table(w.PARTIES, ["party_id"]).height
    accounts = _group_sizes(world, w.ACCOUNTS, "owner_party_id")
    instruments = _group_sizes(world, w.INSTRUMENTS, "account_id")
    held = int(accounts.sum())
    return {
        **shares(world, w.ACCOUNTS, "account_type"),
        **shares(world, w.INSTRUMENTS, "instrument_type"),
        "accounts_per_party": held / parties,
        **_spread("accounts_per_owner", accounts),
        "accounts_with_instrument": instruments.size / held,
        **_spread("instruments_per_account", instruments),
    }


def device_measures(world: SealedWorld) -> Measures:
    """Devices of parties (terminals apart), and how many are shared, by nature of the device."""
    devices = world.table(w.DEVICES, ["device_id", "device_type", "primary_party_id"]).drop_nulls("primary_party_id")
    parties = world.table(w.PARTIES, ["party_id"]).height
    owned = devices.group_by("primary_party_id").len()["len"].to_numpy()
    types = devices.group_by("device_type").len()
    links = world.table(w.DEVICE_LINKS, ["device_id", "link_role", "merchant_id"])
    second = links.filter(pl.col("link_role") == "SECONDARY_USER")["device_id"].unique()
    nature = pl.col("device_type").cast(pl.String).replace_strict(NATURE, default="other")
    shared = devices.group_by(nature.alias("nature")).agg(share=pl.col("device_id").is_in(second.implode()).mean())
    return {
        **{f"device_type.{t}": n / devices.height for t, n in types.iter_rows()},
        **{f"shared_devices.{n}": s for n, s in shared.iter_rows()},
        "devices_per_party": devices.height / parties,
        **_spread("devices_per_owner", owned),
        "terminals": float(links["merchant_id"].drop_nulls().len()),
    }


def ip_measures(world: SealedWorld) -> Measures:
    """IPs of parties (merchant endpoints apart): types, links, devices an IP, caps."""
    links = world.table(w.IP_LINKS, ["ip_id", "device_id", "link_role"])
    ends = links.filter(pl.col("link_role") == "MERCHANT_ENDPOINT")["ip_id"].unique()
    own = links.filter(pl.col("link_role") != "MERCHANT_ENDPOINT")
    ips = world.table(w.IPS, ["ip_id", "ip_type"]).filter(~pl.col("ip_id").is_in(ends.implode()))
    devices = world.table(w.DEVICES, ["primary_party_id"])["primary_party_id"].drop_nulls().len()
    held = own.group_by("ip_id").len().join(ips, on="ip_id")
    roles = own.group_by("link_role").len()
    most = held.group_by("ip_type").agg(pl.col("len").max())
    return {
        **{f"ip_type.{t}": n / ips.height for t, n in ips.group_by("ip_type").len().iter_rows()},
        **{f"ip_role.{r}": n / own.height for r, n in roles.iter_rows()},
        **{f"most_devices_on.{t}": float(n) for t, n in most.iter_rows()},
        "ips_per_party": ips.height / world.table(w.PARTIES, ["party_id"]).height,
        "devices_with_ip": own["device_id"].n_unique() / devices,
        "links_per_linked_device": own.height / own["device_id"].n_unique(),
        **_spread("devices_per_ip", held["len"].to_numpy()),
    }


def _group_sizes(world: SealedWorld, dataset: Dataset, owner: str) -> np.ndarray[tuple[int], np.dtype[np.uint32]]:
    return world.table(dataset, [owner]).group_by(owner).len()["len"].to_numpy()


def _spread(name: str, counts: np.ndarray[tuple[int], np.dtype[np.uint32]]) -> Measures:
    p50, p90, p99 = np.quantile(counts, [0.5, 0.9, 0.99]).tolist()
    return {
        f"{name}.mean": float(counts.mean()),
        f"{name}.p50": p50,
        f"{name}.p90": p90,
        f"{name}.p99": p99,
        f"{name}.max": float(counts.max()),
    }

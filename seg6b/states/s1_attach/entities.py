"""Candidates: eligible parties with what they hold, as offsets and flat arrays ordered by id.

A party is eligible on a channel when it owns an account that serves the channel and uses a device that has an IP.
So a drawn party never lacks a candidate of a later step.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

from seg6b.datasets import vocabulary as v
from seg6b.datasets import world_tables as w
from seg6b.datasets.frames import codes_of
from seg6b.errors import InputRefused
from seg6b.policy.attachment import Pooled, Uniform
from seg6b.policy.prior import FAMILIES
from seg6b.shards.cells import cell_of, route_of
from seg6b.states.s1_attach.candidates import read_accounts, read_device_ips, read_device_links
from seg6b.states.s1_attach.merchants import recoded
from seg6b.states.s1_attach.weights import NOT_A_CANDIDATE
from seg6b.world.sealed import SealedWorld

I32 = npt.NDArray[np.int32]
I64 = npt.NDArray[np.int64]
U8 = npt.NDArray[np.uint8]
U64 = npt.NDArray[np.uint64]
F64 = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Parties:
    """Eligible parties, in the order of the pools: country, segment, id.

    Attributes:
        party_id: ids.
        country: code into the run's list of countries.
        segment: code into `SEGMENTS`.
        family: code into `FAMILIES`.
        role: code into `PARTY_FRAUD_ROLES`.
        tier: 0 LOW .. 3 HIGH.
        holdings: accounts held.
        channels: bit set of the channels on which the party is eligible.
        rank: place in the order of shards: routing hash, then id.
        route: routing hash.
        cell: 0..63.
    """

    party_id: I64
    country: I32
    segment: I32
    family: I32
    role: I32
    tier: I32
    holdings: I64
    channels: U8
    rank: I32
    route: U64
    cell: U8


class Held(NamedTuple):
    """Candidates of each step as offsets and flat arrays; `*_share` is a candidate's part of its group's weight.

    Attributes:
        account_at: first account of each party, one more entry than parties.
        account_id: ids, ascending within a party.
        account_group: ledger class where an instrument is required: `NOT_A_CANDIDATE` without one; shape (2, n),
            second row where it is optional.
        account_share: likewise.
        instrument_at: first instrument of each account.
        instrument_id: ids, ascending within an account.
        instrument_kind: code into `INSTRUMENT_KINDS`.
        instrument_share: part of its kind within the account.
        device_at: first customer device of each party.
        device: index into the device arrays, by ascending device id.
        main_device: offset of the main device among the party's; -1 where it has none.
        terminal_at: first terminal of each merchant.
        terminal: index into the device arrays.
        device_id: ids, ascending.
        ip_at: first IP of each device.
        ip_id: ids, ascending within a device.
        ip_group: code into `IP_GROUPS`.
        ip_share: part of its group within the device.
        ip_groups: bit set of the groups of a device.
        ip_type: code into `IP_TYPES`.
    """

    account_at: I32
    account_id: I64
    account_group: I32
    account_share: F64
    instrument_at: I32
    instrument_id: I64
    instrument_kind: I32
    instrument_share: F64
    device_at: I32
    device: I32
    main_device: I32
    terminal_at: I32
    terminal: I32
    device_id: I64
    ip_at: I32
    ip_id: I64
    ip_group: I32
    ip_share: F64
    ip_groups: I32
    ip_type: I32


def read_countries(world: SealedWorld) -> list[str]:
    """Every country of a party or a merchant, sorted."""
    parties = world.table(w.PARTIES, ["country_iso"])["country_iso"]
    merchants = world.table(w.MERCHANT_SEEDS, ["home_country_iso"])["home_country_iso"]
    return sorted({*parties.unique().cast(pl.String), *merchants.unique().cast(pl.String)})


def read_entities(
    world: SealedWorld, policy: Pooled | Uniform, countries: list[str], merchant_id: I64
) -> tuple[Parties, Held]:
    """Eligible parties and their candidates; refuses a world in which nobody can be attached."""
    ips = read_device_ips(world, policy)
    links = read_device_links(world, ips)
    accounts, instruments = read_accounts(world, policy)
    frame = _eligible(world, policy, countries, accounts, links)
    if frame.is_empty():
        raise InputRefused(
            "E_S1_NO_ELIGIBLE_PARTY",
            "no party has an account with an instrument and a device with an IP",
            f"world {world.manifest_fingerprint[:12]}",
            "0",
            "at least one",
            "Check the link tables of the world.",
        )
    parties = _parties(frame)
    return parties, _held(frame, accounts, instruments, links, ips, merchant_id)


def _eligible(
    world: SealedWorld, policy: Pooled | Uniform, countries: list[str], accounts: pl.DataFrame, links: pl.DataFrame
) -> pl.DataFrame:
    """Eligible parties in pool order (by id alone where the pool is uniform)."""
    base = world.table(w.PARTIES, ["party_id", "segment_id", "country_iso"])
    bits = [
        pl.col("channels").filter(pl.col("channels") & (1 << c) > 0).len().gt(0).cast(pl.UInt8) * (1 << c)
        for c in range(5)
    ]
    serve = accounts.group_by("party_id").agg(channels=pl.sum_horizontal(bits).cast(pl.UInt8))
    frame = base.with_columns(
        country=pl.Series(recoded(base["country_iso"], countries)), segment=pl.Series(codes_of(base["segment_id"]))
    ).drop("country_iso", "segment_id")
    frame = frame.join(serve, on="party_id").join(links.select("party_id").unique(), on="party_id", how="semi")
    holdings = world.table(w.HOLDINGS, ["owner_party_id", "account_count"]).rename({"owner_party_id": "party_id"})
    holdings = holdings.group_by("party_id").agg(holdings=pl.col("account_count").sum())
    roles = world.table(w.PARTY_ROLES).select(
        "party_id",
        role=pl.col("fraud_role_party").to_physical().cast(pl.Int32),
        tier=pl.col("risk_tier").to_physical().cast(pl.Int32),
    )
    frame = frame.join(holdings, on="party_id", how="left").join(roles, on="party_id", how="left")
    frame = frame.with_columns(pl.col("holdings").fill_null(0))
    if frame["role"].null_count():
        raise InputRefused(
            "E_S1_MISSING_ROLE",
            f"{frame['role'].null_count()} eligible parties have no fraud role",
            w.PARTY_ROLES.name,
            f"party_id {frame.filter(pl.col('role').is_null())['party_id'][0]}",
            "a role a party",
            "Seal the world again from consistent tables.",
        )
    return frame.sort(["party_id"] if policy.kind == "uniform" else ["country", "segment", "party_id"])


def _parties(frame: pl.DataFrame) -> Parties:
    party_id = frame["party_id"].to_numpy()
    segment = frame["segment"].to_numpy()
    family = np.array([FAMILIES.index(name.split("_", 1)[0]) for name in v.SEGMENTS], np.int32)
    route = route_of(party_id)
    rank = np.empty(party_id.size, np.int32)
    rank[np.lexsort((party_id, route))] = np.arange(party_id.size, dtype=np.int32)
    return Parties(
        party_id=party_id,
        country=frame["country"].to_numpy(),
        segment=segment,
        family=family[segment],
        role=frame["role"].to_numpy(),
        tier=frame["tier"].to_numpy(),
        holdings=frame["holdings"].cast(pl.Int64).to_numpy(),
        channels=frame["channels"].to_numpy(),
        rank=rank,
        route=route,
        cell=cell_of(party_id),
    )


def _held(
    frame: pl.DataFrame,
    accounts: pl.DataFrame,
    instruments: pl.DataFrame,
    links: pl.DataFrame,
    ips: pl.DataFrame,
    merchant_id: I64,
) -> Held:
    index = frame.select("party_id").with_row_index("party")
    accounts = accounts.join(index, on="party_id").sort("party", "account_id").with_row_index("account")
    instruments = instruments.join(accounts.select("account_id", "account"), on="account_id")
    instruments = instruments.sort("account", "instrument_id")
    used = links.join(index, on="party_id", how="left")
    merchants = pl.DataFrame({"merchant_id": merchant_id}).with_row_index("merchant")
    used = used.join(merchants, on="merchant_id", how="left")
    terminal = (pl.col("link_role") == "MERCHANT_TERMINAL") & pl.col("merchant").is_not_null()
    customer = (pl.col("link_role") != "MERCHANT_TERMINAL") & pl.col("party").is_not_null()
    used = used.filter(terminal | customer)
    devices = used.select("device_id").unique().sort("device_id").with_row_index("device")
    used = used.join(devices, on="device_id")
    own, shop = used.filter(customer).sort("party", "device_id"), used.filter(terminal).sort("merchant", "device_id")
    ips = ips.join(devices, on="device_id").sort("device", "ip_id")
    device_at = _offsets(own["party"], frame.height)
    groups, shares = _account_groups(accounts)
    return Held(
        account_at=_offsets(accounts["party"], frame.height),
        account_id=accounts["account_id"].to_numpy(),
        account_group=groups,
        account_share=shares,
        instrument_at=_offsets(instruments["account"], accounts.height),
        instrument_id=instruments["instrument_id"].to_numpy(),
        instrument_kind=instruments["kind"].to_numpy(),
        instrument_share=_shares(instruments, "account", "kind"),
        device_at=device_at,
        device=own["device"].cast(pl.Int32).to_numpy(),
        main_device=_main_devices(own, device_at),
        terminal_at=_offsets(shop["merchant"], merchant_id.size),
        terminal=shop["device"].cast(pl.Int32).to_numpy(),
        device_id=devices["device_id"].to_numpy(),
        ip_at=_offsets(ips["device"], devices.height),
        ip_id=ips["ip_id"].to_numpy(),
        ip_group=ips["group"].to_numpy(),
        ip_share=_shares(ips, "device", "group", "weight"),
        ip_groups=_group_sets(ips, devices.height),
        ip_type=codes_of(ips["ip_type"]),
    )


def _offsets(owner: pl.Series, owners: int) -> I32:
    counts = np.bincount(owner.to_numpy(), minlength=owners)
    return np.concatenate([[0], np.cumsum(counts)]).astype(np.int32)


def _account_groups(accounts: pl.DataFrame) -> tuple[I32, F64]:
    """Group and share of each account: first row where an instrument is required, second where it is optional."""
    required = accounts.with_columns(
        ledger=pl.when(pl.col("cards") > 0).then(pl.col("ledger")).otherwise(NOT_A_CANDIDATE).cast(pl.Int32)
    )
    both = (required, accounts)
    return (
        np.stack([frame["ledger"].to_numpy() for frame in both]),
        np.stack([_shares(frame, "party", "ledger") for frame in both]),
    )


def _shares(frame: pl.DataFrame, owner: str, group: str, weight: str = "") -> F64:
    """Each row's part of the weight of its owner's group, rows counting alike without a `weight`; sums are exact."""
    if not weight:
        return frame.select(1.0 / pl.len().over(owner, group)).to_series().to_numpy()
    return frame.select(pl.col(weight) / pl.col(weight).sum().over(owner, group)).to_series().to_numpy()


def _main_devices(own: pl.DataFrame, device_at: I32) -> I32:
    """Offset of the smallest device of which the party is the primary owner."""
    primary = own.with_row_index("row").filter(pl.col("link_role") == "PRIMARY_OWNER")
    first = primary.group_by("party").agg(pl.col("row").min())
    main = np.full(device_at.size - 1, -1, np.int32)
    party = first["party"].to_numpy()
    main[party] = first["row"].to_numpy().astype(np.int32) - device_at[party]
    return main


def _group_sets(ips: pl.DataFrame, devices: int) -> I32:
    sets = np.zeros(devices, np.int32)
    np.bitwise_or.at(sets, ips["device"].to_numpy(), (1 << ips["group"].to_numpy()).astype(np.int32))
    return sets

"""Merchants as S1 needs them: class, country, currency and channel, by an index in order of merchant id."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl

from seg6b.datasets.frames import categories_of, codes_of
from seg6b.datasets.parts import read_part
from seg6b.datasets.vocabulary import CHANNELS, CLASSES, UNKNOWN
from seg6b.datasets.world_tables import MERCHANT_CLASSES, MERCHANT_SEEDS
from seg6b.draws.compiled import kernel
from seg6b.errors import ContractBroken, InputRefused
from seg6b.policy.attachment import DerivedChannel, Pooled, Uniform
from seg6b.states.context import StateContext

I32 = npt.NDArray[np.int32]
I64 = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Merchants:
    """One entry a merchant, in order of id.

    Attributes:
        merchant_id: ids, ascending.
        demand_class: code into `CLASSES`.
        country: code into the run's list of countries.
        currency: code into `currencies`.
        currencies: ISO 4217 codes.
        channel: code into `CHANNELS`, for arrivals that name no channel of their own.
    """

    merchant_id: I64
    demand_class: I32
    country: I32
    currency: I32
    currencies: tuple[str, ...]
    channel: I32


def read_merchants(ctx: StateContext, countries: Sequence[str]) -> Merchants:
    """The merchants of the world with their channels; refuses a missing class where the policy asks for one."""
    with ctx.meter.lane("input"):
        seeds = ctx.world.table(MERCHANT_SEEDS).sort("merchant_id")
        classes = ctx.world.table(MERCHANT_CLASSES)
    ids = seeds["merchant_id"].to_numpy()
    policy = ctx.policy.attachment
    return Merchants(
        merchant_id=ids,
        demand_class=_classes(classes, ids, policy),
        country=recoded(seeds["home_country_iso"], countries),
        currency=codes_of(seeds["primary_currency"]),
        currencies=categories_of(seeds["primary_currency"]),
        channel=_channels(seeds, policy, ctx),
    )


def _classes(profile: pl.DataFrame, ids: I64, policy: Pooled | Uniform) -> I32:
    known = profile.unique("merchant_id", keep="first", maintain_order=True).sort("merchant_id")
    at, found = positions(known["merchant_id"].to_numpy(), ids)
    codes = np.full(ids.size, CLASSES.index(UNKNOWN), np.int32)
    codes[found] = codes_of(known["primary_demand_class"])[at[found]]
    if policy.kind == "pooled" and policy.fail_on_missing_profile and not found.all():
        raise InputRefused(
            "E_S1_MISSING_PROFILE",
            f"{int((~found).sum())} merchants have no demand class",
            f"{MERCHANT_CLASSES.name}, merchant_id {int(ids[~found][0])}",
            UNKNOWN,
            "a profile a merchant",
            "Complete the world, or set attachment.fail_on_missing_profile to false.",
        )
    return codes


def _channels(seeds: pl.DataFrame, policy: Pooled | Uniform, ctx: StateContext) -> I32:
    if policy.kind == "uniform":
        return np.full(seeds.height, CHANNELS.index(policy.channel), np.int32)
    ids = seeds["merchant_id"].to_numpy()
    physical, virtual = _postures(ctx, ids)
    return derive_channels(seeds, physical & virtual, policy.channel)


def derive_channels(seeds: pl.DataFrame, both: Bools, rule: DerivedChannel) -> I32:
    """Channel code of each merchant.

    Args:
        seeds: merchant seeds with `mcc` and `channel`.
        both: whether the merchant has virtual and physical arrivals.
        rule: which category codes are cash machines and bank rails.
    """
    mcc = seeds["mcc"].to_numpy()
    remote = (seeds["channel"] == "card_not_present").to_numpy()
    chosen = [np.isin(mcc, rule.atm_mcc), np.isin(mcc, rule.bank_rail_mcc), both, remote]
    codes = [CHANNELS.index(name) for name in ("ATM", "BANK_RAIL", "HYBRID", "ECOM")]
    return np.select(chosen, codes, CHANNELS.index("POS")).astype(np.int32)


def _postures(ctx: StateContext, ids: I64) -> tuple[Bools, Bools]:
    """Whether each merchant has physical arrivals, and virtual ones: one pass over two columns."""

    def look(path: Path) -> I64:
        with ctx.meter.lane("input"):
            rows = read_part(path, ["merchant_id", "is_virtual"])
        with ctx.meter.lane("compute"):
            merchant = known_merchants(rows["merchant_id"].to_numpy(), ids, path)
            return np.bincount(merchant * 2 + rows["is_virtual"].to_numpy(), minlength=2 * ids.size)

    counts = sum(ctx.executor.map(look, ctx.world.arrival_parts()), np.zeros(2 * ids.size, np.int64))
    return counts[0::2] > 0, counts[1::2] > 0


def known_merchants(merchant_id: I64, ids: I64, path: Path) -> I32:
    """Index of each arrival's merchant; refuses a merchant without seed data, hence without a currency."""
    found = index_of(merchant_id, ids)
    if found.size and found.min() < 0:
        raise ContractBroken(
            "E_S1_MISSING_MERCHANT_CCY",
            "an arrival's merchant has no country and currency",
            f"{path.name}, merchant_id {int(merchant_id[found < 0][0])}",
            "no row",
            f"a row in {MERCHANT_SEEDS.name}",
            "Complete the merchant seed table of the world.",
        )
    return found


@kernel
def index_of(values: I64, ascending: I64) -> I32:
    """Index of each value in `ascending`, -1 where absent; quick where equal values are adjacent."""
    out = np.empty(values.size, np.int32)
    last, at = np.int64(0), np.int32(-1)
    for i in range(values.size):
        if i == 0 or values[i] != last:
            last = values[i]
            place = np.searchsorted(ascending, last)
            at = np.int32(place) if place < ascending.size and ascending[place] == last else np.int32(-1)
        out[i] = at
    return out


def positions(ascending: I64, values: I64) -> tuple[I64, Bools]:
    """Where each value stands in `ascending`, and whether it does."""
    at = np.searchsorted(ascending, values)
    inside = at < ascending.size
    found = inside.copy()
    found[inside] = ascending[at[inside]] == values[inside]
    return at, found


def recoded(series: pl.Series, categories: Sequence[str]) -> I32:
    """Codes of a dictionary column in other categories; absent and null as -1."""
    place = {name: code for code, name in enumerate(categories)}
    table = np.array([place.get(name, -1) for name in categories_of(series)] + [-1], np.int32)
    return table[codes_of(series)]

"""Where a merchant's demand sits: its zones, each with sites or a virtual edge, and the merchant tables.

A place is one merchant and zone; places of a merchant are adjacent, sites of a place too.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl

from seg6b.datasets.column import Dataset
from seg6b.datasets.frames import dictionary
from seg6b.datasets.vocabulary import CLASSES, MERCHANT_POSTURES
from seg6b.datasets.world_tables import MERCHANT_CLASSES, MERCHANT_SEEDS, MERCHANT_ZONES, SITES
from seg6b.draws.mix import entities2
from seg6b.world.generate.countries import COUNTRIES
from seg6b.world.generate.merchants import KINDS, Merchants
from seg6b.world.generate.recipe import DAYS, Recipe, classes_of, shares_to_counts
from seg6b.world.generate.zones import CURRENCIES, ISO, ZONES

I64 = npt.NDArray[np.int64]

ARRIVALS_A_SITE: Final = 300
MCC: Final[dict[str, tuple[int, ...]]] = {
    "bills_utilities": (4900, 4814, 6300, 4899),
    "consumer_daytime": (5411, 5411, 5912, 5311, 5651, 5200, 5814),
    "evening_weekend": (5812, 5813, 7832, 7922),
    "fuel_convenience": (5541, 5542, 5499),
    "office_hours": (8011, 8021, 7399, 9399),
    "online_24h": (5815, 5816, 5968, 5999, 5964),
    "online_bursty": (5732, 5945, 5967, 7995),
    "travel_hospitality": (7011, 4511, 4722, 7512),
}
MCC_BY_KIND: Final[dict[str, tuple[int, ...]]] = {"ATM": (6011,), "BANK_RAIL": (6012, 6012, 4829)}


@dataclass(frozen=True, slots=True)
class Places:
    """One entry a merchant and zone, in merchant order.

    Attributes:
        first: first place of each merchant; one more entry than merchants.
        zone: code into `ZONES`.
        weight: share of the merchant's demand.
        first_site: index of the place's first site.
        sites: number of sites; 0 for a place that has an edge alone.
        edge_id: id of the virtual edge, 0 where there is none.
        site_id: all sites.
        routing: hex64 a place.
    """

    first: I64
    zone: npt.NDArray[np.int32]
    weight: npt.NDArray[np.float64]
    first_site: I64
    sites: I64
    edge_id: I64
    site_id: I64
    routing: tuple[str, ...]

    @property
    def owner(self) -> I64:
        """Merchant of each place."""
        return np.repeat(np.arange(self.first.size - 1), np.diff(self.first))


def make_places(recipe: Recipe, merchants: Merchants) -> Places:
    """Zones, sites and edges of every merchant."""
    wanted = np.where(merchants.has("VIRTUAL"), 0, 1 + merchants.size // ARRIVALS_A_SITE)
    u = recipe.uniform("merchant.zone", np.arange(merchants.count))
    first, zone, weight, sites = [0], [], [], []
    for m in range(merchants.count):
        zones, weights = _zones_of(COUNTRIES[merchants.country[m]].zones, int(wanted[m]), float(u[m]))
        first.append(first[-1] + len(zones))
        zone += zones
        weight += list(weights)
        spare = int(wanted[m]) - len(zones)
        sites += [0] * len(zones) if spare < 0 else list(1 + shares_to_counts(weights, spare))
    counts = np.array(sites, np.int64)
    owner = np.repeat(np.arange(merchants.count), np.diff(first))
    edges = merchants.has("VIRTUAL", "HYBRID")[owner]
    index = np.arange(owner.size)
    return Places(
        first=np.array(first, np.int64),
        zone=np.array(zone, np.int32),
        weight=np.array(weight),
        first_site=np.cumsum(counts) - counts,
        sites=counts,
        edge_id=np.where(edges, recipe.draws.ids("edge", entities2(owner, index)), 0),
        site_id=recipe.draws.ids("site", entities2(np.repeat(owner, counts), np.arange(counts.sum()))),
        routing=tuple(
            hashlib.sha256(f"{recipe.seed}:{m}:{z}".encode()).hexdigest() for m, z in zip(owner, zone, strict=True)
        ),
    )


def _zones_of(zones: tuple[tuple[str, float], ...], sites: int, u: float) -> tuple[list[int], npt.NDArray[np.float64]]:
    """The zones that a merchant serves: one for a single site, more as its sites allow; the first one drawn."""
    shares = np.array([w for _, w in zones])
    lead = int(classes_of(np.array([u]), shares)[0])
    others = sorted((i for i in range(len(zones)) if i != lead), key=lambda i: -shares[i])
    kept = [lead, *others][: max(1, min(len(zones), sites // 2))]
    codes = sorted(kept)
    return [ZONES.index(zones[i][0]) for i in codes], shares[codes] / shares[codes].sum()


def merchant_tables(recipe: Recipe, merchants: Merchants, places: Places) -> dict[Dataset, pl.DataFrame]:
    """The published tables about merchants, each in its published order."""
    owner = places.owner
    classes = dictionary(merchants.demand_class, CLASSES)
    weekly = merchants.size / (DAYS / 7)
    virtual = merchants.has("VIRTUAL")
    seeds = pl.DataFrame(
        {
            "merchant_id": merchants.merchant_id,
            "mcc": _mcc(recipe, merchants),
            "channel": dictionary(_posture(recipe, merchants), MERCHANT_POSTURES),
            "home_country_iso": dictionary(merchants.country, ISO),
            "primary_currency": dictionary(_currency(merchants), CURRENCIES),
        }
    )
    profile = pl.DataFrame(
        {
            "merchant_id": merchants.merchant_id,
            "primary_demand_class": classes,
            "weekly_volume_total_expected": weekly,
            "scale_factor_total": merchants.size / max(1, int(merchants.size.sum())) * merchants.count,
        }
    )
    zones = pl.DataFrame(
        {
            "merchant_id": merchants.merchant_id[owner],
            "legal_country_iso": dictionary(merchants.country[owner], ISO),
            "tzid": dictionary(places.zone, ZONES),
            "demand_class": classes.gather(owner),
            "weekly_volume_expected": weekly[owner] * places.weight,
            "virtual_preferred_flag": virtual[owner],
        }
    )
    at = np.repeat(np.arange(owner.size), places.sites)
    sites = pl.DataFrame(
        {
            "site_id": places.site_id,
            "merchant_id": merchants.merchant_id[owner[at]],
            "country_iso": dictionary(merchants.country[owner[at]], ISO),
            "tzid": dictionary(places.zone[at], ZONES),
        }
    )
    return {
        MERCHANT_CLASSES: profile.sort("merchant_id"),
        MERCHANT_ZONES: zones.sort("merchant_id", "legal_country_iso", "tzid"),
        MERCHANT_SEEDS: seeds.sort("merchant_id"),
        SITES: sites.sort("site_id"),
    }


def _mcc(recipe: Recipe, merchants: Merchants) -> npt.NDArray[np.int32]:
    u = recipe.uniform("merchant.mcc", np.arange(merchants.count))
    mcc = np.empty(merchants.count, np.int32)
    for m in range(merchants.count):
        codes = MCC_BY_KIND.get(KINDS[merchants.kind[m]], MCC[CLASSES[merchants.demand_class[m]]])
        mcc[m] = codes[int(u[m] * len(codes))]
    return mcc


def _posture(recipe: Recipe, merchants: Merchants) -> I64:
    """card_present at counters and machines, card_not_present elsewhere; a hybrid merchant may be either."""
    shop = recipe.uniform("merchant.posture", np.arange(merchants.count)) < 0.5
    present = merchants.has("POS", "ATM") | (merchants.has("HYBRID") & shop)
    return np.where(present, MERCHANT_POSTURES.index("card_present"), MERCHANT_POSTURES.index("card_not_present"))


def _currency(merchants: Merchants) -> I64:
    codes = np.array([CURRENCIES.index(c.currency) for c in COUNTRIES], np.int64)
    return codes[merchants.country]

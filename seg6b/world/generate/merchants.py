"""Merchants: sizes, classes, countries, postures, sites and zones, each stratified by size."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from seg6b.datasets.vocabulary import CLASSES
from seg6b.draws.mix import entities1
from seg6b.world.generate.countries import COUNTRIES
from seg6b.world.generate.recipe import Recipe, shares_to_counts
from seg6b.world.generate.sizes import merchant_sizes
from seg6b.world.generate.spread import spread

I64 = npt.NDArray[np.int64]
F64 = npt.NDArray[np.float64]

# Percent of arrivals by class, as published (`__UNK__` has none).
CLASS_SHARES: Final = (0.89, 62.7, 3.5, 14.2, 1.18, 15.1, 2.0, 0.42)
KINDS: Final = ("POS", "ECOM", "ATM", "BANK_RAIL", "HYBRID", "VIRTUAL")
# Share of a class's arrivals by kind of merchant. Virtual edges occur in online_24h alone, as published.
KIND_SHARES: Final[dict[str, tuple[float, ...]]] = {
    "bills_utilities": (0.00, 0.50, 0.00, 0.50, 0.00, 0.00),
    "consumer_daytime": (0.74, 0.13, 0.09, 0.04, 0.00, 0.00),
    "evening_weekend": (0.85, 0.15, 0.00, 0.00, 0.00, 0.00),
    "fuel_convenience": (0.96, 0.00, 0.04, 0.00, 0.00, 0.00),
    "office_hours": (0.40, 0.20, 0.00, 0.40, 0.00, 0.00),
    "online_24h": (0.00, 0.62, 0.00, 0.00, 0.30, 0.08),
    "online_bursty": (0.00, 1.00, 0.00, 0.00, 0.00, 0.00),
    "travel_hospitality": (0.50, 0.50, 0.00, 0.00, 0.00, 0.00),
}
VIRTUAL_SHARE: Final = 2_802_007 / 124_724_153
LARGEST: Final = ("consumer_daytime", "POS", "DE")
ROOM_AT_HOME: Final = 0.25


@dataclass(frozen=True, slots=True)
class Merchants:
    """Merchants in descending order of size; all arrays have one entry a merchant.

    Attributes:
        merchant_id: id64.
        size: arrivals in the horizon.
        demand_class: code into `CLASSES`.
        kind: code into `KINDS`.
        country: code into `COUNTRIES`.
        hybrid_share: virtual share of the arrivals of a HYBRID merchant.
    """

    merchant_id: I64
    size: I64
    demand_class: I64
    kind: I64
    country: I64
    hybrid_share: float

    @property
    def count(self) -> int:
        """How many."""
        return self.size.size

    def has(self, *kinds: str) -> npt.NDArray[np.bool_]:
        """Whether each merchant is of one of `kinds`."""
        return np.isin(self.kind, [KINDS.index(k) for k in kinds])


def make_merchants(recipe: Recipe) -> Merchants:
    """The merchants of a recipe."""
    index = np.arange(recipe.merchants, dtype=np.int64)
    size = merchant_sizes(recipe.arrivals, recipe.merchants)
    demand_class = _classes(recipe, size, index)
    kind = _kinds(recipe, size, demand_class, index)
    country = _countries(recipe, size, index)
    virtual_only = int(size[kind == KINDS.index("VIRTUAL")].sum())
    hybrid = int(size[kind == KINDS.index("HYBRID")].sum())
    wanted = VIRTUAL_SHARE * recipe.arrivals - virtual_only
    return Merchants(
        merchant_id=recipe.draws.ids("merchant", entities1(index)),
        size=size,
        demand_class=demand_class,
        kind=kind,
        country=country,
        hybrid_share=min(0.9, max(0.05, wanted / max(1, hybrid))),
    )


def _by_share(shares: F64, size: I64, u: F64, pinned: dict[int, int], flatten: float) -> I64:
    """Spread merchants over labels: arrivals follow `shares`, numbers of merchants `shares ** flatten`."""
    used = np.flatnonzero(shares > 0)
    counts = np.ones(used.size, np.int64)
    counts += shares_to_counts(shares[used] ** flatten, size.size - used.size)
    targets = shares_to_counts(shares[used], int(size.sum()))
    pins = {thing: int(np.searchsorted(used, label)) for thing, label in pinned.items()}
    return used[spread(size, targets, counts, u, pins)]


def _classes(recipe: Recipe, size: I64, index: I64) -> I64:
    u = recipe.uniform("merchant.class", index)
    return _by_share(np.array(CLASS_SHARES), size, u, {0: CLASSES.index(LARGEST[0])}, 0.5)


def _kinds(recipe: Recipe, size: I64, demand_class: I64, index: I64) -> I64:
    u = recipe.uniform("merchant.kind", index)
    kind = np.empty(size.size, np.int64)
    for code, name in enumerate(CLASSES[:-1]):
        members = np.flatnonzero(demand_class == code)
        pinned = {0: KINDS.index(LARGEST[1])} if members[0] == 0 else {}
        kind[members] = _by_share(np.array(KIND_SHARES[name]), size[members], u[members], pinned, 0.75)
    return kind


def _countries(recipe: Recipe, size: I64, index: I64) -> I64:
    """Home countries: arrivals follow where parties live, except that the largest merchant needs room at home."""
    shares = np.array([c.share for c in COUNTRIES]) / 100.0
    home = [c.iso for c in COUNTRIES].index(LARGEST[2])
    grown = max(shares[home], size[0] / size.sum() + ROOM_AT_HOME * shares[home])
    rest = (1.0 - grown) / (1.0 - shares[home])
    targets = np.where(np.arange(shares.size) == home, grown, shares * rest)
    u = recipe.uniform("merchant.country", index)
    return _by_share(targets, size, u, {0: home}, 0.7)

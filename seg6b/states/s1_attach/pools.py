"""Pools: all eligible parties of a channel along one axis of weights, so that one uniform finds a party in O(1).

Parties of a country are adjacent on the axis, and within it parties of a segment (a *stratum*). The home pool of a
merchant is its country's stretch of the axis. A candidate stays at home with the chance of its segment; with that,
P(party, home) is proportional to weight x p_home. Those away are drawn from all strata by weight x (1 - p_home).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from seg6b.draws.choice import sample_all
from seg6b.draws.mix import entities1, text64
from seg6b.draws.quantile import round9
from seg6b.draws.uniform import Draws
from seg6b.policy.activity import Always, Bursts
from seg6b.policy.attachment import CHANNELS, Pooled, Uniform
from seg6b.states.s1_attach.entities import Parties
from seg6b.states.s1_attach.weights import Weights

F64 = npt.NDArray[np.float64]
I32 = npt.NDArray[np.int32]
U64 = npt.NDArray[np.uint64]

FAMILY = "entity_attach"


class Pools(NamedTuple):
    """Arrays for the party kernel. A *set* is a list of eligible parties; channels with the same list share one.

    Attributes:
        set_of: set of each channel.
        cum: weight of all parties before each one; shape (sets, parties + 1).
        guide: first party of each equal stretch of the axis; shape (sets, stretches).
        country_at: first party of each country, one more entry than countries.
        stratum_at: first party of each stratum, one more entry than strata.
        stratum_country: country of each stratum.
        last: last eligible party of each country; shape (sets, countries).
        eligible: eligible parties of each country; shape (sets, countries).
        population: eligible parties of each set.
        groups: groups of cells of each country; 0 where all are always awake; shape (sets, countries).
        home: weight x p_home of each country; shape (channels, countries).
        away: weight x (1 - p_home) of all strata before each one; shape (channels, strata + 1).
        segment: segment of each party.
        cell: cell of each party.
        p_home: by segment and channel.
        country_word: hash of each country's name.
    """

    set_of: I32
    cum: F64
    guide: I32
    country_at: I32
    stratum_at: I32
    stratum_country: I32
    last: I32
    eligible: I32
    population: I32
    groups: I32
    home: F64
    away: F64
    segment: I32
    cell: npt.NDArray[np.uint8]
    p_home: F64
    country_word: U64


def build_pools(
    parties: Parties, countries: list[str], base: F64, weights: Weights, *, activity: Bursts | Always, one_pool: bool
) -> Pools:
    """Pools over `parties`, which are in pool order.

    Args:
        parties: eligible parties.
        countries: names of the country codes.
        base: weight of each party.
        weights: gives p_home.
        activity: decides how finely the axis is cut into cells.
        one_pool: whether countries and segments do not matter.
    """
    size = parties.party_id.size
    sets, set_of = _sets(_eligibility(parties))
    cum = np.concatenate([np.zeros((len(sets), 1)), np.cumsum(np.where(sets, base, 0.0), axis=1)], axis=1)
    country = np.zeros(size, np.int32) if one_pool else parties.country
    country_at = np.searchsorted(country, np.arange(len(countries) + 1)).astype(np.int32)
    stratum = np.zeros(size, np.int64) if one_pool else parties.country.astype(np.int64) * 100 + parties.segment
    stratum_at = np.concatenate([np.flatnonzero(np.diff(stratum, prepend=-1)), [size]]).astype(np.int32)
    eligible = np.stack([np.diff(np.searchsorted(np.flatnonzero(s), country_at)) for s in sets]).astype(np.int32)
    p_home = weights.p_home[parties.segment[stratum_at[:-1]]]
    masses = np.diff(cum[set_of][:, stratum_at], axis=1)
    return Pools(
        set_of=set_of,
        cum=cum,
        guide=np.stack([_guide(row) for row in cum]),
        country_at=country_at,
        stratum_at=stratum_at,
        stratum_country=country[stratum_at[:-1]],
        last=np.stack([_last(s, country_at) for s in sets]),
        eligible=eligible,
        population=sets.sum(axis=1).astype(np.int32),
        groups=_groups(eligible, activity),
        home=_home(masses, p_home, country[stratum_at[:-1]], len(countries)),
        away=np.concatenate([np.zeros((len(CHANNELS), 1)), np.cumsum(masses * (1.0 - p_home.T), axis=1)], axis=1),
        segment=parties.segment,
        cell=parties.cell,
        p_home=weights.p_home,
        country_word=np.array([text64("country", name) for name in countries], np.uint64),
    )


def party_weights(parties: Parties, policy: Pooled | Uniform, activity: Bursts | Always, draws: Draws) -> F64:
    """Weight of each party: what it holds and its risk tier, times its drawn rate."""
    weight = np.ones(parties.party_id.size)
    if policy.kind == "uniform":
        return weight
    terms = policy.party_weight
    sizes, size = np.unique(parties.holdings, return_inverse=True)
    weight += terms.holdings_log * round9(np.log1p(sizes))[size] + terms.risk_tier_step * parties.tier
    if activity.kind == "always":
        return weight
    u = draws.uniform(FAMILY, "ACTIVITY_RATE", entities1(parties.party_id))
    return weight * sample_all(*activity.rate.sampler().arrays, u)


def _sets(eligible: npt.NDArray[np.bool_]) -> tuple[npt.NDArray[np.bool_], I32]:
    """The distinct rows, and which of them each row is."""
    rows = [row.tobytes() for row in eligible]
    found = sorted(set(rows))
    return eligible[[rows.index(row) for row in found]], np.array([found.index(row) for row in rows], np.int32)


def _eligibility(parties: Parties) -> npt.NDArray[np.bool_]:
    return np.stack([(parties.channels >> c) & 1 == 1 for c in range(len(CHANNELS))])


def _guide(cum: F64) -> I32:
    """First party that ends behind the start of each of `2^k` equal stretches."""
    stretches = 1 << max(4, int(cum.size - 1).bit_length())
    starts = np.arange(stretches) * (cum[-1] / stretches)
    first: I32 = np.minimum(np.searchsorted(cum[1:], starts, side="right"), cum.size - 2).astype(np.int32)
    return first


def _last(eligible: npt.NDArray[np.bool_], country_at: I32) -> I32:
    """Last eligible party of each country; -1 where it has none."""
    upto = np.maximum.accumulate(np.where(eligible, np.arange(eligible.size), -1))
    last = np.where(country_at[1:] > 0, upto[country_at[1:] - 1], -1)
    return np.where(last >= country_at[:-1], last, -1).astype(np.int32)


def _groups(eligible: I32, activity: Bursts | Always) -> I32:
    """Groups of neighbouring cells of each country, at least one."""
    if activity.kind == "always":
        return np.zeros_like(eligible)
    wanted: F64 = np.rint(eligible * activity.cells_per_party / activity.awake_one_in)
    return np.maximum(wanted, 1).astype(np.int32)


def _home(masses: F64, p_home: F64, country: I32, countries: int) -> F64:
    """Weight at home by channel and country."""
    return np.stack([np.bincount(country, m * p, minlength=countries) for m, p in zip(masses, p_home.T, strict=True)])

"""The party of an arrival: a candidate of the merchant's country, its decision to stay, or someone away from home."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from seg6b.datasets.vocabulary import ATTACH_RULES
from seg6b.draws.compiled import kernel
from seg6b.draws.mix import draw, entity2, fold, mix64
from seg6b.draws.uniform import Draws
from seg6b.policy.activity import Always, Bursts
from seg6b.states.s1_attach.pools import FAMILY, Pools

I8 = npt.NDArray[np.int8]
I32 = npt.NDArray[np.int32]
I64 = npt.NDArray[np.int64]

HOME, AWAY, NO_HOME = (np.int8(ATTACH_RULES.index(r)) for r in ("HOME", "GLOBAL", "GLOBAL_NO_HOME_PARTY"))
PARTY_DECISIONS: Final = ("ATTACH_PARTY", "ATTACH_POOL", "ATTACH_AWAY")


class Awake(NamedTuple):
    """When parties are awake.

    Attributes:
        block_us: length of a block, microseconds.
        one_in: cells of a group, of which one is awake.
        share: part of a group's arrivals that its awake cell takes.
        key: word of the schedule. It is a table by (country, group, block), not a draw of any arrival.
    """

    block_us: np.int64
    one_in: np.uint64
    share: float
    key: np.uint64


class Contacts(NamedTuple):
    """Arrivals before they have a party, and the merchants that they name.

    Attributes:
        merchant: index of the merchant.
        channel: code into `CHANNELS`.
        seq: arrival number within the merchant.
        ts: microseconds since the epoch.
        merchant_id: id by merchant.
        country: country by merchant, -1 where it has no home pool.
    """

    merchant: I32
    channel: npt.NDArray[np.uint8]
    seq: I64
    ts: I64
    merchant_id: I64
    country: I32


class PartyKeys(NamedTuple):
    """Words of the three decisions."""

    party: np.uint64
    pool: np.uint64
    away: np.uint64


def awake_schedule(activity: Bursts | Always, draws: Draws) -> Awake:
    """The schedule of the activity pack; without one, no group has cells and it is never looked at."""
    key = draws.key(FAMILY, "AWAKE_CELLS")
    if activity.kind == "always":
        return Awake(np.int64(1), np.uint64(1), 1.0, key)
    share = activity.boost / (activity.boost + activity.awake_one_in - 1)
    return Awake(np.int64(activity.block_s * 1_000_000), np.uint64(activity.awake_one_in), share, key)


def party_keys(draws: Draws, decisions: tuple[str, str, str]) -> PartyKeys:
    """Words of the decisions about candidate, stay and party away."""
    return PartyKeys(*(draws.key(FAMILY, decision) for decision in decisions))


@kernel
def find(pools: Pools, s: int, x: float, low: int, high: int) -> int:
    """The party of set `s` on whose stretch of the axis `x` lies, within parties `low .. high`."""
    cum, guide = pools.cum[s], pools.guide[s]
    stretch = int(x / cum[cum.size - 1] * guide.size)
    i = int(guide[max(0, min(stretch, guide.size - 1))])
    i = max(low, min(i, high))
    while i > low and cum[i] > x:
        i -= 1
    while i < high and cum[i + 1] <= x:
        i += 1
    while i > low and cum[i + 1] <= cum[i]:  # past the last one who is eligible
        i -= 1
    return i


@kernel
def wake(pools: Pools, awake: Awake, s: int, c: int, x: float, ts: int) -> float:
    """Move `x` on country `c`'s stretch of the axis into a cell that is awake at `ts` (or, rarely, asleep)."""
    groups = pools.groups[s, c]
    if groups == 0:
        return x
    start, end = pools.cum[s, pools.country_at[c]], pools.cum[s, pools.country_at[c + 1]]
    t = (x - start) / (end - start) * groups
    g = min(np.int64(t), np.int64(groups - 1))
    f = max(0.0, min(t - g, 1.0))
    name = fold(pools.country_word[c], np.uint64(g))
    block = (ts + np.int64(name % np.uint64(awake.block_us))) // awake.block_us
    chosen = np.int64(mix64(fold(name, np.uint64(block)) ^ awake.key) % awake.one_in)
    if f < awake.share:
        cell, inside = chosen, f / awake.share
    else:
        rest = (f - awake.share) / (1.0 - awake.share) * np.float64(awake.one_in - np.uint64(1))
        cell = min(np.int64(rest), np.int64(awake.one_in) - 2)
        inside = rest - cell
        if cell >= chosen:
            cell += 1
    place = (g + (cell + inside) / np.float64(awake.one_in)) / groups
    return float(start + place * (end - start))


@kernel
def _away_party(pools: Pools, awake: Awake, s: int, channel: int, u: float, ts: int) -> int:
    """Someone away from home: a stratum by weight x (1 - p_home), then a party of it that is awake."""
    cum = pools.away[channel]
    v = u * cum[cum.size - 1]
    k = min(np.searchsorted(cum[1:], v, side="right"), cum.size - 2)
    low, high = pools.stratum_at[k], pools.stratum_at[k + 1] - 1
    start, end = pools.cum[s, low], pools.cum[s, high + 1]
    x = start + (v - cum[k]) / (cum[k + 1] - cum[k]) * (end - start)
    moved = wake(pools, awake, s, pools.stratum_country[k], x, ts)
    # A cell may reach into the next stratum, whose people are away more or less often: stay in this one.
    return find(pools, s, moved if start <= moved < end else x, low, high)


@kernel
def choose_parties(
    party: I32, rule: I8, tally: I64, contacts: Contacts, pools: Pools, awake: Awake, keys: PartyKeys
) -> int:
    """Fill `party` and `rule` of each arrival; the first row for which nobody is eligible, or -1.

    Args:
        party: index of the party, out.
        rule: code into `ATTACH_RULES`, out.
        tally: draws by cell and decision, added to.
        contacts: the arrivals.
        pools: who is eligible where, and how likely.
        awake: when.
        keys: words of the decisions.
    """
    for i in range(contacts.seq.size):
        m, ch, ts = contacts.merchant[i], contacts.channel[i], contacts.ts[i]
        c, s = contacts.country[m], pools.set_of[ch]
        if pools.population[s] == 0:
            return i
        entity = entity2(contacts.merchant_id[m], contacts.seq[i])
        why, chosen = NO_HOME, -1
        drew_party, drew_pool, drew_away = 0, 0, 0
        if c >= 0 and pools.eligible[s, c] > 0:
            chosen, why = int(pools.last[s, c]), AWAY
            if pools.eligible[s, c] > 1:
                low = int(pools.country_at[c])
                start, end = pools.cum[s, low], pools.cum[s, pools.country_at[c + 1]]
                x = wake(pools, awake, s, c, start + draw(entity, keys.party) * (end - start), ts)
                chosen, drew_party = find(pools, s, x, low, chosen), 1
            drew_pool = 1
            if draw(entity, keys.pool) < pools.p_home[pools.segment[chosen], ch]:
                why = HOME
        if why != HOME:
            u = 0.5
            if pools.population[s] > 1:
                u, drew_away = float(draw(entity, keys.away)), 1
            chosen = _away_party(pools, awake, s, ch, u, ts)
        party[i], rule[i] = chosen, why
        cell = pools.cell[chosen]
        tally[cell, 0] += drew_party
        tally[cell, 1] += drew_pool
        tally[cell, 2] += drew_away
    return -1

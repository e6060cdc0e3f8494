"""Strategy `csr_gather`: one compiled walk over the arrivals, candidates read where they lie (offsets and flat arrays).

Costs one scan of the arrivals for all four steps; no join, no sort, no candidate is copied. It prepares nothing.
Memory: the four indexes that it gives (16 B an arrival).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from seg6b.draws.compiled import kernel
from seg6b.draws.mix import entity2
from seg6b.shards.cells import CELLS
from seg6b.states.s1_attach.attach.contract import Law, Link, Linked
from seg6b.states.s1_attach.entities import Held
from seg6b.states.s1_attach.links import LINK_DECISIONS, LinkKeys, Links, Rows, choose, choose_device
from seg6b.states.s1_attach.weights import Weights


def prepare(held: Held, law: Law) -> Link:
    """The walk over these candidates; see `contract.Strategy`."""

    def link(rows: Rows) -> Linked:
        size = rows.party.size
        links = Links(*(np.empty(size, np.int32) for _ in Links._fields))
        drawn = np.zeros((CELLS, len(LINK_DECISIONS)), np.int64)
        lost = link_all(links, drawn, rows, held, law.weights, law.keys, law.optional)
        return Linked(links, drawn, lost)

    return link


@kernel
def link_all(
    out: Links,
    tally: npt.NDArray[np.int64],
    rows: Rows,
    held: Held,
    weights: Weights,
    keys: LinkKeys,
    optional: npt.NDArray[np.bool_],
) -> int:
    """Fill `out` for each row and count draws by cell and decision; the first row that lacks a candidate, or -1.

    Args:
        out: indexes, out.
        tally: draws by cell and decision, added to.
        rows: arrivals.
        held: candidates.
        weights: the prior's weights.
        keys: words of the decisions.
        optional: channels on which an instrument may be missing.
    """
    by_account, by_instrument, by_ip = weights.account, weights.instrument, weights.ip
    needed, spare = held.account_group[0], held.account_group[1]
    needed_share, spare_share = held.account_share[0], held.account_share[1]
    for i in range(rows.party.size):
        p, m, ch, cell = rows.party[i], rows.merchant[i], rows.channel[i], rows.cell[i]
        family = rows.family[i]
        row = family * 5 + ch
        entity = entity2(rows.merchant_id[i], rows.seq[i])
        low, high = held.account_at[p], held.account_at[p + 1]
        if optional[ch]:
            a, drew = choose(spare, spare_share, low, high, by_account, row, entity, keys.account)
        else:
            a, drew = choose(needed, needed_share, low, high, by_account, row, entity, keys.account)
        if a < 0:
            return i
        tally[cell, 0] += drew
        low, high = held.instrument_at[a], held.instrument_at[a + 1]
        n, drew = choose(
            held.instrument_kind, held.instrument_share, low, high, by_instrument, row, entity, keys.instrument
        )
        if n < 0 and not optional[ch]:
            return i
        tally[cell, 1] += drew
        low, first = held.device_at[p], held.terminal_at[m]
        own, shop = held.device_at[p + 1] - low, held.terminal_at[m + 1] - first
        place, drew = choose_device(
            own,
            held.main_device[p],
            shop,
            weights.terminal[family, ch],
            weights.primary[family, ch],
            entity,
            keys.device,
        )
        d = held.device[low + place] if place < own else held.terminal[first + place - own]
        tally[cell, 2] += drew
        low, high = held.ip_at[d], held.ip_at[d + 1]
        row = row * 32 + held.ip_groups[d]
        q, drew = choose(held.ip_group, held.ip_share, low, high, by_ip, row, entity, keys.ip)
        tally[cell, 3] += drew
        out.account[i], out.instrument[i], out.device[i], out.ip[i] = a, n, d, q
    return -1

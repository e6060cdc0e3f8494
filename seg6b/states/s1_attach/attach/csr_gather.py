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
    # Fields are taken out of the tuples once: numba counts references for every access inside a loop.
    party, merchant, merchant_id, seq = rows.party, rows.merchant, rows.merchant_id, rows.seq
    channel, families, cells = rows.channel, rows.family, rows.cell
    by_account, by_instrument, by_ip = weights.account, weights.instrument, weights.ip
    by_terminal, by_primary = weights.terminal, weights.primary
    needed, spare = held.account_group[0], held.account_group[1]
    needed_share, spare_share = held.account_share[0], held.account_share[1]
    account_at, instrument_at, kinds, kind_share = (
        held.account_at, held.instrument_at, held.instrument_kind, held.instrument_share
    )  # fmt: skip
    device_at, devices, main_device = held.device_at, held.device, held.main_device
    terminal_at, terminals = held.terminal_at, held.terminal
    ip_at, ip_group, ip_share, ip_groups = held.ip_at, held.ip_group, held.ip_share, held.ip_groups
    out_account, out_instrument, out_device, out_ip = out.account, out.instrument, out.device, out.ip
    account_key, instrument_key, device_key, ip_key = keys.account, keys.instrument, keys.device, keys.ip
    for i in range(party.size):
        p, m, ch, cell = party[i], merchant[i], channel[i], cells[i]
        family = families[i]
        row = family * 5 + ch
        entity = entity2(merchant_id[i], seq[i])
        low, high = account_at[p], account_at[p + 1]
        if optional[ch]:
            a, drew = choose(spare, spare_share, low, high, by_account, row, entity, account_key)
        else:
            a, drew = choose(needed, needed_share, low, high, by_account, row, entity, account_key)
        if a < 0:
            return i
        tally[cell, 0] += drew
        low, high = instrument_at[a], instrument_at[a + 1]
        n, drew = choose(kinds, kind_share, low, high, by_instrument, row, entity, instrument_key)
        if n < 0 and not optional[ch]:
            return i
        tally[cell, 1] += drew
        low, first = device_at[p], terminal_at[m]
        own, shop = device_at[p + 1] - low, terminal_at[m + 1] - first
        terminal, primary = by_terminal[family, ch], by_primary[family, ch]
        place, drew = choose_device(own, main_device[p], shop, terminal, primary, entity, device_key)
        d = devices[low + place] if place < own else terminals[first + place - own]
        tally[cell, 2] += drew
        row = row * 32 + ip_groups[d]
        q, drew = choose(ip_group, ip_share, ip_at[d], ip_at[d + 1], by_ip, row, entity, ip_key)
        tally[cell, 3] += drew
        out_account[i], out_instrument[i], out_device[i], out_ip[i] = a, n, d, q
    return -1

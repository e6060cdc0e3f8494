"""Account, instrument, device and IP of an arrival, from what its party holds; never a candidate of someone else."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from seg6b.draws.compiled import kernel
from seg6b.draws.mix import draw, entity2
from seg6b.draws.uniform import Draws
from seg6b.states.s1_attach.entities import Held
from seg6b.states.s1_attach.pools import FAMILY
from seg6b.states.s1_attach.weights import Weights

F64 = npt.NDArray[np.float64]
I32 = npt.NDArray[np.int32]
I64 = npt.NDArray[np.int64]
U8 = npt.NDArray[np.uint8]

LINK_DECISIONS: Final = ("ATTACH_ACCOUNT", "ATTACH_INSTRUMENT", "ATTACH_DEVICE", "ATTACH_IP")


class LinkKeys(NamedTuple):
    """Words of the four decisions."""

    account: np.uint64
    instrument: np.uint64
    device: np.uint64
    ip: np.uint64


class Rows(NamedTuple):
    """Arrivals in shard order.

    Attributes:
        party: index of the party.
        merchant: index of the merchant.
        merchant_id: its id.
        seq: arrival number within the merchant.
        channel: code into `CHANNELS`.
        family: segment family of the party.
        cell: cell of the party.
    """

    party: I32
    merchant: I32
    merchant_id: I64
    seq: I64
    channel: U8
    family: I32
    cell: U8


class Links(NamedTuple):
    """Indexes into the arrays of `Held`; an instrument of -1 is none."""

    account: I32
    instrument: I32
    device: I32
    ip: I32


def link_keys(draws: Draws) -> LinkKeys:
    """Words of `LINK_DECISIONS`."""
    return LinkKeys(*(draws.key(FAMILY, decision) for decision in LINK_DECISIONS))


@kernel
def choose(
    group: I32, share: F64, low: int, high: int, weight: F64, row: int, entity: np.uint64, key: np.uint64
) -> tuple[int, int]:
    """One of the candidates `low .. high - 1` by `weight[row, group] * share`, and whether it drew; -1 if none."""
    total, count, only = 0.0, 0, -1
    for j in range(low, high):
        w = weight[row, group[j]] * share[j]
        if w > 0.0:
            total, count, only = total + w, count + 1, j
    if count <= 1:
        return only, 0
    target, cum = draw(entity, key) * total, 0.0
    for j in range(low, high):
        w = weight[row, group[j]] * share[j]
        if w > 0.0:
            cum, only = cum + w, j
            if target < cum:
                break
    return only, 1


@kernel
def choose_device(
    own: int, main: int, shop: int, terminal: float, primary: float, entity: np.uint64, key: np.uint64
) -> tuple[int, int]:
    """Place of the device among `own` of the party, or `own` + place among `shop` terminals; and whether it drew.

    One draw, split and remapped: terminal or not, main device or another. `main` is the place of the main device.
    """
    by_terminal = shop > 0 and terminal > 0.0
    if own == 1 and not by_terminal:
        return 0, 0
    u = draw(entity, key)
    if by_terminal:
        if u < terminal:
            return own + min(int(u / terminal * shop), shop - 1), 1
        u = (u - terminal) / (1.0 - terminal)
    if own == 1:
        return 0, 1
    if primary < 0.0 or main < 0:
        return min(int(u * own), own - 1), 1
    if u < primary:
        return main, 1
    other = min(int((u - primary) / (1.0 - primary) * (own - 1)), own - 2)
    return other + (other >= main), 1


@kernel
def link_all(
    out: Links, tally: I64, rows: Rows, held: Held, weights: Weights, keys: LinkKeys, optional: npt.NDArray[np.bool_]
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

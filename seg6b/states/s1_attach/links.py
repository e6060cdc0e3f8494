"""How one of the candidates for account, instrument, device or IP is chosen, by weight and one draw."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from seg6b.draws.compiled import kernel
from seg6b.draws.mix import draw
from seg6b.draws.uniform import Draws
from seg6b.states.s1_attach.pools import FAMILY

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

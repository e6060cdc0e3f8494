"""Choosing among candidates that were looked up and passed on, with the arithmetic of `links.choose`.

Candidates of all rows lie in flat arrays; they are weighed and summed up in the order of `Held`, as the compiled walk
does, so that every strategy chooses the same to the bit.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from seg6b.draws.compiled import kernel, read_only
from seg6b.shards.cells import CELLS
from seg6b.states.s1_attach.attach.contract import Linked
from seg6b.states.s1_attach.links import LINK_DECISIONS, Links, choose, choose_device

Bools = npt.NDArray[np.bool_]
F64 = npt.NDArray[np.float64]
I8 = npt.NDArray[np.int8]
I32 = npt.NDArray[np.int32]
I64 = npt.NDArray[np.int64]
U8 = npt.NDArray[np.uint8]
U64 = npt.NDArray[np.uint64]


class Found(NamedTuple):
    """Candidates of each row: places `low .. high - 1` of flat arrays, in the order of `Held`.

    Attributes:
        low: shape (rows,).
        high: shape (rows,).
        member: index of each candidate into the arrays of `Held`: shape (candidates,).
        group: what its weight goes by, on one side or, of accounts, on two: shape (sides, candidates).
        share: its part of the group's weight: shape (sides, candidates).
    """

    low: I64
    high: I64
    member: I32
    group: I32
    share: F64


class Devices(NamedTuple):
    """What each row may use: customer devices of its party, place of the main one, terminals of its merchant."""

    own: I32
    main: I32
    shop: I32


class Asked(NamedTuple):
    """One choice a row among the candidates `Found`: its side of them, its row of the weights, its entity hash."""

    low: I64
    high: I64
    group: I32
    share: F64
    side: I8
    row: I32
    entity: U64


class Placed(NamedTuple):
    """One choice a row among `Devices`, with the chances of a terminal and of the main device, and its entity hash."""

    own: I32
    main: I32
    shop: I32
    terminal: F64
    primary: F64
    entity: U64


class By(NamedTuple):
    """What each row chooses by: its side of the candidates, its row of the weights, its entity hash."""

    side: I8
    row: I32
    entity: U64


def choose_place(found: Found, by: By, weight: F64, key: np.uint64) -> tuple[I64, Bools]:
    """Place of the chosen candidate of each row in the flat arrays, -1 where it has none, and whether it drew."""
    at, drew = np.empty(by.row.size, np.int64), np.empty(by.row.size, np.bool_)
    asked = Asked(
        *(read_only(found.low), read_only(found.high), read_only(found.group), read_only(found.share)),
        *(read_only(by.side), read_only(by.row), read_only(by.entity)),
    )
    _choose_all(asked, weight, key, at, drew)
    return at, drew


def choose_devices(devices: Devices, terminal: F64, primary: F64, entity: U64, key: np.uint64) -> tuple[I32, Bools]:
    """Place of each row's device among the party's own and, behind them, the merchant's terminals; whether it drew."""
    own, main, shop = devices
    asked = Placed(
        read_only(own), read_only(main), read_only(shop), read_only(terminal), read_only(primary), read_only(entity)
    )
    place, drew = np.empty(own.size, np.int32), np.empty(own.size, np.bool_)
    _place_devices(asked, key, place, drew)
    return place, drew


def lost_at(missing: Bools) -> Linked:
    """What a strategy gives where rows lack a candidate: the first of them."""
    nothing = np.full(missing.size, -1, np.int32)
    drawn = np.zeros((CELLS, len(LINK_DECISIONS)), np.int64)
    return Linked(Links(nothing, nothing, nothing, nothing), drawn, int(np.argmax(missing)))


def by_cell(cell: U8, drew: Sequence[Bools]) -> I64:
    """Draws by cell and step."""
    return np.stack([np.bincount(cell[rows], minlength=CELLS) for rows in drew], axis=1)


@kernel
def _choose_all(asked: Asked, weight: F64, key: np.uint64, at: I64, drew: Bools) -> None:
    """Fill `at` with the place of the chosen candidate of each row, -1 if none, and `drew`."""
    for i in range(at.size):
        group, share = asked.group[asked.side[i]], asked.share[asked.side[i]]
        low, high = asked.low[i], asked.high[i]
        at[i], drew[i] = choose(group, share, low, high, weight, asked.row[i], asked.entity[i], key)


@kernel
def _place_devices(asked: Placed, key: np.uint64, place: I32, drew: Bools) -> None:
    """Fill `place` with the place of each row's device, and `drew`."""
    for i in range(place.size):
        place[i], drew[i] = choose_device(
            asked.own[i], asked.main[i], asked.shop[i], asked.terminal[i], asked.primary[i], asked.entity[i], key
        )

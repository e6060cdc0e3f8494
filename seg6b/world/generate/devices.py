"""Devices of parties, who else uses them, and the terminals of merchants."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl

from seg6b.datasets.column import Dataset
from seg6b.datasets.frames import dictionary
from seg6b.datasets.vocabulary import DEVICE_ROLES, DEVICE_TYPES, OS_FAMILIES
from seg6b.datasets.world_tables import DEVICE_LINKS, DEVICES
from seg6b.draws.mix import U64, entities1
from seg6b.world.generate.accounts import draw_type
from seg6b.world.generate.countries import REGIONS
from seg6b.world.generate.owned import Owned, counts_of, entities_of, negative_binomial, own
from seg6b.world.generate.parties import ALL_TO_OTHERS, REGION_OF_COUNTRY, RETAIL, Block
from seg6b.world.generate.recipe import Recipe
from seg6b.world.generate.zones import ISO

F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]
Codes = npt.NDArray[np.int32]

NO_DEVICE: Final = 0.054
FURTHER_DEVICES: Final = negative_binomial(1.34, 4, 13)
FURTHER_LINKED: Final = 0.05
MOST_FURTHER_USERS: Final = 5

FIRST_DEVICE: Final = {"MOBILE_PHONE": 0.78, "LAPTOP": 0.09, "DESKTOP": 0.07, "TABLET": 0.06}
FURTHER_DEVICE: Final = {
    "MOBILE_PHONE": 0.441,
    "LAPTOP": 0.155,
    "DESKTOP": 0.134,
    "TABLET": 0.128,
    "WEARABLE": 0.101,
    "IOT_DEVICE": 0.0375,
    "SERVER": 0.0035,
}
OS_LAWS: Final[dict[str, dict[str, float]]] = {
    "MOBILE_PHONE": {"ANDROID": 0.66, "IOS": 0.34},
    "TABLET": {"ANDROID": 0.45, "IOS": 0.50, "WINDOWS": 0.05},
    "LAPTOP": {"WINDOWS": 0.70, "MACOS": 0.25, "LINUX": 0.05},
    "DESKTOP": {"WINDOWS": 0.78, "MACOS": 0.15, "LINUX": 0.07},
    "WEARABLE": {"IOS": 0.50, "ANDROID": 0.30, "EMBEDDED": 0.20},
    "IOT_DEVICE": {"EMBEDDED": 0.70, "LINUX": 0.30},
    "SERVER": {"LINUX": 0.85, "WINDOWS": 0.15},
}
# Probability that a device is shared, and the most parties on a shared one (its owner included).
SHARING: Final[dict[str, tuple[float, int]]] = {
    "MOBILE_PHONE": (0.03, 4),
    "WEARABLE": (0.03, 4),
    "TABLET": (0.25, 6),
    "DESKTOP": (0.25, 6),
    "LAPTOP": (0.08, 4),
    "IOT_DEVICE": (0.06, 4),
}
ANOTHER_USER: Final = 0.4
SHARED_A_PARTY: Final = 6


@dataclass(frozen=True, slots=True)
class Devices:
    """Devices of one block, by party.

    Attributes:
        owned: owner and rank.
        entity: entity hash.
        device_id: id64.
        device_type: code into `DEVICE_TYPES`.
        linked: whether the device has IP links.
    """

    owned: Owned
    entity: U64
    device_id: I64
    device_type: Codes
    linked: npt.NDArray[np.bool_]


def make_devices(recipe: Recipe, block: Block) -> Devices:
    """The devices of one block; every eligible party's first device has IP links."""
    u = recipe.even("device.count", entities1(block.index), block.eligible)
    none = ~block.eligible & (recipe.uniform("device.none", block.index) < NO_DEVICE * ALL_TO_OTHERS)
    owned = own(np.where(none, 0, 1 + counts_of(u, FURTHER_DEVICES)))
    entity = entities_of(block.party_id[owned.owner], owned.rank)
    kind_u = recipe.even("device.type", entity, owned.rank == 0)
    first = draw_type(kind_u, FIRST_DEVICE, DEVICE_TYPES)
    further = draw_type(kind_u, FURTHER_DEVICE, DEVICE_TYPES)
    office = block.party_type[owned.owner] != RETAIL
    drawn = recipe.even("device.linked", entity) < FURTHER_LINKED
    return Devices(
        owned=owned,
        entity=entity,
        device_id=recipe.draws.ids("device", entity),
        device_type=np.where(owned.rank == 0, first, further),
        linked=block.eligible[owned.owner] & ((owned.rank == 0) | office | drawn),
    )


def device_tables(recipe: Recipe, block: Block, devices: Devices) -> dict[Dataset, pl.DataFrame]:
    """Device base and device links of one block."""
    owner = devices.owned.owner
    base = pl.DataFrame(
        {
            "device_id": devices.device_id,
            "device_type": dictionary(devices.device_type, DEVICE_TYPES),
            "os_family": dictionary(_systems(recipe, devices), OS_FAMILIES),
            "primary_party_id": block.party_id[owner],
            "home_region_id": dictionary(REGION_OF_COUNTRY[block.country[owner]], REGIONS),
            "home_country_iso": dictionary(block.country[owner], ISO),
        }
    )
    device, user = _second_users(recipe, block, devices)
    links = device_links(
        np.concatenate([devices.device_id, devices.device_id[device]]),
        party_id=np.concatenate([block.party_id[owner], block.party_id[user]]),
        role=np.repeat(
            [DEVICE_ROLES.index("PRIMARY_OWNER"), DEVICE_ROLES.index("SECONDARY_USER")], [owner.size, user.size]
        ),
    )
    return {
        DEVICES: base.sort(pl.col("device_type").cast(pl.String), "primary_party_id", "device_id"),
        DEVICE_LINKS: links.sort("device_id", "party_id"),
    }


def device_links(device_id: I64, party_id: I64, role: I64) -> pl.DataFrame:
    """Links of devices to parties."""
    empty = pl.Series([None] * device_id.size, dtype=pl.Int64)
    return pl.DataFrame(
        {
            "device_id": device_id,
            "party_id": party_id,
            "account_id": empty,
            "instrument_id": empty,
            "merchant_id": empty,
            "link_role": dictionary(role, DEVICE_ROLES),
        }
    )


def _systems(recipe: Recipe, devices: Devices) -> Codes:
    u = recipe.even("device.os", devices.entity, devices.device_type)
    system = np.zeros(u.size, np.int32)
    for name, law in OS_LAWS.items():
        rows = devices.device_type == DEVICE_TYPES.index(name)
        system[rows] = draw_type(u[rows], law, OS_FAMILIES)
    return system


def _second_users(recipe: Recipe, block: Block, devices: Devices) -> tuple[I64, I64]:
    """(device, party) of every further user: parties of the owner's country, the eligible ones for a linked device."""
    share = np.array([SHARING.get(t, (0.0, 1))[0] for t in DEVICE_TYPES])[devices.device_type]
    most = np.array([SHARING.get(t, (0.0, 1))[1] for t in DEVICE_TYPES])[devices.device_type]
    shared = recipe.even("device.shared", devices.entity, devices.device_type) < share
    u = recipe.draws.uniform("world", "device.users", devices.entity)
    further = sum((u < ANOTHER_USER**k).astype(np.int64) for k in range(MOST_FURTHER_USERS))
    links = own(np.where(shared, np.minimum(further, most - 1), 0))
    v = recipe.draws.uniform("world", "device.user", entities_of(devices.device_id[links.owner], links.rank))
    user = _neighbours(block, devices.owned.owner[links.owner], devices.linked[links.owner], v)
    good = (user >= 0) & (user != devices.owned.owner[links.owner])
    return _distinct(links.owner[good], user[good], block.index.size)


def _neighbours(block: Block, owner: I64, linked: npt.NDArray[np.bool_], u: F64) -> I64:
    """A party of the owner's country for each draw, -1 where there is none."""
    user = np.full(owner.size, -1, np.int64)
    for only_eligible in (True, False):
        pool = np.flatnonzero(block.eligible) if only_eligible else np.arange(block.index.size)
        starts = np.searchsorted(block.country[pool], np.arange(len(ISO) + 1))
        rows = np.flatnonzero(linked == only_eligible)
        home = block.country[owner[rows]]
        size = starts[home + 1] - starts[home]
        at = np.minimum(starts[home] + (u[rows] * size).astype(np.int64), max(0, pool.size - 1))
        user[rows] = np.where(size > 0, pool[at] if pool.size else -1, -1)
    return user


def _distinct(device: I64, user: I64, parties: int) -> tuple[I64, I64]:
    """Pairs without repetition, at most `SHARED_A_PARTY` a party."""
    keys = np.unique(user * np.int64(1 << 32) + device)
    user, device = keys >> 32, keys & ((1 << 32) - 1)
    rank = np.arange(user.size) - np.searchsorted(user, np.arange(parties))[user]
    kept = rank < SHARED_A_PARTY
    return device[kept], user[kept]

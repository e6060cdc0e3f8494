"""IPs and their links to devices.

A linked device has one typical address and some further ones. The links of a kind of address and a place are put in
an order that nothing else follows, and dealt onto addresses whose numbers of devices are drawn beforehand: so caps
hold by construction and shared addresses have the published heavy tail.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl

from seg6b.datasets.column import Dataset
from seg6b.datasets.frames import dictionary
from seg6b.datasets.vocabulary import ASN_CLASSES, IP_ROLES, IP_TYPES
from seg6b.datasets.world_tables import IP_LINKS, IPS
from seg6b.draws.mix import entities2
from seg6b.draws.quantile import lookup_all
from seg6b.world.generate.accounts import draw_type
from seg6b.world.generate.devices import Devices
from seg6b.world.generate.ip_laws import (
    ASN_OF_TYPE,
    CAPACITY,
    FIRST_ADDRESS,
    FURTHER_LINKS,
    FURTHER_ROLE,
    FURTHER_TYPE,
    OFFICE,
    UNLINKED_AN_LINKED,
    capacity_table,
)
from seg6b.world.generate.owned import counts_of, entities_of, own
from seg6b.world.generate.parties import REGION_OF_COUNTRY, RETAIL, Block
from seg6b.world.generate.recipe import Recipe
from seg6b.world.generate.zones import ISO

I64 = npt.NDArray[np.int64]
Codes = npt.NDArray[np.int32]

RESIDENTIAL: Final = IP_TYPES.index("RESIDENTIAL")
WORLDWIDE: Final = -1


@dataclass(frozen=True, slots=True)
class Links:
    """IP links of one block before addresses are dealt: device position, kind of address, role."""

    device: I64
    ip_type: Codes
    role: Codes


@dataclass(frozen=True, slots=True)
class Addresses:
    """Addresses of one block: kind and country of each."""

    ip_type: Codes
    country: Codes


def ip_tables(recipe: Recipe, block: Block, devices: Devices) -> dict[Dataset, pl.DataFrame]:
    """IP base and IP links of one block."""
    links = _links(recipe, block, devices)
    address, ips = _deal(recipe, block, devices, links)
    unlinked = round(ips.ip_type.size * UNLINKED_AN_LINKED)
    country = np.concatenate([ips.country, _some_countries(recipe, block, unlinked)])
    ip_type = np.concatenate([ips.ip_type, np.full(unlinked, RESIDENTIAL, np.int32)])
    ip_id = recipe.draws.ids("ip", entities2(np.full(ip_type.size, block.number), np.arange(ip_type.size)))
    asn = np.array([ASN_CLASSES.index(ASN_OF_TYPE[t]) for t in IP_TYPES], np.int32)[ip_type]
    base = pl.DataFrame(
        {
            "ip_id": ip_id,
            "ip_type": dictionary(ip_type, IP_TYPES),
            "asn_class": dictionary(asn, ASN_CLASSES),
            "country_iso": dictionary(country, ISO),
        }
    )
    owner = devices.owned.owner[links.device]
    edges = pl.DataFrame(
        {
            "ip_id": ip_id[address],
            "device_id": devices.device_id[links.device],
            "party_id": block.party_id[owner],
            "link_role": dictionary(links.role, IP_ROLES),
        }
    )
    edges = edges.unique(["ip_id", "device_id"], keep="first", maintain_order=True)
    words = [pl.col("ip_type").cast(pl.String), pl.col("asn_class").cast(pl.String)]
    return {
        IPS: base.sort(*words, "country_iso", "ip_id"),
        IP_LINKS: edges.sort("ip_id", "device_id", "party_id"),
    }


def _links(recipe: Recipe, block: Block, devices: Devices) -> Links:
    """How many addresses each linked device has, of which kind and in which role."""
    linked = np.flatnonzero(devices.linked)
    u = recipe.even("ip.count", devices.entity[linked])
    office = block.party_type[devices.owned.owner[linked]] != RETAIL
    counts = 1 + np.where(office, len(OFFICE) - 1 + counts_of(u, FURTHER_LINKS), counts_of(u, FURTHER_LINKS))
    owned = own(counts)
    entity = entities_of(devices.device_id[linked[owned.owner]], owned.rank)
    role = draw_type(recipe.even("ip.role", entity, owned.rank == 0), FURTHER_ROLE, IP_ROLES)
    role[owned.rank == 0] = IP_ROLES.index("TYPICAL_DEVICE_IP")
    v = recipe.even("ip.type", entity, role * 2 + (owned.rank == 0))
    kind = draw_type(v, FIRST_ADDRESS, IP_TYPES)
    for name, law in FURTHER_TYPE.items():
        rows = (owned.rank > 0) & (role == IP_ROLES.index(name))
        kind[rows] = draw_type(v[rows], law, IP_TYPES)
    house = office[owned.owner] & (owned.rank < len(OFFICE))
    kinds = np.array([IP_TYPES.index(t) for t, _ in OFFICE], np.int32)
    roles = np.array([IP_ROLES.index(r) for _, r in OFFICE], np.int32)
    kind[house], role[house] = kinds[owned.rank[house]], roles[owned.rank[house]]
    return Links(linked[owned.owner], kind, role)


def _deal(recipe: Recipe, block: Block, devices: Devices, links: Links) -> tuple[I64, Addresses]:
    """The address of each link, and the addresses."""
    country = block.country[devices.owned.owner[links.device]]
    entity = entities_of(devices.device_id[links.device], np.arange(links.device.size) * 8 + links.ip_type)
    shuffled = recipe.draws.uniform("world", "ip.order", entity)
    address = np.empty(links.device.size, np.int64)
    kinds: list[int] = []
    countries: list[int] = []
    for kind in range(len(IP_TYPES)):
        rows = np.flatnonzero(links.ip_type == kind)
        pool = _pools(country[rows], CAPACITY[IP_TYPES[kind]][0])
        order = rows[np.lexsort((shuffled[rows], pool))]
        pools, sizes = np.unique(pool, return_counts=True)
        at = 0
        for key, size in zip(pools.tolist(), sizes.tolist(), strict=True):
            held = _capacities(recipe, block.number, kind, key, size)
            members = order[at : at + size]
            address[members] = len(kinds) + np.repeat(np.arange(held.size), held)
            kinds += [kind] * held.size
            firsts = members[np.cumsum(held) - held]
            countries += country[firsts].tolist()
            at += size
    return address, Addresses(np.array(kinds, np.int32), np.array(countries, np.int32))


def _pools(country: Codes, mean: float) -> I64:
    """Where links share addresses: their country if it fills one, else its region, else the world."""
    by_country = np.bincount(country, minlength=len(ISO))
    region = REGION_OF_COUNTRY[country]
    alone = by_country[country] >= mean
    by_region = np.bincount(region[~alone], minlength=REGION_OF_COUNTRY.max() + 1)
    regional = by_region[region] >= mean
    return np.where(alone, country, np.where(regional, len(ISO) + region, WORLDWIDE)).astype(np.int64)


def _capacities(recipe: Recipe, block: int, kind: int, pool: int, links: int) -> I64:
    """Devices on each address of a pool, adding up to `links`."""
    name = IP_TYPES[kind]
    mean, _, _ = CAPACITY[name]
    most = int(links / mean * 3) + 16
    where = entities2(np.full(most, (block * 16 + kind) * 128 + pool + 1), np.arange(most))
    drawn = np.maximum(1, np.rint(lookup_all(capacity_table(name), recipe.draws.uniform("world", "ip.devices", where))))
    ends = np.cumsum(drawn.astype(np.int64))
    count = int(np.searchsorted(ends, links)) + 1
    held = np.diff(np.minimum(ends[:count], links), prepend=0)
    return held[held > 0]


def _some_countries(recipe: Recipe, block: Block, count: int) -> Codes:
    """Countries of addresses that no device uses."""
    u = recipe.draws.uniform("world", "ip.spare", entities2(np.full(count, block.number), np.arange(count)))
    return block.country[(u * block.country.size).astype(np.int64)]

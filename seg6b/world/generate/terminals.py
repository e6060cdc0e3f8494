"""Terminals of merchants at counters and machines, their addresses, and the merchants' own fraud roles."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl

from seg6b.datasets import vocabulary as v
from seg6b.datasets.column import Dataset
from seg6b.datasets.frames import dictionary
from seg6b.datasets.world_tables import DEVICE_LINKS, DEVICE_ROLES, DEVICES, IP_LINKS, IP_ROLES, IPS, MERCHANT_ROLES
from seg6b.draws.mix import entities1
from seg6b.world.generate.accounts import draw_type
from seg6b.world.generate.countries import REGIONS
from seg6b.world.generate.ip_laws import ASN_OF_TYPE
from seg6b.world.generate.merchants import KINDS, Merchants
from seg6b.world.generate.owned import entities_of, own
from seg6b.world.generate.parties import REGION_OF_COUNTRY
from seg6b.world.generate.recipe import Recipe
from seg6b.world.generate.roles import device_roles, ip_role_frame, role_frame
from seg6b.world.generate.zones import ISO

I64 = npt.NDArray[np.int64]

ARRIVALS_A_TERMINAL: Final = 250
FEWEST_TERMINALS: Final = 2
TERMINALS_AN_ADDRESS: Final = 3
ENDPOINT: Final = {"CORPORATE": 0.70, "RESIDENTIAL": 0.20, "MOBILE": 0.10}
# Share of merchants in each role; at least one of each.
RISKY: Final = {"HIGH_RISK_MCC": 0.0040, "COLLUSIVE": 0.0032, "MSB": 0.0004}
TOO_LARGE_TO_COLLUDE: Final = 0.05


def terminal_tables(recipe: Recipe, merchants: Merchants) -> dict[Dataset, pl.DataFrame]:
    """Devices, IPs, links and roles of merchant terminals; parties are null in the links."""
    share = np.where(merchants.has("HYBRID"), 0.2, 1.0)
    counts = FEWEST_TERMINALS + (merchants.size * share).astype(np.int64) // ARRIVALS_A_TERMINAL
    owned = own(np.where(merchants.has("POS", "ATM", "HYBRID"), counts, 0))
    entity = entities_of(merchants.merchant_id[owned.owner], owned.rank)
    device_id = recipe.draws.ids("terminal", entity)
    lead = owned.rank % TERMINALS_AN_ADDRESS == 0
    address = np.cumsum(lead) - 1
    ip_id = recipe.draws.ids("endpoint", entity[lead])
    devices = _devices(merchants, owned.owner, device_id)
    ips = _ips(recipe, merchants, owned.owner[lead], ip_id)
    role = device_roles(recipe, device_id, np.ones(device_id.size, bool))
    return {
        DEVICES: devices.sort(pl.col("device_type").cast(pl.String), "device_id"),
        IPS: ips.sort(pl.col("ip_type").cast(pl.String), pl.col("asn_class").cast(pl.String), "country_iso", "ip_id"),
        DEVICE_LINKS: _device_links(merchants.merchant_id[owned.owner], device_id).sort("device_id"),
        IP_LINKS: _ip_links(ip_id[address], device_id).sort("ip_id", "device_id"),
        DEVICE_ROLES: role_frame(recipe, "device_id", "fraud_role_device", device_id, role, v.DEVICE_FRAUD_ROLES),
        IP_ROLES: ip_role_frame(recipe, ips),
    }


def _devices(merchants: Merchants, owner: I64, device_id: I64) -> pl.DataFrame:
    machine = merchants.kind[owner] == KINDS.index("ATM")
    kind = np.where(machine, v.DEVICE_TYPES.index("ATM"), v.DEVICE_TYPES.index("POS_TERMINAL"))
    country = merchants.country[owner]
    return pl.DataFrame(
        {
            "device_id": device_id,
            "device_type": dictionary(kind, v.DEVICE_TYPES),
            "os_family": dictionary(np.full(kind.size, v.OS_FAMILIES.index("EMBEDDED")), v.OS_FAMILIES),
            "primary_party_id": pl.Series([None] * kind.size, dtype=pl.Int64),
            "home_region_id": dictionary(REGION_OF_COUNTRY[country], REGIONS),
            "home_country_iso": dictionary(country, ISO),
        }
    )


def _ips(recipe: Recipe, merchants: Merchants, owner: I64, ip_id: I64) -> pl.DataFrame:
    kind = draw_type(recipe.draws.uniform("world", "endpoint.type", entities1(ip_id)), ENDPOINT, v.IP_TYPES)
    asn = np.array([v.ASN_CLASSES.index(ASN_OF_TYPE[t]) for t in v.IP_TYPES])[kind]
    return pl.DataFrame(
        {
            "ip_id": ip_id,
            "ip_type": dictionary(kind, v.IP_TYPES),
            "asn_class": dictionary(asn, v.ASN_CLASSES),
            "country_iso": dictionary(merchants.country[owner], ISO),
        }
    )


def _device_links(merchant_id: I64, device_id: I64) -> pl.DataFrame:
    nobody = pl.Series([None] * device_id.size, dtype=pl.Int64)
    role = np.full(device_id.size, v.DEVICE_ROLES.index("MERCHANT_TERMINAL"))
    return pl.DataFrame(
        {
            "device_id": device_id,
            "party_id": nobody,
            "account_id": nobody,
            "instrument_id": nobody,
            "merchant_id": merchant_id,
            "link_role": dictionary(role, v.DEVICE_ROLES),
        }
    )


def _ip_links(ip_id: I64, device_id: I64) -> pl.DataFrame:
    role = np.full(device_id.size, v.IP_ROLES.index("MERCHANT_ENDPOINT"))
    return pl.DataFrame(
        {
            "ip_id": ip_id,
            "device_id": device_id,
            "party_id": pl.Series([None] * device_id.size, dtype=pl.Int64),
            "link_role": dictionary(role, v.IP_ROLES),
        }
    )


def merchant_role_table(recipe: Recipe, merchants: Merchants) -> pl.DataFrame:
    """Fraud roles of merchants: a few risky ones, none among the largest."""
    index = np.arange(merchants.count)
    order = np.argsort(recipe.uniform("role.merchant", index), kind="stable")
    order = order[order >= merchants.count * TOO_LARGE_TO_COLLUDE]
    roles = np.full(merchants.count, v.MERCHANT_FRAUD_ROLES.index("NORMAL"), np.int32)
    at = 0
    for role, share in RISKY.items():
        count = max(1, round(merchants.count * share))
        roles[order[at : at + count]] = v.MERCHANT_FRAUD_ROLES.index(role)
        at += count
    return role_frame(
        recipe, "merchant_id", "fraud_role_merchant", merchants.merchant_id, roles, v.MERCHANT_FRAUD_ROLES
    )


def merchant_roles(recipe: Recipe, merchants: Merchants) -> dict[Dataset, pl.DataFrame]:
    """`s5_merchant_fraud_roles_6A`."""
    return {MERCHANT_ROLES: merchant_role_table(recipe, merchants)}

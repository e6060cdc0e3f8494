"""Fraud roles and risk tiers: static posture of every entity, tiers conditional on the role."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl

from seg6b.datasets import vocabulary as v
from seg6b.datasets.column import Dataset
from seg6b.datasets.frames import dictionary
from seg6b.datasets.world_tables import ACCOUNT_ROLES, DEVICE_ROLES, IP_ROLES, PARTY_ROLES
from seg6b.draws.mix import entities1
from seg6b.world.generate.accounts import Accounts, draw_type
from seg6b.world.generate.devices import Devices
from seg6b.world.generate.parties import Block
from seg6b.world.generate.recipe import Recipe

F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]
Codes = npt.NDArray[np.int32]
Law = dict[str, float]

PARTY: Final[Law] = {"CLEAN": 94.95, "MULE": 2.45, "SYNTHETIC_ID": 2.03, "ORGANISER": 0.30, "ASSOCIATE": 0.27}
DEVICE: Final[Law] = {"CLEAN_DEVICE": 96.93, "HIGH_RISK_DEVICE": 2.49, "REUSED_DEVICE": 0.58}
# Accounts of mules are mule accounts more often; the shares over all accounts are the published ones.
ACCOUNT_OF_MULE: Final[Law] = {
    "CLEAN_ACCOUNT": 72.0,
    "HIGH_RISK_ACCOUNT": 8.0,
    "MULE_ACCOUNT": 17.0,
    "DORMANT_RISKY": 3.0,
}
ACCOUNT_OF_OTHERS: Final[Law] = {
    "CLEAN_ACCOUNT": 98.571,
    "HIGH_RISK_ACCOUNT": 1.039,
    "MULE_ACCOUNT": 0.137,
    "DORMANT_RISKY": 0.253,
}
IP_OF_TYPE: Final[dict[str, Law]] = {
    "RESIDENTIAL": {"SHARED_IP": 89.20, "HIGH_RISK_IP": 8.20, "CLEAN_IP": 2.60},
    "MOBILE": {"SHARED_IP": 80.0, "HIGH_RISK_IP": 20.0},
    "PUBLIC_WIFI": {"SHARED_IP": 60.0, "HIGH_RISK_IP": 40.0},
    "HOTEL_TRAVEL": {"SHARED_IP": 70.0, "HIGH_RISK_IP": 30.0},
    "EDUCATION": {"SHARED_IP": 85.0, "HIGH_RISK_IP": 15.0},
    "CORPORATE": {"SHARED_IP": 45.0, "HIGH_RISK_IP": 55.0},
    "DATACENTRE": {"SHARED_IP": 30.0, "HIGH_RISK_IP": 70.0},
    "VPN_PROXY": {"SHARED_IP": 10.0, "HIGH_RISK_IP": 90.0},
}
CLEAN_TIERS: Final[Law] = {"LOW": 13.5, "STANDARD": 51.9, "ELEVATED": 24.4, "HIGH": 10.2}
TIERS: Final[dict[str, Law]] = {
    "CLEAN": CLEAN_TIERS,
    "MULE": {"HIGH": 50.6, "ELEVATED": 35.4, "STANDARD": 13.4, "LOW": 0.6},
    "SYNTHETIC_ID": {"HIGH": 53.1, "ELEVATED": 33.3, "STANDARD": 13.0, "LOW": 0.6},
    "ORGANISER": {"HIGH": 63.6, "ELEVATED": 26.2, "STANDARD": 10.1, "LOW": 0.1},
    "ASSOCIATE": {"HIGH": 47.2, "ELEVATED": 37.1, "STANDARD": 15.0, "LOW": 0.7},
}
RISKY_TIERS: Final[Law] = {"HIGH": 52.0, "ELEVATED": 34.0, "STANDARD": 13.4, "LOW": 0.6}
WATCHED_TIERS: Final[Law] = {"LOW": 6.0, "STANDARD": 46.0, "ELEVATED": 36.0, "HIGH": 12.0}
WATCHED: Final = ("DORMANT_RISKY", "REUSED_DEVICE", "SHARED_IP", "MSB")


def tier_law(role: str) -> Law:
    """Risk tiers of one role."""
    if role.startswith("CLEAN") or role == "NORMAL":
        return CLEAN_TIERS
    return TIERS.get(role, WATCHED_TIERS if role in WATCHED else RISKY_TIERS)


def party_roles(recipe: Recipe, block: Block) -> Codes:
    """Fraud role of each party, as a code; shares are exact among eligible parties and among the others."""
    u = recipe.even("role.party", entities1(block.index), block.eligible)
    return draw_type(u, PARTY, v.PARTY_FRAUD_ROLES)


def role_frame(recipe: Recipe, key: str, column: str, ids: I64, roles: Codes, vocab: tuple[str, ...]) -> pl.DataFrame:
    """A role table: one row an entity, sorted by id.

    Args:
        recipe: whose draws decide the tiers.
        key: the id column.
        column: the role column.
        ids: id of each entity.
        roles: role of each entity, as a code into `vocab`.
        vocab: role names.
    """
    u = recipe.even(f"tier.{column}", entities1(ids), roles)
    tiers = np.zeros(ids.size, np.int32)
    for code, role in enumerate(vocab):
        rows = roles == code
        tiers[rows] = draw_type(u[rows], tier_law(role), v.RISK_TIERS)
    frame = pl.DataFrame({key: ids, column: dictionary(roles, vocab), "risk_tier": dictionary(tiers, v.RISK_TIERS)})
    return frame.sort(key)


def role_tables(
    recipe: Recipe, block: Block, accounts: Accounts, devices: Devices, ips: pl.DataFrame
) -> dict[Dataset, pl.DataFrame]:
    """Fraud roles of the parties, accounts, devices and IPs of one block."""
    parties = party_roles(recipe, block)
    mule = (parties == v.PARTY_FRAUD_ROLES.index("MULE"))[accounts.owned.owner]
    u = recipe.even("role.account", accounts.entity, mule)
    account = np.where(
        mule,
        draw_type(u, ACCOUNT_OF_MULE, v.ACCOUNT_FRAUD_ROLES),
        draw_type(u, ACCOUNT_OF_OTHERS, v.ACCOUNT_FRAUD_ROLES),
    )
    device = device_roles(recipe, devices.device_id, devices.linked)
    party_frame = role_frame(recipe, "party_id", "fraud_role_party", block.party_id, parties, v.PARTY_FRAUD_ROLES)
    return {
        PARTY_ROLES: party_frame,
        ACCOUNT_ROLES: role_frame(
            recipe, "account_id", "fraud_role_account", accounts.account_id, account, v.ACCOUNT_FRAUD_ROLES
        ),
        DEVICE_ROLES: role_frame(
            recipe, "device_id", "fraud_role_device", devices.device_id, device, v.DEVICE_FRAUD_ROLES
        ),
        IP_ROLES: ip_role_frame(recipe, ips),
    }


def device_roles(recipe: Recipe, device_id: I64, linked: npt.NDArray[np.bool_]) -> Codes:
    """Fraud role of each device, as a code; shares are exact among linked devices and among the others."""
    u = recipe.even("role.device", entities1(device_id), linked)
    return draw_type(u, DEVICE, v.DEVICE_FRAUD_ROLES)


def ip_role_frame(recipe: Recipe, ips: pl.DataFrame) -> pl.DataFrame:
    """Fraud roles of some IPs, by their type."""
    ids = ips["ip_id"].to_numpy()
    kind = ips["ip_type"].to_physical().to_numpy()
    u = recipe.even("role.ip", entities1(ids), kind)
    roles = np.zeros(ids.size, np.int32)
    for code, name in enumerate(v.IP_TYPES):
        rows = kind == code
        roles[rows] = draw_type(u[rows], IP_OF_TYPE[name], v.IP_FRAUD_ROLES)
    return role_frame(recipe, "ip_id", "fraud_role_ip", ids, roles, v.IP_FRAUD_ROLES)

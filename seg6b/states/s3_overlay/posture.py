"""What the world says about entities: IP groups, risky devices, merchant roles, risk tiers, sites."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from seg6b.datasets import vocabulary as v
from seg6b.datasets import world_tables as w
from seg6b.datasets.frames import codes_of
from seg6b.errors import ContractBroken
from seg6b.world.sealed import SealedWorld

I64 = npt.NDArray[np.int64]
I32 = npt.NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class Lookups:
    """Sorted ids beside codes."""

    ip_ids: I64
    ip_groups: I32
    risky_devices: I64
    merchant_ids: I64
    merchant_roles: I32
    merchant_tiers: I32


@dataclass(frozen=True, slots=True)
class Posture:
    """Static posture of the world: `lookups`, and the risk tier of every party."""

    lookups: Lookups
    party_ids: I64
    party_tiers: I32

    def tiers_of(self, party_id: I64) -> I32:
        """Risk tier 0..3 of each row; rows of a party are adjacent. A party without a posture is refused."""
        if party_id.size == 0:
            return np.zeros(0, np.int32)
        starts = np.concatenate([[0], np.flatnonzero(party_id[1:] != party_id[:-1]) + 1])
        parties = party_id[starts]
        at = np.minimum(np.searchsorted(self.party_ids, parties), self.party_ids.size - 1)
        unknown = self.party_ids[at] != parties
        if unknown.any():
            raise ContractBroken(
                "E_S3_UNKNOWN_PARTY",
                f"{int(unknown.sum())} parties have no fraud role",
                w.PARTY_ROLES.name,
                f"party_id {int(parties[unknown][0])}",
                "a row for each party of the flows",
                "Seal the world again from complete tables.",
            )
        return np.repeat(self.party_tiers[at], np.diff(np.append(starts, party_id.size)))


def read_posture(world: SealedWorld) -> Posture:
    """The tables of the world that targeting reads, sorted by id."""
    ips = world.table(w.IPS, ("ip_id", "ip_type")).sort("ip_id")
    group_of = np.array([v.IP_GROUPS.index(v.IP_GROUP_OF[t]) for t in v.IP_TYPES], np.int32)
    devices = world.table(w.DEVICE_ROLES, ("device_id", "fraud_role_device"))
    risky = devices.filter(pl.col("fraud_role_device") == "HIGH_RISK_DEVICE")["device_id"].sort()
    merchants = world.table(w.MERCHANT_ROLES, ("merchant_id", "fraud_role_merchant", "risk_tier")).sort("merchant_id")
    parties = world.table(w.PARTY_ROLES, ("party_id", "risk_tier")).sort("party_id")
    lookups = Lookups(
        ip_ids=ips["ip_id"].to_numpy(),
        ip_groups=group_of[codes_of(ips["ip_type"])],
        risky_devices=risky.to_numpy(),
        merchant_ids=merchants["merchant_id"].to_numpy(),
        merchant_roles=codes_of(merchants["fraud_role_merchant"]),
        merchant_tiers=codes_of(merchants["risk_tier"]),
    )
    return Posture(lookups, parties["party_id"].to_numpy(), codes_of(parties["risk_tier"]))

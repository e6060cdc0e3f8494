"""Shape of the static posture: fraud roles of every kind of entity, and risk tiers by role."""

from __future__ import annotations

import polars as pl

from seg6b.datasets import world_tables as w
from seg6b.world.sealed import SealedWorld
from seg6b.world.shape.entities import Measures, shares


def role_measures(world: SealedWorld) -> Measures:
    """Share of each fraud role; of parties also the tiers within each role. Merchant endpoints and terminals apart."""
    return {
        **shares(world, w.PARTY_ROLES, "fraud_role_party"),
        **shares(world, w.ACCOUNT_ROLES, "fraud_role_account"),
        **shares(world, w.MERCHANT_ROLES, "fraud_role_merchant"),
        **shares(world, w.DEVICE_ROLES, "fraud_role_device"),
        **_customer_ips(world),
        **_tiers(world),
    }


def _customer_ips(world: SealedWorld) -> Measures:
    ends = world.table(w.IP_LINKS, ["ip_id", "link_role"]).filter(pl.col("link_role") == "MERCHANT_ENDPOINT")["ip_id"]
    roles = world.table(w.IP_ROLES, ["ip_id", "fraud_role_ip"]).filter(~pl.col("ip_id").is_in(ends.unique().implode()))
    return {f"fraud_role_ip.{r}": n / roles.height for r, n in roles.group_by("fraud_role_ip").len().iter_rows()}


def _tiers(world: SealedWorld) -> Measures:
    pairs = world.table(w.PARTY_ROLES).group_by("fraud_role_party", "risk_tier").len()
    pairs = pairs.with_columns(share=pl.col("len") / pl.col("len").sum().over("fraud_role_party"))
    return {f"party_tier.{role}.{tier}": s for role, tier, _, s in pairs.iter_rows()}

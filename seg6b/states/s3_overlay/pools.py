"""Swap pools: the few anonymiser IPs and shared high-risk devices that a campaign's operator uses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from seg6b.datasets import world_tables as w
from seg6b.draws.mix import draw_all
from seg6b.draws.uniform import Draws
from seg6b.errors import ContractBroken
from seg6b.evidence import s3_draws as d
from seg6b.policy.overlay import SwapPools, TacticsOverlay
from seg6b.states.s3_overlay.entity import with_id
from seg6b.states.s3_overlay.instances import Instance
from seg6b.states.s3_overlay.posture import I64, Posture
from seg6b.world.sealed import SealedWorld


@dataclass(frozen=True, slots=True)
class Pool:
    """Members of one campaign's pool in drawn order; `ips` beside devices is the IP that goes with each (0: none)."""

    members: I64
    ips: I64


EMPTY = Pool(np.zeros(0, np.int64), np.zeros(0, np.int64))


@dataclass(frozen=True, slots=True)
class Pools:
    """Pools by instance; an instance whose mix never swaps has an empty one. `candidates` = draws by instance."""

    ips: tuple[Pool, ...]
    devices: tuple[Pool, ...]
    candidates: tuple[int, ...]


def draw_pools(
    policy: TacticsOverlay,
    instances: Sequence[Instance],
    quotas: Sequence[int],
    world: SealedWorld,
    posture: Posture,
    draws: Draws,
) -> Pools:
    """Draw the pools of all instances that may swap."""
    used: dict[str, set[str]] = {str(kind): {c.tactic for c in choices} for kind, choices in policy.mix.items()}
    mixes = [used[i.campaign_type] for i in instances]
    key = draws.key(*d.SWAP_POOL)
    ips, devices, counts = [], [], [0] * len(instances)
    proxies = _proxies(world) if any("IP_SWAP_ANON" in m for m in mixes) else EMPTY
    shared = _shared(world, posture) if any("DEVICE_SWAP_SHARED" in m for m in mixes) else EMPTY
    for n, (instance, mix, quota) in enumerate(zip(instances, mixes, quotas, strict=True)):
        ip, ip_drawn = _draw(proxies, policy.swap_pools, instance, quota, key)
        device, device_drawn = _draw(shared, policy.swap_pools, instance, quota, key)
        ips.append(ip if "IP_SWAP_ANON" in mix else EMPTY)
        devices.append(device if "DEVICE_SWAP_SHARED" in mix else EMPTY)
        counts[n] += ip_drawn * ("IP_SWAP_ANON" in mix) + device_drawn * ("DEVICE_SWAP_SHARED" in mix)
    return Pools(tuple(ips), tuple(devices), tuple(counts))


def _draw(everyone: Pool, swap: SwapPools, instance: Instance, quota: int, key: np.uint64) -> tuple[Pool, int]:
    """The members that draw the smallest uniforms, and how many drew."""
    wanted = swap.members(quota)
    if everyone.members.size <= wanted:
        return everyone, 0
    u = draw_all(with_id(instance.word, everyone.members), key)
    chosen = np.lexsort((everyone.members, u))[:wanted]
    return Pool(everyone.members[chosen], everyone.ips[chosen]), everyone.members.size


def _proxies(world: SealedWorld) -> Pool:
    ips = world.table(w.IPS, ("ip_id", "ip_type")).filter(pl.col("ip_type") == "VPN_PROXY")["ip_id"].sort().to_numpy()
    _refuse_empty(ips, w.IPS.name, "an IP of type VPN_PROXY", "IP_SWAP_ANON")
    return Pool(ips, np.zeros(ips.size, np.int64))


def _shared(world: SealedWorld, posture: Posture) -> Pool:
    """High-risk devices with their smallest linked IP; those without any link only where no other exists."""
    risky = posture.lookups.risky_devices
    _refuse_empty(risky, w.DEVICE_ROLES.name, "a device of role HIGH_RISK_DEVICE", "DEVICE_SWAP_SHARED")
    links = world.table(w.IP_LINKS, ("ip_id", "device_id")).filter(
        pl.col("device_id").is_in(pl.Series(risky).implode())
    )
    first = links.group_by("device_id").agg(pl.col("ip_id").min()).sort("device_id")
    if first.height:
        return Pool(first["device_id"].to_numpy(), first["ip_id"].to_numpy())
    return Pool(risky, np.zeros(risky.size, np.int64))


def _refuse_empty(ids: I64, table: str, wanted: str, tactic: str) -> None:
    if ids.size == 0:
        raise ContractBroken(
            "E_S3_POOL_EMPTY",
            f"the pool of tactic {tactic} is empty",
            table,
            "0 rows",
            f"at least {wanted}",
            "Use a world that has one, or take the tactic out of policy/overlay.",
        )

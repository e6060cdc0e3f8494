"""The anomaly overlay: friendly fraud on settled purchases that no campaign touched."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

from seg6b.datasets import vocabulary as v
from seg6b.datasets.frames import codes_of
from seg6b.draws.compiled import kernel
from seg6b.draws.mix import draw, entity1
from seg6b.draws.uniform import Draws
from seg6b.evidence import s3_draws as d
from seg6b.evidence.flow_facts import SETTLED
from seg6b.policy.overlay import Anomaly
from seg6b.states.s3_overlay.frames import bits
from seg6b.states.s3_overlay.posture import I32, I64, Posture

F64 = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]
U8 = npt.NDArray[np.uint8]

OUTSIDE: Final = 0
SPARED: Final = 1
MARKED: Final = 2


class Rates(NamedTuple):
    """The policy as kernels read it; axes follow the vocabularies."""

    channels: int
    base: F64
    edges: I64
    amount: F64
    role: F64
    tier: F64
    most: float


class Features(NamedTuple):
    """Flows as arrays."""

    flow_id: I64
    channel: I32
    merchant_class: I32
    amount: I64
    role: I32
    tier: I32
    settled: Mask


@dataclass(frozen=True, slots=True)
class Marker:
    """Marks anomalies of a batch."""

    rates: Rates
    posture: Posture
    key: np.uint64

    def mark(self, flows: pl.DataFrame, hit: I64) -> U8:
        """`OUTSIDE`, `SPARED` or `MARKED` of each flow; the last two drew. Rows in `hit` belong to campaigns."""
        taken = np.zeros(flows.height, np.bool_)
        taken[hit] = True
        features = Features(
            flows["flow_id"].to_numpy(),
            codes_of(flows["channel_group"]),
            codes_of(flows["merchant_class"]),
            flows["amount_minor"].to_numpy(),
            codes_of(flows["party_fraud_role"]),
            self.posture.tiers_of(flows["party_id"].to_numpy()),
            flows.select(settled=SETTLED)["settled"].to_numpy(),
        )
        return _mark(features, taken, self.rates, self.key)


def marker_of(policy: Anomaly, posture: Posture, draws: Draws) -> Marker:
    """The marker of a run; a merchant of unknown class is taken for one of the least prone class."""
    base = {str(name): p for name, p in policy.base.items()}
    least = min(base.values())
    rates = Rates(
        channels=bits(v.CHANNELS, policy.channels),
        base=np.array([base.get(name, least) for name in v.CLASSES]),
        edges=np.array(policy.amount_edges, np.int64),
        amount=np.array(policy.amount_factors),
        role=np.array([{str(k): f for k, f in policy.role_factors.items()}[r] for r in v.PARTY_FRAUD_ROLES]),
        tier=np.array([{str(k): f for k, f in policy.tier_factors.items()}[t] for t in v.RISK_TIERS]),
        most=policy.max_probability,
    )
    return Marker(rates, posture, draws.key(*d.OVERLAY_ANOMALY))


@kernel
def _mark(flows: Features, taken: Mask, rates: Rates, key: np.uint64) -> U8:
    out = np.zeros(taken.size, np.uint8)
    for r in range(taken.size):
        if taken[r] or not flows.settled[r] or (rates.channels >> flows.channel[r]) & 1 == 0:
            continue
        step = 0
        while step < rates.edges.size and flows.amount[r] >= rates.edges[step]:
            step += 1
        p = (
            rates.base[flows.merchant_class[r]]
            * rates.amount[step]
            * rates.role[flows.role[r]]
            * rates.tier[flows.tier[r]]
        )
        out[r] = MARKED if draw(entity1(flows.flow_id[r]), key) < min(p, rates.most) else SPARED
    return out

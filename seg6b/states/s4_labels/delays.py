"""Delays: the laws of the delay pack as kernels read them, on a millisecond grid."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from seg6b.draws.choice import sample
from seg6b.draws.compiled import kernel
from seg6b.draws.mix import entity1
from seg6b.draws.quantile import F64
from seg6b.policy import delay as pack
from seg6b.policy.laws import Bounded
from seg6b.states.s4_labels.counts import Counts, Keys, uniform

I64 = npt.NDArray[np.int64]


class DelayLaw(NamedTuple):
    """One law; `drawn` is false where it has a single outcome."""

    atom_mass: float
    atom_cum: F64
    atom_values: F64
    table: F64
    drawn: bool


class Delays(NamedTuple):
    """The four laws.

    Attributes:
        detection: detection after authorisation.
        dispute: dispute.
        chargeback: chargeback.
        close: closing of a case.
        from_flow: whether all of them, and the decision, count from the time of the flow.
        decision_ms: the constant delay of the decision then.
    """

    detection: DelayLaw
    dispute: DelayLaw
    chargeback: DelayLaw
    close: DelayLaw
    from_flow: bool
    decision_ms: int


def delay_law(law: Bounded) -> DelayLaw:
    """`law` as arrays."""
    return DelayLaw(*law.sampler().arrays, not pack.is_constant(law))


def delay_laws(policy: pack.Laws | pack.Minimum) -> Delays:
    """The laws of a delay pack."""
    return Delays(
        delay_law(policy.law("DETECTION_DELAY_V1")),
        delay_law(policy.law("DISPUTE_DELAY_V1")),
        delay_law(policy.law("CHARGEBACK_DELAY_V1")),
        delay_law(policy.law("CASE_CLOSE_DELAY_V1")),
        policy.kind == "minimum",
        policy.decision_s * 1000 if isinstance(policy, pack.Minimum) else 0,
    )


@kernel
def delay_ms(law: DelayLaw, entity: np.uint64, keys: Keys, decision: int, tally: Counts) -> int:
    """The delay of one entity, in whole milliseconds."""
    u = uniform(entity, keys, decision, tally) if law.drawn else 0.5
    seconds = sample(law.atom_mass, law.atom_cum, law.atom_values, law.table, u)
    return int(np.rint(seconds * 1000.0))


@kernel
def delays_by_id(
    ids: I64, cells: npt.NDArray[np.uint8], law: DelayLaw, keys: Keys, decision: int, counts: Counts
) -> I64:
    """The delay of each id, in whole milliseconds; the draws are counted in the cells given."""
    out = np.empty(ids.size, np.int64)
    for i in range(ids.size):
        out[i] = delay_ms(law, entity1(ids[i]), keys, decision, counts[cells[i]])
    return out

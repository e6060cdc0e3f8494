"""Cohorts: the classes, countries, zones and hours that an instance prefers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from seg6b.datasets import vocabulary as v
from seg6b.draws.mix import draw, draw_all, fold, text64
from seg6b.draws.uniform import Draws
from seg6b.evidence import s3_draws as d
from seg6b.policy.campaign import Cohort as CohortPolicy
from seg6b.states.s3_overlay.census import DIMENSIONS, Census
from seg6b.states.s3_overlay.entity import with_id
from seg6b.states.s3_overlay.instances import Instance
from seg6b.states.s3_overlay.race import exponential

HOURS: Final = 24

F64 = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Members:
    """Preferred values of each instance in one dimension, and the weight of all others."""

    chosen: tuple[frozenset[str], ...]
    outside: float

    def weights(self, names: Sequence[str]) -> F64:
        """Weight of each name for each instance, shape (instances, names)."""
        table = np.full((len(self.chosen), len(names)), self.outside)
        for row, chosen in enumerate(self.chosen):
            table[row, [i for i, name in enumerate(names) if name in chosen]] = 1.0
        return table


@dataclass(frozen=True, slots=True)
class Cohorts:
    """Cohorts of all instances: members by dimension, weight by hour of the UTC day, candidates drawn from."""

    members: tuple[Members, ...]
    hours: F64
    candidates: tuple[int, ...]

    @property
    def classes(self) -> F64:
        """Weights of the merchant classes."""
        return self.members[0].weights(v.CLASSES)


def draw_cohorts(policy: CohortPolicy, instances: Sequence[Instance], census: Census, draws: Draws) -> Cohorts:
    """Draw every instance's cohort from what its windows hold.

    A dimension with no more values than wanted is taken whole and draws nothing.
    """
    strata = (policy.classes, policy.merchant_countries, policy.party_countries, policy.zones)
    member_key, hour_key = draws.key(*d.COHORT_MEMBER), draws.key(*d.COHORT_HOURS)
    chosen: list[list[frozenset[str]]] = [[] for _ in strata]
    candidates = []
    hours = np.full((len(instances), HOURS), policy.hours.outside)
    for row, instance in enumerate(instances):
        drawn = 0
        for dimension, stratum in enumerate(strata):
            present = census.present(dimension, row)
            if len(present) > stratum.members:
                drawn += len(present)
                entity = np.uint64(fold(instance.word, text64("cohort", DIMENSIONS[dimension])))
                present = _race(present, stratum.members, entity, member_key)
            chosen[dimension].append(frozenset(name for name, _ in present))
        candidates.append(drawn)
        first = int(draw(instance.word, hour_key) * HOURS)
        hours[row, [(first + h) % HOURS for h in range(policy.hours.members)]] = 1.0
    members = tuple(Members(tuple(c), s.outside) for c, s in zip(chosen, strata, strict=True))
    return Cohorts(members, hours, tuple(candidates))


def _race(present: Sequence[tuple[str, int]], wanted: int, entity: np.uint64, key: np.uint64) -> list[tuple[str, int]]:
    """`wanted` values without replacement, pulled by the square root of their flows."""
    words = np.array([text64("value", name) for name, _ in present], np.uint64)
    pull = np.sqrt(np.array([count for _, count in present], np.float64))
    scores = exponential(draw_all(with_id(entity, words.view(np.int64)), key)) / pull
    order = np.argsort(scores, kind="stable")[:wanted]
    return [present[i] for i in order]

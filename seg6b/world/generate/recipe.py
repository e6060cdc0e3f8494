"""`Recipe`: what a generated world is made from, and the sizes that follow from it."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

import numpy as np
import numpy.typing as npt

from seg6b.draws.mix import U64, entities1
from seg6b.draws.uniform import Draws

F64 = npt.NDArray[np.float64]

GENERATOR: Final = "world-generator-v1"
START: Final = datetime(2026, 1, 1, tzinfo=UTC)
DAYS: Final = 90
HOURS: Final = DAYS * 24
END: Final = START + timedelta(days=DAYS)
START_US: Final = int(START.timestamp()) * 1_000_000

AUTHORITY_ARRIVALS: Final = 124_724_153
ARRIVALS_A_PARTY: Final = 124_724_153 / 1_045_044
PARTIES_AN_ELIGIBLE: Final = 3_281_174 / 1_045_044
PART_ROWS: Final = 211_039
MERCHANTS: Final = 1_000
ARRIVALS_A_MERCHANT: Final = 100
FEWEST_MERCHANTS: Final = 200
FEWEST_ARRIVALS: Final = 2_000


@dataclass(frozen=True, slots=True)
class Recipe:
    """Everything that decides the rows of a generated world.

    Attributes:
        arrivals: rows of the arrival stream.
        seed: the world's own seed.
        scenario_id: scenario of the arrivals.
        generator: version of the generator; changes whenever a row would.
    """

    arrivals: int
    seed: int
    scenario_id: str = "baseline_v1"
    generator: str = GENERATOR

    @property
    def digest(self) -> str:
        """SHA-256 of the recipe; also the parameter hash of the upstream segments."""
        text = json.dumps(asdict(self), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()

    @property
    def draws(self) -> Draws:
        """The draws of this world; its size is no part of the key."""
        return Draws(self.generator, self.seed, self.scenario_id)

    @property
    def eligible(self) -> int:
        """Parties that can be attached to an arrival."""
        return max(1, round(self.arrivals / ARRIVALS_A_PARTY))

    @property
    def parties(self) -> int:
        """All parties."""
        return round(self.eligible * PARTIES_AN_ELIGIBLE)

    @property
    def merchants(self) -> int:
        """Merchants: a thousand from 100,000 arrivals on, fewer below."""
        return min(MERCHANTS, max(FEWEST_MERCHANTS, self.arrivals // ARRIVALS_A_MERCHANT))

    @property
    def parts(self) -> int:
        """Files of the arrival stream."""
        return -(-self.arrivals // PART_ROWS)

    def uniform(self, decision: str, index: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
        """One uniform for each running number."""
        return self.draws.uniform("world", decision, entities1(index))

    def even(self, decision: str, entities: U64, stratum: npt.NDArray[np.integer | np.bool_] | None = None) -> F64:
        """Uniforms that are evenly spaced within each stratum: shares come out exact, who gets what is drawn.

        So a small world has the shape of a large one instead of a sample of it.
        """
        group = np.zeros(entities.size, np.int64) if stratum is None else stratum.astype(np.int64)
        order = np.lexsort((self.draws.uniform("world", decision, entities), group))
        sizes = np.bincount(group)
        start = self.draws.uniform("world", f"{decision}.start", entities1(np.arange(sizes.size)))
        rank = np.arange(entities.size) - (np.cumsum(sizes) - sizes)[group[order]]
        spaced = np.empty(entities.size)
        spaced[order] = (rank + start[group[order]]) / sizes[group[order]]
        return spaced


def shares_to_counts(shares: npt.NDArray[np.float64], total: int) -> npt.NDArray[np.int64]:
    """Integers near `shares * total / shares.sum()` that add up to `total`; errors do not pile up along the array."""
    cum = np.cumsum(shares)
    edges = np.rint(cum / cum[-1] * total).astype(np.int64)
    return np.diff(edges, prepend=0)


def classes_of(u: npt.NDArray[np.float64], shares: npt.NDArray[np.float64]) -> npt.NDArray[np.int32]:
    """The class of each uniform under `shares` (any positive scale)."""
    cum = np.cumsum(shares)
    found = np.searchsorted(cum / cum[-1], u, side="right")
    return np.minimum(found, shares.size - 1).astype(np.int32)

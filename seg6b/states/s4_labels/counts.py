"""Draw counts of a batch: one number a cell and decision, filled by kernels, emitted as evidence."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from seg6b.draws.compiled import kernel
from seg6b.draws.mix import draw
from seg6b.draws.uniform import Draws
from seg6b.evidence.s4_draws import S4_DECISIONS
from seg6b.evidence.tables import Evidence, draws_used
from seg6b.shards.cells import CELLS

Counts = npt.NDArray[np.int64]
Keys = npt.NDArray[np.uint64]


def new_counts() -> Counts:
    """Zeros, shape (cells, decisions of S4)."""
    return np.zeros((CELLS, len(S4_DECISIONS)), np.int64)


def draw_keys(draws: Draws) -> Keys:
    """The draw key of each decision of S4, by its number."""
    return np.array([draws.key(*names) for names in S4_DECISIONS], np.uint64)


def draws_evidence(counts: Counts) -> Evidence:
    """The counts that are not zero, as table DRAWS."""
    return draws_used(counts, S4_DECISIONS)


@kernel
def uniform(entity: np.uint64, keys: Keys, decision: int, tally: Counts) -> float:
    """The uniform of one decision about one entity; `tally` is the cell's line of the counts."""
    tally[decision] += 1
    return float(draw(entity, keys[decision]))


@kernel
def happens(entity: np.uint64, keys: Keys, decision: int, p: float, tally: Counts) -> bool:
    """A yes with probability `p`; nothing is drawn where the answer is certain."""
    if p <= 0.0:
        return False
    if p >= 1.0:
        return True
    return uniform(entity, keys, decision, tally) < p

"""Draw counts of S1 as evidence: by cell, family and decision."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl

from seg6b.evidence.tables import DRAWS, Evidence
from seg6b.states.s1_attach.pools import FAMILY

BOUNDARY: Final = "BOUNDARY_AMBIGUITY"
BOUNDARY_FAMILY: Final = "session_boundary"
RATE: Final = "ACTIVITY_RATE"


def put_draws(evidence: Evidence, decisions: Sequence[str], drawn: npt.NDArray[np.int64]) -> None:
    """Add draw counts, shape (cells, decisions), to the evidence; zero counts say nothing."""
    cell, at = np.nonzero(drawn)
    names = [decisions[d] for d in at.tolist()]
    families = [BOUNDARY_FAMILY if name == BOUNDARY else FAMILY for name in names]
    columns = {"family": pl.Series(families, dtype=pl.String), "decision": pl.Series(names, dtype=pl.String)}
    evidence.put(DRAWS, pl.DataFrame({"cell": cell.astype(np.uint8), **columns, "n": drawn[cell, at]}))

"""What a state is: its packs, what it reads and writes, and the function that does it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import polars as pl

from seg6b.datasets.column import Dataset
from seg6b.evidence.tables import Evidence, Measure
from seg6b.policy.packs import Policies
from seg6b.states.context import StateContext


@dataclass(frozen=True, slots=True)
class RowState:
    """A state that writes rows.

    Attributes:
        name: `S1` … `S4`.
        module: where its code begins; the import closure of this module is "its code".
        packs: policy packs that shape its rows.
        reads: committed datasets it reads; the first one's rows measure its throughput.
        writes: datasets it publishes.
        run: does the work.
        measures: its evidence tables.
        measure: finds them in published rows.
        implied_draws: draws by cell, family and decision that its other evidence and the policies imply.
    """

    name: str
    module: str
    packs: tuple[str, ...]
    reads: tuple[Dataset, ...]
    writes: tuple[Dataset, ...]
    run: Callable[[StateContext], None]
    measures: Mapping[str, Measure]
    measure: Callable[[Mapping[str, pl.DataFrame]], Evidence]
    implied_draws: Callable[[Evidence, Policies], pl.DataFrame]

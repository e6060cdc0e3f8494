"""What a state is handed: axes, draws, policies, knobs, world, committed inputs, executor, output."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from seg6b.datasets.column import Dataset
from seg6b.datasets.parts import read_parts
from seg6b.draws.uniform import Draws
from seg6b.policy.packs import Policies
from seg6b.runs.axes import Axes
from seg6b.runs.meter import Meter
from seg6b.runs.output import StateOutput, WrittenPart
from seg6b.settings.knobs import StateKnobs
from seg6b.shards.executor import Executor
from seg6b.world.sealed import SealedWorld


@dataclass(frozen=True, slots=True)
class Input:
    """A committed dataset that a state may read."""

    folder: Path
    parts: tuple[WrittenPart, ...]

    def paths(self, indexes: range | None = None) -> list[Path]:
        """Paths of the parts at `indexes` (all by default)."""
        chosen = self.parts if indexes is None else self.parts[indexes.start : indexes.stop]
        return [self.folder / part.name for part in chosen]

    @property
    def rows(self) -> int:
        """Rows of all parts."""
        return sum(part.rows for part in self.parts)


@dataclass(frozen=True, slots=True)
class StateContext:
    """Everything one execution of one state may touch."""

    state: str
    axes: Axes
    draws: Draws
    policy: Policies
    knobs: StateKnobs
    world: SealedWorld
    inputs: Mapping[str, Input]
    executor: Executor
    output: StateOutput
    meter: Meter
    scratch: Path
    progress: Callable[[int], None]

    def read(self, dataset: Dataset, columns: tuple[str, ...] | None = None) -> pl.DataFrame:
        """A whole committed table; only for small ones (the campaign catalogue)."""
        with self.meter.lane("input"):
            return read_parts(self.inputs[dataset.name].paths(), columns)

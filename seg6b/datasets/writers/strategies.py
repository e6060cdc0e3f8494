"""The strategies of the knob `writer`, by the name of its value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from seg6b.datasets.writers.buffered import Buffered
from seg6b.datasets.writers.contract import NO_TARGET, Strategy, Writer
from seg6b.datasets.writers.per_batch import PerBatch
from seg6b.datasets.writers.row_group_append import RowGroupAppend
from seg6b.datasets.writers.series import PartSeries

WriterName = Literal["per_batch", "buffered", "row_group_append"]

WRITERS: Final[Mapping[WriterName, Strategy]] = {
    "per_batch": PerBatch,
    "buffered": Buffered,
    "row_group_append": RowGroupAppend,
}


@dataclass(frozen=True, slots=True)
class Writing:
    """How a state writes; by itself, one part a task.

    Attributes:
        writer: name of the strategy.
        target_bytes: what the largest part of a cut aims at, as the strategy counts it.
    """

    writer: WriterName = "row_group_append"
    target_bytes: int = NO_TARGET

    def over(self, series: PartSeries) -> Writer:
        """A writer over the parts of one task."""
        return WRITERS[self.writer](series, self.target_bytes)

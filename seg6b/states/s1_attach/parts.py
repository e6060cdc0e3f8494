"""Batches of whole parties into parts: each shard has its own."""

from __future__ import annotations

import numpy as np
import polars as pl

from seg6b.datasets.column import Dataset
from seg6b.runs.output import Sink, StateOutput
from seg6b.shards.cells import cell_of, route_of, shard_of


class Parts:
    """The open parts of the shards of one task; a batch may reach over several of them."""

    def __init__(self, output: StateOutput, shards: int) -> None:
        self._output = output
        self._shards = shards
        self._sinks: dict[int, Sink] = {}

    def emit(self, dataset: Dataset, rows: pl.DataFrame) -> None:
        """Write rows to the parts of their parties; they are in the order of shards."""
        party = rows["party_id"].to_numpy()
        of_row = shard_of(route_of(party), self._shards)
        for shard in np.unique(of_row).tolist():
            start, stop = np.searchsorted(of_row, [shard, shard + 1])
            low, high = cell_of(party[[start, stop - 1]])
            if shard not in self._sinks:
                self._sinks[shard] = self._output.sink(shard)
            self._sinks[shard].emit({dataset: rows[start:stop]}, (int(low), int(high)))

    def close(self) -> None:
        """Finish all parts."""
        for sink in self._sinks.values():
            sink.close()

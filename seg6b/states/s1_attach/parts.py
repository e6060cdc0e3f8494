"""Batches of whole parties into parts: each shard has its own."""

from __future__ import annotations

import numpy as np
import polars as pl

from seg6b.datasets.tables import SESSION_ARRIVALS, SESSIONS
from seg6b.runs.output import Sink, StateOutput
from seg6b.shards.cells import cell_of, route_of, shard_of


class Parts:
    """The open parts of the shards of one task; a batch may reach over several of them."""

    def __init__(self, output: StateOutput, shards: int) -> None:
        self._output = output
        self._shards = shards
        self._sinks: dict[int, Sink] = {}

    def emit(self, arrivals: pl.DataFrame, sessions: pl.DataFrame) -> None:
        """Write rows to the parts of their parties; both frames are in the order of shards."""
        party = arrivals["party_id"].to_numpy()
        of_arrival = shard_of(route_of(party), self._shards)
        of_session = shard_of(route_of(sessions["party_id"].to_numpy()), self._shards)
        for shard in np.unique(of_arrival).tolist():
            start, stop = np.searchsorted(of_arrival, [shard, shard + 1])
            first, last = np.searchsorted(of_session, [shard, shard + 1])
            low, high = cell_of(party[[start, stop - 1]])
            if shard not in self._sinks:
                self._sinks[shard] = self._output.sink(shard)
            frames = {SESSION_ARRIVALS: arrivals[start:stop], SESSIONS: sessions[first:last]}
            self._sinks[shard].emit(frames, (int(low), int(high)))

    def close(self) -> None:
        """Finish all parts."""
        for sink in self._sinks.values():
            sink.close()

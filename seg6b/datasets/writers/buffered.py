"""`buffered`: batches are held until a dataset has `target_file_mb` in memory, then written as one row group a part.

parts   cut before the batch with which the largest dataset would pass `target_file_mb` in memory; encoded, a file
        is half to a seventh of that (S3's flows and events: a third)
bytes   the fewest: one row group and one footer a part
copies  none: a row group is encoded from the batches where they lie
memory  up to the target for each dataset of each task, beside one batch; a batch above the target is a part alone
others  writing comes in bursts; an open file only while it is written; read whole, or not at all
"""

from __future__ import annotations

from collections import defaultdict

import polars as pl

from seg6b.datasets.column import Dataset
from seg6b.datasets.writers.series import Cells, PartSeries, Rows, spanned


class Buffered:
    """A cut where as much is held as may be."""

    def __init__(self, series: PartSeries, target_bytes: int) -> None:
        self._series = series
        self._target = target_bytes
        self._held: defaultdict[Dataset, list[pl.DataFrame]] = defaultdict(list)
        self._bytes: defaultdict[Dataset, int] = defaultdict(int)
        self._cells: Cells | None = None

    def write(self, rows: Rows, cells: Cells) -> None:
        """Hold the batch; what was held before goes first where both together are too much."""
        sizes = {dataset: int(frame.estimated_size()) for dataset, frame in rows.items()}
        if any(self._bytes[dataset] + size > self._target for dataset, size in sizes.items()):
            self._flush()
        for dataset, frame in rows.items():
            self._held[dataset].append(frame)
            self._bytes[dataset] += sizes[dataset]
        self._cells = spanned(self._cells, cells)

    def close(self) -> None:
        """Write what is held."""
        self._flush()

    def _flush(self) -> None:
        if self._cells is None:
            return
        whole = {dataset: pl.concat(frames, rechunk=False) for dataset, frames in self._held.items()}
        self._series.append(whole, self._cells)
        self._series.cut()
        self._held.clear()
        self._bytes.clear()
        self._cells = None

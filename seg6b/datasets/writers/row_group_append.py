"""`row_group_append`: a part stays open, and every batch is appended to it as one row group.

parts   cut after the batch with which the largest file reaches `target_file_mb`: about that size, larger by one
        batch at most
bytes   one row group a batch as `per_batch` has, one footer a part
copies  none
memory  one batch
others  an open file a dataset and task
"""

from __future__ import annotations

from seg6b.datasets.writers.series import Cells, PartSeries, Rows


class RowGroupAppend:
    """A cut where the largest file is large enough."""

    def __init__(self, series: PartSeries, target_bytes: int) -> None:
        self._series = series
        self._target = target_bytes

    def write(self, rows: Rows, cells: Cells) -> None:
        """Append the batch; cut where the target is reached."""
        self._series.append(rows, cells)
        if self._series.largest >= self._target:
            self._series.cut()

    def close(self) -> None:
        """Finish the open parts."""
        self._series.cut()

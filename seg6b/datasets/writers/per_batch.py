"""`per_batch`: every batch is a part of its own, as in the history of Segment 6B with its 591 and 1,090 files.

    parts   as many as batches, in each dataset; `target_file_mb` has no say
    bytes   one row group and one footer a batch: 17 kB of footer a part of S3's flows, 2 to 6 kB of others
    copies  none
    memory  one batch
    others  a file opened, closed, synced and hashed for each batch and dataset, and opened again by readers; who looks
            for a few cells (S5) reads the fewest rows beside them

References:
    docs/decisions.md, "Parts are cut together".
"""

from __future__ import annotations

from seg6b.datasets.writers.series import Cells, PartSeries, Rows


class PerBatch:
    """A cut after every batch."""

    def __init__(self, series: PartSeries, target_bytes: int) -> None:
        del target_bytes
        self._series = series

    def write(self, rows: Rows, cells: Cells) -> None:
        """Write the batch as a part."""
        self._series.append(rows, cells)
        self._series.cut()

    def close(self) -> None:
        """Nothing is held."""

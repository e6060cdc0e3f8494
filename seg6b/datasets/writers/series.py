"""The parts of one task, one after the other; all its datasets are cut between the same two batches."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import polars as pl

from seg6b.datasets.column import Dataset
from seg6b.datasets.parts import Part, PartWriter

Cells = tuple[int, int]
Rows = Mapping[Dataset, pl.DataFrame]
Opened = Callable[[Dataset, int], PartWriter]
Finished = Callable[[Dataset, Part, Cells], None]


class PartSeries:
    """Parts as they are written: number 0, 1, 2, … of the task.

    A part `k` of any dataset holds the same parties, so a dataset that follows another (events their flows) is read
    part by part beside it. A dataset without a row between two cuts has no part of that number.
    """

    def __init__(self, opened: Opened, finished: Finished) -> None:
        """Nothing is opened before the first row.

        Args:
            opened: a writer for part `k` of a dataset.
            finished: is told of every finished part, and of the lowest and highest cell that it may hold.
        """
        self._opened = opened
        self._finished = finished
        self._number = 0
        self._writers: dict[Dataset, PartWriter] = {}
        self._cells: Cells | None = None

    @property
    def largest(self) -> int:
        """Bytes of the largest open part as far as it is written; 0 where none is open."""
        return max((writer.written for writer in self._writers.values()), default=0)

    def append(self, rows: Rows, cells: Cells) -> None:
        """Write rows that keep the contract: one row group of the open part of each dataset."""
        for dataset, frame in rows.items():
            if dataset not in self._writers:
                self._writers[dataset] = self._opened(dataset, self._number)
            self._writers[dataset].append(frame)
        self._cells = spanned(self._cells, cells)

    def cut(self) -> None:
        """Finish the open parts; the next rows begin new ones."""
        for dataset, writer in self._writers.items():
            part = writer.close()
            if part is not None and self._cells is not None:
                self._finished(dataset, part, self._cells)
        self._number += bool(self._writers)
        self._writers, self._cells = {}, None

    def abandon(self) -> None:
        """Let go of the open parts."""
        for writer in self._writers.values():
            writer.abandon()


def spanned(known: Cells | None, more: Cells) -> Cells:
    """The range over two ranges of cells.

    >>> spanned(None, (3, 5)), spanned((3, 5), (4, 9))
    ((3, 5), (3, 9))
    """
    return more if known is None else (min(known[0], more[0]), max(known[1], more[1]))

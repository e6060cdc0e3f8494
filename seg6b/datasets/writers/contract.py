"""What every writer is given and owes: every batch once, whole, in order, in parts cut between batches."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Protocol

from seg6b.datasets.writers.series import Cells, PartSeries, Rows

NO_TARGET: Final = 1 << 62


class Writer(Protocol):
    """Turns the batches of one task into parts. Batches hold whole parties, so parts do."""

    def write(self, rows: Rows, cells: Cells) -> None:
        """Take one batch.

        Args:
            rows: rows of each dataset that has any; they keep the contract.
            cells: lowest and highest cell of the batch's parties.
        """

    def close(self) -> None:
        """Write what is held, and finish the parts."""


Strategy = Callable[[PartSeries, int], Writer]
"""A writer over the parts of a task, and the bytes of the largest part of a cut that it aims at."""

"""Part shape of a run: files, and rows and bytes a file, of each dataset that is heavy enough to matter for I/O."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Final

from seg6b.runs.receipt import DatasetReceipt, StateReceipt

SMALL_FILE_BYTES: Final = 8 * 2**20
HEAVY_SHARE: Final = 0.01


@dataclass(frozen=True, slots=True)
class Spread:
    """Smallest, middle and largest of the parts of a dataset."""

    min: int
    median: float
    max: int


@dataclass(frozen=True, slots=True)
class PartShape:
    """One heavy dataset.

    Attributes:
        dataset: its name.
        state: state that wrote it.
        files: parts.
        rows: of all parts.
        bytes: of all parts.
        rows_per_file: rows of a part.
        bytes_per_file: bytes of a part.
        small_files: whether the median part is below 8 MiB.
    """

    dataset: str
    state: str
    files: int
    rows: int
    bytes: int
    rows_per_file: Spread
    bytes_per_file: Spread
    small_files: bool


@dataclass(frozen=True, slots=True)
class PartShapes:
    """Part shapes of a run.

    Attributes:
        bytes: of all datasets.
        small_file_bytes: median below which files count as small.
        heavy_share: share of all bytes from which on a dataset is heavy.
        heavy: the heavy datasets, the largest first.
        light: names of the others.
    """

    bytes: int
    small_file_bytes: int
    heavy_share: float
    heavy: tuple[PartShape, ...]
    light: tuple[str, ...]


def part_shapes(states: Mapping[str, StateReceipt]) -> PartShapes:
    """Shape of what a run published, from its state receipts.

    Args:
        states: receipts by state.
    """
    found = {name: (state, d) for state, receipt in states.items() for name, d in receipt.datasets.items()}
    whole = sum(d.bytes for _, d in found.values())
    heavy = {name for name, (_, d) in found.items() if d.parts and d.bytes >= HEAVY_SHARE * whole}
    shapes = [_shape(name, state, d) for name, (state, d) in found.items() if name in heavy]
    shapes.sort(key=lambda shape: (-shape.bytes, shape.dataset))
    return PartShapes(whole, SMALL_FILE_BYTES, HEAVY_SHARE, tuple(shapes), tuple(sorted(set(found) - heavy)))


def _shape(name: str, state: str, dataset: DatasetReceipt) -> PartShape:
    size = _spread([part.bytes for part in dataset.parts])
    return PartShape(
        dataset=name,
        state=state,
        files=len(dataset.parts),
        rows=dataset.rows,
        bytes=dataset.bytes,
        rows_per_file=_spread([part.rows for part in dataset.parts]),
        bytes_per_file=size,
        small_files=size.median < SMALL_FILE_BYTES,
    )


def _spread(counts: Sequence[int]) -> Spread:
    return Spread(min(counts), float(median(counts)), max(counts))

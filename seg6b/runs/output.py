"""What a state writes before it commits: parts in a temporary folder, digests, evidence."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import polars as pl

from seg6b.datasets.column import Dataset
from seg6b.datasets.digest import ContentDigest, content_digest
from seg6b.datasets.frames import conform, empty
from seg6b.datasets.parts import Compression, Part, PartWriter
from seg6b.evidence.tables import Evidence, merged
from seg6b.runs.axes import Axes
from seg6b.runs.meter import Meter

PIECES_HELD: Final = 64


@dataclass(frozen=True, slots=True)
class WrittenPart:
    """A part and the range of cells that its parties lie in."""

    name: str
    rows: int
    bytes: int
    cells: tuple[int, int]


@dataclass(slots=True)
class DatasetOutput:
    """One dataset as written: parts in order, and its digest."""

    parts: list[WrittenPart] = field(default_factory=list)
    digest: ContentDigest = field(default_factory=ContentDigest)


class StateOutput:
    """Collects the output of one state; threads may hold sinks of different indexes at once."""

    def __init__(self, root: Path, state: str, axes: Axes, compression: Compression, meter: Meter) -> None:
        self.root = root
        self.state = state
        self.axes = axes
        self.meter = meter
        self.datasets: dict[str, DatasetOutput] = {}
        self._compression = compression
        self._evidence: list[Evidence] = []
        self._sinks: list[Sink] = []
        self._lock = threading.Lock()

    def sink(self, index: int) -> Sink:
        """The sink of one task: part `index` of every dataset that the task emits."""
        sink = Sink(self, index)
        with self._lock:
            self._sinks.append(sink)
        return sink

    def abandon(self) -> None:
        """Let go of every unfinished part; the state will not commit."""
        for sink in self._sinks:
            sink.abandon()

    def folder(self, dataset: Dataset) -> Path:
        """Where the parts of `dataset` are written before the commit."""
        return self.root / self.axes.folder(dataset.name)

    def writer(self, dataset: Dataset, index: int) -> PartWriter:
        """A writer for part `index` of `dataset`."""
        code = f"E_{self.state}_CONTRACT"
        return PartWriter(dataset, self.folder(dataset) / f"part-{index:05d}.parquet", self._compression, code)

    def add(self, dataset: Dataset, part: Part | None, digest: ContentDigest, cells: tuple[int, int]) -> None:
        """Record a finished part."""
        with self._lock:
            out = self.datasets.setdefault(dataset.name, DatasetOutput())
            out.digest += digest
            if part is not None:
                out.parts.append(WrittenPart(part.path.name, part.rows, part.bytes, cells))
                out.parts.sort(key=lambda p: p.name)

    def note(self, evidence: Evidence) -> None:
        """Add evidence; now and then what was gathered is merged, so that it grows with its keys, not with batches."""
        with self._lock:
            self._evidence.append(evidence)
            if len(self._evidence) >= PIECES_HELD:
                self._evidence = [merged(self._evidence)]

    def evidence(self) -> Evidence:
        """All evidence, merged; independent of the order in which tasks ended."""
        return merged(self._evidence)

    def complete(self, dataset: Dataset) -> None:
        """Give a dataset without any part an empty one, so that its schema exists."""
        if not self.datasets.get(dataset.name, DatasetOutput()).parts:
            with self.writer(dataset, 0) as writer:
                writer.write(empty(dataset))
                part = writer.close()
            self.add(dataset, part, ContentDigest(), (0, 63))


class Sink:
    """The output of one task: one part a dataset, one row group a batch."""

    def __init__(self, output: StateOutput, index: int) -> None:
        self._output = output
        self._index = index
        self._writers: dict[str, tuple[Dataset, PartWriter]] = {}
        self._digests: dict[str, ContentDigest] = {}
        self._cells = (63, 0)

    def emit(self, frames: Mapping[Dataset, pl.DataFrame], cells: tuple[int, int]) -> None:
        """Check, digest and write one batch.

        Args:
            frames: rows of each dataset; empty frames write nothing.
            cells: lowest and highest cell of the batch's parties.
        """
        self._cells = (min(self._cells[0], cells[0]), max(self._cells[1], cells[1]))
        for dataset, frame in frames.items():
            with self._output.meter.lane("validate"):
                rows = conform(dataset, frame, f"E_{self._output.state}_CONTRACT")
                digest = content_digest(rows)
            self._digests[dataset.name] = self._digests.get(dataset.name, ContentDigest()) + digest
            if rows.height == 0:
                continue
            with self._output.meter.lane("write"):
                if dataset.name not in self._writers:
                    self._writers[dataset.name] = (dataset, self._output.writer(dataset, self._index))
                self._writers[dataset.name][1].write(rows)

    def note(self, evidence: Evidence) -> None:
        """Add the evidence of one batch."""
        self._output.note(evidence)

    def close(self) -> None:
        """Finish the parts and record them."""
        for dataset, writer in self._writers.values():
            with self._output.meter.lane("write"):
                part = writer.close()
            self._output.add(dataset, part, self._digests[dataset.name], self._cells)

    def abandon(self) -> None:
        """Let go of the parts that are not finished."""
        for _, writer in self._writers.values():
            writer.abandon()

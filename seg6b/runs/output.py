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
from seg6b.datasets.writers.series import PartSeries
from seg6b.datasets.writers.strategies import Writing
from seg6b.evidence.tables import Evidence, merged
from seg6b.runs.axes import Axes
from seg6b.runs.meter import Meter

PIECES_HELD: Final = 64
ONE_PART: Final = Writing()


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

    def __init__(
        self,
        root: Path,
        state: str,
        axes: Axes,
        compression: Compression,
        meter: Meter,
        writing: Writing = ONE_PART,
    ) -> None:
        self.root = root
        self.state = state
        self.axes = axes
        self.meter = meter
        self.writing = writing
        self.datasets: dict[str, DatasetOutput] = {}
        self._compression = compression
        self._evidence: list[Evidence] = []
        self._sinks: list[Sink] = []
        self._lock = threading.Lock()

    def sink(self, index: int) -> Sink:
        """The sink of one task; its parts bear its number first."""
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

    def writer(self, dataset: Dataset, index: int, part: int) -> PartWriter:
        """A writer for a part of `dataset`: number `part` of task `index`, so that names sort as parties lie."""
        name = f"part-{index:05d}-{part:05d}.parquet"
        return PartWriter(dataset, self.folder(dataset) / name, self._compression, f"E_{self.state}_CONTRACT")

    def add(self, dataset: Dataset, part: Part, cells: tuple[int, int]) -> None:
        """Record a finished part."""
        with self._lock:
            parts = self.datasets.setdefault(dataset.name, DatasetOutput()).parts
            parts.append(WrittenPart(part.path.name, part.rows, part.bytes, cells))
            parts.sort(key=lambda p: p.name)

    def count(self, dataset: Dataset, digest: ContentDigest) -> None:
        """Add the digest of rows that were written."""
        with self._lock:
            self.datasets.setdefault(dataset.name, DatasetOutput()).digest += digest

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
            with self.writer(dataset, 0, 0) as writer:
                writer.write(empty(dataset))
                part = writer.close()
            if part is not None:
                self.add(dataset, part, (0, 63))


class Sink:
    """The output of one task: checked and digested, then left to the writer."""

    def __init__(self, output: StateOutput, index: int) -> None:
        self._output = output
        self._series = PartSeries(lambda dataset, part: output.writer(dataset, index, part), output.add)
        self._writer = output.writing.over(self._series)
        self._digests: dict[Dataset, ContentDigest] = {}

    def emit(self, frames: Mapping[Dataset, pl.DataFrame], cells: tuple[int, int]) -> None:
        """Check, digest and hand over one batch.

        Args:
            frames: rows of each dataset; empty frames write nothing.
            cells: lowest and highest cell of the batch's parties.
        """
        rows = {}
        with self._output.meter.lane("validate"):
            for dataset, frame in frames.items():
                checked = conform(dataset, frame, f"E_{self._output.state}_CONTRACT")
                digest = content_digest(checked)
                self._digests[dataset] = self._digests.get(dataset, ContentDigest()) + digest
                if checked.height:
                    rows[dataset] = checked
        if rows:
            with self._output.meter.lane("write"):
                self._writer.write(rows, cells)

    def note(self, evidence: Evidence) -> None:
        """Add the evidence of one batch."""
        self._output.note(evidence)

    def close(self) -> None:
        """Finish the parts and add up the digests."""
        with self._output.meter.lane("write"):
            self._writer.close()
        for dataset, digest in self._digests.items():
            self._output.count(dataset, digest)

    def abandon(self) -> None:
        """Let go of the parts that are not finished."""
        self._series.abandon()

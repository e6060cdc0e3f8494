"""Writing canonical tables into a staging folder, and sealing what was written."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow.parquet as pq

from seg6b.datasets.column import Dataset
from seg6b.datasets.digest import ContentDigest, content_digest, total_digest
from seg6b.datasets.frames import conform, empty
from seg6b.datasets.parts import PartWriter
from seg6b.draws.mix import entities2
from seg6b.runs.disk import files_under, sha256_of
from seg6b.shards.executor import Executor
from seg6b.world.layout import MANIFEST, PLACE_OF, PLACES, Axes
from seg6b.world.manifest import DatasetSeal, FileSeal

I64 = npt.NDArray[np.int64]

CODE: Final = "E_WORLD_CONTRACT"


def key_sum(merchant_id: I64, arrival_seq: I64) -> int:
    """Wrapping int64 sum of the entity hashes of (merchant_id, arrival_seq): equal sets of keys have equal sums."""
    return int(entities2(merchant_id, arrival_seq).view(np.int64).sum())


@dataclass(frozen=True, slots=True)
class Stream:
    """What is known of arrivals once they are written: content digest and sum of keys."""

    digest: ContentDigest
    key_sum: int

    @classmethod
    def of(cls, frame: pl.DataFrame) -> Stream:
        """Of some rows."""
        keys = key_sum(frame["merchant_id"].to_numpy(), frame["arrival_seq"].to_numpy())
        return cls(content_digest(frame), keys)

    @classmethod
    def union(cls, streams: Sequence[Stream]) -> Stream:
        """Of disjoint sets of rows."""
        total = sum(s.key_sum for s in streams) & (2**64 - 1)
        return cls(total_digest(s.digest for s in streams), total - 2**64 if total >= 2**63 else total)


class TableWriter:
    """Writes the one-file tables of a world, several row groups each; every table gets its file."""

    def __init__(self, root: Path, axes: Axes) -> None:
        self._root = root
        self._axes = axes
        self._writers: dict[str, PartWriter] = {}
        self.digests: dict[str, ContentDigest] = {}

    def write(self, frames: Mapping[Dataset, pl.DataFrame]) -> None:
        """Append one row group to each of some tables."""
        for dataset, frame in frames.items():
            name = dataset.name
            if name not in self._writers:
                path = self._root / PLACE_OF[name].path(self._axes)
                self._writers[name] = PartWriter(dataset, path, "snappy", CODE)
                self.digests[name] = ContentDigest()
            rows = conform(dataset, frame, CODE)
            self.digests[name] += content_digest(rows)
            self._writers[name].write(rows)

    def close(self, tables: Iterable[Dataset]) -> None:
        """Finish the files; a table of `tables` without any row gets an empty one."""
        for dataset in tables:
            if dataset.name not in self._writers:
                self.write({dataset: empty(dataset)})
        for writer in self._writers.values():
            writer.close()


def tables_in(root: Path) -> dict[str, tuple[str, ...]]:
    """Files of each table below `root`, relative, in the order of their parts."""
    return {
        place.dataset.name: tuple(str(p.relative_to(root)) for p in files_under(root / place.root))
        for place in PLACES
        if (root / place.root).is_dir()
    }


def seal_files(root: Path, executor: Executor) -> dict[str, FileSeal]:
    """Digest, size and rows of every file below `root` but the manifest."""
    paths = [p for p in files_under(root) if p.name != MANIFEST]
    return dict(executor.map(lambda path: (str(path.relative_to(root)), _seal(path)), paths))


def _seal(path: Path) -> FileSeal:
    rows = pq.read_metadata(path).num_rows if path.suffix == ".parquet" else -1
    return FileSeal(sha256_of(path), path.stat().st_size, rows)


def seal_datasets(root: Path, digests: Mapping[str, ContentDigest]) -> dict[str, DatasetSeal]:
    """Digest and files of every table."""
    files = tables_in(root)
    return {name: DatasetSeal(str(digest), files[name]) for name, digest in sorted(digests.items())}

"""The exchange: rows that arrive file by file leave shard by shard.

Rows are held in memory up to a bound and lie in Arrow files of the scratch folder beyond it, one record batch a
shard, so that a shard is read without touching the others.
"""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa

from seg6b.draws.compiled import kernel

HELD_BYTES: Final = 1 << 30

Place = tuple[int, int]
I32 = npt.NDArray[np.int32]
I64 = npt.NDArray[np.int64]


class Exchange:
    """Rows on their way to their shards; tasks may deliver from several threads."""

    def __init__(self, shards: int, scratch: Path, held_bytes: int = 0) -> None:
        self._scratch = scratch
        self._room = held_bytes or HELD_BYTES
        self._lock = threading.Lock()
        self._held: dict[Place, tuple[pl.DataFrame, I64]] = {}
        self._spilled: dict[Place, Path] = {}
        self.rows: I64 = np.zeros(shards, np.int64)

    def deliver(self, place: Place, rows: pl.DataFrame, shard: I32) -> None:
        """Take the rows read at one place (file, batch), each with its shard."""
        order, ends = by_shard(shard, self.rows.size)
        ordered = pl.DataFrame({c.name: c.to_numpy()[order] for c in rows})
        size = int(ordered.estimated_size())
        with self._lock:
            self.rows += np.diff(ends)
            hold = size <= self._room
            if hold:
                self._room -= size
                self._held[place] = (ordered, ends)
        if not hold:
            path = self._scratch / f"exchange-{place[0]:06d}-{place[1]:06d}.arrow"
            _spill(ordered, ends, path)
            with self._lock:
                self._spilled[place] = path

    def collect(self, shards: range) -> pl.DataFrame:
        """All rows of some consecutive shards, by place."""
        pieces = []
        for place in sorted({*self._held, *self._spilled}):
            if place in self._held:
                rows, ends = self._held[place]
                pieces.append(rows[int(ends[shards.start]) : int(ends[shards.stop])])
            else:
                pieces += [_fetch(self._spilled[place], shard) for shard in shards]
        return pl.concat(pieces, rechunk=True) if pieces else pl.DataFrame()

    def close(self) -> None:
        """Drop everything, files too."""
        self._held.clear()
        for path in self._spilled.values():
            path.unlink()
        self._spilled.clear()


@kernel
def by_shard(shard: I32, shards: int) -> tuple[I64, I64]:
    """Rows in order of shard, stable, and the start of each shard with the total at the end."""
    ends = np.zeros(shards + 1, np.int64)
    for i in range(shard.size):
        ends[shard[i] + 1] += 1
    for s in range(shards):
        ends[s + 1] += ends[s]
    at = ends[:shards].copy()
    order = np.empty(shard.size, np.int64)
    for i in range(shard.size):
        order[at[shard[i]]] = i
        at[shard[i]] += 1
    return order, ends


def _spill(rows: pl.DataFrame, ends: I64, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    table = rows.rechunk().to_arrow()
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
        batch = table.combine_chunks().to_batches()[0] if table.num_rows else None
        for start, stop in zip(ends[:-1].tolist(), ends[1:].tolist(), strict=True):
            writer.write_batch(batch.slice(start, stop - start) if batch is not None else _nothing(table.schema))


def _nothing(schema: pa.Schema) -> pa.RecordBatch:
    return pa.RecordBatch.from_arrays([pa.array([], field.type) for field in schema], schema=schema)


def _fetch(path: Path, shard: int) -> pl.DataFrame:
    with pa.memory_map(str(path)) as source:
        batch = pa.ipc.open_file(source).get_batch(shard)
        frame = pl.from_arrow(pa.table(batch))
    assert isinstance(frame, pl.DataFrame)  # noqa: S101 - narrows the type of from_arrow
    return frame

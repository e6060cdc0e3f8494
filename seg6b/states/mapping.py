"""The pure map over batches of whole parties, on which S2, S3 and S4 stand."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np
import polars as pl

from seg6b.datasets.column import Dataset
from seg6b.datasets.parts import read_parts
from seg6b.evidence.tables import Evidence
from seg6b.shards.batches import cut_parties, group_parts, share_groups
from seg6b.shards.cells import cell_of
from seg6b.states.context import StateContext

Found = TypeVar("Found")


@dataclass(frozen=True, slots=True)
class Reads:
    """What a batch consists of.

    Attributes:
        anchor: rows with `party_id`, whole parties adjacent.
        anchor_columns: columns of the anchor to read; must include `party_id` (and `n_events` with a follower).
        follower: rows that follow the anchor's order, `n_events` of them an anchor row.
        follower_columns: columns of the follower to read.
    """

    anchor: Dataset
    anchor_columns: tuple[str, ...]
    follower: Dataset | None = None
    follower_columns: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Batch:
    """Whole parties: anchor rows and, where asked for, the rows that follow them."""

    anchor: pl.DataFrame
    follower: pl.DataFrame
    cells: tuple[int, int]


@dataclass(slots=True)
class Emission:
    """What a kernel makes of one batch: rows for each dataset, and the evidence of its draws."""

    frames: dict[Dataset, pl.DataFrame]
    evidence: Evidence = field(default_factory=Evidence)


Kernel = Callable[[Batch], Emission]
MeasureRows = Callable[[Mapping[str, pl.DataFrame]], Evidence]


def transform(ctx: StateContext, reads: Reads, kernel: Kernel, measure: MeasureRows) -> None:
    """Run `kernel` on every batch, write what it emits, and gather the evidence that `measure` finds in it.

    `measure` is given the rows read and the rows emitted, by dataset name; S5 gives it the same from Parquet.
    """

    def work(task: tuple[int, list[range]]) -> None:
        index, groups = task
        sink = ctx.output.sink(index)
        for batch in (batch for parts in groups for batch in _batches(ctx, reads, parts)):
            with ctx.meter.lane("compute"):
                emission = kernel(batch)
            sink.emit(emission.frames, batch.cells)
            with ctx.meter.lane("validate"):
                sink.note(emission.evidence)
                sink.note(measure(_by_name(reads, batch, emission)))
            ctx.progress(batch.anchor.height)
        sink.close()

    tasks = share_groups(_rows(ctx, reads), _groups(ctx, reads), ctx.executor.workers)
    ctx.executor.map(work, list(enumerate(tasks)))


def scan(ctx: StateContext, reads: Reads, look: Callable[[Batch], Found]) -> list[Found]:
    """What `look` finds in every batch, in batch order; nothing is written."""

    def work(parts: range) -> list[Found]:
        found = []
        for batch in _batches(ctx, reads, parts):
            with ctx.meter.lane("compute"):
                found.append(look(batch))
        return found

    return [item for items in ctx.executor.map(work, _groups(ctx, reads)) for item in items]


def _groups(ctx: StateContext, reads: Reads) -> list[range]:
    return group_parts(_rows(ctx, reads), ctx.knobs.batch_rows, ctx.executor.workers)


def _rows(ctx: StateContext, reads: Reads) -> list[int]:
    return [part.rows for part in ctx.inputs[reads.anchor.name].parts]


def _batches(ctx: StateContext, reads: Reads, parts: range) -> Iterator[Batch]:
    with ctx.meter.lane("input"):
        anchor = read_parts(ctx.inputs[reads.anchor.name].paths(parts), reads.anchor_columns)
        follower = pl.DataFrame()
        offsets = np.zeros(anchor.height + 1, np.int64)
        if reads.follower is not None:
            follower = read_parts(ctx.inputs[reads.follower.name].paths(parts), reads.follower_columns)
            np.cumsum(anchor["n_events"].to_numpy(), out=offsets[1:])
        party = anchor["party_id"].to_numpy()
        spans = cut_parties(party, ctx.knobs.batch_rows)
    for start, stop in spans:
        low, high = cell_of(party[[start, stop - 1]])
        begin, end = int(offsets[start]), int(offsets[stop])
        yield Batch(anchor[start:stop], follower[begin:end], (int(low), int(high)))


def _by_name(reads: Reads, batch: Batch, emission: Emission) -> dict[str, pl.DataFrame]:
    frames = {reads.anchor.name: batch.anchor}
    if reads.follower is not None:
        frames[reads.follower.name] = batch.follower
    return frames | {dataset.name: frame for dataset, frame in emission.frames.items()}

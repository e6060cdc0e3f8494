"""Arrival files: what is read of them, batch by batch, and the channel of an arrival."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow.parquet as pq

from seg6b.datasets.frames import categories_of, codes_of
from seg6b.datasets.vocabulary import CHANNELS
from seg6b.errors import ContractBroken
from seg6b.shards.batches import group_parts
from seg6b.states.context import StateContext

OPEN_COLUMNS: Final = ("zone_representation", "tzid_primary", "routing_universe_hash")
READ: Final = (
    "merchant_id", "arrival_seq", "ts_utc", "bucket_index", "channel_group", "ts_local_primary", "is_virtual",
    "site_id", "edge_id", *OPEN_COLUMNS,
)  # fmt: skip
UPSTREAM_POSTURES: Final = ("mixed", "card_present", "card_not_present")


def batches(ctx: StateContext, path: Path) -> Iterator[pl.DataFrame]:
    """The rows of an arrival file, some row groups at a time."""
    with pq.ParquetFile(path) as file:
        rows = [file.metadata.row_group(g).num_rows for g in range(file.num_row_groups)]
        for groups in group_parts(rows, ctx.knobs.batch_rows, 1):
            with ctx.meter.lane("input"):
                frame = pl.from_arrow(file.read_row_groups(list(groups), columns=list(READ), use_threads=False))
            assert isinstance(frame, pl.DataFrame)  # noqa: S101 - narrows the type of from_arrow
            yield frame


def open_categories(paths: list[Path]) -> dict[str, tuple[str, ...]]:
    """Categories of the open dictionary columns, sorted; they stand in the files' schemas."""
    found: dict[str, set[str]] = {name: set() for name in OPEN_COLUMNS}
    for path in paths:
        empty = pl.from_arrow(pq.read_schema(path).empty_table().select(list(OPEN_COLUMNS)))
        assert isinstance(empty, pl.DataFrame)  # noqa: S101 - narrows the type of from_arrow
        for name in OPEN_COLUMNS:
            found[name].update(categories_of(empty[name]))
    return {name: tuple(sorted(values)) for name, values in found.items()}


def channels_of(own: pl.Series, derived: npt.NDArray[np.int32], path: Path) -> npt.NDArray[np.uint8]:
    """The arrival's own channel where it names one of the five, else its merchant's; anything else is refused."""
    names = categories_of(own)
    codes = codes_of(own)
    place = [CHANNELS.index(n) if n in CHANNELS else -1 if n in UPSTREAM_POSTURES else -2 for n in names]
    taken = np.array([*place, -1], np.int32)[codes]
    if taken.size and taken.min() == -2:
        raise ContractBroken(
            "E_S1_CHANNEL_UNKNOWN",
            "an arrival has a channel that no rule knows",
            path.name,
            names[codes[taken == -2][0]],
            f"null, {', '.join(UPSTREAM_POSTURES)} or one of {', '.join(CHANNELS)}",
            "Correct channel_group in the world.",
        )
    return np.where(taken < 0, derived, taken).astype(np.uint8)

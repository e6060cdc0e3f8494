"""Reading published Parquet: whole tables, or batch by batch; an unreadable or empty file is refused by name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from seg6b.datasets.column import Dataset
from seg6b.errors import ContractBroken, Damaged
from seg6b.world.adopt.convert import Piece, open_columns
from seg6b.world.adopt.source import tokens
from seg6b.world.layout import Axes


def open_file(path: Path) -> pq.ParquetFile:
    """A published file with at least one row."""
    try:
        file = pq.ParquetFile(path)
    except (OSError, pa.ArrowException) as error:
        raise Damaged(
            "E_WORLD_FILE_UNREADABLE", "a published file cannot be read", str(path), str(error).splitlines()[0][:120],
            "a whole Parquet file", "Publish the upstream file again; nothing was adopted.",
        ) from error  # fmt: skip
    if file.metadata.num_rows == 0:
        raise ContractBroken(
            "E_WORLD_EMPTY_PART", "a published file holds no row", str(path), "0 rows", "1 or more",
            "Remove the file from the published world, or publish it again; nothing was adopted.",
        )  # fmt: skip
    return file


def batches(path: Path, rows: int, columns: Sequence[str] | None = None) -> Iterator[pl.DataFrame]:
    """The rows of one file in their order, at most `rows` at a time; only those of `columns` that the file has."""
    file = open_file(path)
    names = None if columns is None else [c for c in columns if c in file.schema_arrow.names]
    for batch in file.iter_batches(rows, columns=names, use_threads=False):
        frame = pl.from_arrow(batch)
        assert isinstance(frame, pl.DataFrame)  # noqa: S101 - narrows the type of from_arrow
        yield frame


def read_table(dataset: Dataset, paths: Iterable[Path], axes: Axes) -> pl.DataFrame:
    """A whole published table in canonical form, from all of its files."""
    pieces = [(Piece(dataset, path, axes), frame) for path in paths for frame in [_whole(path)]]
    categories = values_of(dataset, pieces)
    return pl.concat([piece.canonical(frame, categories) for piece, frame in pieces], rechunk=True)


def values_of(dataset: Dataset, pieces: Iterable[tuple[Piece, pl.DataFrame]]) -> dict[str, tuple[str, ...]]:
    """Values of the open dictionaries over several pieces, sorted."""
    found: dict[str, set[str]] = {name: set() for name in open_columns(dataset)}
    for piece, frame in pieces:
        in_path = tokens(piece.path)
        for name, values in found.items():
            if name in frame.columns:
                values.update(text_values(frame[name]))
            elif name in in_path:
                values.add(in_path[name])
    return {name: tuple(sorted(values)) for name, values in found.items()}


def text_values(series: pl.Series) -> set[str]:
    """Distinct texts of a column; none where it holds no text (its type is refused later)."""
    if series.dtype in {pl.String, pl.Categorical} or isinstance(series.dtype, pl.Enum):
        return set(series.unique().cast(pl.String).drop_nulls())
    return set()


def _whole(path: Path) -> pl.DataFrame:
    frame = pl.from_arrow(open_file(path).read(use_threads=False))
    assert isinstance(frame, pl.DataFrame)  # noqa: S101 - narrows the type of from_arrow
    return frame

"""Parts: the Parquet files of a table. A part holds whole parties; a row group is whole batches."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from seg6b.datasets.column import Dataset
from seg6b.datasets.frames import conform
from seg6b.errors import Damaged

Compression = Literal["snappy", "lz4", "zstd", "uncompressed"]


@dataclass(frozen=True, slots=True)
class Part:
    """A written part: where it is and how large."""

    path: Path
    rows: int
    bytes: int


class PartWriter:
    """Writes one part, a row group a batch. Creates its file at the first batch; refuses an existing one."""

    def __init__(self, dataset: Dataset, path: Path, compression: Compression, code: str) -> None:
        self._dataset = dataset
        self._path = path
        self._compression = None if compression == "uncompressed" else compression
        self._code = code
        self._writer: _Writer | None = None
        self._file: pa.NativeFile | None = None
        self._rows = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.close()
        else:
            self.abandon()

    @property
    def written(self) -> int:
        """Bytes of the file as far as it is written."""
        return 0 if self._file is None else int(self._file.tell())

    def write(self, frame: pl.DataFrame) -> None:
        """Append one batch as one row group, after the contract check."""
        self.append(conform(self._dataset, frame, self._code))

    def append(self, rows: pl.DataFrame) -> None:
        """Append rows that keep the contract as one row group."""
        table = rows.to_arrow()
        if self._writer is None:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._file = pa.OSFile(str(self._path), "wb")
            self._writer = _Writer(
                self._file,
                table.schema,
                compression=self._compression,
                use_dictionary=self._dataset.dictionary_columns,
                write_statistics=False,
                version="2.6",
            )
        self._writer.write_table(table, row_group_size=max(1, table.num_rows))
        self._rows += table.num_rows

    def close(self) -> Part | None:
        """Close the file and describe it; None if nothing was written."""
        if self._writer is None or self._file is None:
            return None
        self._writer.close()
        self._file.close()
        self._writer = None
        return Part(self._path, self._rows, self._path.stat().st_size)

    def abandon(self) -> None:
        """Let go of a file that will not be finished, so that removing it frees its space."""
        self._writer = None
        if self._file is not None:
            with suppress(OSError):
                self._file.close()


def write_table(frame: pl.DataFrame, path: Path) -> None:
    """Write a small table of any schema as one Zstandard file."""
    table = frame.to_arrow()
    with pa.OSFile(str(path), "wb") as file, _Writer(file, table.schema, compression="zstd") as writer:
        writer.write_table(table)


def read_part(path: Path, columns: Sequence[str] | None = None) -> pl.DataFrame:
    """All rows of a part, only `columns` of it; dictionaries come back as `pl.Enum`."""
    try:
        return pl.read_parquet(path, columns=None if columns is None else list(columns), glob=False)
    except (OSError, pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
        raise Damaged(
            "E_PART_UNREADABLE",
            "a published part cannot be read",
            str(path),
            str(error).splitlines()[0][:160],
            "a whole Parquet file",
            "Run `python -m seg6b verify` and rerun the state that wrote it.",
        ) from error


def read_parts(paths: Sequence[Path], columns: Sequence[str] | None = None) -> pl.DataFrame:
    """All rows of several parts, in the order given."""
    return pl.concat([read_part(p, columns) for p in paths], rechunk=True)


class _Writer(pq.ParquetWriter):  # type: ignore[misc]
    """A Parquet writer that, left unfinished, does not try once more to finish when it is collected."""

    def __del__(self) -> None:
        pass

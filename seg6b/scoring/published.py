"""What a run has published, as its Parquet files tell it: rows, schema, partitions and parts of each dataset."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from seg6b.errors import Damaged
from seg6b.runs.folder import RunFolder
from seg6b.runs.receipt import DatasetReceipt
from seg6b.runs.verify import state_receipts


@dataclass(frozen=True, slots=True)
class Published:
    """One dataset of a run.

    Attributes:
        dataset: its name.
        state: that wrote it.
        rows: of all parts.
        digest: content digest, from the receipt.
        schema: columns with their types, in order, as in `flow_id: int64`; a type that parts do not agree on has all.
        partitions: folders that hold parts, as `seed=42/parameter_hash=…/…`, sorted.
        parts: SHA-256 of each part, from the receipt, by name; empty for a part that no receipt knows.
    """

    dataset: str
    state: str
    rows: int
    digest: str
    schema: tuple[str, ...]
    partitions: tuple[str, ...]
    parts: Mapping[str, str]


def published(run: RunFolder) -> dict[str, Published]:
    """Every dataset of a run, by name, in the order of states.

    Raises:
        Damaged: a part cannot be read.
    """
    return {
        name: _dataset(run, state, name, receipt)
        for state, found in state_receipts(run).items()
        for name, receipt in sorted(found.datasets.items())
    }


def _dataset(run: RunFolder, state: str, name: str, receipt: DatasetReceipt) -> Published:
    root = run.path / Path(receipt.folder.split(f"/{name}/")[0]) / name
    paths = sorted(root.rglob("*.parquet"))
    told = {part.name: part.sha256 for part in receipt.parts}
    footers = [_footer(path) for path in paths]
    return Published(
        dataset=name,
        state=state,
        rows=sum(rows for rows, _ in footers),
        digest=receipt.digest,
        schema=_together([schema for _, schema in footers]),
        partitions=tuple(sorted({path.parent.relative_to(root).as_posix() for path in paths})),
        parts={path.name: told.get(path.name, "") for path in paths},
    )


def _footer(path: Path) -> tuple[int, tuple[str, ...]]:
    """Rows and columns of a part."""
    try:
        metadata = pq.read_metadata(path)
        schema = metadata.schema.to_arrow_schema()
    except (OSError, pa.ArrowException) as error:
        raise Damaged(
            "E_PART_UNREADABLE", "a published part cannot be read", str(path), str(error).splitlines()[0][:160],
            "a whole Parquet file", "Run `python -m seg6b verify` and rerun the state that wrote it.",
        ) from error  # fmt: skip
    return metadata.num_rows, tuple(f"{field.name}: {field.type}" for field in schema)


def _together(schemas: list[tuple[str, ...]]) -> tuple[str, ...]:
    """The columns of all parts: those of one, where they agree."""
    return tuple(dict.fromkeys(column for schema in schemas for column in schema))

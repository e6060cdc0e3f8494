"""The upstream contract as one digest, and the check of a file's columns against it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from seg6b.datasets.column import Dataset
from seg6b.datasets.world_tables import ARRIVALS, WORLD_TABLES


def contract_digest(datasets: Iterable[Dataset] = (ARRIVALS, *WORLD_TABLES)) -> str:
    """SHA-256 over names, keys, types, vocabularies and nullability of some tables."""
    text = [
        [d.name, list(d.key), [[c.name, c.kind.value, list(c.vocab), c.nullable] for c in d.columns]] for d in datasets
    ]
    return hashlib.sha256(json.dumps(text, separators=(",", ":")).encode()).hexdigest()


def schema_faults(dataset: Dataset, path: Path) -> list[str]:
    """What is wrong with the columns of one file; empty if it follows the contract."""
    try:
        schema = pq.read_schema(path)
    except (OSError, pa.ArrowException) as error:
        return [f"no Parquet schema ({str(error).splitlines()[0][:80]})"]
    frame = pl.from_arrow(schema.empty_table())
    assert isinstance(frame, pl.DataFrame)  # noqa: S101 - narrows the type of from_arrow
    missing = [f"{n} is missing" for n in dataset.names if n not in frame.columns]
    extra = [f"{n} is not in the contract" for n in frame.columns if n not in dataset.names]
    wrong = [
        f"{c.name} is {frame.schema[c.name]}"
        for c in dataset.columns
        if c.name in frame.columns and not _fits(frame.schema[c.name], c.dtype())
    ]
    return missing + extra + wrong


def _fits(found: pl.DataType, wanted: pl.DataType | None) -> bool:
    return isinstance(found, pl.Enum) if wanted is None else found == wanted

"""A column of the contract: its kind, whether it may be null, and what it means."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Final

import polars as pl


class Kind(Enum):
    """The types that contract `6B.v2` knows.

    A `WORLD` column is a dictionary whose categories belong to the world or the run (countries, time zones,
    campaign ids): any `pl.Enum` is accepted, and digests hash its strings, never its codes.
    """

    ID = "id64"
    INT = "int64"
    SMALL = "int32"
    REAL = "float64"
    BOOL = "bool"
    UTC = "timestamp[us, UTC]"
    LOCAL = "timestamp[us]"
    VOCAB = "dictionary"
    WORLD = "dictionary (open)"


DTYPES: Final = {
    Kind.ID: pl.Int64(),
    Kind.INT: pl.Int64(),
    Kind.SMALL: pl.Int32(),
    Kind.REAL: pl.Float64(),
    Kind.BOOL: pl.Boolean(),
    Kind.UTC: pl.Datetime("us", "UTC"),
    Kind.LOCAL: pl.Datetime("us"),
}


@dataclass(frozen=True, slots=True)
class Column:
    """One column.

    Attributes:
        name: as published.
        kind: its type.
        vocab: the closed vocabulary of a `VOCAB` column.
        nullable: whether nulls are allowed.
        doc: meaning, unit.
    """

    name: str
    kind: Kind
    vocab: tuple[str, ...] = ()
    nullable: bool = False
    doc: str = ""

    def dtype(self) -> pl.DataType | None:
        """The exact Polars type, or None where any `pl.Enum` is right."""
        if self.kind is Kind.WORLD:
            return None
        if self.kind is Kind.VOCAB:
            return pl.Enum(self.vocab)
        return DTYPES[self.kind]


def column(name: str, kind: Kind, doc: str = "", *, null: bool = False) -> Column:
    """A column of a plain kind."""
    return Column(name, kind, nullable=null, doc=doc)


def enum(name: str, vocab: tuple[str, ...], doc: str = "", *, null: bool = False) -> Column:
    """A column of a closed vocabulary."""
    return Column(name, Kind.VOCAB, vocab, null, doc)


@dataclass(frozen=True, slots=True)
class Dataset:
    """A table of the contract.

    Attributes:
        name: dataset id, also the folder name.
        key: primary key columns.
        columns: in published order.
        doc: one row is …
    """

    name: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]
    doc: str = ""

    @property
    def names(self) -> tuple[str, ...]:
        """Column names in published order."""
        return tuple(c.name for c in self.columns)

    def __getitem__(self, name: str) -> Column:
        """The column called `name`."""
        return next(c for c in self.columns if c.name == name)

    @property
    def dictionary_columns(self) -> list[str]:
        """Columns stored dictionary-encoded."""
        return [c.name for c in self.columns if c.kind in {Kind.VOCAB, Kind.WORLD}]

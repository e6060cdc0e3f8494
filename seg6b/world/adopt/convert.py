"""From contract-v1 columns to canonical ones: types, times, vocabularies, nulls. Every fault names file and column."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import polars as pl

from seg6b.datasets.column import Column, Dataset, Kind
from seg6b.datasets.vocabulary import CHANNELS, MERCHANT_POSTURES
from seg6b.errors import ContractBroken
from seg6b.world.adopt.source import tokens
from seg6b.world.layout import PLACE_OF, Axes

_INSTANT: Final = r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$"
_WALL: Final = r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z?$"
_LARGEST_ID: Final = (1 << 63) - 1
_LARGEST_SMALL: Final = (1 << 31) - 1
_OPEN_VALUES: Final[dict[str, frozenset[str]]] = {
    "channel_group": frozenset({*CHANNELS, *MERCHANT_POSTURES, "mixed"}),
}
_OPEN_FORMS: Final[dict[str, str]] = {
    "legal_country_iso": r"^[A-Z]{2}$",
    "home_country_iso": r"^[A-Z]{2}$",
    "country_iso": r"^[A-Z]{2}$",
    "primary_currency": r"^[A-Z]{3}$",
}

Categories = Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Piece:
    """Rows of one file.

    Attributes:
        dataset: the table that they belong to.
        path: where they were read.
        axes: tokens that axis columns have to equal.
    """

    dataset: Dataset
    path: Path
    axes: Axes

    def refuse(self, code: str, column: str, what: str, value: str, expected: str) -> ContractBroken:
        """The refusal of one column of this file."""
        where = f"{self.path}, column {column}"
        return ContractBroken(
            code, what, where, value, expected, "Publish the upstream file again; nothing was adopted."
        )

    def canonical(self, frame: pl.DataFrame, categories: Categories) -> pl.DataFrame:
        """`frame` with the contract's columns, types and order; further columns are left behind.

        Args:
            frame: rows as published; a column may also stand in the path alone.
            categories: values of the open dictionaries, over all files of the table.
        """
        self._axes(frame)
        columns = [self._column(frame, column, categories) for column in self.dataset.columns]
        return pl.DataFrame(columns)

    def _axes(self, frame: pl.DataFrame) -> None:
        for name in ("manifest_fingerprint", "seed", "scenario_id", "parameter_hash"):
            expected = str(getattr(self.axes, name))
            if name not in frame.columns or (name == "parameter_hash" and not self._of_6a):
                continue
            found = frame[name].cast(pl.String).unique().to_list()
            if found != [expected]:
                other = next(v for v in found if v != expected)
                raise self.refuse("E_WORLD_AXIS", name, "an axis column differs from the path", str(other), expected)

    @property
    def _of_6a(self) -> bool:
        """Whether the parameter hash of the paths is that of this table's segment."""
        return PLACE_OF[self.dataset.name].segment == "6A"

    def _column(self, frame: pl.DataFrame, column: Column, categories: Categories) -> pl.Series:
        if column.name not in frame.columns:
            return self._absent(frame, column, categories)
        raw = frame[column.name]
        if not column.nullable and raw.null_count():
            what = "a null time" if column.kind in {Kind.UTC, Kind.LOCAL} else "a null"
            raise self.refuse(
                "E_WORLD_NULL", column.name, f"{what} in a required column", f"{raw.null_count()} nulls", "no null"
            )
        return self._typed(raw, column, categories).alias(column.name)

    def _absent(self, frame: pl.DataFrame, column: Column, categories: Categories) -> pl.Series:
        """A column that the file lacks: from the path, else null where the contract allows it."""
        value = tokens(self.path).get(column.name)
        if value is None and not column.nullable:
            raise self.refuse(
                "E_WORLD_COLUMN_MISSING", column.name, "a required column is missing", ", ".join(frame.columns[:12]),
                f"the columns of {self.dataset.name}",
            )  # fmt: skip
        text = pl.Series(column.name, [value] * frame.height, dtype=pl.String)
        if column.kind in {Kind.VOCAB, Kind.WORLD}:
            return self._typed(text, column, categories).alias(column.name)
        try:
            return text.cast(column.dtype() or pl.String)
        except pl.exceptions.PolarsError as error:
            raise self._wrong_type(column, f"path token {value!r}") from error

    def _typed(self, raw: pl.Series, column: Column, categories: Categories) -> pl.Series:
        if column.kind is Kind.ID:
            return self._integer(raw, column, 1, _LARGEST_ID)
        if column.kind is Kind.INT:
            return self._integer(raw, column, -_LARGEST_ID, _LARGEST_ID)
        if column.kind is Kind.SMALL:
            return self._integer(raw, column, -_LARGEST_SMALL, _LARGEST_SMALL)
        if column.kind in {Kind.UTC, Kind.LOCAL}:
            return self._time(raw, column)
        if column.kind in {Kind.VOCAB, Kind.WORLD}:
            return self._dictionary(raw, column, categories)
        return self._plain(raw, column)

    def _integer(self, raw: pl.Series, column: Column, low: int, high: int) -> pl.Series:
        if not raw.dtype.is_integer():
            raise self._wrong_type(column, str(raw.dtype))
        for extreme in (raw.min(), raw.max()):
            if isinstance(extreme, int) and not low <= extreme <= high:
                raise self.refuse(
                    "E_WORLD_RANGE", column.name, "a number out of range", str(extreme), f"{low} .. {high}"
                )
        return raw.cast(column.dtype() or pl.Int64)

    def _plain(self, raw: pl.Series, column: Column) -> pl.Series:
        boolean = column.kind is Kind.BOOL
        if (boolean and raw.dtype != pl.Boolean) or (not boolean and not raw.dtype.is_numeric()):
            raise self._wrong_type(column, str(raw.dtype))
        return raw.cast(column.dtype() or pl.Float64)

    def _time(self, raw: pl.Series, column: Column) -> pl.Series:
        """A time from contract text with six decimals, or from a native timestamp."""
        instant = column.kind is Kind.UTC
        if raw.dtype == pl.String:
            form = _INSTANT if instant else _WALL
            text = raw.str.strip_suffix("Z")
            parsed = text.str.strptime(pl.Datetime("us"), "%Y-%m-%dT%H:%M:%S%.6f", strict=False)
            bad = raw.filter(raw.is_not_null() & (parsed.is_null() | ~raw.str.contains(form)))
            if bad.len():
                expected = "YYYY-MM-DDTHH:MM:SS.ffffff" + ("Z" if instant else "")
                raise self.refuse(
                    "E_WORLD_TIME", column.name, f"{bad.len()} times cannot be read", str(bad[0]), expected
                )
            return parsed.dt.replace_time_zone("UTC") if instant else parsed
        if not isinstance(raw.dtype, pl.Datetime) or (raw.dtype.time_zone is not None) != instant:
            raise self._wrong_type(column, str(raw.dtype))
        return (
            raw.dt.convert_time_zone("UTC").cast(pl.Datetime("us", "UTC")) if instant else raw.cast(pl.Datetime("us"))
        )

    def _dictionary(self, raw: pl.Series, column: Column, categories: Categories) -> pl.Series:
        if raw.dtype not in {pl.String, pl.Categorical, pl.Null} and not isinstance(raw.dtype, pl.Enum):
            raise self._wrong_type(column, str(raw.dtype))
        text = raw.cast(pl.String)
        if column.kind is Kind.VOCAB:
            self._known(text, column, frozenset(column.vocab))
            return text.cast(pl.Enum(column.vocab))
        if column.name in _OPEN_VALUES:
            self._known(text, column, _OPEN_VALUES[column.name])
        if column.name in _OPEN_FORMS:
            form = re.compile(_OPEN_FORMS[column.name])
            values = text.drop_nulls().unique()
            self._known(text, column, frozenset(v for v in values if form.match(v)))
        return text.cast(pl.Enum(categories[column.name]))

    def _known(self, text: pl.Series, column: Column, allowed: frozenset[str]) -> None:
        unknown = sorted(set(text.drop_nulls().unique()) - allowed)
        if unknown:
            shown = ", ".join(sorted(allowed)[:12]) or _OPEN_FORMS.get(column.name, "")
            raise self.refuse("E_WORLD_ENUM", column.name, "an unknown value", ", ".join(unknown[:3]), shown)

    def _wrong_type(self, column: Column, found: str) -> ContractBroken:
        return self.refuse("E_WORLD_TYPE", column.name, "a column of the wrong type", found, column.kind.value)


def open_columns(dataset: Dataset) -> list[str]:
    """Columns whose values belong to the world."""
    return [c.name for c in dataset.columns if c.kind is Kind.WORLD]

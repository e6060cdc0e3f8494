"""Evidence tables: keys, and integer values that merge by sum, minimum or maximum."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl

from seg6b.datasets.parts import read_part, write_table
from seg6b.errors import EvidenceMissing


@dataclass(frozen=True, slots=True)
class Measure:
    """The shape of one evidence table.

    Attributes:
        name: table name, unique within its state.
        keys: key columns; the first is always `cell`.
        sums: value columns merged by addition.
        mins: value columns merged by minimum.
        maxs: value columns merged by maximum.
        doc: what is counted, and in which unit.
    """

    name: str
    keys: tuple[str, ...]
    sums: tuple[str, ...] = ("n",)
    mins: tuple[str, ...] = ()
    maxs: tuple[str, ...] = ()
    doc: str = ""

    def merge(self, frame: pl.DataFrame) -> pl.DataFrame:
        """`frame` with equal keys merged, sorted by key."""
        values = [
            *(pl.col(c).sum() for c in self.sums),
            *(pl.col(c).min() for c in self.mins),
            *(pl.col(c).max() for c in self.maxs),
        ]
        return frame.group_by(self.keys).agg(values).sort(self.keys)

    def count(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Rows of `frame` for each combination of the keys, as `n`."""
        return frame.group_by(self.keys).agg(n=pl.len().cast(pl.Int64)).sort(self.keys)


DRAWS = Measure("draws", ("cell", "family", "decision"), doc="uniforms used by each decision")


@dataclass(slots=True)
class Evidence:
    """Evidence tables by name; mutable only while a state gathers them."""

    tables: dict[str, tuple[Measure, pl.DataFrame]] = field(default_factory=dict)

    def put(self, measure: Measure, frame: pl.DataFrame) -> None:
        """Add rows to a table; merged lazily by `merged`."""
        wanted = [*measure.keys, *measure.sums, *measure.mins, *measure.maxs]
        rows = frame.select(wanted)
        if measure.name in self.tables:
            rows = pl.concat([self.tables[measure.name][1], rows])
        self.tables[measure.name] = (measure, rows)

    def count(self, measure: Measure, frame: pl.DataFrame) -> None:
        """Count the rows of `frame` by the measure's keys."""
        self.put(measure, measure.count(frame))

    def table(self, name: str) -> pl.DataFrame:
        """One table; refuses a name that no state emitted."""
        if name not in self.tables:
            raise EvidenceMissing(
                "E_EVIDENCE_MISSING",
                "no such evidence table",
                name,
                "",
                ", ".join(sorted(self.tables)) or "any",
                "Rerun the state that owns it.",
            )
        return self.tables[name][1]

    def __contains__(self, name: str) -> bool:
        return name in self.tables


def merged(pieces: Iterable[Evidence]) -> Evidence:
    """One evidence from many, independent of their order and cut."""
    gathered: dict[str, tuple[Measure, list[pl.DataFrame]]] = {}
    for piece in pieces:
        for name, (measure, frame) in piece.tables.items():
            gathered.setdefault(name, (measure, []))[1].append(frame)
    return Evidence({n: (m, m.merge(pl.concat(fs))) for n, (m, fs) in sorted(gathered.items())})


def write_evidence(evidence: Evidence, folder: Path) -> None:
    """One Parquet file a table, in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, (_, frame) in evidence.tables.items():
        write_table(frame, folder / f"{name}.parquet")


def read_evidence(folder: Path, measures: Mapping[str, Measure]) -> Evidence:
    """The tables of `folder` that `measures` knows."""
    found = {p.stem: p for p in sorted(folder.glob("*.parquet"))}
    return Evidence({n: (m, read_part(found[n])) for n, m in measures.items() if n in found})


def draws_used(used: npt.NDArray[np.int64], decisions: Sequence[tuple[str, str]]) -> Evidence:
    """The counts that are not zero, as table DRAWS.

    Args:
        used: draws of each cell and decision, shape (cells, decisions).
        decisions: family and decision of each column of `used`.
    """
    cells, numbers = np.nonzero(used)
    frame = pl.DataFrame(
        {
            "cell": pl.Series(cells.astype(np.uint8)),
            "family": pl.Series([decisions[i][0] for i in numbers.tolist()], dtype=pl.String),
            "decision": pl.Series([decisions[i][1] for i in numbers.tolist()], dtype=pl.String),
            "n": pl.Series(used[cells, numbers]),
        }
    )
    evidence = Evidence()
    evidence.put(DRAWS, frame)
    return evidence

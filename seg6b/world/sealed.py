"""`SealedWorld`: the read-only door to a sealed world folder."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import polars as pl

from seg6b.datasets.column import Dataset
from seg6b.datasets.parts import read_part


@dataclass(frozen=True, slots=True)
class SealedWorld:
    """A sealed world in canonical form.

    Attributes:
        root: the world folder.
        manifest_fingerprint: 64 lower hex.
        scenario_id: the scenario of the arrivals.
        start: first instant of the horizon (UTC, inclusive).
        end: last instant of the horizon (UTC, exclusive).
        arrivals: rows of `arrival_events_5B`.
        files: every sealed file by dataset name, relative to `root`, in order.
        digests: content digest of each dataset, as `rows:hex`.
    """

    root: Path
    manifest_fingerprint: str
    scenario_id: str
    start: datetime
    end: datetime
    arrivals: int
    files: dict[str, tuple[str, ...]]
    digests: dict[str, str]

    def table(self, dataset: Dataset, columns: Sequence[str] | None = None) -> pl.DataFrame:
        """One upstream table (not the arrivals), in canonical types."""
        return pl.concat([read_part(self.root / f, columns) for f in self.files[dataset.name]])

    def arrival_parts(self) -> list[Path]:
        """The arrival files; their order carries no meaning."""
        return [self.root / f for f in self.files["arrival_events_5B"]]

"""`SealedWorld`: the read-only door to a sealed world folder."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import polars as pl

from seg6b.datasets.column import Dataset
from seg6b.datasets.parts import read_part
from seg6b.errors import ContractBroken, Damaged
from seg6b.world.manifest import WorldManifest, read_manifest


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
        manifest: the whole seal.
    """

    root: Path
    manifest_fingerprint: str
    scenario_id: str
    start: datetime
    end: datetime
    arrivals: int
    files: dict[str, tuple[str, ...]]
    digests: dict[str, str]
    manifest: WorldManifest

    @classmethod
    def open(cls, root: Path) -> SealedWorld:
        """The world at `root`, after a look at every sealed file's presence and size.

        Raises:
            InputRefused: no world here, or one of another version.
            Damaged: its seal or one of its files is missing or has another size.
        """
        manifest = read_manifest(root)
        for name, seal in manifest.files.items():
            path = root / name
            size = path.stat().st_size if path.is_file() else -1
            if size != seal.bytes:
                raise Damaged(
                    "E_WORLD_FILE_MISSING" if size < 0 else "E_WORLD_FILE_ALTERED",
                    "a sealed file is missing" if size < 0 else "a sealed file has another size",
                    str(path), "nothing there" if size < 0 else f"{size} bytes", f"{seal.bytes} bytes",
                    f"Restore the file, or remove {root} and make the world again.",
                )  # fmt: skip
        start, end = manifest.horizon
        return cls(
            root=root,
            manifest_fingerprint=manifest.manifest_fingerprint,
            scenario_id=manifest.scenario_id,
            start=start,
            end=end,
            arrivals=manifest.arrivals,
            files={name: seal.files for name, seal in manifest.datasets.items()},
            digests={name: seal.digest for name, seal in manifest.datasets.items()},
            manifest=manifest,
        )

    @property
    def arrival_key_sum(self) -> int:
        """Wrapping int64 sum of the entity hashes of (merchant_id, arrival_seq) over the stream."""
        return int(self.manifest.checks["arrival_key_sum"])

    def table(self, dataset: Dataset, columns: Sequence[str] | None = None) -> pl.DataFrame:
        """One upstream table (not the arrivals), in canonical types."""
        return pl.concat([read_part(self._sealed(f), columns) for f in self._files(dataset.name)])

    def arrival_parts(self) -> list[Path]:
        """The arrival files; their order carries no meaning."""
        return [self._sealed(f) for f in self._files("arrival_events_5B")]

    def _files(self, dataset: str) -> tuple[str, ...]:
        if dataset not in self.files:
            raise ContractBroken(
                "E_WORLD_UNSEALED_READ", "a table that this world did not seal", dataset, "not in world.json",
                ", ".join(sorted(self.files)), "",
            )  # fmt: skip
        return self.files[dataset]

    def _sealed(self, name: str) -> Path:
        return self.root / name

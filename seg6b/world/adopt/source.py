"""Finding the files of a published world, whatever their parts and partitions, and the tokens of its paths."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from seg6b.datasets.world_tables import ARRIVALS
from seg6b.errors import InputRefused, UsageError
from seg6b.world.layout import (
    PLACE_OF,
    PLACES,
    SEALING_SEGMENTS,
    SEGMENTS,
    Axes,
    Place,
    bundle_folder,
    sealed_inputs_path,
)

ADOPTION: Final = "world-adoption-v1"
_HEX64: Final = re.compile(r"^[0-9a-f]{64}$")


@dataclass(frozen=True, slots=True)
class Source:
    """A published world as found.

    Attributes:
        root: folder that holds its `data/`.
        axes: tokens of its paths.
        tables: Parquet files of each table that is there, sorted.
    """

    root: Path
    axes: Axes
    tables: dict[str, tuple[Path, ...]]

    @property
    def recipe(self) -> str:
        """SHA-256 over names, sizes and times of all files: an untouched source is recognised without reading it."""
        digest = hashlib.sha256(f"{ADOPTION}\n{self.axes.scenario_id}\n".encode())
        for path in sorted({*(p for files in self.tables.values() for p in files), *self.documents()}):
            stat = path.stat()
            digest.update(f"{path.relative_to(self.root)} {stat.st_size} {stat.st_mtime_ns}\n".encode())
        return digest.hexdigest()

    def documents(self) -> list[Path]:
        """Files of the upstream bundles, and the lists of sealed inputs."""
        fingerprint = self.axes.manifest_fingerprint
        bundles = [self.root / bundle_folder(s, fingerprint) for s in SEGMENTS]
        lists = [self.root / sealed_inputs_path(s, fingerprint) for s in SEALING_SEGMENTS]
        found = [p for folder in bundles for p in sorted(folder.rglob("*")) if p.is_file()]
        return found + [p for p in lists if p.is_file()]


def find_source(root: Path, scenario_id: str) -> Source:
    """The published world below `root`.

    Raises:
        UsageError: `root` is no folder with a `data/` in it.
        InputRefused: there are no arrivals of the scenario, or of more than one world.
    """
    if not (root / "data").is_dir():
        raise UsageError(
            "E_WORLD_SOURCE", "the source holds no published world", "world.source", str(root),
            "a folder with `data/layer2/5B/arrival_events/…` in it", "Give it as world.source=FOLDER.",
        )  # fmt: skip
    arrivals = [
        p for p in _files(root, PLACE_OF[ARRIVALS.name]) if tokens(p).get("scenario_id", scenario_id) == scenario_id
    ]
    if not arrivals:
        raise InputRefused(
            "E_WORLD_TABLE_MISSING", "the source has no arrivals of the scenario",
            str(root / PLACE_OF[ARRIVALS.name].root), scenario_id, "part-*.parquet below scenario_id=" + scenario_id,
            "Check world.source and scenario_id.",
        )  # fmt: skip
    fingerprint = _one(arrivals, "manifest_fingerprint", root)
    if not _HEX64.match(fingerprint):
        raise InputRefused(
            "E_WORLD_TOKEN", "the fingerprint of the source has not the form of one", str(arrivals[0]), fingerprint,
            "64 lower hex digits", "Restore the published folder names.",
        )  # fmt: skip
    seed = _one(arrivals, "seed", root)
    tables = {ARRIVALS.name: tuple(arrivals)}
    for place in PLACES:
        if place.dataset is not ARRIVALS:
            wanted = {"manifest_fingerprint": fingerprint, "seed": seed}
            mine = [p for p in _files(root, place) if all(tokens(p).get(k, v) == v for k, v in wanted.items())]
            if mine:
                tables[place.dataset.name] = tuple(mine)
    entities = [p for name, files in tables.items() if PLACE_OF[name].segment == "6A" for p in files]
    parameter_hash = _one(entities, "parameter_hash", root) if entities else ""
    return Source(root, Axes(fingerprint, int(seed), scenario_id, parameter_hash), tables)


def tokens(path: Path) -> dict[str, str]:
    """Hive partitions of a path."""
    return dict(step.split("=", 1) for step in path.parts if "=" in step)


def _files(root: Path, place: Place) -> list[Path]:
    """Parquet files of one table, at any depth; its folder may bear either of its two names."""
    folders = {root / place.root, (root / place.root).with_name(place.dataset.name)}
    found = [p for folder in folders for p in folder.rglob("*.parquet")]
    return sorted(p for p in found if not p.name.startswith(("_", ".")))


def _one(paths: Iterable[Path], token: str, root: Path) -> str:
    values = sorted({tokens(p).get(token, "") for p in paths})
    if len(values) != 1 or not values[0]:
        raise InputRefused(
            "E_WORLD_TOKEN", f"the paths of the source do not name one {token}", str(root),
            ", ".join(v or "(none)" for v in values[:3]), f"one {token}=… in every path",
            "Adopt one world at a time, in its published layout.",
        )  # fmt: skip
    return values[0]

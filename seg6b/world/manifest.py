"""`world.json`: the seal of a world folder, written last. What is not listed here does not exist."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from seg6b.errors import Damaged, InputRefused
from seg6b.runs.disk import read_record
from seg6b.world.layout import MANIFEST

SEAL_VERSION: Final = "seg6b.world.v1"


@dataclass(frozen=True, slots=True)
class FileSeal:
    """One file: digest of its bytes, its size, and its rows (-1 where it is no table)."""

    sha256: str
    bytes: int
    rows: int


@dataclass(frozen=True, slots=True)
class DatasetSeal:
    """One table: content digest as `rows:hex`, and its files in order."""

    digest: str
    files: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SegmentSeal:
    """One upstream segment's bundle: folder, flag, and the digest that the flag states."""

    bundle: str
    flag: str
    sha256: str


@dataclass(frozen=True, slots=True)
class WorldManifest:
    """The seal.

    Attributes:
        version: `SEAL_VERSION`.
        name: what the world was called when it was made; no part of its identity.
        origin: `generated` or `adopted`.
        recipe: digest of the recipe, or of the source that was adopted.
        manifest_fingerprint: 64 lower hex.
        seed: the world's seed.
        scenario_id: scenario of the arrivals.
        upstream_parameter_hash: the parameter hash in 6A's paths.
        start: first instant of the horizon, ISO 8601 UTC.
        end: last instant, exclusive.
        arrivals: rows of the arrival stream.
        contract: digest of the upstream contract that the tables follow.
        checks: what was proven or measured when the world was sealed; `arrival_key_sum` among it.
        datasets: every table.
        segments: every upstream bundle.
        files: every file of the folder but this one.
    """

    version: str
    name: str
    origin: str
    recipe: str
    manifest_fingerprint: str
    seed: int
    scenario_id: str
    upstream_parameter_hash: str
    start: str
    end: str
    arrivals: int
    contract: str
    checks: dict[str, str]
    datasets: dict[str, DatasetSeal]
    segments: dict[str, SegmentSeal]
    files: dict[str, FileSeal]

    @property
    def horizon(self) -> tuple[datetime, datetime]:
        """Start and end as UTC instants."""
        return datetime.fromisoformat(self.start), datetime.fromisoformat(self.end)


def read_manifest(root: Path) -> WorldManifest:
    """The seal of the world at `root`.

    Raises:
        InputRefused: there is no world here, or one of another version.
        Damaged: the seal cannot be read.
    """
    path = root / MANIFEST
    if not path.is_file():
        raise InputRefused(
            "E_WORLD_MISSING", "no sealed world here", str(root), "no world.json", "a folder made by seg6b",
            "Make one: python -m seg6b world make default",
        )  # fmt: skip
    try:
        manifest = read_record(path, WorldManifest)
    except Damaged as error:
        raise Damaged(
            "E_WORLD_SEAL_DAMAGED", "the seal of a world cannot be read", str(path), error.value,
            "the world.json that was written with the world", "Remove the world's folder and make it again.",
        ) from error  # fmt: skip
    if manifest.version != SEAL_VERSION:
        raise InputRefused(
            "E_WORLD_VERSION", "a world of another version", str(path), manifest.version, SEAL_VERSION,
            "Remove the world's folder and make it again with this version of seg6b.",
        )  # fmt: skip
    return manifest


def fingerprint_of(digests: Mapping[str, str], scenario_id: str, horizon: tuple[str, str]) -> str:
    """`manifest_fingerprint` of a world: SHA-256 over the content digest of every table, scenario and horizon."""
    lines = [f"scenario {scenario_id}", f"horizon {horizon[0]} {horizon[1]}"]
    lines += [f"{name} {digest}" for name, digest in sorted(digests.items())]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()

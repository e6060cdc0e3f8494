"""Making a world folder once: one maker at a time, in a temporary neighbour, published by one rename."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from filelock import FileLock

from seg6b.errors import Conflict
from seg6b.runs.disk import disk_faults, files_under, make_read_only, remove_tree, sync_path, write_json
from seg6b.world.layout import MANIFEST
from seg6b.world.manifest import WorldManifest, read_manifest

PENDING: Final = "0" * 64
_TOKEN: Final = "manifest_fingerprint="


@dataclass(frozen=True, slots=True)
class Staging:
    """A world in the making.

    Attributes:
        worlds: folder that holds all worlds.
        root: the temporary folder.
    """

    worlds: Path
    root: Path


@contextmanager
def sole_maker(worlds: Path, recipe: str) -> Iterator[Staging]:
    """Wait until no other process makes this recipe; then hand out an empty folder, removed whatever happens.

    What a killed maker left behind is removed first.
    """
    with disk_faults("E_WORLD_DISK", worlds):
        worlds.mkdir(parents=True, exist_ok=True)
        with FileLock(worlds / f".{recipe[:16]}.lock"):
            for left in worlds.glob(f".making-{recipe[:16]}-*"):
                remove_tree(left)
            root = worlds / f".making-{recipe[:16]}-{os.getpid()}"
            root.mkdir()
            try:
                yield Staging(worlds, root)
            finally:
                shutil.rmtree(root, ignore_errors=True)


def name_folders(root: Path, fingerprint: str) -> None:
    """Give every `manifest_fingerprint=` folder below `root` the token that is now known."""
    for folder in sorted(root.rglob(f"{_TOKEN}{PENDING}"), reverse=True):
        folder.rename(folder.with_name(_TOKEN + fingerprint))


def publish(staging: Staging, manifest: WorldManifest) -> Path:
    """Seal the folder and move it to its place; a world that is already there is kept instead."""
    target = staging.worlds / manifest.manifest_fingerprint
    if (target / MANIFEST).is_file():
        _same(read_manifest(target), manifest, target)
        return target
    write_json(staging.root / MANIFEST, manifest)
    for path in files_under(staging.root):
        make_read_only(path)
        sync_path(path)
    for folder in sorted({p.parent for p in files_under(staging.root)}):
        sync_path(folder)
    remove_tree(target)
    staging.root.rename(target)
    sync_path(staging.worlds)
    return target


def _same(kept: WorldManifest, made: WorldManifest, target: Path) -> None:
    """One fingerprint is one content."""
    other = [n for n, seal in made.datasets.items() if n not in kept.datasets or kept.datasets[n].digest != seal.digest]
    if other:
        raise Conflict(
            "E_WORLD_CONFLICT", "a world of this fingerprint is here with other rows", str(target),
            ", ".join(other[:4]), "the rows that were sealed before", "Restore the source, or remove the kept world.",
        )  # fmt: skip

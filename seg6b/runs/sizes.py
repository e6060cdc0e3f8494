"""What files hold, and what the disk gets back when they go: a file with a link elsewhere gives nothing back."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path

Inode = tuple[int, int]


def links_of(paths: Iterable[Path]) -> Counter[Inode]:
    """How many links of each file lie at or below `paths`."""
    return Counter((s.st_dev, s.st_ino) for path in paths for s in _stats(path))


def sizes(paths: Iterable[Path], going: Mapping[Inode, int], counted: set[Inode]) -> tuple[int, int]:
    """Bytes of the files at or below `paths`, and bytes that the disk gets back.

    Args:
        paths: files or folders.
        going: how many links of each file go, from `links_of`.
        counted: files that were counted as given back before; those of `paths` are added.
    """
    total = back = 0
    for path in paths:
        for found in _stats(path):
            inode = (found.st_dev, found.st_ino)
            total += found.st_size
            if inode not in counted and going[inode] == found.st_nlink:
                counted.add(inode)
                back += found.st_size
    return total, back


def held_bytes(path: Path) -> int:
    """Bytes of the files at or below `path`."""
    return sum(s.st_size for s in _stats(path))


def _stats(path: Path) -> list[os.stat_result]:
    """Every file at or below `path`; one that goes meanwhile is passed over."""
    below = (Path(folder) / name for folder, _, names in os.walk(path) for name in names)
    found = []
    for file in below if path.is_dir() else [path]:
        with suppress(FileNotFoundError):
            found.append(file.lstat())
    return found

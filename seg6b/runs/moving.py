"""Moving published folders: by rename, and where that is impossible by copy, check and removal."""

from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path
from typing import Final

from seg6b.errors import Conflict
from seg6b.runs.disk import files_under, remove_tree, sha256_of, sync_path

_HALF: Final = ".half"


def move(source: Path, target: Path) -> None:
    """Bring `source` to `target`; broken off anywhere, the same call goes on, and no file is ever without a whole copy.

    Args:
        source: a file or folder; if it is gone, it was moved before.
        target: its new path; on another file system it is copied, compared and only then removed here.

    Raises:
        Conflict: something else lies at `target`.
    """
    if not source.exists():
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    if not target.exists():
        try:
            source.rename(target)
        except OSError as error:
            if error.errno != errno.EXDEV:
                raise
            _copy(source, target)
    if source.exists():
        _same(source, target)
        _remove(source)
    sync_path(target.parent)
    sync_path(source.parent)


def is_half(path: Path) -> bool:
    """Whether a file or folder is a copy that was broken off."""
    return path.name.endswith(_HALF)


def _copy(source: Path, target: Path) -> None:
    """A durable copy that appears as a whole; one that was broken off is begun again."""
    half = target.with_name(f".{target.name}{_HALF}")
    _remove(half)
    try:
        _copy_all(source, half)
        for path in (*half.rglob("*"), half):
            sync_path(path)
    except OSError:
        _remove(half)
        raise
    half.rename(target)


def _copy_all(source: Path, target: Path) -> None:
    """File by file, so that the first one that fails says why; `shutil.copytree` would go on and hide it."""
    if not source.is_dir():
        shutil.copy2(source, target)
        return
    target.mkdir()
    for path in sorted(source.rglob("*")):
        if path.is_dir():
            (target / path.relative_to(source)).mkdir()
        else:
            shutil.copy2(path, target / path.relative_to(source))


def _same(source: Path, target: Path) -> None:
    """Refuse unless `target` holds every file of `source`, byte for byte."""
    for path in _files(source):
        twin = target if path == source else target / path.relative_to(source)
        if not twin.is_file() or sha256_of(twin) != sha256_of(path):
            raise Conflict(
                "E_PRUNE_BOTH",
                "two files are in the way of each other",
                f"{path} and {twin}",
                "",
                "the file in one place only",
                "Neither was touched; remove the one that is not wanted, then run the same command again.",
            )


def _files(path: Path) -> list[Path]:
    return files_under(path) if path.is_dir() else [path]


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        remove_tree(path)
    elif os.path.lexists(path):
        path.unlink()

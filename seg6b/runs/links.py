"""A published file in a second place: a hard link, else a copy that shares its blocks, else a copy."""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Final

from seg6b.errors import Conflict, Damaged
from seg6b.runs.disk import sha256_of, sync_path

HARD: Final = "hard"
REFLINK: Final = "reflink"
COPY: Final = "copy"
_FICLONE: Final = 0x40049409
_NOT_HERE: Final = frozenset({
    errno.EXDEV, errno.EPERM, errno.EACCES, errno.EMLINK, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS,
    errno.EINVAL, errno.ENOTTY, errno.EBADF, errno.ETXTBSY,
})  # fmt: skip


def link_file(source: Path, target: Path) -> str:
    """Make `target` the same file as `source`, which stays as it is; says how: `hard`, `reflink` or `copy`.

    Raises:
        Conflict: something lies at `target`.
        Damaged: a copy does not have the bytes of its source.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    if target.exists() or target.is_symlink():
        raise Conflict(
            "E_LINK_TARGET", "something lies where a file is to be linked", str(target), "", "an empty place"
        )
    ways: tuple[tuple[str, Callable[[Path, Path], None]], ...] = ((HARD, _hard), (REFLINK, _reflink))
    for name, way in ways:
        try:
            way(source.resolve(), target)
        except OSError as error:
            target.unlink(missing_ok=True)
            if error.errno not in _NOT_HERE:
                raise
        else:
            return name
    _copy(source, target)
    return COPY


def _hard(source: Path, target: Path) -> None:
    target.hardlink_to(source)


def _reflink(source: Path, target: Path) -> None:
    with source.open("rb") as old, target.open("xb") as new:
        fcntl.ioctl(new.fileno(), _FICLONE, old.fileno())
        os.fsync(new.fileno())


def _copy(source: Path, target: Path) -> None:
    try:
        shutil.copyfile(source, target)
        sync_path(target)
        _require_equal(source, target)
    except BaseException:
        target.unlink(missing_ok=True)
        raise


def _require_equal(source: Path, target: Path) -> None:
    found, expected = sha256_of(target), sha256_of(source)
    if found != expected:
        hint = "Check the disk, then run the same command again."
        raise Damaged("E_LINK_COPY", "a copy differs from its source", str(target), found[:16], expected[:16], hint)

"""Writing to disk so that a reader sees the old content or the new, never a third thing."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
import stat
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, fields, is_dataclass
from enum import StrEnum
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from seg6b.errors import Damaged, ResourceRefused

Record = TypeVar("Record")

_DISK_FAULTS = {
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "the disk quota is used up",
    errno.EROFS: "the file system is read-only",
    errno.EACCES: "writing is not permitted",
    errno.EPERM: "writing is not permitted",
    errno.ENOENT: "no such file or folder",
    errno.ENOTDIR: "a file lies where a folder should be",
    errno.EEXIST: "a file lies where a folder should be",
    errno.ENAMETOOLONG: "the path is too long",
    errno.EMFILE: "too many files are open",
    errno.ENFILE: "too many files are open",
    errno.EIO: "the disk reports an error",
}


def _again() -> str:
    return "Put that right or choose another `root=`, then run the same command again; nothing was published."


@contextmanager
def disk_faults(code: str, where: Path, hint: Callable[[], str] = _again) -> Iterator[None]:
    """Turn a full, read-only or otherwise unusable disk into one clear refusal; `hint` says what to do then."""
    try:
        yield
    except OSError as error:
        number = errno.ENOSPC if _short_write(error) else error.errno or 0
        fault = _DISK_FAULTS.get(number)
        if fault is None:
            raise
        place = error.filename or _kernel_cache(error) or where
        raise ResourceRefused(
            code, fault, str(place), os.strerror(number), "room and permission to write", hint()
        ) from error


def _short_write(error: OSError) -> bool:
    """NumPy tells a write that the disk cut short without an error number."""
    return error.errno is None and "requested and" in str(error)


def _kernel_cache(error: OSError) -> str:
    """The folder of compiled kernels, where it was numba that could not write, which names no file."""
    caching = sys.modules.get("numba.core.caching")
    if caching is None or caching.__file__ not in {f.filename for f in traceback.extract_tb(error.__traceback__)}:
        return ""
    return str(sys.modules["numba"].config.CACHE_DIR)


def sha256_of(path: Path) -> str:
    """SHA-256 of a file's bytes, as hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def sync_path(path: Path) -> None:
    """Flush a file or a folder entry to the device."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_text(path: Path, text: str) -> None:
    """Replace a file as a whole: temporary neighbour, fsync, rename, fsync of the folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    neighbour = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with neighbour.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        neighbour.replace(path)
    except BaseException:
        neighbour.unlink(missing_ok=True)
        raise
    sync_path(path.parent)


def to_json(value: Any) -> str:  # noqa: ANN401 - any JSON-like value
    """Canonical readable JSON: sorted keys, two spaces, a final newline."""
    plain = asdict(value) if is_dataclass(value) and not isinstance(value, type) else value
    return json.dumps(plain, indent=2, sort_keys=True, ensure_ascii=False, allow_nan=False) + "\n"


def write_json(path: Path, value: Any) -> None:  # noqa: ANN401 - any JSON-like value
    """Replace a JSON file as a whole."""
    write_text(path, to_json(value))


def read_record(path: Path, kind: type[Record]) -> Record:
    """A typed record from its JSON file; a missing, broken or mistyped file is damage, named."""
    try:
        plain = json.loads(path.read_text(encoding="utf-8"))
        record: Record = _build(kind, plain)
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise Damaged(
            "E_RUN_RECEIPT_DAMAGED",
            "a receipt cannot be read",
            str(path),
            f"{type(error).__name__}: {error}"[:160],
            f"a {kind.__name__}",
            "Remove the damaged run or restore the file.",
        ) from error
    return record


def _build(kind: Any, plain: Any) -> Any:  # noqa: ANN401 - recursion over annotations
    origin, args = get_origin(kind), get_args(kind)
    if origin is UnionType:
        (inner,) = (a for a in args if a is not NoneType)
        return None if plain is None else _build(inner, plain)
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        return kind(plain)
    if is_dataclass(kind) and isinstance(kind, type):
        hints = get_type_hints(kind)
        names = {f.name for f in fields(kind)}
        if not isinstance(plain, dict) or set(plain) - names:
            message = f"not the fields of {kind.__name__}"
            raise TypeError(message)
        return kind(**{name: _build(hints[name], value) for name, value in plain.items()})
    if origin is tuple:
        inner = args[0] if len(args) == 2 and args[1] is Ellipsis else None
        return tuple(_build(inner or args[i], item) for i, item in enumerate(plain))
    if origin is dict:
        return {key: _build(args[1], value) for key, value in plain.items()}
    return plain


def make_read_only(path: Path) -> None:
    """Take the write bits off a published file."""
    path.chmod(stat.S_IRUSR | stat.S_IRGRP | stat.S_IROTH)


def files_under(folder: Path) -> list[Path]:
    """Every file below `folder`, sorted."""
    return sorted(p for p in folder.rglob("*") if p.is_file())


def remove_tree(folder: Path) -> None:
    """Remove a folder; one that is not there is already removed."""
    if folder.exists():
        shutil.rmtree(folder)

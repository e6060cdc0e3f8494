"""The index of a validation bundle and the flag that seals it.

`index.json` lists the files of the bundle by path in ASCII order, never the flag itself; `_passed.flag` holds one
line, `sha256_hex = <digest>`, the SHA-256 over the raw bytes of the listed files in that order.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from seg6b.errors import Damaged
from seg6b.runs.disk import sha256_of, write_json, write_text

INDEX: Final = "index.json"
FLAG: Final = "_passed.flag"
_FLAG_LINE: Final = re.compile(r"sha256_hex = ([0-9a-f]{64})\n?")
_CHUNK: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class IndexItem:
    """A file of the bundle: path relative to the bundle folder, and what it is."""

    path: str
    role: str
    schema_ref: str = ""


def write_index(folder: Path, items: Sequence[IndexItem], head: Mapping[str, str]) -> Path:
    """Write `index.json` over files that lie in `folder`; `head` holds the fields beside `items`."""
    listed = [
        {"path": i.path, "sha256_hex": sha256_of(folder / i.path), "role": i.role, "schema_ref": i.schema_ref}
        for i in sorted(items, key=lambda i: i.path)
    ]
    path = folder / INDEX
    write_json(path, {**head, "items": listed})
    return path


def write_flag(folder: Path) -> Path:
    """Seal the bundle: write `_passed.flag` from the files that its index lists."""
    path = folder / FLAG
    write_text(path, f"sha256_hex = {bundle_digest(folder)}\n")
    return path


def read_flag(path: Path) -> str:
    """The digest in a flag; refuses a missing or malformed one."""
    try:
        found = _FLAG_LINE.fullmatch(path.read_text(encoding="ascii"))
    except (OSError, UnicodeDecodeError) as error:
        raise _damage("E_FLAG_UNREADABLE", "a flag cannot be read", path, type(error).__name__) from error
    if found is None:
        raise _damage("E_FLAG_MALFORMED", "a flag is malformed", path, "")
    return found.group(1)


def read_index(folder: Path) -> list[dict[str, Any]]:
    """The items of the index; refuses a missing, unsorted or self-listing one."""
    path = folder / INDEX
    try:
        items = json.loads(path.read_text(encoding="utf-8"))["items"]
        paths = [str(item["path"]) for item in items]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise _damage("E_INDEX_UNREADABLE", "an index cannot be read", path, type(error).__name__) from error
    if paths != sorted(set(paths)) or FLAG in paths or any(p.startswith("/") or ".." in p.split("/") for p in paths):
        raise _damage("E_INDEX_ORDER", "an index is unsorted, repeats a path, or lists what it must not", path, "")
    return list(items)


def bundle_digest(folder: Path) -> str:
    """SHA-256 over the raw bytes of the listed files, in index order."""
    digest = hashlib.sha256()
    for item in read_index(folder):
        path = folder / item["path"]
        try:
            with path.open("rb") as file:
                while chunk := file.read(_CHUNK):
                    digest.update(chunk)
        except OSError as error:
            raise _damage("E_BUNDLE_FILE", "a listed file cannot be read", path, type(error).__name__) from error
    return digest.hexdigest()


def verify_bundle(folder: Path, *, sealed: bool = True) -> str:
    """Check every listed file against the index, and the flag against them all.

    Args:
        folder: the bundle.
        sealed: whether a flag must be there; without it the digest that a flag would hold is returned.

    Raises:
        Damaged: a file, the index or the flag is missing or altered; it is named.
    """
    for item in read_index(folder):
        path = folder / item["path"]
        found = sha256_of(path) if path.is_file() else "missing"
        if found != item["sha256_hex"]:
            raise _damage("E_BUNDLE_ALTERED", "a file differs from the index", path, found, item["sha256_hex"])
    digest = bundle_digest(folder)
    flag = folder / FLAG
    if sealed and read_flag(flag) != digest:
        raise _damage("E_FLAG_MISMATCH", "the flag is not that of the files it seals", flag, read_flag(flag), digest)
    return digest


def _damage(code: str, what: str, path: Path, value: str, expected: str = "") -> Damaged:
    return Damaged(code, what, str(path), value, expected, "Restore the folder, or make it again.")

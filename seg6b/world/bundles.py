"""Upstream validation bundles: an index of files and a flag that states the digest over their bytes."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from seg6b.errors import Damaged, InputRefused
from seg6b.runs.disk import write_json, write_text
from seg6b.world.layout import FLAG, INDEX

_FLAG_LINE: Final = re.compile(r"^sha256_hex = ([0-9a-f]{64})\n?$")


def write_bundle(folder: Path, fingerprint: str, segment: str, documents: Mapping[str, object]) -> str:
    """Write a bundle whose files are `documents` (name → JSON value); returns the digest that its flag states."""
    for name, value in documents.items():
        write_json(folder / name, value)
    items = [
        {"path": name, "sha256_hex": hashlib.sha256((folder / name).read_bytes()).hexdigest()}
        for name in sorted(documents)
    ]
    write_json(folder / INDEX, {"manifest_fingerprint": fingerprint, "segment": segment, "items": items})
    digest = bundle_digest(folder, sorted(documents))
    write_text(folder / FLAG, f"sha256_hex = {digest}\n")
    return digest


def bundle_digest(folder: Path, names: Iterable[str]) -> str:
    """SHA-256 over the bytes of the indexed files, in index order."""
    digest = hashlib.sha256()
    for name in names:
        digest.update((folder / name).read_bytes())
    return digest.hexdigest()


def verify_bundle(folder: Path, segment: str, where: str, code: str) -> str:
    """The digest of a bundle whose flag, index and files agree.

    Args:
        folder: the bundle.
        segment: upstream segment, for the message.
        where: how to call the bundle in a message.
        code: prefix of the error code, such as `E_S0`.

    Raises:
        InputRefused: the segment has no bundle, or its flag has not the form of one.
        Damaged: an indexed file is missing, or bytes and digest differ.
    """
    stated = _flag(folder, segment, where, code)
    names = _index(folder, where, code)
    for name, sha256 in names.items():
        path = folder / name
        if not path.is_file():
            raise Damaged(
                f"{code}_FILE_MISSING", f"a file of the bundle of segment {segment} is missing", f"{where}/{name}",
                "nothing there", "the file that index.json lists", "Restore the upstream bundle.",
            )  # fmt: skip
        found = hashlib.sha256(path.read_bytes()).hexdigest()
        if sha256 and found != sha256:
            raise Damaged(
                f"{code}_FILE_ALTERED", f"a file of the bundle of segment {segment} was altered", f"{where}/{name}",
                found, sha256, "Restore the upstream bundle.",
            )  # fmt: skip
    found = bundle_digest(folder, names)
    if found != stated:
        raise Damaged(
            f"{code}_FLAG_MISMATCH", f"the flag of segment {segment} does not match its bundle", f"{where}/{FLAG}",
            stated, found, "Restore the upstream bundle; a flag is never edited.",
        )  # fmt: skip
    return stated


def _flag(folder: Path, segment: str, where: str, code: str) -> str:
    path = folder / FLAG
    if not path.is_file():
        raise InputRefused(
            f"{code}_SEGMENT_MISSING", f"upstream segment {segment} has not passed", f"{where}/{FLAG}", "no flag",
            "_passed.flag of all nine segments", "Publish the segment's validation bundle first.",
        )  # fmt: skip
    text = path.read_bytes().decode("ascii", "replace")
    match = _FLAG_LINE.match(text)
    if match is None:
        raise InputRefused(
            f"{code}_FLAG_FORM", f"the flag of segment {segment} has not the form of one", f"{where}/{FLAG}",
            repr(text[:80]), "`sha256_hex = <64 lower hex>`", "Restore the upstream bundle.",
        )  # fmt: skip
    return match.group(1)


def _index(folder: Path, where: str, code: str) -> dict[str, str]:
    """Indexed files in order, with the digest that the index states (empty where it states none)."""
    path = folder / INDEX
    try:
        plain: Any = json.loads(path.read_text(encoding="utf-8"))
        items = plain if isinstance(plain, list) else plain.get("items", plain.get("artifacts"))
        return {str(item["path"]): str(item.get("sha256_hex", "")) for item in items}
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise InputRefused(
            f"{code}_INDEX", "the index of an upstream bundle cannot be read", f"{where}/{INDEX}",
            f"{type(error).__name__}: {error}"[:120], "`items`, each with `path` and `sha256_hex`",
            "Restore the upstream bundle.",
        ) from error  # fmt: skip

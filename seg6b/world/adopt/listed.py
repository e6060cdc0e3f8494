"""The lists of sealed inputs that upstream published, held against the files that are there."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from seg6b.errors import Damaged, InputRefused
from seg6b.runs.disk import sha256_of
from seg6b.shards.executor import Executor
from seg6b.world.adopt.source import Source
from seg6b.world.layout import PLACES, SEALING_SEGMENTS, SEGMENTS, bundle_folder, sealed_inputs_path

Row = dict[str, Any]


def check_listed(source: Source, executor: Executor) -> None:
    """Refuse a source in which a listed file that 6B reads is missing or has other bytes.

    Rows about files that belong to none of the tables and bundles adopted here are not looked at; a pattern only has
    to match something, since its digest is structural.

    Raises:
        InputRefused: a list is missing or cannot be read.
        Damaged: a listed file is missing or altered.
    """
    rows = [row for segment in SEALING_SEGMENTS for row in _rows(source, segment)]

    def fault(row: Row) -> Damaged | None:
        return _fault(source.root, str(row["path"]), str(row.get("sha256_hex", "")))

    for damage in executor.map(fault, [row for row in rows if row.get("status", "REQUIRED") == "REQUIRED"]):
        if damage is not None:
            raise damage


def _rows(source: Source, segment: str) -> Iterator[Row]:
    path = source.root / sealed_inputs_path(segment, source.axes.manifest_fingerprint)
    try:
        plain = json.loads(path.read_text(encoding="utf-8"))
        rows = [dict(row) for row in (plain if isinstance(plain, list) else plain["rows"])]
        templates = [str(row["path_template"]) for row in rows]
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise InputRefused(
            "E_WORLD_SEALED_INPUTS", f"the sealed inputs of segment {segment} are missing or cannot be read", str(path),
            f"{type(error).__name__}", "a JSON list of rows with path_template and sha256_hex",
            "Restore the published file.",
        ) from error  # fmt: skip
    for row, template in zip(rows, templates, strict=True):
        resolved = _resolve(template, source)
        if resolved is not None and _ours(resolved, source):
            yield row | {"path": resolved}


def _resolve(template: str, source: Source) -> str | None:
    """A path template with the tokens of the source; None if it needs others."""
    axes = source.axes
    path = template
    for token in ("manifest_fingerprint", "seed", "scenario_id", "parameter_hash"):
        path = path.replace(f"{{{token}}}", str(getattr(axes, token)))
    return None if "{" in path else path


def _ours(path: str, source: Source) -> bool:
    roots = [p.root for p in PLACES] + [f"{p.root.rsplit('/', 1)[0]}/{p.dataset.name}" for p in PLACES]
    roots += [bundle_folder(s, source.axes.manifest_fingerprint) for s in SEGMENTS]
    return any(path.startswith(f"{root}/") for root in roots)


def _fault(root: Path, name: str, sha256: str) -> Damaged | None:
    hint = "Restore the published file."
    if "*" in name:
        if next(root.glob(name), None) is not None:
            return None
        return Damaged(
            "E_WORLD_FILE_MISSING", "listed files are missing", str(root / name), "nothing there", "a file", hint
        )
    path = root / name
    if not path.is_file():
        return Damaged("E_WORLD_FILE_MISSING", "a listed file is missing", str(path), "nothing there", sha256, hint)
    found = sha256_of(path)
    if sha256 and found != sha256:
        return Damaged("E_WORLD_FILE_ALTERED", "a listed file was altered", str(path), found, sha256, hint)
    return None

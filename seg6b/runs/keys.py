"""Input keys: everything that shapes a state's rows, hashed part by part.

Policy packs, the state's code (its import closure, as loaded), the libraries, the axes, and the digests of what it
reads. No knob, path, host or time: equal keys mean equal rows.
"""

from __future__ import annotations

import ast
import hashlib
import importlib.metadata
import sys
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Final

_PACKAGE = Path(__file__).parent.parent
_LIBRARIES: Final = ("numpy", "numba", "polars", "pyarrow", "pydantic", "scipy")


def library_versions() -> dict[str, str]:
    """Versions of what shapes rows: Python's minor version and the numerical libraries."""
    found = {name: importlib.metadata.version(name) for name in _LIBRARIES}
    return {"python": f"{sys.version_info.major}.{sys.version_info.minor}", **found}


def combined_key(parts: Mapping[str, str]) -> str:
    """One SHA-256 over named parts, in name order."""
    return hashlib.sha256("\n".join(f"{k}={parts[k]}" for k in sorted(parts)).encode()).hexdigest()


def code_closure(module: str) -> tuple[str, ...]:
    """All modules of seg6b that `module` reaches by import, itself included, sorted."""
    seen: set[str] = set()
    waiting = [module]
    while waiting:
        name = waiting.pop()
        if name in seen or _source(name) is None:
            continue
        seen.add(name)
        waiting += _imports(name)
    return tuple(sorted(seen))


@lru_cache(maxsize=64)
def code_digest(module: str) -> str:
    """Digest of the import closure, read once a process: the code as loaded."""
    return fresh_code_digest(module)


def fresh_code_digest(module: str) -> str:
    """Digest of the import closure as it stands on disk now."""
    digest = hashlib.sha256()
    for name in code_closure(module):
        source = _source(name)
        digest.update(name.encode())
        digest.update(source.read_bytes() if source else b"")
    return digest.hexdigest()


def _source(name: str) -> Path | None:
    parts = name.split(".")
    if parts[0] != _PACKAGE.name:
        return None
    base = _PACKAGE.joinpath(*parts[1:])
    for candidate in (base.with_suffix(".py"), base / "__init__.py"):
        if candidate.is_file() and candidate.parent.is_relative_to(_PACKAGE):
            return candidate
    return None


def _imports(name: str) -> tuple[str, ...]:
    source = _source(name)
    return _imported(source.read_bytes()) if source else ()


@lru_cache(maxsize=1024)
def _imported(text: bytes) -> tuple[str, ...]:
    found: list[str] = []
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            found.append(node.module)
            found += [f"{node.module}.{alias.name}" for alias in node.names]
    return tuple(f for f in found if f.split(".")[0] == _PACKAGE.name)

"""The one decorator for compiled kernels: cached, without the GIL, without unsafe float rewriting."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, TypeVar, cast

import numba
import numpy as np
import numpy.typing as npt

Function = TypeVar("Function", bound=Callable[..., Any])
Array = TypeVar("Array", bound=npt.NDArray[Any])


def _sources_digest() -> str:
    """Digest of every source that uses the decorator, or that lends it constants: numba's cache follows neither."""
    digest = hashlib.blake2b(digest_size=12)
    for path in sorted(Path(__file__).parent.parent.rglob("*.py")):
        text = path.read_bytes()
        lends = path.name == "vocabulary.py" or path.stem.endswith("_draws")
        if b"compiled import kernel" in text or path.parent.name == "draws" or lends:
            digest.update(text)
    return digest.hexdigest()


def _cache_root() -> Path:
    """Where compiled kernels are kept: `$SEG6B_CACHE`, else `$XDG_CACHE_HOME/seg6b`, else `~/.cache/seg6b`."""
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(os.environ.get("SEG6B_CACHE") or Path(base) / "seg6b")


def _writable(folder: Path) -> bool:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return False
    return os.access(folder, os.W_OK)


CACHE: Final = _cache_root() / "kernels" / _sources_digest()
# Where numba cannot keep kernels in its own folder it keeps them beside the sources, where they would grow stale.
KEPT: Final = _writable(CACHE)
numba.config.CACHE_DIR = str(CACHE)


def kernel(function: Function) -> Function:
    """Compile `function` with numba on first call; the result is cached by the digest of all kernel sources."""
    return cast("Function", numba.njit(cache=KEPT, nogil=True, error_model="numpy")(function))


def read_only(values: Array) -> Array:
    """A read-only view in one piece: Polars hands out both kinds, and a kernel is compiled once for each."""
    view: Array = np.ascontiguousarray(values).view()  # type: ignore[assignment]
    view.flags.writeable = False
    return view

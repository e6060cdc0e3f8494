"""Session ids must not repeat within a run: sorted ids of each piece go to scratch files and are compared by range."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from seg6b.errors import ContractBroken

RANGE_IDS: Final = 4_000_000


class UniqueIds:
    """Ids of a run, piece by piece, and the proof that none occurs twice."""

    def __init__(self, scratch: Path) -> None:
        self._scratch = scratch
        self._scratch.mkdir(parents=True, exist_ok=True)
        self._paths: list[Path] = []

    def add(self, piece: int, ids: npt.NDArray[np.int64]) -> None:
        """Keep the ids of one piece of the run."""
        path = self._scratch / f"session-ids-{piece:05d}.npy"
        np.save(path, np.sort(ids))
        self._paths.append(path)

    def check(self) -> None:
        """Refuse a repeated id; memory holds the ids of one range at a time. Removes the files."""
        kept = [np.load(path, mmap_mode="r") for path in self._paths]
        ranges = max(1, -(-sum(ids.size for ids in kept) // RANGE_IDS))
        edges = [i * ((1 << 63) // ranges) for i in range(ranges)] + [1 << 63]
        for low, high in pairwise(edges):
            self._check_range([ids[np.searchsorted(ids, low) : _place(ids, high)] for ids in kept])
        del kept
        for path in self._paths:
            path.unlink()

    def _check_range(self, pieces: list[npt.NDArray[np.int64]]) -> None:
        ids = np.sort(np.concatenate(pieces)) if pieces else np.empty(0, np.int64)
        twice = np.flatnonzero(ids[1:] == ids[:-1])
        if twice.size:
            raise ContractBroken(
                "E_S1_DUPLICATE_SESSION_ID",
                f"{twice.size} session ids occur twice",
                "s1_session_index_6B",
                str(ids[twice[0]]),
                "an id a session",
                "Two keys met in 64 bits: run another seed.",
            )


def _place(ids: npt.NDArray[np.int64], high: int) -> int:
    return ids.size if high >= 1 << 63 else int(np.searchsorted(ids, high))

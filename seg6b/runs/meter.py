"""Where a state's time goes: input, compute, validate, write; summed over threads, wall beside CPU."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, Literal

LaneName = Literal["input", "compute", "validate", "write"]
LANES: Final[tuple[LaneName, ...]] = ("input", "compute", "validate", "write")


class Meter:
    """Adds up seconds per lane; safe to share between threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.wall_s: dict[str, float] = dict.fromkeys(LANES, 0.0)
        self.cpu_s: dict[str, float] = dict.fromkeys(LANES, 0.0)

    @contextmanager
    def lane(self, name: LaneName) -> Iterator[None]:
        """Charge the time inside to one lane."""
        wall, cpu = time.perf_counter(), time.thread_time()
        try:
            yield
        finally:
            spent, used = time.perf_counter() - wall, time.thread_time() - cpu
            with self._lock:
                self.wall_s[name] += spent
                self.cpu_s[name] += used

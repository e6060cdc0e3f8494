"""Where a state's time goes: input, compute, validate, write, and a residual that none of them was charged for.

Every instant belongs to the lanes that threads are in, in equal shares a thread, or to the residual where no thread is
in one; so the parts make up the whole to the nanosecond, on any number of threads. CPU time is the process's own, read
where a thread changes its lane: what the threads of a library use is charged to the lanes that were at work meanwhile.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple, TypeVar

from seg6b.shards.executor import Executor

LaneName = Literal["input", "compute", "validate", "write"]
LANES: Final[tuple[LaneName, ...]] = ("input", "compute", "validate", "write")
RESIDUAL: Final = "residual"
SPLIT: Final = (*LANES, RESIDUAL)
TOTAL: Final = "total"

Task = TypeVar("Task")
Result = TypeVar("Result")


class Decomposition(NamedTuple):
    """Seconds since a meter began, by part, with their sum as `total`: wall time and CPU time of the process."""

    wall_s: dict[str, float]
    cpu_s: dict[str, float]


class Instant(NamedTuple):
    """A reading of both clocks, or a span between two, in nanoseconds."""

    wall: int
    cpu: int


class Meter:
    """Charges time to lanes, from the moment it is made; threads share it.

    Args:
        wall: clock of wall time, nanoseconds.
        cpu: clock of the process's CPU time, nanoseconds.
    """

    def __init__(
        self, wall: Callable[[], int] = time.perf_counter_ns, cpu: Callable[[], int] = time.process_time_ns
    ) -> None:
        self._clocks = wall, cpu
        self._lock = threading.Lock()
        self._mine = threading.local()
        self._threads = dict.fromkeys(LANES, 0)
        self._spans: dict[tuple[int, ...], Instant] = {}
        self._last = Instant(wall(), cpu())

    @property
    def current(self) -> LaneName | None:
        """The lane that this thread is in."""
        found: LaneName | None = getattr(self._mine, "lane", None)
        return found

    @contextmanager
    def lane(self, name: LaneName | None) -> Iterator[None]:
        """Charge this thread's time inside to one lane, also where it was in another; `None` charges it to none."""
        before = self.current
        self._move(before, name)
        try:
            yield
        finally:
            self._move(name, before)

    def decomposed(self) -> Decomposition:
        """What was charged until now."""
        with self._lock:
            self._close_span()
            spans = dict(self._spans)
        return Decomposition(
            _shared({threads: span.wall for threads, span in spans.items()}),
            _shared({threads: span.cpu for threads, span in spans.items()}),
        )

    def _move(self, old: LaneName | None, new: LaneName | None) -> None:
        if old == new:
            return
        self._mine.lane = new
        with self._lock:
            self._close_span()
            if old is not None:
                self._threads[old] -= 1
            if new is not None:
                self._threads[new] += 1

    def _close_span(self) -> None:
        """Add the time since the last reading to the spans in which as many threads were in each lane."""
        wall, cpu = self._clocks
        now, last, threads = Instant(wall(), cpu()), self._last, tuple(self._threads.values())
        before = self._spans.get(threads, Instant(0, 0))
        self._spans[threads] = Instant(before.wall + now.wall - last.wall, before.cpu + now.cpu - last.cpu)
        self._last = now


@dataclass(frozen=True, slots=True)
class Metered:
    """An executor whose tasks begin in the lane that hands them out; who waits for them is in none meanwhile."""

    executor: Executor
    meter: Meter

    @property
    def workers(self) -> int:
        """How many tasks run at once."""
        return self.executor.workers

    def map(self, function: Callable[[Task], Result], tasks: Sequence[Task]) -> list[Result]:
        """Results in the order of `tasks`."""
        lane = self.meter.current

        def work(task: Task) -> Result:
            with self.meter.lane(lane):
                return function(task)

        with self.meter.lane(None):
            return self.executor.map(work, tasks)


def split_of(times: Mapping[str, float]) -> dict[str, float]:
    """Lanes and residual of a time in a receipt; empty where an earlier version wrote it, which summed over threads.

    >>> split_of({"total": 2.0, "input": 3.0, "compute": 0.0, "validate": 0.0, "write": 0.0})
    {}
    """
    return {part: times[part] for part in SPLIT} if RESIDUAL in times else {}


def _shared(spans: Mapping[tuple[int, ...], int]) -> dict[str, float]:
    """Seconds of each part, and of all together; nanoseconds are shared out without a remainder.

    Args:
        spans: threads in each lane → nanoseconds.
    """
    charged = dict.fromkeys(SPLIT, 0)
    for threads, span in spans.items():
        left, waiting = span, sum(threads)
        for lane, count in zip(LANES, threads, strict=True):
            share = left * count // waiting if waiting else 0
            charged[lane] += share
            left, waiting = left - share, waiting - count
        charged[RESIDUAL] += left
    seconds = {part: nanoseconds / 1e9 for part, nanoseconds in charged.items()}
    return {TOTAL: sum(charged.values()) / 1e9} | seconds

"""Mapping a function over tasks on threads: results in task order, the first failure stops the rest."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import Protocol, Self, TypeVar

Task = TypeVar("Task")
Result = TypeVar("Result")


class Executor(Protocol):
    """Runs a function over tasks; the order of execution is nobody's business."""

    @property
    def workers(self) -> int:
        """How many tasks run at once."""

    def map(self, function: Callable[[Task], Result], tasks: Sequence[Task]) -> list[Result]:
        """Results in the order of `tasks`."""


@dataclass(frozen=True, slots=True)
class Threads:
    """Threads of this process; kernels and Parquet work without the GIL."""

    workers: int

    @classmethod
    def of(cls, threads: int = 0) -> Self:
        """As many threads as a knob asks for; 0 means all cores."""
        return cls(threads or os.cpu_count() or 1)

    def map(self, function: Callable[[Task], Result], tasks: Sequence[Task]) -> list[Result]:
        """Results in the order of `tasks`; the first failure cancels what has not begun."""
        if self.workers == 1 or len(tasks) <= 1:
            return [function(task) for task in tasks]
        with ThreadPoolExecutor(self.workers) as pool:
            futures = [pool.submit(function, task) for task in tasks]
            try:
                done, _ = wait(futures, return_when=FIRST_EXCEPTION)
            finally:
                for future in futures:
                    future.cancel()
            failed = [f for f in futures if f in done and f.exception() is not None]
            if failed:
                failed[0].result()
            return [future.result() for future in futures]


def workers_of(threads: int, cores: int = 0) -> int:
    """Worker threads that the knob stands for, on this machine or on one of `cores` cores."""
    return Threads.of(threads or cores).workers

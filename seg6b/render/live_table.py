"""Several jobs in one table that lives on a terminal; elsewhere one line an event."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from statistics import median
from types import TracebackType
from typing import IO, Final, Self

from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from seg6b.render.console import plain_table
from seg6b.render.wording import ABSENT, clock

_A_SECOND: Final = 4


@dataclass(slots=True)
class Line:
    """One line of the table.

    Attributes:
        name: its name.
        what: what makes it.
        done: runs that ended well.
        planned: runs to make.
        failed: runs that failed.
        status: where it stands, in a word.
        result: what is known of it, in words.
        running: what runs now, each with the time it began, and what tells how far it is.
    """

    name: str
    what: str = ""
    done: int = 0
    planned: int = 1
    failed: int = 0
    status: str = "planned"
    result: str = ""
    running: dict[str, tuple[float, Callable[[], str]]] = field(default_factory=dict)

    def now(self) -> str:
        """What runs now, and how long."""
        at = time.monotonic()
        return "; ".join(f"{name} {far()} {clock(at - began)}" for name, (began, far) in self.running.items())


class LiveTable:
    """A context manager; whoever holds `lock` may change its jobs, from any thread.

    Attributes:
        jobs: the lines, by name, in order.
        lock: guards the lines.
    """

    def __init__(self, title: str, stream: IO[str]) -> None:
        self.jobs: dict[str, Line] = {}
        self.lock = threading.RLock()
        self._title = title
        self._stream = stream
        self._began = time.monotonic()
        self._spent: list[float] = []
        self._live: Live | None = None
        if stream.isatty():
            console = Console(file=stream, highlight=False)
            self._live = Live(console=console, get_renderable=self._drawn, refresh_per_second=_A_SECOND)

    def __enter__(self) -> Self:
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live is not None:
            self._live.stop()

    def titled(self, title: str) -> None:
        """Give the table another title."""
        with self.lock:
            self._title = title

    def begun(self, job: Line, run: str, far: Callable[[], str]) -> None:
        """A run of `job` begins; `far` says how far it is whenever it is asked."""
        with self.lock:
            job.running[run] = (time.monotonic(), far)
            job.status = "running"

    def ended(self, job: Line, run: str, *, well: bool) -> float:
        """A run of `job` is over; returns its seconds."""
        with self.lock:
            began, _ = job.running.pop(run, (time.monotonic(), str))
            spent = time.monotonic() - began
            self._spent.append(spent)
            job.done, job.failed = job.done + well, job.failed + (not well)
            job.status = "running" if job.running else "done" if job.done >= job.planned else "waiting"
            job.status = "failed" if job.failed and not well else job.status
            return spent

    def say(self, line: str, *, loud: bool = False, style: str = "") -> None:
        """Tell an event: a line where there is no table; above the table only if it is `loud`."""
        if self._live is None:
            print(line, file=self._stream, flush=True)
        elif loud:
            self._live.console.print(Text(line, style=style), soft_wrap=True)

    def counts(self) -> tuple[int, int]:
        """Runs that are over, and runs that were planned."""
        over = sum(job.done + job.failed for job in self.jobs.values())
        return over, max(sum(job.planned for job in self.jobs.values()), over)

    def left_s(self) -> float | None:
        """Seconds until all is done if the rest goes like what was done here; None before the first run ended."""
        over, planned = self.counts()
        at_once = max(1, sum(len(job.running) for job in self.jobs.values()))
        if not self._spent:
            return None
        since = max(
            (time.monotonic() - began for job in self.jobs.values() for began, _ in job.running.values()), default=0
        )
        typical = median(self._spent)
        return max(0.0, typical * (planned - over) / at_once - min(since, typical))

    def _drawn(self) -> Table:
        with self.lock:
            table = plain_table(self._title, ("Job", "What", "Status"))
            table.add_column("Runs", justify="right", no_wrap=True)
            table.add_column("Now", no_wrap=True, min_width=24)
            table.add_column("So far")
            for job in self.jobs.values():
                table.add_row(*cells(job))
            table.caption = Text(self._totals(), style="dim")
            table.caption_justify = "left"
            return table

    def _totals(self) -> str:
        over, planned = self.counts()
        left = self.left_s()
        rest = f", about {clock(left)} left" if left is not None and over < planned else ""
        return f"{over} of {planned} runs, {clock(time.monotonic() - self._began)}{rest}"


def cells(line: Line) -> Sequence[Text]:
    """A line's cells."""
    style = {"done": "green", "failed": "bold red", "running": "cyan", "rejected": "red"}.get(line.status, "dim")
    runs = f"{line.done}/{line.planned}" + (f", {line.failed} failed" if line.failed else "")
    return (
        Text(line.name, style="bold"),
        Text(line.what or ABSENT),
        Text(line.status, style=style),
        Text(runs),
        Text(line.now(), style="cyan"),
        Text(line.result),
    )

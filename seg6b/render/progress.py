"""Live progress: one row a state on a terminal, one line a finished state elsewhere."""

from __future__ import annotations

import sys
import threading
from types import TracebackType
from typing import IO, Self

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TaskID, TextColumn, TimeElapsedColumn
from rich.text import Text

from seg6b.render.rows import state_row
from seg6b.render.wording import compact
from seg6b.runs.receipt import StateReceipt


class LiveProgress:
    """Shows a run while it runs; a context manager, and a listener that any thread may call."""

    def __init__(self, stream: IO[str] | None = None) -> None:
        self._stream = stream or sys.stderr
        self._lock = threading.Lock()
        self._tasks: dict[str, TaskID] = {}
        self._current = ""
        self._bars: Progress | None = None
        if self._stream.isatty():
            console = Console(file=self._stream, highlight=False)
            columns = (TextColumn("{task.description:<6}"), BarColumn(24), _Rows(), _Speed(), TimeElapsedColumn())
            self._bars = Progress(*columns, console=console, refresh_per_second=8)

    def __enter__(self) -> Self:
        if self._bars is not None:
            self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bars is not None:
            self._bars.stop()

    def world(self, done: int, total: int) -> None:
        """`done` of `total` arrivals of the world are made."""
        with self._lock:
            if self._bars is not None:
                self._bars.update(self._task("world", total), completed=done)
            elif done >= total:
                self._say(f"world  {total:,} arrivals made")

    def started(self, state: str, rows: int) -> None:
        """A state begins; it will pass `rows` rows."""
        with self._lock:
            self._current = state
            if self._bars is not None:
                self._task(state, rows)

    def advanced(self, rows: int) -> None:
        """`rows` more rows of the current state are done."""
        with self._lock:
            if self._bars is not None and self._current:
                self._bars.advance(self._task(self._current, 0), rows)

    def finished(self, receipt: StateReceipt) -> None:
        """A state is committed."""
        self._close(receipt, "")

    def skipped(self, receipt: StateReceipt) -> None:
        """A state had already happened with an equal input key."""
        self._close(receipt, "already done")

    def noted(self, line: str) -> None:
        """Something that a person should know, in one line."""
        with self._lock:
            if self._bars is not None:
                self._bars.console.print(Text(line))
            else:
                self._say(line)

    def _close(self, receipt: StateReceipt, remark: str) -> None:
        row = state_row(receipt)
        with self._lock:
            self._current = ""
            if self._bars is None:
                said = remark or (row.wall if not receipt.staged_from else row.origin)
                self._say(f"{row.state:<6} {said}, {row.rows} rows, {row.speed}, {row.parts} parts, {row.size}")
                return
            task = self._task(receipt.state, receipt.rows)
            total = max(receipt.rows, 1)
            self._bars.update(task, total=total, completed=total, description=receipt.state, remark=remark)
            self._bars.stop_task(task)

    def _task(self, name: str, rows: int) -> TaskID:
        """The bar of `name`, made at its first mention; without rows it only pulses."""
        if self._bars is None:
            message = "no bars without a terminal"
            raise RuntimeError(message)
        if name not in self._tasks:
            self._tasks[name] = self._bars.add_task(name, total=rows or None, remark="")
        return self._tasks[name]

    def _say(self, line: str) -> None:
        print(line, file=self._stream, flush=True)


class _Rows(ProgressColumn):
    """Rows done of rows to do."""

    def render(self, task: Task) -> Text:
        remark = task.fields.get("remark", "")
        if remark:
            return Text(str(remark), style="dim")
        total = f" / {int(task.total):,}" if task.total else ""
        return Text(f"{int(task.completed):,}{total} rows")


class _Speed(ProgressColumn):
    """Rows per second, over the whole of the state."""

    def render(self, task: Task) -> Text:
        elapsed = task.finished_time or task.elapsed or 0.0
        if elapsed <= 0.0 or task.completed < 100 or task.fields.get("remark"):
            return Text("")
        return Text(f"{compact(task.completed / elapsed)}/s", style="cyan")

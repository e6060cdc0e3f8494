"""Jobs that another launcher runs side by side, while they run: one table, or one line an event."""

from __future__ import annotations

import sys
from types import TracebackType
from typing import IO, Self

from seg6b.render.live_table import Line, LiveTable


class LiveJobs:
    """Shows jobs by number; a context manager whose listeners any thread may call."""

    def __init__(self, stream: IO[str] | None = None) -> None:
        self._table = LiveTable("Jobs", stream or sys.stderr)
        self._states: dict[int, str] = {}

    def __enter__(self) -> Self:
        self._table.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._table.__exit__(kind, error, trace)

    def started(self, number: int, overrides: str) -> None:
        """A job begins."""
        with self._table.lock:
            line = self._line(number)
            line.what = overrides
            self._table.begun(line, "", lambda: self._states.get(number, "starts"))
            self._table.say(f"job {number}  started  {overrides}")

    def state(self, number: int, said: str) -> None:
        """A state of a job is committed."""
        with self._table.lock:
            self._states[number] = f"after {said.split(maxsplit=1)[0]}"
            self._table.say(f"job {number}  {said}")

    def ended(self, number: int, said: str, code: int) -> None:
        """A job is over; a refusal is told at once and stands in a line of its own."""
        with self._table.lock:
            line = self._line(number)
            self._table.ended(line, "", well=code == 0)
            line.result = said
            refused = said.startswith("E_")
            self._table.say(said if refused else f"job {number}  {said}", loud=code != 0, style="bold red")

    def _line(self, number: int) -> Line:
        return self._table.jobs.setdefault(f"job {number}", Line(f"job {number}"))

"""What a run tells while it runs, to whoever shows it."""

from __future__ import annotations

from typing import Protocol

from seg6b.runs.receipt import StateReceipt


class Progress(Protocol):
    """A listener; every call may come from any thread."""

    def world(self, done: int, total: int) -> None:
        """`done` of `total` arrivals of the world are made."""

    def started(self, state: str, rows: int) -> None:
        """A state begins; it will pass `rows` rows."""

    def advanced(self, rows: int) -> None:
        """`rows` more rows of the current state are done."""

    def finished(self, receipt: StateReceipt) -> None:
        """A state is committed."""

    def skipped(self, receipt: StateReceipt) -> None:
        """A state had already happened with an equal input key."""

    def noted(self, line: str) -> None:
        """Something that a person should know, in one line."""


class Silent:
    """A listener that says nothing."""

    def world(self, done: int, total: int) -> None:
        """Nothing."""

    def started(self, state: str, rows: int) -> None:
        """Nothing."""

    def advanced(self, rows: int) -> None:
        """Nothing."""

    def finished(self, receipt: StateReceipt) -> None:
        """Nothing."""

    def skipped(self, receipt: StateReceipt) -> None:
        """Nothing."""

    def noted(self, line: str) -> None:
        """Nothing."""

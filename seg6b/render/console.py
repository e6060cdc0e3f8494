"""The console that tables are printed on, and the look they share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import IO, Final

from rich.console import Console
from rich.table import Table

PLAIN_WIDTH: Final = 150


def console_on(stream: IO[str]) -> Console:
    """A console on `stream`: no colours and a fixed width where it is not a terminal."""
    return Console(file=stream, highlight=False, width=None if stream.isatty() else PLAIN_WIDTH)


def plain_table(title: str, names: Sequence[str], *, right: int = 0) -> Table:
    """A table without lines whose last `right` columns are numbers; its first column is never wrapped."""
    table = Table(
        title=title, title_justify="left", title_style="bold", header_style="dim", box=None, padding=(0, 2, 0, 0)
    )
    for k, name in enumerate(names):
        table.add_column(name, justify="right" if k >= len(names) - right else "left", no_wrap=k == 0)
    return table

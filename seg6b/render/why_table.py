"""What `seg6b status --why` prints: per state, whether it was linked or executed, and which part of its key changed."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import IO, Final

from rich.table import Table
from rich.text import Text

from seg6b.render.console import console_on, plain_table
from seg6b.render.wording import ABSENT
from seg6b.runs.reasons import Reasons

_SHORT: Final = 8
_STYLE: Final = {"linked": "green", "executed": "bold", "not yet": "dim"}


def show_why(rows: Sequence[Reasons], stream: IO[str] | None = None) -> None:
    """Print the table; to stdout."""
    console_on(stream or sys.stdout).print(why_table(rows))


def why_table(rows: Sequence[Reasons]) -> Table:
    """One line a state, one more for each further change."""
    table = plain_table("Why each state ran", ("State", "Action", "Changed", "Was", "Is"))
    for row in rows:
        for k, (what, was, now) in enumerate(changes(row)):
            first = (row.state, said_action(row)) if k == 0 else ("", "")
            styles = ("bold", _STYLE.get(row.action, ""), "", "dim", "")
            table.add_row(*(Text(c, style=s) for c, s in zip((*first, what, was, now), styles, strict=True)))
    return table


def said_action(row: Reasons) -> str:
    """What was done, and which run it is held against.

    >>> said_action(Reasons("S2", "linked", "0123456789abcdef"))
    'linked from 01234567'
    """
    if not row.source:
        return row.action
    return f"{row.action}{' from' if row.action == 'linked' else ', against'} {row.source[:_SHORT]}"


def changes(row: Reasons) -> list[tuple[str, str, str]]:
    """What differs, as it was and as it is: parts of the key by short digest, knobs by value.

    >>> changes(Reasons("S2", "linked", "0123456789abcdef"))
    [('nothing', '', '')]
    """
    parts = [(c.name, c.was[:_SHORT] or ABSENT, c.now[:_SHORT] or ABSENT) for c in row.changed]
    knobs = [(f"knob {c.name}", c.was or ABSENT, c.now or ABSENT) for c in row.knobs]
    return [*parts, *knobs] or [("nothing" if row.source else ABSENT, "", "")]

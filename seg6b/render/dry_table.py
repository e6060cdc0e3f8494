"""What a dry run prints: every arm, what it would run and link, minutes and bytes."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import IO

from rich.table import Table
from rich.text import Text

from seg6b.render.console import console_on, plain_table
from seg6b.render.wording import ABSENT, minutes, size


@dataclass(frozen=True, slots=True)
class DryArm:
    """One arm of a job that is not run.

    Attributes:
        arm: its name.
        overrides: what makes it.
        runs: how often it would run, warm-up and confirming set included.
        states_run: states that each run executes.
        states_linked: states that each run links.
        minutes: of all its runs; None where nothing comparable was timed yet.
        bytes: that all its runs would write, linked states left out; None where unknown.
        remark: such as why it is inert.
    """

    arm: str
    overrides: tuple[str, ...]
    runs: int
    states_run: tuple[str, ...]
    states_linked: tuple[str, ...]
    minutes: float | None
    bytes: int | None
    remark: str = ""


@dataclass(frozen=True, slots=True)
class DryRun:
    """A job or a sweep that is not run.

    Attributes:
        lane: lane id.
        sweep_id: the sweep it would make or continue; empty for one candidate.
        arms: every arm, the control first.
        runs: of all arms.
        done: of these, already done on disk.
        minutes: of all that is left; None where unknown.
        bytes: that is left to write; None where unknown.
        free_bytes: on the disk of `mlruns/`.
        peak_bytes: on disk at once, as repeats are dropped; None where unknown.
        basis: what the estimate rests on, in words.
        notes: what else a person should know before starting it.
    """

    lane: str
    sweep_id: str
    arms: tuple[DryArm, ...]
    runs: int
    done: int
    minutes: float | None
    bytes: int | None
    free_bytes: int
    peak_bytes: int | None = None
    basis: str = ""
    notes: tuple[str, ...] = ()


def show_dry(dry: DryRun, stream: IO[str] | None = None) -> None:
    """Print the table and the totals; to stdout."""
    console = console_on(stream or sys.stdout)
    console.print(dry_table(dry))
    for line in total_lines(dry):
        console.print(Text(line), soft_wrap=True)


def dry_table(dry: DryRun) -> Table:
    """One line an arm."""
    what = f"sweep {dry.sweep_id[:8]}" if dry.sweep_id else "one run"
    table = plain_table(f"Lane {dry.lane}, {what}: nothing is run", ("Arm", "Overrides", "Executes", "Links"))
    for name in ("Runs", "Minutes", "Writes"):
        table.add_column(name, justify="right", no_wrap=True)
    remarks = any(arm.remark for arm in dry.arms)
    if remarks:
        table.add_column("Remark")
    for arm in dry.arms:
        cells = [arm.arm, "\n".join(arm.overrides) or ABSENT, span(arm.states_run), span(arm.states_linked)]
        cells += [f"{arm.runs:,}", minutes(arm.minutes), ABSENT if arm.bytes is None else size(arm.bytes)]
        table.add_row(*(Text(cell) for cell in [*cells, *([arm.remark] if remarks else [])]))
    return table


def total_lines(dry: DryRun) -> list[str]:
    """Totals, what they rest on, and notes."""
    left = dry.runs - dry.done
    runs = f"{left:,} {'run' if left == 1 else 'runs'} to do" + (
        f", {dry.done:,} of {dry.runs:,} done" if dry.done else ""
    )
    time = (
        f"{minutes(dry.minutes)} min" if dry.minutes is not None else "time unknown until one run of this world is done"
    )
    writes = f"{size(dry.bytes)} to write" if dry.bytes is not None else "bytes unknown"
    peak = f", {size(dry.peak_bytes)} at once" if dry.peak_bytes is not None else ""
    lines = [f"{runs}; {time}; {writes}{peak}; {size(dry.free_bytes)} free."]
    return [*lines, *([f"Estimated from {dry.basis}."] if dry.basis else []), *dry.notes]


def span(states: Sequence[str]) -> str:
    """States in a row as a range.

    >>> span(("S1", "S2", "S3")), span(("S0", "S4")), span(("S4",))
    ('S1-S3', 'S0, S4', 'S4')
    """
    if len(states) < 2 or [int(s[1:]) for s in states] != list(range(int(states[0][1:]), int(states[-1][1:]) + 1)):
        return ", ".join(states) or ABSENT
    return f"{states[0]}-{states[-1]}"

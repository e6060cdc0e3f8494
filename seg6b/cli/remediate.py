"""`seg6b remediate`: the whole road from D+ to a certified B+, one phase after the other."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final

import typer

from seg6b.cli.options import Root
from seg6b.runs import ledger
from seg6b.runs.pins import Role, pins
from seg6b.scoring.certification import Grade

Overrides = Annotated[list[str] | None, typer.Argument(help="Overrides of every lane, such as world=tiny or seed=7.")]


@dataclass(frozen=True, slots=True)
class Step:
    """One phase of the road.

    Attributes:
        lane: its id, as the ledger calls it.
        file: its lane file; empty where the step is a certification.
        given: markers of which one says that the phase is closed.
    """

    lane: str
    file: str
    given: tuple[str, ...]


ROAD: Final = (
    Step("P0", "p0", ("HOLD_REMEDIATE", "UNLOCK_P1")),
    Step("P1", "p1", ("UNLOCK_P2",)),
    Step("P2", "p2", ("UNLOCK_P3",)),
    Step("P3", "p3", ("UNLOCK_P4",)),
    Step("P4", "p4", ("UNLOCK_P5",)),
    Step("P5", "", (Grade.PASS_B, Grade.PASS_BPLUS_ROBUST)),
    Step("P6", "p6", ("UNLOCK_P5_BPLUS",)),
    Step("P5", "", (Grade.PASS_BPLUS_ROBUST,)),
)


def remediate(overrides: Overrides = None, root: Root = Path()) -> None:
    """Walk P0 to P6 and both certifications; a phase that is closed is passed over, one that holds ends the walk.

    Ends with reports/remediation_story.html. Exit code 1 where a phase held.
    """
    base = root.resolve()
    for step in ROAD:
        if closed(base, step):
            _say(f"{step.lane} is closed")
            continue
        command = command_of(base, step, overrides or [])
        _say(f"{step.lane}: {' '.join(command[1:])}")
        code = subprocess.run(command, check=False).returncode  # noqa: S603 - the project's own commands
        if code or not closed(base, step):
            _say(f"{step.lane} holds; its report is in reports/, the same command goes on from here")
            raise typer.Exit(code or 1)
    subprocess.run([sys.executable, "-m", "seg6b", "report", "--story", "--root", str(base)], check=False)  # noqa: S603


def command_of(root: Path, step: Step, overrides: Sequence[str]) -> list[str]:
    """The command line of a phase."""
    if not step.file:
        untold = ["--uri", "off"] if "tracking=off" in overrides else []
        return [sys.executable, "-m", "seg6b", "certify", "--root", str(root), *untold]
    return [sys.executable, "-m", "seg6b.lane", f"+lane={step.file}", f"root={root}", *overrides]


def closed(root: Path, step: Step) -> bool:
    """Whether the ledger says that a phase is closed; a certification counts for the last good policy alone."""
    mine = ledger.closures(root, step.lane)
    if not mine:
        return False
    if step.file or Grade.PASS_B in step.given:
        return any(body["marker"] in step.given for body in mine)
    good = [pin.parameter_hash for pin in pins(root) if pin.role is Role.LAST_GOOD]
    return any(body["marker"] in step.given and body.get("parameter_hash") in good[-1:] for body in mine)


def _say(line: str) -> None:
    typer.echo(line, err=True)

"""`seg6b popt`: the whole ladder of POPT, one lane after the other, then what each strategy is worth."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Final

import typer

from seg6b.cli.options import Root
from seg6b.cli.report import SUMMARY
from seg6b.errors import UsageError
from seg6b.lane.ladder import (
    LADDER,
    ROUNDS,
    SEED,
    WORTH,
    Place,
    decided,
    expected_s,
    last_closure,
    missing_marker,
    place_of,
    seconds_by_state,
)
from seg6b.lane.lanes import as_overrides, lane_of
from seg6b.lane.summary import gather_summary
from seg6b.render.popt import write_summary
from seg6b.render.wording import clock
from seg6b.runs import ledger
from seg6b.runs.disk import disk_faults
from seg6b.settings.job import Lane

WORLD: Final = "500000"

Overrides = Annotated[list[str] | None, typer.Argument(help="Overrides of every lane, such as seed=7 or tracking=off.")]
World = Annotated[str, typer.Option("--world", help="A world of conf/world, or a number of arrivals.")]
Reason = Annotated[str, typer.Option("--override", help="Why lanes may run whose marker nobody gave; recorded.")]


def popt(overrides: Overrides = None, root: Root = Path(), world: World = WORLD, override: Reason = "") -> None:
    """Walk POPT.0 to POPT.4, then time each strategy alone and on top; what is decided is passed over.

    A lane that holds does not stop the walk; it ends where no lane gave the marker that the next one requires. The last
    thing written is reports/popt_summary.html. Exit code 1 where it did not come to its end, or its last lane holds.
    """
    more = tuple(overrides or ())
    walk = Walk(root.resolve(), world, place_of(world, seed_among(more)), more, " ".join(override.split()))
    held = walk.climb()
    walk.weigh()
    path = walk.root / "reports" / SUMMARY
    with disk_faults("E_POPT_DISK", path.parent):
        write_summary(gather_summary(walk.root, walk.place), path)
    typer.echo(str(path))
    if held:
        raise typer.Exit(1)


@dataclass(slots=True)
class Walk:
    """A walk under way.

    Attributes:
        root: project root.
        world: as it was asked for.
        place: where decisions count.
        overrides: of every lane.
        reason: of the override of the phase law; empty without one.
        done_s: of each lane that was run, what it was expected to take and what it took.
    """

    root: Path
    world: str
    place: Place
    overrides: tuple[str, ...] = ()
    reason: str = ""
    done_s: list[tuple[float, float]] = field(default_factory=list)

    def climb(self) -> bool:
        """Take the lanes in order as far as their markers stand; whether the ladder holds."""
        for file in LADDER:
            lane = lane_of(file)
            if missing := self._closed_by(lane):
                _say(f"{lane.id} requires {missing}, which no lane gave: the ladder holds here; --override WHY goes on")
                return True
            self.take(file)
        last = last_closure(self.root, lane.id, self.place) or {}
        return str(last.get("marker") or "").startswith(ledger.HOLD)

    def weigh(self) -> None:
        """Take the lanes that ask what strategies are worth, where there is a baseline to ask on."""
        for file in WORTH:
            if not self._closed_by(lane_of(file)):
                self.take(file)

    def take(self, file: str) -> None:
        """Run a lane that is not decided yet; what it decides is its own affair, but it has to close."""
        lane = lane_of(file)
        if body := decided(self.root, lane.id, self.place):
            _say(f"{lane.id} is decided: {body['decision']} {body['marker']}".rstrip())
            return
        command = command_of(self.root, file, self.world, self.overrides, self.reason)
        _say(f"{lane.id}{self._left(file)}: {' '.join(command[1:])}")
        began, expected, before = time.monotonic(), self._expected([lane]), ledger.closures(self.root, lane.id)
        code = subprocess.run(command, check=False).returncode  # noqa: S603 - the project's own command
        if ledger.closures(self.root, lane.id) == before and decided(self.root, lane.id, self.place) is None:
            _say(f"{lane.id} did not close; the same command goes on from here")
            raise typer.Exit(code or 1)
        self.done_s.append((expected, time.monotonic() - began))

    def _closed_by(self, lane: Lane) -> str:
        """The marker that keeps an undecided lane from running; empty where it may."""
        if self.reason or decided(self.root, lane.id, self.place):
            return ""
        return missing_marker(self.root, lane)

    def _left(self, file: str) -> str:
        """How long the rest takes, in words; nothing before a baseline has told what a run takes."""
        whole = (*LADDER, *WORTH)
        ahead = [lane_of(name) for name in whole[whole.index(file) :]]
        planned = self._expected([lane for lane in ahead if decided(self.root, lane.id, self.place) is None])
        expected, took = (sum(column) for column in zip(*self.done_s, strict=True)) if self.done_s else (0.0, 0.0)
        return f", about {clock(planned * took / expected if expected else planned)} left" if planned else ""

    def _expected(self, lanes: Sequence[Lane]) -> float:
        took_s = seconds_by_state(self.root, self.place)
        return expected_s(lanes, took_s) if took_s else 0.0


def command_of(root: Path, file: str, world: str, overrides: Sequence[str] = (), reason: str = "") -> list[str]:
    """The command line of a lane; what the walk was given stands last, and last wins."""
    choice = f"world.arrivals={world}" if world.isdecimal() else f"world={world}"
    rounds = [] if file in WORTH else [f"lane.repeats={ROUNDS}", f"lane.max_repeats={ROUNDS}"]
    lent = as_overrides({"lane.override": reason}) if reason else ()
    return [sys.executable, "-m", "seg6b.lane", f"+lane={file}", f"root={root}", choice, *rounds, *lent, *overrides]


def seed_among(overrides: Sequence[str]) -> int:
    """The run seed that overrides name, else the default.

    Raises:
        UsageError: they choose a world, which is an option of its own, or more than one seed.
    """
    given = dict(override.split("=", 1) for override in overrides if "=" in override)
    for key in ("world", "world.arrivals"):
        if key in given:
            raise UsageError("E_POPT_WORLD", "the world is an option", key, given[key], f"--world {given[key]}", "")
    seed = given.get("seed", str(SEED))
    if not seed.isdecimal():
        raise UsageError("E_POPT_SEED", "one seed is walked", "seed", repr(seed), "a number", "")
    return int(seed)


def _say(line: str) -> None:
    typer.echo(line, err=True)

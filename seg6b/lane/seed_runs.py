"""Runs of one policy on several seeds: each a new process and a full chain that links nothing, named beforehand."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from seg6b.errors import EvidenceMissing
from seg6b.gates.board_file import read_board, verdict_of
from seg6b.gates.result import GateBoard
from seg6b.gates.thresholds import Thresholds
from seg6b.lane.base import variants_of
from seg6b.lane.lanes import as_overrides
from seg6b.lane.spawn import run_process
from seg6b.runs.folder import RunFolder
from seg6b.runs.pins import Role, pin, pins, unpin
from seg6b.runs.receipt import RunReceipt
from seg6b.scoring.budgets import budget_facts, overdrawn
from seg6b.scoring.facts import run_facts
from seg6b.shards.executor import Threads

COMMAND: Final = (sys.executable, "-m", "seg6b.lane")

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class SeedRuns:
    """Where and how the runs are made; a killed series goes on with the runs that are there.

    Attributes:
        root: project root.
        lane: lane id that the runs have.
        identity: 32 lower hex that the run ids follow from.
        folder: logs go below it.
        place: overrides of all runs, as `place_of` gives them.
        budgets: runtime budgets, as plain data.
        say: takes a line of progress.
        command: begins the command line of every run.
    """

    root: Path
    lane: str
    identity: str
    folder: Path
    place: tuple[str, ...]
    budgets: Mapping[str, Any]
    say: Say
    command: tuple[str, ...] = COMMAND

    def best(self, number: int, seed: int) -> RunFolder:
        """The run of the `number`-th seed; where a state overdraws its budget, the better of a first and a second.

        Raises:
            EvidenceMissing: a run did not end.
        """
        first = self.run(number, seed, 1)
        over = self._over_budget(first)
        if not over:
            return first
        self.say(f"seed {seed}: {', '.join(over)} over budget; once more, the better run counts")
        second = self.run(number, seed, 2)
        return second if len(self._over_budget(second)) < len(over) else first

    def run(self, number: int, seed: int, time: int) -> RunFolder:
        """The `time`-th run of a seed: as it stands if it has ended before, else to its end in a new process.

        Raises:
            EvidenceMissing: the run did not end.
        """
        name = f"{seed}" if time == 1 else f"{seed}-{time}"
        run = RunFolder.of(self.root, hashlib.sha256(f"{self.identity}:{name}".encode()).hexdigest()[:32])
        if run.exists() and run.receipt().status == "DONE":
            self.say(f"seed {seed}: run {run.run_id[:8]} is there")
            return run
        slot = {"arm.name": f"c{number:02d}", "arm.set_index": 1, "arm.round_index": time}
        self.say(f"seed {seed}: run {run.run_id[:8]}, S0 to S5")
        own = chain(self.root, run, self.identity, {"lane.id": self.lane, "seed": seed, **slot})
        log = self.folder / "logs" / f"seed-{name}"
        way_on = "the same command goes on with the seeds that are there."
        run_chain(run, [*self.command, *self.place, *own], log, f"seed {seed}", way_on)
        return run

    def _over_budget(self, run: RunFolder) -> list[str]:
        """States of a run that overdraw their budget."""
        found = budget_facts([run_facts(run)], self.budgets, int(run.receipt().world["arrivals"]))
        return [b.name for b in overdrawn(found) if b.name in self.budgets["states"]]


def place_of(receipt: RunReceipt, thresholds: Thresholds, settings: Sequence[str]) -> tuple[str, ...]:
    """Overrides that give another run the world, policy, knobs and gate file of a run; its seed is not among them."""
    knobs = {k: v for k, v in receipt.knobs.items() if not k.startswith("policy/")}
    world = {"world": receipt.world["name"], "world.arrivals": receipt.world["arrivals"]}
    own = {"posture": receipt.posture, "scenario_id": receipt.scenario_id, "gates": thresholds.version}
    seed = {"world.seed": receipt.world["seed"]}
    return (*as_overrides({**own, **world, **seed, **knobs}), *variants_of(receipt), *settings)


def chain(root: Path, run: RunFolder, identity: str, own: Mapping[str, Any]) -> tuple[str, ...]:
    """Overrides of a run that links nothing, tells nobody and prunes nothing; `own` are those of this one alone."""
    kept = {"tracking": "off", "prune.auto": False, "source_run": "none"}
    return as_overrides({"root": str(root), "run_id": run.run_id, "arm.sweep": identity, **own, **kept})


def run_chain(run: RunFolder, line: Sequence[str], log: Path, name: str, way_on: str) -> GateBoard:
    """Run a command line to its end, and read the board of the run that it makes.

    Args:
        run: the run.
        line: the command line.
        log: where its output goes, without an ending.
        name: what the run is called.
        way_on: what to do when it did not end.

    Raises:
        EvidenceMissing: the run did not end.
    """
    out, err = log.with_name(f"{log.name}.out"), log.with_name(f"{log.name}.err")
    ended = run_process(line, out, err, lambda _: None, {})
    board = read_board(run) if run.exists() else None
    if ended.exit_code != 0 or board is None:
        raise EvidenceMissing(
            "E_SEED_RUN", f"the run of {name} did not end", str(err),
            ended.error or f"exit code {ended.exit_code}", "a finished run", f"Put that right; {way_on}",
        )  # fmt: skip
    return board


def pin_set(root: Path, role: Role, runs: Sequence[RunFolder], reason: str, superseded: str) -> None:
    """Pin a set of runs, each once, and take the pins of the same role off all others.

    Args:
        root: project root.
        role: a role that several runs may have.
        runs: the set.
        reason: kept in the ledger.
        superseded: likewise, for those that lose their pin.

    Raises:
        Damaged: a run is not as its receipts say, so it cannot be pinned.
    """
    mine, executor = {run.run_id for run in runs}, Threads.of()
    for run in runs:
        pin(root, run, role, verdict_of(run), executor, reason=reason)
    for old in pins(root):
        if old.role is role and old.run_id not in mine:
            unpin(root, old.run_id, role, superseded)

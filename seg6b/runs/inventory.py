"""What lies below `mlruns`: runs with their receipts, sweeps with their ends, and what belongs to neither."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from seg6b.errors import Damaged, UsageError
from seg6b.runs.folder import RunFolder, checked_run_id, runs_root
from seg6b.runs.pruned import Pruned, read_mark
from seg6b.runs.receipt import RunReceipt
from seg6b.runs.sweep_folder import SweepFolder, sweeps_root

DONE = "DONE"


@dataclass(frozen=True, slots=True)
class Listed:
    """One run.

    Attributes:
        run: its folder.
        receipt: its receipt.
        mark: what became of its data; None where it is in place.
        seen: its last sign of life.
    """

    run: RunFolder
    receipt: RunReceipt
    mark: Pruned | None
    seen: datetime


@dataclass(frozen=True, slots=True)
class SweepEnd:
    """How far a sweep came.

    Attributes:
        sweep_id: its id.
        lane: its lane.
        closed: whether a closure stands, which one that cannot be read does not, or the sweep was given up.
        decision: of the lane; empty while it is open.
        best: run that stands for the best arm; empty without a winner.
        decisions: decision by arm.
        utc: of the closure.
    """

    sweep_id: str
    lane: str = ""
    closed: bool = False
    decision: str = ""
    best: str = ""
    decisions: Mapping[str, str] | None = None
    utc: str = ""


@dataclass(frozen=True, slots=True)
class Inventory:
    """Everything that prune has to judge, read once.

    Attributes:
        root: project root.
        runs: by run id; those whose receipt or mark cannot be read are in `unreadable`.
        sweeps: by sweep id.
        unreadable: folders among the runs that are none, with the fault.
    """

    root: Path
    runs: Mapping[str, Listed]
    sweeps: Mapping[str, SweepEnd]
    unreadable: Mapping[Path, str]

    def here(self) -> dict[str, Listed]:
        """The runs whose data is in place."""
        return {run_id: listed for run_id, listed in self.runs.items() if listed.mark is None}

    def slots_of(self, sweep_id: str) -> list[Listed]:
        """The runs of one sweep, by run id."""
        return [listed for listed in self.runs.values() if listed.receipt.sweep_id == sweep_id]


def take_inventory(root: Path) -> Inventory:
    """Read every run and every sweep below `root`."""
    runs: dict[str, Listed] = {}
    unreadable: dict[Path, str] = {}
    folder = runs_root(root)
    for path in sorted(folder.iterdir()) if folder.is_dir() else []:
        try:
            runs[path.name] = _listed(RunFolder(path))
        except (Damaged, UsageError) as error:
            unreadable[path] = error.what
    sweeps = sweeps_root(root)
    ends = [_sweep_end(p) for p in sorted(sweeps.iterdir()) if p.is_dir()] if sweeps.is_dir() else []
    return Inventory(root, runs, {end.sweep_id: end for end in ends}, unreadable)


def instant(utc: str) -> datetime:
    """An RFC 3339 time; the beginning of time where there is none."""
    return datetime.fromisoformat(utc) if utc else datetime.fromtimestamp(0, UTC)


def _listed(run: RunFolder) -> Listed:
    checked_run_id(run.run_id)
    receipt = run.receipt()
    told = [instant(receipt.started_utc), instant(receipt.ended_utc)]
    states = [datetime.fromtimestamp(p.stat().st_mtime, UTC) for p in (run.path / "states").glob("*.json")]
    return Listed(run, receipt, read_mark(run), max(told + states))


def _sweep_end(folder: Path) -> SweepEnd:
    """A sweep from its closure alone; whatever is wrong with that leaves it open, and its runs in place."""
    try:
        plain = json.loads(SweepFolder(folder).closure_path.read_text(encoding="utf-8"))
        arms = {str(arm["arm"]): arm for arm in plain["arms"]}
        return SweepEnd(
            sweep_id=folder.name,
            lane=str(plain["lane"]),
            closed=True,
            decision=str(plain["decision"]),
            best=str(arms[plain["best"]]["run_id"]) if plain["best"] else "",
            decisions={name: str(arm["decision"]) for name, arm in arms.items()},
            utc=str(plain["generated_utc"]),
        )
    except (OSError, ValueError, KeyError, TypeError):
        return SweepEnd(folder.name, closed=SweepFolder(folder).given_up_path.exists())

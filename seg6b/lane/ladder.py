"""The ladder of POPT: its lanes in order, what is decided in a place, and how long the rest of the way takes.

After the ladder stand the lanes that ask what each strategy is worth; they unlock nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

from seg6b.errors import UsageError
from seg6b.lane.estimate import START_S
from seg6b.lane.lanes import lane_of
from seg6b.lane.plan import CODE
from seg6b.runs import ledger
from seg6b.runs.folder import RunFolder
from seg6b.runs.keys import code_digest
from seg6b.runs.sweep import OPTIMISATION
from seg6b.runs.sweep_folder import SweepFolder
from seg6b.settings.job import Lane
from seg6b.settings.rules import OWNERS

LADDER: Final = (
    "popt0",
    "popt1",
    "popt2",
    "popt2r",
    "popt2s",
    "popt2t",
    "popt2r2",
    "popt2u",
    "popt2v",
    "popt3",
    "popt4",
)
WORTH: Final = ("worth_s1_alone", "worth_s1_on_top", "worth_s2", "worth_s3", "worth_s4_alone", "worth_s4_on_top")
WORLDS: Final = Path(__file__).resolve().parents[2] / "conf" / "world"
ADOPTED: Final = "parquet"
ROUNDS: Final = 4
SEED: Final = 42

_RUNS: Final = {"baseline": 1, "witness": 3}


@dataclass(frozen=True, slots=True)
class Place:
    """Where a ladder is walked; a decision counts in its own place alone.

    Attributes:
        arrivals: size of the world; None where it is adopted, and its source says.
        seed: run seed.
    """

    arrivals: int | None
    seed: int = SEED

    def holds(self, made: Place | None) -> bool:
        """Whether something was made here."""
        return made is not None and self.seed == made.seed and self.arrivals in {None, made.arrivals}


def place_of(world: str, seed: int = SEED) -> Place:
    """The place of a world by its name in `conf/world`, or by its number of arrivals.

    Raises:
        UsageError: there is no such world.
    """
    if world.isdecimal():
        return Place(int(world), seed)
    names = sorted(path.stem for path in WORLDS.glob("*.yaml"))
    if world not in names:
        raise UsageError(
            "E_POPT_WORLD", "no such world", "--world", repr(world), f"{', '.join(names)}, or a number of arrivals", ""
        )
    plain = yaml.safe_load((WORLDS / f"{world}.yaml").read_text(encoding="utf-8"))
    return Place(None if world == ADOPTED else int(plain["arrivals"]), seed)


def last_closure(root: Path, lane: str, place: Place) -> Mapping[str, Any] | None:
    """What the last closure of a lane in a place said; None where it was never closed there."""
    return next((body for body in reversed(ledger.closures(root, lane)) if place.holds(_closed_in(root, body))), None)


def decided(root: Path, lane: str, place: Place) -> Mapping[str, Any] | None:
    """The closure that decides a lane in a place; None where it is to be run.

    What it unlocked stands. What it held stands while the code is the one that was timed: other code is another answer.
    """
    body = last_closure(root, lane, place)
    if body is None or not str(body.get("marker") or "").startswith(ledger.HOLD):
        return body
    return body if _code(root, body) == code_digest(CODE) else None


def missing_marker(root: Path, lane: Lane) -> str:
    """The first marker that a lane requires and that does not stand; empty where all do."""
    standing = ledger.markers(root) if lane.requires else {}
    return next((marker for marker in lane.requires if marker not in standing), "")


def seconds_by_state(root: Path, place: Place) -> dict[str, float]:
    """Seconds of S1..S5 of the runtime baseline of a place; empty before there is one."""
    body = last_closure(root, lane_of(LADDER[0]).id, place)
    run = RunFolder.of(root, str(body["run_id"])) if body else None
    found = {state: run.state(state) for state in OWNERS} if run is not None else {}
    return {state: receipt.elapsed_s["total"] for state, receipt in found.items() if receipt is not None}


def expected_s(lanes: Sequence[Lane], took_s: Mapping[str, float]) -> float:
    """Seconds that lanes take in a walk: all planned rounds, and where one is made, the confirming set of one arm.

    Args:
        lanes: what is to be run.
        took_s: seconds of each state in one run.
    """
    return sum(_runs(lane) * (START_S + sum(took_s[state] for state in _executed(lane, took_s))) for lane in lanes)


def _executed(lane: Lane, known: Iterable[str]) -> list[str]:
    """The states that each run of a lane executes: its owner's and those after it, without an owner all."""
    return [state for state in known if lane.owner not in OWNERS or state >= lane.owner]


def _runs(lane: Lane) -> int:
    if lane.kind != OPTIMISATION:
        return _RUNS.get(lane.kind, 1)
    confirming = 2 if lane.confirm else 0
    return 1 + (lane.repeats or ROUNDS) * (1 + len(lane.candidates) + confirming)


def _closed_in(root: Path, body: Mapping[str, Any]) -> Place | None:
    """The place of a closure, by its sweep or else its run; None where neither is there any more."""
    if body.get("sweep_id"):
        folder = SweepFolder.of(root, str(body["sweep_id"]))
        return Place(folder.sweep().arrivals, folder.sweep().seed) if folder.exists() else None
    run = RunFolder.of(root, str(body["run_id"])) if body.get("run_id") else None
    if run is None or not run.exists():
        return None
    receipt = run.receipt()
    return Place(int(receipt.world["arrivals"]), receipt.seed)


def _code(root: Path, body: Mapping[str, Any]) -> str:
    """Digest of the code that a sweep timed; empty where no sweep was made."""
    return SweepFolder.of(root, str(body["sweep_id"])).sweep().code if body.get("sweep_id") else ""

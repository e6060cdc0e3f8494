"""Robustness: the certified policy on run seeds and worlds that nobody has seen; each run goes once it is read."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from seg6b.gates.result import GateBoard, Status
from seg6b.gates.thresholds import Thresholds
from seg6b.lane.certify import folder_of
from seg6b.lane.seed_runs import COMMAND, chain, place_of, run_chain
from seg6b.runs.disk import disk_faults, remove_tree, write_json
from seg6b.runs.folder import RunFolder
from seg6b.runs.receipt import RunReceipt
from seg6b.runs.sweep_folder import bench_lock

ASKED: Final = 0.95
SMALLER: Final = 0.5
LARGER: Final = 10.0


@dataclass(frozen=True, slots=True)
class Field:
    """Where the policy is tried.

    Attributes:
        draw: what run seeds and world seeds follow from; drawn anew where nobody gives it, and written down.
        run_seeds: how many run seeds.
        world_seeds: how many worlds; each run seed meets each of them.
        sizes: factors of the certified world's arrivals that are tried beside.
    """

    draw: int
    run_seeds: int
    world_seeds: int
    sizes: tuple[float, ...] = (SMALLER, LARGER)


@dataclass(frozen=True, slots=True)
class Trial:
    """One run to be made: run seed, world seed, arrivals, and what it is called."""

    name: str
    seed: int
    world_seed: int
    arrivals: int


def trials(field: Field, receipt: RunReceipt) -> Iterator[Trial]:
    """Every run of the field: seeds crossed with worlds, then other sizes with the seed and world of the run."""
    base = int(receipt.world["arrivals"])
    seeds = [_drawn(field.draw, "run", k) for k in range(field.run_seeds)]
    worlds = [_drawn(field.draw, "world", k) for k in range(field.world_seeds)]
    for world in worlds:
        for seed in seeds:
            yield Trial(f"seed {seed}, world {world}", seed, world, base)
    for factor in field.sizes:
        arrivals = round(base * factor)
        yield Trial(f"{arrivals:,} arrivals", receipt.seed, int(receipt.world["seed"]), arrivals)


@dataclass(frozen=True, slots=True)
class Trying:
    """What is tried.

    Attributes:
        root: project root.
        identity: id of the certification.
        receipt: of the run whose policy is tried.
        thresholds: the gate file.
        settings: further overrides of every run.
    """

    root: Path
    identity: str
    receipt: RunReceipt
    thresholds: Thresholds
    settings: tuple[str, ...] = ()


def try_field(
    tried: Trying, field: Field, say: Callable[[str], None], command: Sequence[str] = COMMAND
) -> dict[str, Any]:
    """Run the field, and sum it up; a killed try goes on with the trials that are read.

    Args:
        tried: the policy, and where its certification lies.
        field: where it is tried.
        say: takes a line of progress.
        command: begins the command line of every run.

    Returns:
        `draw`, `runs`, `reached` (runs at B+), `share`, `gates` (share at B+, worst margin and where), `sizes`.

    Raises:
        EvidenceMissing: a run did not end.
        ResourceRefused: another bench measures here.
    """
    folder = folder_of(tried.root, tried.identity) / f"field-{field.draw}"
    place = place_of(tried.receipt, tried.thresholds, tried.settings)
    found: dict[str, dict[str, Any]] = {}
    with disk_faults("E_CERTIFY_DISK", folder), bench_lock(tried.root, tried.identity):
        planned = list(trials(field, tried.receipt))
        for number, trial in enumerate(planned, 1):
            path = folder / f"{hashlib.sha256(trial.name.encode()).hexdigest()[:16]}.json"
            if not path.exists():
                say(f"{number} of {len(planned)}: {trial.name}")
                board = _board(folder, trial, place, command)
                write_json(path, {"trial": trial.name, **_kept(board)})
            found[trial.name] = json.loads(path.read_text(encoding="utf-8"))
        remove_tree(folder / "root")
    return summed(field, int(tried.receipt.world["arrivals"]), planned, found)


def summed(field: Field, arrivals: int, planned: Sequence[Trial], found: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """What all trials say together; other sizes are told apart, and not counted."""
    counted = {t.name: found[t.name] for t in planned if t.arrivals == arrivals}
    reached = [name for name, said in counted.items() if said["bplus"]]
    gates: dict[str, dict[str, Any]] = {}
    for gate in dict.fromkeys(g for said in counted.values() for g in said["gates"]):
        entries = {name: said["gates"][gate] for name, said in counted.items() if gate in said["gates"]}
        margins = {name: entry["margin"] for name, entry in entries.items() if entry["margin"] is not None}
        where = min(margins, key=lambda name: margins[name], default="")
        passing = sum(entry["bplus"] == Status.PASS for entry in entries.values())
        gates[gate] = {"share": passing / len(counted), "margin": margins.get(where), "where": where}
    return {
        "draw": field.draw,
        "runs": len(counted),
        "reached": len(reached),
        "share": len(reached) / len(counted) if counted else 0.0,
        "missed": sorted(set(counted) - set(reached)),
        "gates": gates,
        "sizes": {t.name: found[t.name]["verdict"] for t in planned if t.arrivals != arrivals},
    }


def against(robust: dict[str, Any]) -> list[str]:
    """What the field has against robustness, in words."""
    if robust["share"] >= ASKED:
        return []
    worst = min(robust["gates"], key=lambda g: robust["gates"][g]["share"], default="none")
    reached = f"{robust['reached']} of {robust['runs']} further seeds and worlds reach B+"
    return [f"{reached}, {ASKED:.0%} are asked for; {worst} falls most often"]


def _board(folder: Path, trial: Trial, place: Sequence[str], command: Sequence[str]) -> GateBoard:
    """The board of one trial; its run is gone afterwards, its world stays for the next seed."""
    root = folder / "root"
    run = RunFolder.of(root, hashlib.sha256(trial.name.encode()).hexdigest()[:32])
    own = {"seed": trial.seed, "world.seed": trial.world_seed, "world.arrivals": trial.arrivals, "arm.name": "c01"}
    line = [*command, *place, *chain(root, run, run.run_id, own)]
    way_on = "the same command with the same --draw goes on."
    board = run_chain(run, line, folder / "logs" / run.run_id, trial.name, way_on)
    remove_tree(run.path)
    return board


def _kept(board: GateBoard) -> dict[str, Any]:
    gates = {
        g.gate_id: {"value": g.value, "bplus": str(g.bplus), "margin": g.bplus_margin} for g in board.gates.values()
    }
    passing = all(g.bplus is Status.PASS for g in board.gates.values())
    return {"verdict": str(board.verdict), "bplus": passing, "gates": gates}


def _drawn(draw: int, what: str, number: int) -> int:
    """A seed of 31 bits."""
    word = hashlib.blake2b(f"{draw}:{what}:{number}".encode(), digest_size=4).digest()
    return int.from_bytes(word, "big") >> 1

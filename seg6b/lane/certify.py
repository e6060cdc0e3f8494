"""Certification: the policy of one run on all required seeds, each a new process and a full chain, then one grade."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from seg6b.errors import EvidenceMissing, UsageError
from seg6b.gates.board_file import read_board
from seg6b.gates.result import GateBoard
from seg6b.gates.thresholds import Thresholds
from seg6b.lane.boards import board_again, gate_file_of
from seg6b.lane.seed_runs import COMMAND, Say, SeedRuns, pin_set, place_of
from seg6b.policy.packs import load_policies
from seg6b.runs import ledger
from seg6b.runs.disk import disk_faults, to_json, write_json
from seg6b.runs.folder import RunFolder
from seg6b.runs.keys import code_digest
from seg6b.runs.pins import Role
from seg6b.runs.receipt import RunReceipt
from seg6b.runs.sweep_folder import bench_lock
from seg6b.runs.verify import state_receipts, verify_files
from seg6b.scoring.certification import Certification, SeedRun, certification_of
from seg6b.scoring.facts import run_facts
from seg6b.shards.executor import Threads

LANE: Final = "P5"
CODE: Final = "seg6b.states.pipeline"


@dataclass(frozen=True, slots=True)
class Request:
    """What is to be certified.

    Attributes:
        root: project root.
        source: the run whose policy, world and knobs are taken.
        given: runs that stand for a seed as they are; the others are run.
        run_missing: whether seeds without a run are run; false leaves them missing.
        settings: further overrides of every run, such as `world.source=…` of an adopted world.
        attempt: 1, or more to measure anew what was certified before.
        budgets: runtime budgets, as plain data.
    """

    root: Path
    source: RunFolder
    given: Mapping[int, RunFolder]
    run_missing: bool
    settings: tuple[str, ...]
    attempt: int
    budgets: Mapping[str, Any]


def certify(request: Request, say: Say, command: Sequence[str] = COMMAND) -> Certification:
    """Run what is missing, check every run, and grade; a killed certification goes on with its runs.

    A seed of which a state overdraws its budget is run once more, and the run with fewer such states counts: a busy
    machine only adds to a time.

    Args:
        request: what is to be certified.
        say: takes a line of progress.
        command: begins the command line of every run.

    Raises:
        EvidenceMissing: a run did not end, or the source run has no gates.
        ResourceRefused: another bench measures here.
    """
    receipt, thresholds = request.source.receipt(), thresholds_of(request.source)
    identity = certification_id(receipt, thresholds, request)
    place = place_of(receipt, thresholds, request.settings)
    series = SeedRuns(
        request.root, LANE, identity, folder_of(request.root, identity), place, request.budgets, say, tuple(command)
    )
    held: dict[int, RunFolder] = dict(request.given)
    with disk_faults("E_CERTIFY_DISK", request.root / "mlruns"), bench_lock(request.root, identity):
        for number, seed in enumerate(thresholds.cross_seed.seeds, 1):
            if seed not in held and request.run_missing:
                held[seed] = series.best(number, seed)
    runs = {seed: _judged(held[seed], seed, receipt) for seed in thresholds.cross_seed.seeds if seed in held}
    return certification_of(identity, receipt, thresholds, runs, request.budgets)


def certification_id(receipt: RunReceipt, thresholds: Thresholds, request: Request) -> str:
    """32 lower hex over policy, world, scenario, code, gate file, seeds, further settings and attempt."""
    parts = {
        "parameter_hash": receipt.parameter_hash,
        "manifest_fingerprint": receipt.manifest_fingerprint,
        "scenario_id": receipt.scenario_id,
        "code": code_digest(CODE),
        "gates": thresholds.digest,
        "seeds": thresholds.cross_seed.seeds,
        "settings": list(request.settings),
        "attempt": request.attempt,
    }
    return hashlib.sha256(to_json(parts).encode()).hexdigest()[:32]


def folder_of(root: Path, identity: str) -> Path:
    """`mlruns/certifications/<id>`: logs of the runs, and what was decided."""
    return root / "mlruns" / "certifications" / identity


def seal(root: Path, certified: Certification) -> None:
    """Pin the set, take the pins off the set before it, and write the grade into the ledger; each once.

    Raises:
        Damaged: a run is not as its receipts say, so it cannot be pinned.
    """
    if not certified.blockers:
        runs = [RunFolder.of(root, run_id) for run_id in certified.runs.values()]
        superseded = f"superseded by {certified.certification_id[:8]}"
        pin_set(root, Role.CERTIFICATION, runs, f"{LANE} {certified.grade}", superseded)
    body = {
        "lane": LANE,
        "certification_id": certified.certification_id,
        "decision": str(certified.grade),
        "marker": str(certified.grade),
        "parameter_hash": certified.parameter_hash,
        "manifest_fingerprint": certified.manifest_fingerprint,
        "runs": certified.runs,
        "reasons": list(certified.reasons),
    }
    if all(entry.body != body for entry in ledger.entries(root)):
        ledger.append(root, ledger.CLOSURE, body)
    write_json(folder_of(root, certified.certification_id) / "certification.json", certified)


def _judged(run: RunFolder, seed: int, certified: RunReceipt) -> SeedRun:
    """One run with its board, and everything that forbids to use it."""
    board = read_board(run)
    if board is None:
        raise EvidenceMissing("E_CERTIFY_GATES", "the run has no gates", str(run.path), "", "a finished run", "")
    facts = replace(run_facts(run), arm=f"seed {seed}")
    return SeedRun(seed, facts, board, run.receipt().ended_utc, tuple(run_faults(run, board, certified)))


def run_faults(run: RunFolder, board: GateBoard, certified: RunReceipt) -> list[str]:
    """Everything that forbids to use a run as one of what `certified` is a run of.

    Args:
        run: the run.
        board: its gates.
        certified: receipt of a run of the same policy, world and scenario.
    """
    receipt = run.receipt()
    found = [f"damaged: {finding}" for finding in verify_files(run, Threads.of())[:3]]
    if load_policies(receipt.policy, str(run.receipt_path)).parameter_hash != receipt.parameter_hash:
        found.append(f"its policy is not the one that parameter_hash {receipt.parameter_hash[:12]} names")
    for name in ("parameter_hash", "manifest_fingerprint", "scenario_id"):
        mine, asked = getattr(receipt, name), getattr(certified, name)
        found += [f"its {name} is {mine[:12]}, certified is {asked[:12]}"] if mine != asked else []
    found += [f"S5 is stale: {name} changed after it" for name in _stale(run)]
    if not found:
        found += [f"gates.json is not what its evidence says: {gate}" for gate in _differing(board, board_again(run))]
    return found


def _stale(run: RunFolder) -> list[str]:
    """Datasets whose digest is not the one that S5 read."""
    receipts = state_receipts(run)
    read = receipts["S5"].input_parts if "S5" in receipts else {}
    datasets = {f"input.{n}": d.digest for s, r in receipts.items() if s != "S5" for n, d in r.datasets.items()}
    return [name.removeprefix("input.") for name, digest in datasets.items() if read.get(name) != digest]


def _differing(stored: GateBoard, now: GateBoard) -> list[str]:
    told = {gate: (result.value, result.b, result.bplus) for gate, result in stored.gates.items()}
    return [gate for gate, result in now.gates.items() if told.get(gate) != (result.value, result.b, result.bplus)]


def thresholds_of(run: RunFolder) -> Thresholds:
    """The gate file that a finished run was judged by.

    Raises:
        UsageError: the run has no gates.
    """
    board = read_board(run)
    if board is None:
        raise UsageError(
            "E_CERTIFY_SOURCE", "the run has no gates, so there is nothing to certify", str(run.path), run.run_id,
            "a finished run", "See `python -m seg6b status`.",
        )  # fmt: skip
    return gate_file_of(board)

"""The witness lane at work: two seeds at the authority's settings, one of them twice, then one decision."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any, Final

from seg6b.errors import EvidenceMissing, InputRefused
from seg6b.gates.board_file import read_board
from seg6b.gates.thresholds import Thresholds
from seg6b.lane.candidate import provide_world
from seg6b.lane.certify import CODE, run_faults, thresholds_of
from seg6b.lane.replay import compare_runs
from seg6b.lane.room import make_room
from seg6b.lane.seed_runs import COMMAND, SeedRuns, pin_set, place_of
from seg6b.render.progress import LiveProgress
from seg6b.render.witness_files import write_witness
from seg6b.runs import ledger
from seg6b.runs.disk import disk_faults, to_json, write_json
from seg6b.runs.folder import RunFolder
from seg6b.runs.keys import code_digest
from seg6b.runs.pins import Pin, Role, authority, verified
from seg6b.runs.receipt import RunReceipt
from seg6b.runs.sweep_folder import bench_lock
from seg6b.scoring.certification import SeedRun
from seg6b.scoring.closure import Decision
from seg6b.scoring.facts import run_facts
from seg6b.scoring.witness import MOST_SLOWER, Evidence, WitnessClosure, judge_witness, slower_than
from seg6b.settings.job import Job
from seg6b.shards.executor import Threads
from seg6b.world.sealed import SealedWorld

FIRST_STATE: Final = "S1"
REPLAY: Final = 3  # further runs of a seed, after the first and the one that a budget asked for
FURTHER: Final = 4


def run_witness(
    job: Job, overrides: Sequence[str], command: Sequence[str] = COMMAND
) -> tuple[WitnessClosure, list[Path]]:
    """Run every seed and the replay, judge, and write down what was decided; a killed lane goes on with its runs.

    The runs have the authority's policy, world, knobs and gate file; each is a new process that links nothing. The
    same command measures anew once the lane was closed.

    Args:
        job: of kind `witness`.
        overrides: overrides of the phase law that the lane runs under.
        command: begins the command line of every run.

    Returns:
        The closure, and the report files.

    Raises:
        InputRefused: no authority is pinned here, or the lane leaves out its seed.
        EvidenceMissing: a run did not end; the same command goes on.
        Damaged: the authority is not as it was pinned.
        ResourceRefused: another bench measures here, or the disk cannot be used.
    """
    root, executor = job.root, Threads.of(job.threads)
    world = _world(job)
    pinned = _authority(job, world)
    held = verified(root, pinned, executor)
    receipt, thresholds = held.receipt(), thresholds_of(held)
    identity = next(_open_ids(job, receipt, thresholds))
    folder = folder_of(root, identity)
    settings = (f"world.source={job.world.source}",) if job.world.source else ()
    place = place_of(receipt, thresholds, settings)
    series = SeedRuns(root, job.lane.id, identity, folder, place, job.budgets, _say, tuple(command))
    seeds = sorted(job.lane.closure.seeds, key=lambda seed: seed != receipt.seed)
    with disk_faults("E_WITNESS_DISK", root / "mlruns"), bench_lock(root, identity):
        make_room(job, world, _say)
        runs = [series.best(number, seed) for number, seed in enumerate(seeds, 1)]
        replay = series.run(1, receipt.seed, REPLAY)
        base = run_facts(held, Role.AUTHORITY)
        again = [replace(run_facts(replay), arm="replay")]
        slower = slower_than(base, (run_facts(runs[0]), *again))
        if slower is not None and slower > MOST_SLOWER:
            _say(f"seed {receipt.seed}: {slower:.0%} slower than the authority; once more, the fastest run counts")
            again.append(replace(run_facts(series.run(1, receipt.seed, FURTHER)), arm="further"))
        found = Evidence(
            authority=base,
            runs=tuple(_seed_run(run, seed, receipt) for run, seed in zip(runs, seeds, strict=True)),
            again=tuple(again),
            replay=compare_runs(runs[0], replay, FIRST_STATE, executor),
            budgets=job.budgets,
            arrivals=world.arrivals,
            certified=len(thresholds.cross_seed.seeds),
        )
        closure = judge_witness(job.lane, identity, found, overrides)
        return closure, _close(job, closure, runs)


def folder_of(root: Path, identity: str) -> Path:
    """`mlruns/witnesses/<id>`: logs of the runs, and what was decided."""
    return root / "mlruns" / "witnesses" / identity


def told(closure: WitnessClosure, paths: Sequence[Path], root: Path) -> Iterator[str]:
    """The closure in lines for a terminal."""
    yield f"decision  {closure.decision}, {closure.marker or 'no marker'}: {closure.reasons[0]}"
    yield from (f"          {reason}" for reason in closure.reasons[1:])
    yield from (f"override  {override}" for override in closure.overrides)
    yield from (f"report    {path.relative_to(root)}" for path in paths if path.suffix == ".md")


def _open_ids(job: Job, receipt: RunReceipt, thresholds: Thresholds) -> Iterator[str]:
    """32 lower hex over what is witnessed, of the ordinals that are not closed."""
    parts = {
        "lane": job.lane.id,
        "authority": receipt.digest,
        "code": code_digest(CODE),
        "gates": thresholds.digest,
        "seeds": list(job.lane.closure.seeds),
    }
    for ordinal in count(1):
        identity = hashlib.sha256(to_json(parts | {"ordinal": ordinal}).encode()).hexdigest()[:32]
        if not (folder_of(job.root, identity) / "closure.json").exists():
            yield identity


def _world(job: Job) -> SealedWorld:
    with disk_faults("E_WORLD_DISK", job.root / "mlruns"), LiveProgress() as progress:
        return provide_world(job, progress)


def _authority(job: Job, world: SealedWorld) -> Pin:
    place = (world.manifest_fingerprint, job.posture, job.seed, job.scenario_id)
    pinned = authority(job.root, *place)
    if pinned is None:
        raise InputRefused(
            "E_WITNESS_AUTHORITY", f"{job.lane.id} runs the authority's settings again, and none is pinned",
            f"posture {job.posture}, seed {job.seed}, {job.scenario_id}, world {world.manifest_fingerprint[:12]}", "",
            "a pinned authority of this place", "Begin with the baseline: python -m seg6b.lane +lane=popt0",
        )  # fmt: skip
    if job.seed not in job.lane.closure.seeds:
        raise InputRefused(
            "E_WITNESS_SEED", "the authority's seed is not among the seeds of the lane", "lane.closure.seeds",
            ", ".join(map(str, job.lane.closure.seeds)), f"{job.seed} among them", "Add it: its run is replayed.",
        )  # fmt: skip
    return pinned


def _seed_run(run: RunFolder, seed: int, receipt: RunReceipt) -> SeedRun:
    board = read_board(run)
    if board is None:
        raise EvidenceMissing("E_WITNESS_GATES", "the run has no gates", str(run.path), "", "a finished run", "")
    facts = replace(run_facts(run), arm=f"seed {seed}")
    return SeedRun(seed, facts, board, run.receipt().ended_utc, tuple(run_faults(run, board, receipt)))


def _close(job: Job, closure: WitnessClosure, runs: Sequence[RunFolder]) -> list[Path]:
    """Reports, pins, ledger, closure; each step is done once, however often this is called."""
    paths = write_witness(closure, job.root / "reports", job.lane.history)
    if closure.decision is Decision.KEEP:
        superseded = f"superseded by {closure.witness_id[:8]}"
        pin_set(job.root, Role.WITNESS, runs, f"{job.lane.id} {closure.marker}", superseded)
    body = decision_of(closure)
    if all(entry.body != body for entry in ledger.entries(job.root)):
        ledger.append(job.root, ledger.CLOSURE, body)
    write_json(folder_of(job.root, closure.witness_id) / "closure.json", closure)
    return paths


def decision_of(closure: WitnessClosure) -> dict[str, Any]:
    """The ledger's line: the runs, what the replay said, and the status of each budget."""
    return {
        "lane": closure.lane,
        "witness_id": closure.witness_id,
        "decision": str(closure.decision),
        "run_id": closure.run.run_id,
        "marker": closure.marker,
        "reasons": list(closure.reasons),
        "overrides": list(closure.overrides),
        "runs": {str(run.seed): run.run_id for run in closure.runs},
        "replay": {"run_id": closure.replay.witness_id, "verdict": str(closure.replay.verdict)},
        "budgets": {budget.name: budget.status for budget in closure.budgets},
    }


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)  # noqa: T201

"""The replay witness at work: the winner of a sweep runs once more under a run id of its own, and both are compared."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from seg6b.errors import EvidenceMissing
from seg6b.lane.bench import LANE, slot_command
from seg6b.lane.spawn import run_process
from seg6b.runs.disk import disk_faults
from seg6b.runs.folder import RunFolder
from seg6b.runs.sweep import OPTIMISATION, Slot, Sweep
from seg6b.runs.sweep_folder import SweepFolder, bench_lock
from seg6b.runs.verify import state_receipts, verify_files
from seg6b.scoring.closure import Closure, Decision
from seg6b.scoring.published import published
from seg6b.scoring.replay import ReplayWitness, Witnessed, compare_replay
from seg6b.scoring.witnessed import save_witness, saved_witness
from seg6b.shards.executor import Executor

WITNESS_SET: Final = 3


def witness_sweep(
    root: Path, sweep: Sweep, closure: Closure, executor: Executor, command: Sequence[str] = LANE
) -> ReplayWitness | None:
    """Replay the winner from the swept state on, once, and keep what was found with the sweep.

    Args:
        root: project root.
        sweep: the sweep, with nothing left to run.
        closure: what its scorer decided.
        executor: for the checks of files.
        command: begins the command line of the replay.

    Returns:
        What was found; None where the closing rule asks for no witness or nothing is to be witnessed.

    Raises:
        EvidenceMissing: the replay did not end.
        ResourceRefused: another bench measures here, or the disk cannot be used.
    """
    best = next((arm for arm in closure.arms if arm.arm == closure.best), None)
    due = sweep.kind == OPTIMISATION and sweep.closure.get("witness") and best and best.decision is Decision.KEEP
    if not due or best is None:
        return None
    folder = SweepFolder.of(root, sweep.sweep_id)
    kept = saved_witness(folder.path)
    if kept is not None and kept.run_id == best.run_id:
        return kept
    run = RunFolder.of(root, best.run_id)
    name = hashlib.sha256(f"{sweep.sweep_id}:witness:{run.run_id}".encode()).hexdigest()[:32]
    slot = Slot(WITNESS_SET, 1, 0, best.arm, name)
    with disk_faults("E_SWEEP_DISK", folder.path), bench_lock(root, sweep.sweep_id):
        replay = _replayed(root, sweep, folder, slot, run.receipt().source_run, command)
        found = compare_runs(run, replay, sweep.owner, executor)
        save_witness(folder.path, found)
    return found


def compare_runs(run: RunFolder, replay: RunFolder, since: str, executor: Executor) -> ReplayWitness:
    """Hold a finished run against its replay: receipts, every byte of both, and what their Parquet files say.

    Raises:
        Damaged: a receipt or a part cannot be read.
    """
    return compare_replay(_witnessed(run, executor), _witnessed(replay, executor), since)


def _witnessed(run: RunFolder, executor: Executor) -> Witnessed:
    damage = tuple(str(finding) for finding in verify_files(run, executor))
    return Witnessed(run.receipt(), state_receipts(run), published(run), damage)


def _replayed(
    root: Path, sweep: Sweep, folder: SweepFolder, slot: Slot, source: str, command: Sequence[str]
) -> RunFolder:
    """The replay: as it stands if it has ended before, else to its end in a new process."""
    run = RunFolder.of(root, slot.run_id)
    if run.exists() and run.receipt().status == "DONE":
        return run
    out, err = (folder.log_path(slot, stream) for stream in ("out", "err"))
    ended = run_process(slot_command(root, sweep, slot, source, command), out, err, lambda _: None, {})
    if not run.exists() or run.receipt().status != "DONE":
        raise EvidenceMissing(
            "E_SWEEP_WITNESS", "the replay of the best arm did not end", str(err),
            ended.error or f"exit code {ended.exit_code}", "a finished run",
            "Put that right, then run the same command: the sweep is done, only its witness is missing.",
        )  # fmt: skip
    return run

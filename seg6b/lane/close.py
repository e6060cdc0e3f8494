"""Closing a sweep: what the scorer decided is written down, once, and told; then repeats give back their room."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from seg6b.errors import Damaged, ResourceRefused
from seg6b.gates.board_file import verdict_of
from seg6b.lane.ablation import ablation_report
from seg6b.render.closure_files import write_closure
from seg6b.render.replay_files import write_replay
from seg6b.runs import ledger
from seg6b.runs.disk import disk_faults, write_json
from seg6b.runs.folder import RunFolder
from seg6b.runs.pins import Role, pin
from seg6b.runs.repeats import drop_repeats
from seg6b.runs.sweep import Sweep
from seg6b.runs.sweep_folder import SweepFolder
from seg6b.scoring.closure import ArmScore, Closure, Decision
from seg6b.settings.job import Job
from seg6b.shards.executor import Threads
from seg6b.tracking.settings import MLflowSettings
from seg6b.tracking.sweeps import arm_runs, project_sweep


@dataclass(frozen=True, slots=True)
class Closed:
    """A sweep that is closed.

    Attributes:
        closure: what was decided.
        paths: its report files.
        freed_bytes: what the disk got back from repeats.
        untracked: why MLflow was not told; empty where it was, or tracking is off.
    """

    closure: Closure
    paths: tuple[Path, ...]
    freed_bytes: int
    untracked: str


def close_sweep(job: Job, sweep: Sweep, closure: Closure, settings: MLflowSettings) -> Closed:
    """Reports, ledger, last good run, closure, then MLflow; each step is done once, however often this is called.

    Args:
        job: what was asked for: root and lane.
        sweep: the sweep, with nothing left to run.
        closure: what the scorer decided.
        settings: where MLflow is.

    Raises:
        Refusal: a disk, ledger or pin cannot be used; the sweep stays open, and the same command closes it.
    """
    folder = SweepFolder.of(job.root, sweep.sweep_id)
    with disk_faults("E_SWEEP_DISK", folder.path):
        paths = write_closure(closure, job.root / "reports", job.lane.history)
        paths += ablation_report(job.root, closure)
        paths += write_replay(closure.lane, closure.witness, job.root / "reports") if closure.witness else []
        _record(job.root, closure)
        _move_last_good(job, closure)
        write_json(folder.closure_path, closure)
        freed = sum(_free(job.root, sweep, folder, arm.name) for arm in sweep.arms)
    return Closed(closure, tuple(paths), freed, _track(job.root, sweep, closure, settings, paths))


def _record(root: Path, closure: Closure) -> None:
    """The closure's line in the ledger, where it does not stand yet."""
    best = _best(closure)
    body = {
        "lane": closure.lane,
        "sweep_id": closure.sweep_id,
        "decision": str(closure.decision),
        "best": closure.best,
        "run_id": best.run_id if best else "",
        "marker": closure.marker,
        "reasons": list(closure.reasons),
        "overrides": list(closure.overrides),
    }
    if all(entry.body != body for entry in ledger.entries(root)):
        ledger.append(root, ledger.CLOSURE, body)


def _move_last_good(job: Job, closure: Closure) -> None:
    """The best arm becomes the last good run once its gain recurred; one that S5 did not pass cannot be."""
    best = _best(closure)
    if best is None or closure.decision is not Decision.KEEP or not best.checks_pass:
        return
    run = RunFolder.of(job.root, best.run_id)
    pin(job.root, run, Role.LAST_GOOD, verdict_of(run), Threads.of(job.threads), reason=f"closure of {closure.lane}")


def _best(closure: Closure) -> ArmScore | None:
    return next((a for a in closure.arms if a.arm == closure.best), None)


def _free(root: Path, sweep: Sweep, folder: SweepFolder, arm: str) -> int:
    """Give back the room of an arm's further runs."""
    done = [r.slot for r in folder.slots() if r.slot.arm == arm and RunFolder.of(root, r.slot.run_id).exists()]
    first = next((s for s in done if s.round_index), None)
    return drop_repeats(root, sweep.sweep_id, first.run_id, [s.run_id for s in done]) if first else 0


def _track(root: Path, sweep: Sweep, closure: Closure, settings: MLflowSettings, paths: list[Path]) -> str:
    """Tell MLflow; a store or receipt that cannot be used costs the projection, never the closure."""
    try:
        project_sweep(sweep, closure, arm_runs(root, sweep, closure), settings, paths)
    except (Damaged, ResourceRefused) as error:
        error.hint = "The closure itself is safe; `python -m seg6b sync` tells the store later."
        return str(error)
    return ""

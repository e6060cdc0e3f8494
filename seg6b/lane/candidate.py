"""One job: provide the world, take a run folder, walk the states, score, render, track."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from seg6b.draws.uniform import Draws
from seg6b.errors import Conflict, ResourceRefused, UsageError
from seg6b.gates.encoding import from_json
from seg6b.gates.result import GateBoard, Verdict
from seg6b.gates.thresholds import load_thresholds
from seg6b.lane.baseline import baseline_of
from seg6b.lane.boards import board_notes
from seg6b.lane.budgets import scaled_budgets
from seg6b.lane.estimate import estimate_job
from seg6b.lane.room import bytes_needed, make_room, require_room
from seg6b.render.curves import policy_curves
from seg6b.render.data import BoardData, Budget
from seg6b.render.gateboard import write_gateboard
from seg6b.runs.axes import Axes
from seg6b.runs.commit import clear_leftovers, describe_file, run_lock
from seg6b.runs.disk import disk_faults, remove_tree
from seg6b.runs.folder import RunFolder, new_run_id
from seg6b.runs.keys import library_versions
from seg6b.runs.machine import describe_machine, git_revision, now_utc
from seg6b.runs.pins import pins
from seg6b.runs.progress import Progress
from seg6b.runs.receipt import RunReceipt, StateReceipt
from seg6b.runs.verify import require_whole
from seg6b.settings.job import Job
from seg6b.settings.knobs import knobs_of
from seg6b.shards.executor import Threads
from seg6b.states.execute import Site, read_state_evidence
from seg6b.states.pipeline import ROW_STATES, STATES, run_states
from seg6b.states.s0_gate.checks import verify_world
from seg6b.states.validate_task import validation_status
from seg6b.tracking.project import project
from seg6b.tracking.settings import MLflowSettings
from seg6b.world.provide import WorldSettings, provide
from seg6b.world.sealed import SealedWorld

PASSED = "PASS"
FIRST_RUN = (1, 1)


@dataclass(frozen=True, slots=True)
class Outcome:
    """A finished candidate.

    Attributes:
        run: its folder.
        receipt: its receipt.
        states: receipts by state.
        board: its gates.
        validation: overall status of S5.
        untracked: why MLflow was not told, empty if it was (or tracking is off).
        budgets: runtime budgets, scaled to the world.
    """

    run: RunFolder
    receipt: RunReceipt
    states: Mapping[str, StateReceipt]
    board: GateBoard
    validation: str
    untracked: str
    budgets: tuple[Budget, ...]

    @property
    def accepted(self) -> bool:
        """Whether S5 passed and every hard gate holds at B."""
        return self.validation == PASSED and self.board.verdict is not Verdict.FAIL_REALISM


def run_candidate(job: Job, progress: Progress) -> Outcome:
    """Run `job` to its end, or go on where an earlier process stopped.

    Raises:
        Seg6bError: any refusal; what was committed before it is kept and can be resumed.
    """
    require_runnable(job)
    run = RunFolder.of(job.root, job.run_id or new_run_id())
    if job.run_id and not job.arm.sweep and not run.exists():
        raise UsageError("E_RUN_UNKNOWN", "no such run", str(run.path), job.run_id, "the id of a run", "")
    with disk_faults("E_WORLD_DISK", job.root / "mlruns"):
        world = provide_world(job, progress)
        if not job.arm.sweep and not run.exists():
            _find_room(job, world, progress)
    axes = Axes(world.manifest_fingerprint, job.policy.parameter_hash, job.seed, job.scenario_id)
    draws = Draws(axes.manifest_fingerprint, axes.seed, axes.scenario_id)
    site = Site(job, world, axes, draws, run, Threads.of(job.threads), progress)
    with disk_faults("E_RUN_DISK", run.path, run.way_on), run_lock(job.root, run.run_id):
        receipt = _begin(site)
        site = replace(site, baseline=baseline_of(job.root, run, axes))
        try:
            states = run_states(site)
        except BaseException as stop:
            stop.add_note(run.way_on())
            with suppress(OSError):
                _end(run, receipt, "FAILED")
            raise
        if receipt.status == "DONE" and any(pin.run_id == run.run_id for pin in pins(job.root)):
            return _outcome(job, site, receipt, states)
        receipt = _end(run, replace(receipt, states=tuple(states)), "DONE")
        return _publish(job, site, receipt, states)


def require_runnable(job: Job) -> None:
    """Refuse what its own settings forbid, before anything is made.

    Raises:
        UsageError: the policy does not cover the scenario or seed, or the gate file is not sound.
    """
    refusal = job.policy.behaviour.scope.refusal(job.scenario_id, job.seed)
    if refusal:
        raise UsageError("E_RUN_SCOPE", refusal, "policy behaviour.scope", "", "a scenario and seed in scope", "")
    load_thresholds(job.gates)


def provide_world(job: Job, progress: Progress) -> SealedWorld:
    """The world of `job`, made if it is not there."""
    choice = job.world
    settings = WorldSettings(choice.name, choice.arrivals, choice.seed, choice.source, job.scenario_id)
    return provide(settings, job.root / "mlruns" / "world", progress.world)


def _find_room(job: Job, world: SealedWorld, progress: Progress) -> None:
    """Prune before an expensive run, and refuse one that the disk cannot take."""
    make_room(job, world, progress.noted)
    estimated = estimate_job(job, world).bytes
    require_room(job.root, bytes_needed(job.root, world.arrivals, STATES) if estimated is None else estimated)


def _begin(site: Site) -> RunReceipt:
    """The receipt of a run that begins, of one that goes on, or of one that is already done."""
    run = site.run
    if run.exists():
        receipt = _resumed(site)
        if receipt.status != "DONE":
            run.write_receipt(receipt)
        return receipt
    receipt = _new_receipt(site.job, site.world, site.axes, run)
    try:
        run.write_receipt(receipt)
    except BaseException:
        remove_tree(run.path)
        raise
    return receipt


def _resumed(site: Site) -> RunReceipt:
    """The receipt of the run so far; refuses another run, and one whose files or world are not what they were."""
    before = site.run.receipt()
    _same_run(before, site.axes, site.run)
    clear_leftovers(site.run)
    require_whole(site.run, site.executor)
    if before.status == "DONE" and all(site.run.state(state) for state in STATES):
        return before
    verify_world(site.world, site.executor)
    return replace(before, status="RUNNING", ended_utc="")


def _end(run: RunFolder, receipt: RunReceipt, status: str) -> RunReceipt:
    """The receipt of a run that ends now; one that was done before stays as it is."""
    if receipt.status == "DONE":
        return receipt
    ended = replace(receipt, status=status, ended_utc=now_utc())
    run.write_receipt(ended)
    return ended


def _same_run(before: RunReceipt, axes: Axes, run: RunFolder) -> None:
    asked = asdict(axes)
    changed = [k for k, v in asked.items() if getattr(before, k) != v]
    if changed:
        raise Conflict(
            "E_RUN_AXES",
            "the run was made with other settings",
            str(run.receipt_path),
            ", ".join(f"{k}={asked[k]}" for k in changed),
            ", ".join(f"{k}={getattr(before, k)}" for k in changed),
            "Give the settings it was made with, or leave out `run_id=`.",
        )


def _new_receipt(job: Job, world: SealedWorld, axes: Axes, run: RunFolder) -> RunReceipt:
    packs = job.policy.plain()
    return RunReceipt(
        run_id=run.run_id,
        lane=job.lane.id,
        role="candidate",
        seed=axes.seed,
        scenario_id=axes.scenario_id,
        manifest_fingerprint=axes.manifest_fingerprint,
        parameter_hash=axes.parameter_hash,
        pack_hashes={name: job.policy.pack_hash(name) for name in packs},
        posture=job.posture,
        world={"name": job.world.name, "seed": job.world.seed, "arrivals": world.arrivals},
        knobs=_knobs(job),
        policy=packs,
        git_revision=git_revision(Path(__file__).parent),
        versions={"seg6b": importlib.metadata.version("seg6b")} | library_versions(),
        machine=describe_machine(),
        started_utc=now_utc(),
        sweep_id=job.arm.sweep,
        arm=job.arm.name,
        set_index=job.arm.set_index,
        round_index=job.arm.round_index,
        source_run=job.source_run,
    )


def _knobs(job: Job) -> dict[str, Any]:
    states = {f"{s.lower()}.{k}": v for s, knobs in job.knobs.items() for k, v in knobs_of(s, knobs).items()}
    variants = {f"policy/{pack}": variant for pack, variant in job.variants.items()}
    return states | variants | {"executor.threads": job.threads}


def _publish(job: Job, site: Site, receipt: RunReceipt, states: Mapping[str, StateReceipt]) -> Outcome:
    """Board and tracking: projections of what is already committed; a further repeat of an arm needs none."""
    outcome = _outcome(job, site, receipt, states)
    if job.arm.sweep and (job.arm.set_index, job.arm.round_index) != FIRST_RUN:
        return outcome
    ordered = tuple(states[s] for s in STATES)
    write_gateboard(board_of(job, outcome), site.run.board_path)
    projections = [site.run.board_path, *(site.run.state_path(name) for name in STATES)]
    receipt = replace(receipt, files=tuple(describe_file(path, site.run.path) for path in projections))
    site.run.write_receipt(receipt)
    receipt, untracked = _track(job, site.run, receipt, ordered, outcome.board)
    return replace(outcome, receipt=receipt, untracked=untracked)


def board_of(job: Job, outcome: Outcome) -> BoardData:
    """All that the board of a finished candidate shows."""
    evidence = {s.name: read_state_evidence(outcome.run, s) for s in ROW_STATES}
    ordered = tuple(outcome.states[s] for s in STATES)
    notes = board_notes(job.root, outcome.receipt.lane, outcome.validation)
    return BoardData(
        outcome.receipt, ordered, outcome.board, evidence, policy_curves(job.policy), outcome.budgets, notes
    )


def _outcome(job: Job, site: Site, receipt: RunReceipt, states: Mapping[str, StateReceipt]) -> Outcome:
    """The outcome as it stands on disk; writes nothing."""
    board = from_json(site.run.gates_path.read_text(encoding="utf-8"))
    budgets = scaled_budgets(job.budgets, site.world.arrivals)
    return Outcome(site.run, receipt, states, board, validation_status(site.run, site.axes), "", budgets)


def _track(
    job: Job, run: RunFolder, receipt: RunReceipt, states: Sequence[StateReceipt], board: GateBoard
) -> tuple[RunReceipt, str]:
    """Tell MLflow; a store that cannot be used costs the projection, never the run."""
    settings = MLflowSettings(job.root, **asdict(job.tracking))
    files = [run.receipt_path, run.gates_path, run.board_path, *(run.state_path(s.state) for s in states)]
    try:
        mlflow_id = project(receipt, states, board, files, settings)
    except ResourceRefused as error:
        error.hint = f"The run itself is safe. {run.way_on()}"
        return receipt, str(error)
    if mlflow_id != receipt.mlflow_run_id:
        receipt = replace(receipt, mlflow_run_id=mlflow_id)
        run.write_receipt(receipt)
    return receipt, ""

"""One sweep from what was asked for to its closure: planned, run by the bench, scored, closed, shown."""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from seg6b.lane.base import base_overrides
from seg6b.lane.bench import run_sweep
from seg6b.lane.candidate import provide_world
from seg6b.lane.close import Closed, close_sweep
from seg6b.lane.estimate import estimate_job, estimate_sweep
from seg6b.lane.phase import open_phase
from seg6b.lane.plan import Compose, PlannedJob, plan_sweep
from seg6b.lane.replay import witness_sweep
from seg6b.lane.room import make_room
from seg6b.lane.series import Result
from seg6b.lane.units import Unit
from seg6b.render.closure_table import show_closure
from seg6b.render.dry_table import show_dry
from seg6b.render.progress import LiveProgress
from seg6b.render.sweep_table import LiveSweep
from seg6b.runs.disk import disk_faults
from seg6b.runs.pins import authority, verified
from seg6b.runs.sweep import REMEDIATION, SlotReceipt, Sweep
from seg6b.runs.sweep_folder import SweepFolder
from seg6b.scoring.basis import Basis
from seg6b.scoring.closing import nobody_left
from seg6b.scoring.closure import ArmScore, Closure, Decision
from seg6b.scoring.realism import LEVELS, passed
from seg6b.scoring.score import note_basis, score_sweep
from seg6b.settings.job import Job
from seg6b.shards.executor import Threads
from seg6b.tracking.settings import MLflowSettings
from seg6b.world.adopt.source import find_source
from seg6b.world.provide import WorldSettings, find_recipe, recipe_of
from seg6b.world.sealed import SealedWorld


@dataclass(frozen=True, slots=True)
class Comparison:
    """A sweep that is planned.

    Attributes:
        unit: what it answers.
        base: what its candidates share.
        jobs: its candidates, in the order of its arms.
        sweep: the plan.
        world: its world; None where it is not made yet, for a dry run.
    """

    unit: Unit
    base: Job
    jobs: tuple[PlannedJob, ...]
    sweep: Sweep
    world: SealedWorld | None


def plan_comparison(unit: Unit, compose: Compose) -> Comparison:
    """The sweep of `unit` against its authority; of all that is written, only the world.

    Raises:
        Seg6bError: a candidate, the authority or an unfinished sweep stands against it.
    """
    base = compose(unit.shared)
    jobs = () if base.lane.base else _jobs(unit, unit.shared, compose)
    world = known_world(base) if base.dry else _provided(base)
    packs = base_overrides(base, world.manifest_fingerprint, unit.shared, compose) if world else ()
    shared = (*unit.shared, *packs)
    jobs = jobs or _jobs(unit, shared, compose)
    pinned = (
        authority(base.root, world.manifest_fingerprint, base.posture, base.seed, base.scenario_id) if world else None
    )
    run = verified(base.root, pinned, Threads.of(base.threads)) if pinned else None
    sweep = plan_sweep(jobs, pinned, run.receipt() if run else None, compose=compose, world=world)
    return Comparison(unit, compose(shared), jobs, sweep, world)


def run_comparison(planned: Comparison) -> dict[int, Result]:
    """Run, score, close and show the sweep; what each job that it answers comes to, by number.

    Raises:
        Seg6bError: the sweep cannot go on or cannot be closed; the same command goes on with it.
    """
    base, sweep = planned.base, planned.sweep
    overrides = open_phase(base.root, base.lane)
    if planned.world is not None:
        make_room(base, planned.world, _say)

    def score(slots: Sequence[SlotReceipt]) -> Closure:
        note_basis(base.root, sweep, Basis(dict(base.budgets), overrides, base.lane.history))
        return score_sweep(base.root, sweep, slots, base.budgets, overrides)

    with LiveSweep(base.root) as progress:
        closure = run_sweep(base.root, sweep, progress, score=score)
    if witness_sweep(base.root, sweep, closure, Threads.of(base.threads)):
        closure = score(SweepFolder.of(base.root, sweep.sweep_id).slots())
    closed = close_sweep(base, sweep, closure, MLflowSettings(base.root, **asdict(base.tracking)))
    show_closure(closed.closure, closed.paths)
    if closed.untracked:
        _say(f"tracking  pending: {closed.untracked}")
    return _results(planned, closed)


def tell_dry(planned: Comparison, compose: Compose) -> None:
    """Print what the sweep would run; nothing of it stays on the disk."""
    root = planned.base.root
    show_dry(estimate_sweep(root, planned.sweep, planned.jobs, compose=compose, world=planned.world))
    _leave_nothing(root)


def tell_dry_job(job: Job) -> None:
    """Print what a single run would execute and link; nothing of it stays on the disk."""
    show_dry(estimate_job(job, known_world(job)))
    _leave_nothing(job.root)


def known_world(job: Job) -> SealedWorld | None:
    """The world of `job` if it was made already; nothing is made."""
    choice = job.world
    settings = WorldSettings(choice.name, choice.arrivals, choice.seed, choice.source, job.scenario_id)
    recipe = (
        find_source(Path(choice.source).resolve(), job.scenario_id).recipe
        if choice.source
        else recipe_of(settings).digest
    )
    found = find_recipe(job.root / "mlruns" / "world", recipe)
    return SealedWorld.open(found) if found else None


def objective(score: ArmScore, kind: str) -> float:
    """What a sweeper minimises: the ratio to the control, or for policies how often a gate is missed, at B and at B+.

    An inert candidate is the control, so its ratio is 1. One that failed, or whose rows are others, has none.
    """
    if score.decision is Decision.INERT:
        return 1.0
    if score.decision is Decision.REJECT_SEMANTIC_DRIFT or not score.run_id:
        return math.nan
    if kind == REMEDIATION:
        return float(len(LEVELS) * len(score.gates) - passed(score)) if score.gates else math.nan
    return score.ratio.mean if score.ratio else math.nan


def _jobs(unit: Unit, shared: tuple[str, ...], compose: Compose) -> tuple[PlannedJob, ...]:
    return tuple(PlannedJob(own, shared, compose((*shared, *own))) for own in unit.candidates())


def _results(planned: Comparison, closed: Closed) -> dict[int, Result]:
    """The result of each job: of its own arm, or of the best one where the lane lists the candidates."""
    closure, unit, code = closed.closure, planned.unit, int(nobody_left(closed.closure))
    scores = {score.arm: score for score in closure.arms}
    arms = {own: f"c{k:02d}" for k, own in enumerate(unit.candidates(), 1)}
    found = {}
    for asked in unit.asked:
        score = scores.get(closure.best if unit.listed else arms[unit.own(asked)])
        value = objective(score, closure.kind) if score else math.nan
        found[asked.number] = Result.of(value, code, run_id=score.run_id if score else "")
    return found


def _leave_nothing(root: Path) -> None:
    """Remove the folders that Hydra makes before it asks, if they are empty."""
    with suppress(OSError):
        for folder in (*sorted((root / "mlruns" / "hydra").glob("*")), root / "mlruns" / "hydra", root / "mlruns"):
            folder.rmdir()


def _provided(job: Job) -> SealedWorld:
    with disk_faults("E_WORLD_DISK", job.root / "mlruns"), LiveProgress() as progress:
        return provide_world(job, progress)


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)  # noqa: T201

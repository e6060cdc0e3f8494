"""One job from plan to outcome, and what a Hydra sweeper learns of it."""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any, Self

from seg6b.draws.compiled import CACHE, KEPT
from seg6b.errors import Damaged, ResourceRefused
from seg6b.lane.candidate import Outcome, run_candidate
from seg6b.lane.lock import BASELINE, lock_baseline
from seg6b.lane.phase import open_phase
from seg6b.lane.witness import run_witness, told
from seg6b.render.terminal import LiveProgress, OutcomeView, show_outcome, show_plan
from seg6b.runs.progress import Progress
from seg6b.scoring.closure import Decision
from seg6b.scoring.witness import whole
from seg6b.settings.job import Job
from seg6b.settings.rules import WITNESS
from seg6b.tracking.settings import MLflowSettings
from seg6b.tracking.witnesses import project_witness


class Result(float):
    """What a sweeper minimises, NaN where there is nothing to minimise.

    Attributes:
        code: exit code of the job.
        error: the line of its refusal; empty where it ended.
        run_id: its run, or the run that stands for it.
    """

    code: int = 0
    error: str = ""
    run_id: str = ""

    @classmethod
    def of(cls, value: float, code: int, *, error: str = "", run_id: str = "") -> Self:
        """A number with what belongs to it."""
        result = cls(value)
        result.code, result.error, result.run_id = code, error, run_id
        return result

    def for_sweeper(self, sweeper: Mapping[str, Any]) -> Self:
        """The same, with the worst number of all in place of NaN, which sweepers cannot take.

        Args:
            sweeper: Hydra's node of that name; its `direction` says which end is the worst.
        """
        direction = sweeper.get("direction") or ""
        worst = -math.inf if getattr(direction, "name", direction) == "maximize" else math.inf
        value = worst if math.isnan(self) else float(self)
        return self.of(value, self.code, error=self.error, run_id=self.run_id)


def run_job(job: Job, listener: Progress | None = None) -> Result:
    """Run one candidate; `listener` takes the place of the terminal where several jobs share it.

    A slot of a sweep ends with 0 when its run ended: the scorer judges its gates. So does a baseline, which is locked
    as it is. A witness lane ends with 1 where it holds. Any other job ends with 1 when S5 or a hard gate failed.
    """
    overrides = () if job.arm.sweep else open_phase(job.root, job.lane)
    if job.lane.kind == WITNESS and not job.arm.sweep:
        return _witnessed(job, overrides)
    outcome = _shown(job, overrides) if listener is None else run_candidate(job, listener)
    judged_later = bool(job.arm.sweep) or job.lane.kind == BASELINE
    if job.lane.kind == BASELINE:
        for line in lock_baseline(job, outcome):
            print(line, file=sys.stderr)  # noqa: T201
    code = 0 if outcome.accepted or judged_later else 1
    return Result.of(seconds(job, outcome), code, run_id=outcome.run.run_id)


def _witnessed(job: Job, overrides: Sequence[str]) -> Result:
    """A witness lane: its runs, its decision; ends with 1 where it holds."""
    closure, paths = run_witness(job, overrides)
    untracked = ""
    try:
        project_witness(closure, job.root, MLflowSettings(job.root, **asdict(job.tracking)), paths)
    except (Damaged, ResourceRefused) as error:
        error.hint = "The closure itself is safe, in reports/."
        untracked = f"tracking  pending: {error}"
    for line in (*told(closure, paths, job.root), *([untracked] if untracked else [])):
        print(line, file=sys.stderr)  # noqa: T201
    return Result.of(whole(closure.run), int(closure.decision is not Decision.KEEP), run_id=closure.run.run_id)


def seconds(job: Job, outcome: Outcome) -> float:
    """Seconds of the state that the lane owns, else of all states that this run executed itself."""
    owner = job.lane.closure.state or job.lane.owner
    own = {name: s for name, s in outcome.states.items() if not s.staged_from}
    counted = [own[owner]] if owner in own else list(own.values())
    return sum(s.elapsed_s["total"] for s in counted)


def _shown(job: Job, overrides: Sequence[str]) -> Outcome:
    """The candidate with plan, progress and outcome on the terminal; a slot of a sweep leaves out the plan."""
    if not job.arm.sweep:
        show_plan(job)
    told = [f"override  {override}" for override in overrides]
    told += [] if KEPT else [f"kernels  compiled for this run alone: {CACHE} cannot be written"]
    for line in told:
        print(line, file=sys.stderr)  # noqa: T201
    with LiveProgress() as progress:
        outcome = run_candidate(job, progress)
    show_outcome(_view(job, outcome))
    return outcome


def _view(job: Job, outcome: Outcome) -> OutcomeView:
    told = job.tracking.enabled and not outcome.untracked
    return OutcomeView(
        outcome.run.path,
        outcome.receipt,
        tuple(outcome.states.values()),
        outcome.board,
        outcome.validation,
        MLflowSettings(job.root, **asdict(job.tracking)).store_uri if told else "",
        outcome.untracked,
        outcome.budgets,
    )

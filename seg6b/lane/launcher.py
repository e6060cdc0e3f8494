"""`hydra/launcher=bench`: every job is composed and checked before any runs; then runs in series, or sweeps."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.plugins import Plugins
from hydra.core.utils import JobReturn, JobStatus, run_job, setup_globals
from hydra.plugins.launcher import Launcher
from hydra.types import HydraContext
from omegaconf import DictConfig

from seg6b.lane.candidate import require_runnable
from seg6b.lane.comparison import Comparison, plan_comparison, run_comparison, tell_dry, tell_dry_job
from seg6b.lane.composer import Composer
from seg6b.lane.lanes import as_overrides
from seg6b.lane.phase import open_phase
from seg6b.lane.plan import key_of
from seg6b.lane.series import Result
from seg6b.lane.units import COMPARED, Asked, Unit, unit_of, units
from seg6b.settings.schema import LauncherSchema

if TYPE_CHECKING:
    from seg6b.lane.entry import Task

Attempt = Callable[[Callable[[], Result]], Result]


class BenchLauncher(Launcher):  # type: ignore[misc]
    """Hydra's launcher for whatever the bench compares; what it does not compare it runs one after the other."""

    def setup(self, *, hydra_context: HydraContext, task_function: Task, config: DictConfig) -> None:
        """Keep what Hydra hands over."""
        self._context, self._task = hydra_context, task_function
        self._composer = Composer(hydra_context.config_loader, config)

    def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> Sequence[JobReturn]:
        """Run a batch of jobs; what each returns is what a sweeper may minimise.

        Raises:
            Seg6bError: one of the jobs is bad; none was run.
        """
        setup_globals()
        Path(self._composer.master.hydra.sweep.dir).mkdir(parents=True, exist_ok=True)
        composed = [(k, tuple(o)) for k, o in enumerate(job_overrides, initial_job_idx)]
        asked = [Asked(number, overrides, self._composer.job(overrides)) for number, overrides in composed]
        plan = units(asked, swept_keys(self._composer.master))
        results = answer(plan, self._composer, self._run, self._task.attempt)
        sweeper = self._composer.master.hydra.sweeper
        return [_returned(a, results[a.number].for_sweeper(sweeper)) for a in asked]

    def _run(self, asked: Asked) -> Result:
        """One run, as Hydra runs a job: its callbacks hear of it."""
        returned = run_job(
            hydra_context=self._context,
            task_function=self._task,
            config=self._composer.config(asked.overrides, asked.number),
            job_dir_key="hydra.sweep.dir",
            job_subdir_key="hydra.sweep.subdir",
        )
        result: Result = returned.return_value
        return result


def register_launcher() -> None:
    """Make the launcher known to Hydra, also by the name that `settings.schema` gives the choice."""
    plugins = Plugins.instance()
    plugins.register(BenchLauncher)
    plugins.class_name_to_class[LauncherSchema._target_] = BenchLauncher


def answer_alone(asked: Asked, composer: Composer, run: Callable[[Asked], Result], attempt: Attempt) -> Result:
    """A job without `-m`: a lane that lists its candidates, or a dry run."""
    return answer([unit_of(asked)], composer, run, attempt)[asked.number]


def answer(
    plan: Sequence[Unit], composer: Composer, run: Callable[[Asked], Result], attempt: Attempt
) -> dict[int, Result]:
    """Check everything, then run it: the result of each job, by its number.

    Args:
        plan: runs and sweeps, in order.
        composer: turns overrides into jobs.
        run: runs one job and tells of its refusal itself.
        attempt: runs a sweep, tells of its refusal, and lets the next one go ahead.

    Raises:
        Seg6bError: something stands against one of them; none was run.
    """
    spread = [u for unit in plan for u in _spread(unit, composer)]
    for unit in spread:
        for asked in unit.asked:
            require_runnable(asked.job)
            open_phase(asked.job.root, asked.job.lane, record=False)
    planned = [plan_comparison(unit, composer.job) if unit.swept else unit for unit in spread]
    results: dict[int, Result] = {}
    for item in planned:
        found = _compared(item, composer, attempt) if isinstance(item, Comparison) else _alone(item, run, attempt)
        for number, result in found.items():
            results[number] = max(results.get(number, result), result, key=lambda r: r.code)
    return results


def swept_keys(master: DictConfig) -> frozenset[str]:
    """Keys that the command line or `hydra.sweeper.params` sweeps."""
    overrides = OverridesParser.create().parse_overrides(list(master.hydra.overrides.task))
    swept = {key_of(str(o.input_line)) for o in overrides if o.is_sweep_override()}
    return frozenset(swept | {key_of(str(key)) for key in master.hydra.sweeper.get("params") or {}})


def _spread(unit: Unit, composer: Composer) -> list[Unit]:
    """A lane that lists candidates but compares nothing: a run for each of them."""
    (first, *_) = unit.asked
    if not unit.listed or first.job.lane.kind in COMPARED:
        return [unit]
    lines = [(*first.overrides, *as_overrides(c), "lane.candidates=[]") for c in first.job.lane.candidates]
    return [Unit((replace(first, overrides=line, job=composer.job(line)),)) for line in lines]


def _alone(unit: Unit, run: Callable[[Asked], Result], attempt: Attempt) -> dict[int, Result]:
    (asked,) = unit.asked
    if asked.job.dry:
        return {asked.number: attempt(lambda: _told(lambda: tell_dry_job(asked.job)))}
    return {asked.number: run(asked)}


def _compared(planned: Comparison, composer: Composer, attempt: Attempt) -> dict[int, Result]:
    results: dict[int, Result] = {}

    def run() -> Result:
        if planned.base.dry:
            return _told(lambda: tell_dry(planned, composer.job))
        results.update(run_comparison(planned))
        return max(results.values(), key=lambda r: r.code)

    whole = attempt(run)
    return {asked.number: results.get(asked.number, whole) for asked in planned.unit.asked}


def _told(tell: Callable[[], None]) -> Result:
    tell()
    return Result.of(math.nan, 0)


def _returned(asked: Asked, result: Result) -> JobReturn:
    returned = JobReturn(overrides=list(asked.overrides), working_dir=str(Path.cwd()), status=JobStatus.COMPLETED)
    returned.return_value = result
    return returned

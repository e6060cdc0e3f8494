"""The command line of the lane: Hydra composes, a `Job` comes out, every refusal is one line and an exit code."""

from __future__ import annotations

import logging
import os
import sys
import warnings
from dataclasses import asdict
from pathlib import Path

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.errors import HydraException
from omegaconf import DictConfig
from omegaconf.errors import OmegaConfBaseException

from seg6b.draws.compiled import CACHE, KEPT
from seg6b.errors import Seg6bError, UsageError
from seg6b.lane.candidate import Outcome, run_candidate
from seg6b.lane.stop import Terminated, exit_code, listen
from seg6b.render.terminal import LiveProgress, OutcomeView, show_outcome, show_plan
from seg6b.runs.disk import disk_faults
from seg6b.settings.job import Job
from seg6b.settings.load import load_job
from seg6b.settings.schema import register
from seg6b.tracking.settings import MLflowSettings

CONF = Path(__file__).resolve().parents[2] / "conf"


def main() -> None:
    """Run the lane and leave with its exit code; a stop by signal leaves nothing half-written."""
    listen()
    os.environ["HYDRA_FULL_ERROR"] = "1"
    warnings.filterwarnings("ignore", module="hydra")
    logging.getLogger("hydra").setLevel(logging.WARNING)
    register()
    codes: list[int] = []
    composed: list[DictConfig] = []

    @hydra.main(version_base="1.3", config_path=str(CONF), config_name="config")  # type: ignore[untyped-decorator]
    def job(config: DictConfig) -> None:
        composed.append(config)
        codes.append(_attempt(config))

    try:
        with disk_faults("E_ROOT_DISK", Path.cwd()):
            job()
    except (HydraException, OmegaConfBaseException, ValueError) as error:
        if isinstance(error, ValueError) and composed:
            raise
        codes.append(_told(_config_error(error)))
    except Seg6bError as error:
        codes.append(_told(error))
    except KeyboardInterrupt as stop:
        word = "Terminated" if isinstance(stop, Terminated) else "Interrupted"
        print(f"{word}.", *getattr(stop, "__notes__", []), file=sys.stderr)  # noqa: T201
        sys.exit(exit_code(stop))
    sys.exit(max(codes, default=0))


def _told(error: Seg6bError) -> int:
    print(error, file=sys.stderr)  # noqa: T201
    return error.exit_code


def _attempt(config: DictConfig) -> int:
    """One job; a refusal is told when it happens, and the next job of a sweep still runs."""
    try:
        return 0 if _run(config).accepted else 1
    except Seg6bError as error:
        return _told(error)


def _run(config: DictConfig) -> Outcome:
    job = load_job(config, dict(HydraConfig.get().runtime.choices))
    show_plan(job)
    if not KEPT:
        print(f"kernels  compiled for this run alone: {CACHE} cannot be written", file=sys.stderr)  # noqa: T201
    with LiveProgress() as progress:
        outcome = run_candidate(job, progress)
    show_outcome(_view(job, outcome))
    return outcome


def _view(job: Job, outcome: Outcome) -> OutcomeView:
    store = (
        ""
        if outcome.untracked or not job.tracking.enabled
        else MLflowSettings(job.root, **asdict(job.tracking)).store_uri
    )
    return OutcomeView(
        outcome.run.path,
        outcome.receipt,
        tuple(outcome.states.values()),
        outcome.board,
        outcome.validation,
        store,
        outcome.untracked,
        outcome.budgets,
    )


def _config_error(error: Exception) -> UsageError:
    """Hydra's own words in one line: they name the key and list the options; where it looked is left out."""
    cause = f" {error.__cause__}" if error.__cause__ else ""
    lines = [line.strip() for line in f"{error}{cause}".split("Config search path")[0].splitlines() if line.strip()]
    hint = "See `python -m seg6b.lane --help` and `--cfg job`."
    return UsageError("E_CONFIG", " ".join(lines)[:600] or type(error).__name__, "command line or conf/", hint=hint)

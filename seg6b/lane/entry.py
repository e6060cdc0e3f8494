"""The command line of the lane: Hydra composes, a `Job` comes out, every refusal is one line and an exit code."""

from __future__ import annotations

import logging
import os
import sys
import warnings
from pathlib import Path

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.errors import HydraException
from omegaconf import DictConfig
from omegaconf.errors import OmegaConfBaseException

from seg6b.errors import Seg6bError, UsageError
from seg6b.lane.candidate import Outcome, run_candidate
from seg6b.render.terminal import LiveProgress, show_outcome, show_plan
from seg6b.settings.load import load_job
from seg6b.settings.schema import register

CONF = Path(__file__).resolve().parents[2] / "conf"


def main() -> None:
    """Run the lane and leave with its exit code."""
    os.environ["HYDRA_FULL_ERROR"] = "1"
    warnings.filterwarnings("ignore", module="hydra")
    logging.getLogger("hydra").setLevel(logging.WARNING)
    register()
    outcomes: list[Outcome] = []

    @hydra.main(version_base="1.3", config_path=str(CONF), config_name="config")
    def job(config: DictConfig) -> str:
        outcome = _run(config)
        outcomes.append(outcome)
        return str(outcome.verdict)

    try:
        job()
    except Seg6bError as error:
        _leave(error)
    except (HydraException, OmegaConfBaseException) as error:
        _leave(_config_error(error))
    except KeyboardInterrupt:
        print("Interrupted; what was committed is kept: add run_id=<id> to go on.", file=sys.stderr)  # noqa: T201
        sys.exit(130)
    sys.exit(0 if all(o.accepted for o in outcomes) else 1)


def _run(config: DictConfig) -> Outcome:
    job = load_job(config, dict(HydraConfig.get().runtime.choices))
    show_plan(job)
    with LiveProgress() as progress:
        outcome = run_candidate(job, progress)
    show_outcome(outcome.view)
    return outcome


def _leave(error: Seg6bError) -> None:
    print(error, file=sys.stderr)  # noqa: T201
    sys.exit(error.exit_code)


def _config_error(error: Exception) -> UsageError:
    """Hydra's own words, shortened to one line; they already list the options."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return UsageError(
        "E_CONFIG",
        " ".join(lines)[:600] or type(error).__name__,
        "command line or conf/",
        "",
        "",
        "See `python -m seg6b.lane --help` and `--cfg job`.",
    )

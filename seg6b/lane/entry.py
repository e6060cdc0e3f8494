"""The command line of the lane: Hydra composes, a `Job` comes out, every refusal is one line and an exit code."""

from __future__ import annotations

import logging
import math
import os
import re
import sys
import traceback
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.errors import HydraException
from omegaconf import DictConfig
from omegaconf.errors import OmegaConfBaseException

from seg6b.errors import Refusal, Seg6bError, UsageError
from seg6b.lane.composer import Composer
from seg6b.lane.lanes import LANES, register_lanes
from seg6b.lane.launcher import answer_alone, register_launcher
from seg6b.lane.parallel import ParallelJobs, Stopped, watched
from seg6b.lane.series import Result, run_job
from seg6b.lane.stop import Terminated, exit_code, listen
from seg6b.lane.units import Asked
from seg6b.runs.disk import disk_faults
from seg6b.settings.load import load_job
from seg6b.settings.schema import register

CONF: Final = Path(__file__).resolve().parents[2] / "conf"
UNPICKLES: Final = "--experimental-rerun"
MULTIRUN: Final = ("-m", "--multirun")
SLOT: Final = "arm.sweep="

_ID: Final = re.compile(r"(run_id|source_run)=([0-9a-f]{4,32})")


class Task:
    """What Hydra calls for each job, in this process or in a worker's.

    Attributes:
        codes: exit codes of what this process ran.
        begun: whether any job was composed.
    """

    def __init__(self) -> None:
        self.codes: list[int] = []
        self.begun = False

    def __call__(self, config: DictConfig) -> Result:
        """One job; a lane that lists its candidates is a job too."""
        self.begun = True
        return self.attempt(lambda: self._answer(config)).for_sweeper(HydraConfig.get().sweeper)

    def attempt(self, run: Callable[[], Result]) -> Result:
        """One run or sweep: a refusal is told when it happens, and the next one still goes ahead."""
        try:
            result = run()
        except Seg6bError as error:
            code = error.exit_code if ParallelJobs.worker else _told(error)
            result = Result.of(math.nan, code, error=str(error))
        self.codes.append(result.code)
        return result

    def _answer(self, config: DictConfig) -> Result:
        job = load_job(config, dict(HydraConfig.get().runtime.choices))
        if ParallelJobs.worker is not None:
            return run_job(job, ParallelJobs.worker)
        if job.arm.sweep or not (job.dry or job.lane.candidates):
            return run_job(job)
        asked = Asked(0, tuple(HydraConfig.get().overrides.task), job)
        return answer_alone(asked, Composer.here(), self._alone, self.attempt)

    def _alone(self, asked: Asked) -> Result:
        return self.attempt(lambda: run_job(asked.job))


def main() -> None:
    """Run the lane and leave with its exit code; a stop by signal leaves nothing half-written."""
    listen()
    os.environ["HYDRA_FULL_ERROR"] = "1"
    warnings.filterwarnings("ignore", module="hydra")
    logging.getLogger("hydra").setLevel(logging.WARNING)
    register()
    register_launcher()
    faults = register_lanes()
    task = Task()
    codes: list[int] = []
    try:
        sys.argv[1:] = spelled(sys.argv[1:])
        with disk_faults("E_ROOT_DISK", Path.cwd()), watched() as codes:
            hydra.main(version_base="1.3", config_path=str(CONF), config_name="config")(task)()
    except Stopped as stopped:
        codes.append(_told(stopped.error))
    except Seg6bError as error:
        codes.append(_told(error))
    except KeyboardInterrupt as stop:
        word = "Terminated" if isinstance(stop, Terminated) else "Interrupted"
        print(f"{word}.", *getattr(stop, "__notes__", []), file=sys.stderr)  # noqa: T201
        sys.exit(exit_code(stop))
    except Exception as error:
        understood = _understood(error, faults, begun=task.begun)
        if understood is None:
            raise
        codes.append(_told(understood))
    sys.exit(max([*codes, *task.codes], default=0))


def spelled(arguments: Sequence[str]) -> list[str]:
    """Arguments as Hydra takes them.

    `--dry` is a setting; `-m` may stand anywhere; an id is text, even one that reads like a number (`1234e567`); a slot
    of a sweep is one run, whatever mode its lane file asks for.

    Raises:
        UsageError: an option of Hydra that loads a pickled job.

    >>> spelled(["seed=7,8", "--dry", "-m", "source_run=1234e567"])
    ['-m', 'seed=7,8', 'dry=true', "source_run='1234e567'"]
    """
    if any(a.startswith(UNPICKLES) for a in arguments):
        raise UsageError("E_LANE_RERUN", "no pickled job is loaded", "command line", UNPICKLES, "run_id=<id>", "")
    plain = ["dry=true" if a == "--dry" else _ID.sub(r"\1='\2'", a) if _ID.fullmatch(a) else a for a in arguments]
    plain.sort(key=lambda a: a not in MULTIRUN)
    return [*plain, *(["hydra.mode=RUN"] if any(a.startswith(SLOT) for a in arguments) else [])]


def _told(error: Seg6bError) -> int:
    print(error, file=sys.stderr)  # noqa: T201
    return error.exit_code


def _understood(error: Exception, faults: dict[str, str], *, begun: bool) -> Seg6bError | None:
    """What Hydra or one of its plugins refuses; None where it is a fault of ours."""
    if isinstance(error, HydraException | OmegaConfBaseException) or (isinstance(error, ValueError) and not begun):
        return _config_error(error, faults)
    files = [frame.filename for frame in traceback.extract_tb(error.__traceback__)]
    if all("hydra_plugins" not in file for file in files) or "seg6b" in Path(files[-1]).parts:
        return None
    said = f"{type(error).__name__}: {error}"[:300]
    return Refusal("E_LANE_PLUGIN", "the launcher or sweeper gave up", "hydra/launcher, hydra/sweeper", said)


def _config_error(error: Exception, faults: dict[str, str]) -> UsageError:
    """Hydra's own words in one line: they name the key and list the options; where it looked is left out."""
    cause = f" {error.__cause__}" if error.__cause__ else ""
    lines = [line.strip() for line in f"{error}{cause}".split("Config search path")[0].splitlines() if line.strip()]
    said = " ".join(lines)[:600] or type(error).__name__
    unread = [f"{LANES / name}.yaml is no lane: {why}." for name, why in faults.items() if f"lane/{name}'" in said]
    hint = " ".join([*unread, "See `python -m seg6b.lane --help` and `--cfg job`."])
    return UsageError("E_CONFIG", said, "command line or conf/", hint=hint)

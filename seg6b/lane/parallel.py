"""Launchers other than the bench's: what the parent prepares and refuses, and how it hears from its workers."""

from __future__ import annotations

import json
import os
import sys
import threading
import traceback
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, ClassVar, Final

from hydra.core.utils import JobReturn, JobStatus, filter_overrides
from hydra.experimental.callback import Callback
from omegaconf import DictConfig, OmegaConf

from seg6b.errors import ResourceRefused, Seg6bError, UsageError
from seg6b.lane.series import Result
from seg6b.render.jobs_table import LiveJobs
from seg6b.runs.progress import Silent
from seg6b.runs.receipt import StateReceipt
from seg6b.runs.sweep import OPTIMISATION
from seg6b.tracking.settings import MLflowSettings
from seg6b.tracking.store import prepare

BENCH: Final = "BenchLauncher"
STARTED: Final = "started"
STATE: Final = "state"
ENDED: Final = "ended"

_LOOK_S: Final = 0.2


class Stopped(BaseException):
    """Carries a refusal out of a callback: Hydra turns every `Exception` there into a warning."""

    def __init__(self, error: Seg6bError) -> None:
        super().__init__(str(error))
        self.error = error


class ParallelJobs(Callback):  # type: ignore[misc]
    """Goes with the jobs of another launcher: begins in the parent, is pickled, and takes notes in each worker."""

    worker: ClassVar[JobNotes | None] = None

    def __init__(self) -> None:
        self.notes = ""

    def on_multirun_start(self, config: DictConfig, **_: Any) -> None:  # noqa: ANN401 - Hydra's signature
        """Refuse what may not run in parallel; prepare the tracking store once, before any worker asks for it."""
        if str(config.hydra.launcher._target_).endswith(BENCH):
            return
        _refuse_timing(config)
        root = Path(config.root).resolve()
        _prepare(root, config)
        path = root / "mlruns" / "hydra" / f"jobs-{uuid.uuid4().hex}.jsonl"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
        self.notes = str(path)
        Watch.current = Watch(path)

    def on_job_start(self, config: DictConfig, **_: Any) -> None:  # noqa: ANN401
        """In the worker: a job begins."""
        if self.notes:
            overrides = filter_overrides(config.hydra.overrides.task)
            ParallelJobs.worker = JobNotes(Path(self.notes), int(config.hydra.job.num), " ".join(overrides))

    def on_job_end(self, config: DictConfig, job_return: JobReturn, **_: Any) -> None:  # noqa: ANN401, ARG002
        """In the worker: a job ended, one way or another."""
        notes, ParallelJobs.worker = ParallelJobs.worker, None
        if notes is not None:
            notes.ended(job_return)


class JobNotes(Silent):
    """What a job in a worker tells its parent: a line of JSON an event, appended in one write."""

    def __init__(self, path: Path, number: int, overrides: str) -> None:
        self._path, self._number = path, number
        self._note(event=STARTED, said=overrides)

    def finished(self, receipt: StateReceipt) -> None:
        """A state is committed."""
        linked, wall = f"linked from {receipt.staged_from[:8]}", f"{receipt.elapsed_s['total']:.2f} s"
        self._note(event=STATE, said=f"{receipt.state}  {linked if receipt.staged_from else wall}")

    def noted(self, line: str) -> None:
        """Something that a person should know."""
        self._note(event=STATE, said=line)

    def ended(self, job_return: JobReturn) -> None:
        """The job is over."""
        outcome = job_return._return_value  # noqa: SLF001 - the property raises what a failed job returned
        if job_return.status is JobStatus.COMPLETED and isinstance(outcome, Result):
            failed = "; S5 or a hard gate failed" if outcome.code else ""
            done = f"done  {outcome:.2f} s, run {outcome.run_id}{failed}"
            self._note(event=ENDED, said=outcome.error or done, code=outcome.code)
            return
        traceback.print_exception(outcome)
        self._note(event=ENDED, said=f"failed  {type(outcome).__name__}: {outcome}", code=1)

    def _note(self, **event: object) -> None:
        """Nothing where the parent has gone: some launchers let their jobs outlive it."""
        line = json.dumps({"job": self._number, **event}) + "\n"
        with suppress(FileNotFoundError):
            handle = os.open(self._path, os.O_WRONLY | os.O_APPEND)
            try:
                os.write(handle, line.encode())
            finally:
                os.close(handle)


class Watch:
    """The parent's ear: shows what workers note as it comes, and keeps their exit codes."""

    current: ClassVar[Watch | None] = None

    def __init__(self, path: Path) -> None:
        self.codes: list[int] = []
        self._path, self._read = path, 0
        self._table = LiveJobs()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    def end(self) -> None:
        """Show what is left and put the notes away."""
        self._over.set()
        self._thread.join()
        self._path.unlink(missing_ok=True)

    def _listen(self) -> None:
        with self._table:
            while not self._over.wait(_LOOK_S):
                self._look()
            self._look()

    def _look(self) -> None:
        with self._path.open("rb") as notes:
            notes.seek(self._read)
            fresh = notes.read()
        whole = fresh[: fresh.rfind(b"\n") + 1]
        self._read += len(whole)
        for note in map(json.loads, whole.splitlines()):
            self._show(**note)

    def _show(self, job: int, event: str, said: str, code: int = 0) -> None:
        if event == ENDED:
            self.codes.append(code)
            self._table.ended(job, said, code)
        elif event == STARTED:
            self._table.started(job, said)
        else:
            self._table.state(job, said)


@contextmanager
def watched() -> Iterator[list[int]]:
    """Exit codes of the jobs that other launchers ran, complete when the context is left."""
    codes: list[int] = []
    try:
        yield codes
    finally:
        watch, Watch.current = Watch.current, None
        if watch is not None:
            watch.end()
            codes.extend(watch.codes)


def _refuse_timing(config: DictConfig) -> None:
    if config.lane.kind == OPTIMISATION or config.lane.candidates:
        launcher = OmegaConf.to_container(config.hydra.runtime.choices).get("hydra/launcher", "")  # type: ignore[union-attr]
        raise Stopped(UsageError(
            "E_LANE_PARALLEL_TIMING", "runs that are held against a control are new processes, one at a time",
            "hydra/launcher", str(launcher), "bench",
            f"Leave out hydra/launcher={launcher}; it may run what is not timed against a control.",
        ))  # fmt: skip


def _prepare(root: Path, config: DictConfig) -> None:
    """The store and the experiment; without them the jobs run and say themselves that they are not tracked."""
    tracking: Any = OmegaConf.to_container(config.tracking)
    try:
        prepare(MLflowSettings(root, **tracking), config.lane.id)
    except ResourceRefused as error:
        print(error, file=sys.stderr)  # noqa: T201

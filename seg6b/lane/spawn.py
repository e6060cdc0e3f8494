"""One run of a sweep as a new process of its own session: begun, waited for, and never left behind."""

from __future__ import annotations

import os
import re
import signal
import subprocess
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psutil

TERMINATE_S: Final = 15.0
_INHERITED: Final = ("MLFLOW_RUN_ID",)
_SLOT: Final = re.compile(r"arm[.]sweep='?([0-9a-f]{32})'?")


@dataclass(frozen=True, slots=True)
class Ended:
    """How a process ended.

    Attributes:
        exit_code: its exit code; negative for the signal that ended it.
        error: the last refusal that it wrote to stderr; empty where it wrote none.
    """

    exit_code: int
    error: str


def run_process(
    command: Sequence[str], out: Path, err: Path, begun: Callable[[int], object], variables: Mapping[str, str]
) -> Ended:
    """Run `command` to its end, its output appended to two files.

    A stop that reaches this process stops the other one first: SIGTERM, some time to put things in order, SIGKILL.

    Args:
        command: what to run.
        out: where its stdout goes.
        err: where its stderr goes.
        begun: told the process id as soon as there is one.
        variables: environment variables beside the inherited ones; MLflow's current run is never inherited.
    """
    out.parent.mkdir(parents=True, exist_ok=True)
    environment = {k: v for k, v in os.environ.items() if k not in _INHERITED} | dict(variables)
    with out.open("ab") as stdout, err.open("ab") as stderr:
        before = err.stat().st_size
        child = subprocess.Popen(  # noqa: S603 - the project's own command
            command, stdin=subprocess.DEVNULL, stdout=stdout, stderr=stderr, env=environment, start_new_session=True
        )
        try:
            begun(child.pid)
            code = child.wait()
        except BaseException:
            _stop(child)
            raise
    return Ended(code, last_refusal(err, before))


def left_behind(place: str) -> list[tuple[psutil.Process, str]]:
    """Slots of sweeps that are at work, each with the id of its sweep; equal plans of two roots have equal ids.

    Whoever holds the bench lock and has begun none finds what a killed bench left behind.

    Args:
        place: the override that names the root, as slots are told it.
    """
    found = []
    for process in psutil.process_iter(["cmdline"]):
        words = process.info["cmdline"] or []
        told = [_SLOT.fullmatch(word) for word in words if place in words]
        found += [(process, match[1]) for match in told if match is not None]
    return found


def last_refusal(path: Path, start: int = 0) -> str:
    """The last line of a log that tells of a refusal, from byte `start` on."""
    with path.open("rb") as file:
        file.seek(start)
        lines = file.read().decode("utf-8", errors="replace").splitlines()
    return next((line.strip() for line in reversed(lines) if line.startswith("E_")), "")


def _stop(child: subprocess.Popen[bytes]) -> None:
    """End the process and everything that it began; it is killed if it takes too long, or at a second stop."""
    _signal(child, signal.SIGTERM)
    try:
        with suppress(subprocess.TimeoutExpired):
            child.wait(TERMINATE_S)
    finally:
        _signal(child, signal.SIGKILL)
        child.wait()


def _signal(child: subprocess.Popen[bytes], number: int) -> None:
    with suppress(ProcessLookupError):
        os.killpg(child.pid, number)

"""Planning again what is not finished: the same plan goes on, another one of the same lane is refused by name."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, Final

from seg6b.errors import Conflict
from seg6b.runs.disk import to_json
from seg6b.runs.folder import RunFolder
from seg6b.runs.sweep import Arm, SlotStatus, Sweep
from seg6b.runs.sweep_folder import SweepFolder, find_sweeps, sweep_id_of
from seg6b.scoring.facts import testbed, this_testbed
from seg6b.settings.job import Job

ADHOC: Final = "adhoc"


def begun_or_new(job: Job, planned: Sweep) -> Sweep:
    """The unfinished sweep of the same plan, if there is one; else the planned one, with its number and id.

    Args:
        job: any of its jobs.
        planned: what is asked for; its id and number are still open.

    Raises:
        Conflict: the lane has an unfinished sweep of another plan in the same place, or this one was begun with other
            code or on another machine; `lane.restart=true` gives it up instead.
    """
    folders = find_sweeps(job.root)
    stored = {folder: folder.sweep() for folder in folders}
    key = plan_key(planned)
    same = [sweep for sweep in stored.values() if plan_key(sweep) == key]
    for folder, sweep in stored.items():
        if folder.finished() or _place(sweep) != _place(planned):
            continue
        fault = _other_ground(job.root, sweep, planned.code) if sweep in same else _changed(sweep, planned, folder)
        if fault is not None:
            _give_up(job, folder, fault)
        elif sweep in same:
            return replace(sweep, on_failure=planned.on_failure, retries=planned.retries)
    numbered = replace(planned, ordinal=1 + max((s.ordinal for s in same), default=0))
    return replace(numbered, sweep_id=sweep_id_of(numbered))


def plan_key(sweep: Sweep) -> str:
    """What makes two sweeps the same plan: candidates, control, place and schedule.

    Not the code, not how failures are met, and nothing that is concluded from runs that happen to be there.
    """
    return hashlib.sha256(to_json(_asked(sweep)).encode()).hexdigest()


def _asked(sweep: Sweep) -> Sweep:
    arms = tuple(replace(arm, inert="") for arm in sweep.arms)
    return replace(
        sweep, sweep_id="", owner="", arms=arms, on_failure="", retries=0, code="", ordinal=0, created_utc=""
    )


def _place(sweep: Sweep) -> tuple[str, str, int, str]:
    return sweep.lane, sweep.manifest_fingerprint, sweep.seed, sweep.scenario_id


def _give_up(job: Job, folder: SweepFolder, fault: Conflict) -> None:
    if not job.lane.restart:
        raise fault
    if not job.dry:
        folder.give_up(f"lane.restart=true; {fault.what}: {fault.value}")


def _other_ground(root: Path, sweep: Sweep, code: str) -> Conflict | None:
    """Why times of this sweep may not be continued here; None where they may."""
    folder = SweepFolder.of(root, sweep.sweep_id)
    if sweep.code != code:
        what = "the sweep was begun with other code"
        return _refusal(folder, "E_SWEEP_CODE", what, code[:12], sweep.code[:12])
    here = this_testbed()
    for there in (testbed(run.receipt()) for run in _runs_of(root, folder)):
        if there != here:
            what = "the sweep was begun on another machine, or with other libraries"
            return _refusal(folder, "E_SWEEP_TESTBED", what, here, there)
    return None


def _runs_of(root: Path, folder: SweepFolder) -> Iterator[RunFolder]:
    for receipt in folder.slots():
        run = RunFolder.of(root, receipt.slot.run_id)
        if receipt.status == SlotStatus.DONE and run.exists():
            yield run


def _changed(sweep: Sweep, planned: Sweep, folder: SweepFolder) -> Conflict | None:
    """What is new and what is missing, by name; nothing ties one ad hoc sweep to another."""
    if planned.lane == ADHOC:
        return None
    before, now = ({_named(arm) for arm in s.arms[1:]} for s in (sweep, planned))
    told = [f"added: {', '.join(sorted(now - before))}"] if now - before else []
    told += [f"missing: {', '.join(sorted(before - now))}"] if before - now else []
    what = "the lane has an unfinished sweep with other candidates"
    if not told:
        what = "the lane has an unfinished sweep of another plan"
        told = [f"{k} is {_short(new)}, was {_short(old)}" for k, old, new in _fields(sweep, planned)]
    return _refusal(folder, "E_SWEEP_CHANGED", what, "; ".join(told), "what it was begun with")


def _fields(sweep: Sweep, planned: Sweep) -> list[tuple[str, Any, Any]]:
    mine, theirs = asdict(_asked(sweep)), asdict(_asked(planned))
    return [(k, mine[k], theirs[k]) for k in mine if mine[k] != theirs[k]]


def _short(value: Any) -> str:  # noqa: ANN401 - a field of any type
    text = str(value) or "none"
    return text if len(text) <= 60 else f"{text[:57]}…"


def _refusal(folder: SweepFolder, code: str, what: str, value: str, expected: str) -> Conflict:
    done = sum(r.status == SlotStatus.DONE for r in folder.slots())
    return Conflict(
        code, what, f"sweep {folder.sweep_id[:8]}, {done} runs done", value, expected,
        "Put that back to go on with it, or give it up and begin anew: lane.restart=true.",
    )  # fmt: skip


def _named(arm: Arm) -> str:
    return " ".join(arm.overrides) or "(no overrides)"

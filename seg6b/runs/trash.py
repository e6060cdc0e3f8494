"""The trash: what prune moved comes back by `undelete`, or goes for good by `free`."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from seg6b.errors import Conflict, Damaged, UsageError
from seg6b.runs import ledger
from seg6b.runs.commit import run_lock, store_lock
from seg6b.runs.disk import disk_faults, remove_tree
from seg6b.runs.folder import RunFolder, find_runs
from seg6b.runs.inventory import instant
from seg6b.runs.keep import faults_of
from seg6b.runs.machine import now_utc
from seg6b.runs.moving import is_half, move
from seg6b.runs.pins import pins
from seg6b.runs.prune_record import read_prune, write_prune
from seg6b.runs.pruned import Fate, Pruned, mark_path, read_mark, trash_folder, trash_root, write_mark
from seg6b.runs.sizes import links_of, sizes
from seg6b.shards.executor import Executor, Threads

UNDELETE: Final = "undelete"
FREE: Final = "free"
_NAME: Final = re.compile(r"[0-9a-f]{4,64}")


@dataclass(frozen=True, slots=True)
class Freed:
    """What was freed.

    Attributes:
        runs: runs whose data is gone for good now.
        bytes: what their files held.
        freed_bytes: what the disk got back.
    """

    runs: tuple[str, ...]
    bytes: int
    freed_bytes: int


def undelete(root: Path, which: str, executor: Executor | None = None) -> tuple[str, ...]:
    """Bring back what was pruned; the runs that came back.

    Args:
        root: project root.
        which: a run id or a plan id, or the beginning of one (four digits or more).
        executor: for the check of what came back; None takes all cores.

    Raises:
        UsageError: nothing pruned is called so.
        Conflict: it was freed, or other files lie in its place.
        Damaged: its folder is gone from the trash, and nothing was changed; or a file is not as it was published, and
            is back in its place nevertheless.
    """
    with disk_faults("E_UNDELETE_DISK", root / "mlruns"), store_lock(root):
        ledger.entries(root)
        runs = _named(root, which)
        _require_there(root, runs)
        for run in runs:
            _restore(root, run)
        for run in runs:
            _require_whole(root, run, executor or Threads.of())
        return tuple(run.run_id for run in runs)


def finish_restoring(root: Path) -> None:
    """Bring back the rest of every run whose return was broken off; the caller holds the store's lock."""
    for run in find_runs(root):
        mark = read_mark(run)
        if mark is not None and mark.fate == Fate.RESTORING:
            _restore(root, run)


def free(root: Path, older_than_h: float, now: str = "") -> Freed:
    """Delete for good what has lain in the trash for `older_than_h` hours or longer; receipts and gates stay.

    Raises:
        Damaged: a pinned run lies in the trash; nothing of it is deleted.
    """
    until = instant(now or now_utc()) - timedelta(hours=older_than_h)
    total = Freed((), 0, 0)
    with disk_faults("E_FREE_DISK", trash_root(root)), store_lock(root):
        runs = {run.run_id: run for run in find_runs(root)}
        for folder in sorted(p for p in trash_root(root).glob("*") if p.is_dir()):
            freed = _free_plan(root, folder, runs, until)
            total = Freed(total.runs + freed.runs, total.bytes + freed.bytes, total.freed_bytes + freed.freed_bytes)
    return total


def trash_bytes(root: Path) -> tuple[int, int]:
    """What the files in the trash hold, and what of that the disk would get back."""
    return sizes([trash_root(root)], links_of([trash_root(root)]), set())


def _named(root: Path, which: str) -> list[RunFolder]:
    """The pruned runs that `which` names, without those that were freed, if there are others."""
    marks = {run: mark for run in find_runs(root) if (mark := read_mark(run)) is not None}
    plans = {mark.plan_id for mark in marks.values() if mark.plan_id.startswith(which)}
    found = [run for run in marks if run.run_id.startswith(which)]
    if not _NAME.fullmatch(which) or len(found) + len(plans) != 1:
        fault = "more than one is called so" if found or plans else "no pruned run and no plan is called so"
        known = ", ".join(run.run_id[:8] for run, mark in marks.items() if mark.fate != Fate.FREED) or "none"
        raise UsageError("E_UNDELETE_UNKNOWN", fault, str(trash_root(root)), which, f"one of: {known}", "")
    found = found or [run for run, mark in marks.items() if mark.plan_id in plans]
    there = [run for run in found if marks[run].fate != Fate.FREED]
    if not there:
        raise Conflict(
            "E_UNDELETE_FREED", "the data was freed", str(found[0].path), marks[found[0]].freed_utc,
            "data in the trash", "Its receipts and gates are still there; its data must be made again.",
        )  # fmt: skip
    return there


def _require_there(root: Path, runs: Sequence[RunFolder]) -> None:
    for run in runs:
        mark = read_mark(run)
        if mark is None or mark.fate != Fate.TRASHED or not mark.bytes:
            continue
        trash = trash_folder(root, mark.plan_id, run.run_id)
        if not trash.is_dir():
            raise Damaged(
                "E_UNDELETE_GONE", "the data of the run is no longer in the trash", str(trash), run.run_id,
                "what prune moved there", "Put the folder back, or make the data again; nothing was changed.",
            )  # fmt: skip


def _restore(root: Path, run: RunFolder) -> None:
    """Move everything back, from wherever an earlier try stopped; the mark goes last."""
    with run_lock(root, run.run_id):
        mark = read_mark(run)
        if mark is None:
            return
        write_mark(run, replace(mark, fate=Fate.RESTORING))
        trash = trash_folder(root, mark.plan_id, run.run_id)
        for unit in sorted(trash.iterdir()) if trash.is_dir() else []:
            if not is_half(unit):
                move(unit, run.path / unit.name)
        record = read_prune(root, mark.plan_id)
        if record is not None:
            write_prune(root, replace(record, restored={**record.restored, run.run_id: now_utc()}))
        if run.run_id not in _told(root, UNDELETE, mark.plan_id):
            body = {"plan_id": mark.plan_id, "runs": [run.run_id], "bytes": mark.bytes}
            ledger.append(root, UNDELETE, body)
        remove_tree(trash)
        mark_path(run).unlink()
        _remove_if_empty(trash.parent)


def _require_whole(root: Path, run: RunFolder, executor: Executor) -> None:
    if faults := faults_of(root, run, executor):
        raise Damaged(
            "E_UNDELETE_DAMAGED", f"the run is back, and is damaged: {faults[0].fault}",
            str(run.path / faults[0].path), faults[0].found, faults[0].expected,
            f"Look at all of it: python -m seg6b verify {run.run_id}",
        )  # fmt: skip


def _free_plan(root: Path, folder: Path, runs: Mapping[str, RunFolder], until: datetime) -> Freed:
    """Free what is old enough of one plan: marked first, then written into the ledger, then deleted."""
    here = {path: runs[path.name] for path in sorted(folder.iterdir()) if path.name in runs}
    marks = {path: mark for path, run in here.items() if (mark := _old_mark(run, folder.name, until)) is not None}
    _require_unpinned(root, list(marks))
    fresh = [path for path in marks if path.name not in _told(root, FREE, folder.name)]
    held, back = sizes(fresh, links_of(marks), set())
    for path, mark in marks.items():
        if mark.fate == Fate.TRASHED:
            write_mark(here[path], replace(mark, fate=Fate.FREED, freed_utc=now_utc()))
    names = tuple(path.name for path in fresh)
    if names:
        ledger.append(root, FREE, {"plan_id": folder.name, "runs": names, "bytes": held, "freed_bytes": back})
    for path in marks:
        remove_tree(path)
    _remove_if_empty(folder)
    return Freed(names, held, back)


def _old_mark(run: RunFolder, plan_id: str, until: datetime) -> Pruned | None:
    """The mark of a run whose data may go; data that is of no pruned run stays where it is."""
    mark = read_mark(run)
    if mark is None or mark.plan_id != plan_id:
        return None
    old = mark.fate == Fate.TRASHED and instant(mark.pruned_utc) <= until
    return mark if old or mark.fate == Fate.FREED else None


def _require_unpinned(root: Path, paths: Sequence[Path]) -> None:
    pinned = {pin.run_id: pin for pin in pins(root)}
    for path in paths:
        if path.name in pinned:
            raise Damaged(
                "E_FREE_PINNED", f"the data of a run that is pinned as {pinned[path.name].role} lies in the trash",
                str(path), path.name, "a pinned run in its place",
                f"Bring it back: python -m seg6b undelete {path.name}",
            )  # fmt: skip


def _told(root: Path, kind: str, plan_id: str) -> set[str]:
    """The runs of a plan that the ledger already names under `kind`."""
    lines = (e for e in ledger.entries(root) if e.kind == kind and e.body["plan_id"] == plan_id)
    return {run_id for line in lines for run_id in line.body["runs"]}


def _remove_if_empty(folder: Path) -> None:
    if folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()

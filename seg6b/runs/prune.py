"""Prune: what it keeps is verified first, what it drops is moved to the trash, and a killed prune goes on.

Each dropped run gets its `pruned.json` before the first file moves and again after the last one; so whatever happens
in between, the same command goes on from there, and `undelete` brings everything back.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from seg6b.errors import Conflict, ResourceRefused, UsageError
from seg6b.runs import ledger
from seg6b.runs.commit import lock_path, run_lock, store_lock
from seg6b.runs.disk import disk_faults
from seg6b.runs.folder import RunFolder
from seg6b.runs.inventory import take_inventory
from seg6b.runs.keep import kept_of, verify_kept
from seg6b.runs.machine import now_utc
from seg6b.runs.moving import move
from seg6b.runs.prune_plan import PrunePlan, plan_prune
from seg6b.runs.prune_record import (
    Dropped,
    PruneRecord,
    PruneStatus,
    all_prunes,
    interrupted,
    restored_runs,
    write_prune,
)
from seg6b.runs.pruned import Fate, Pruned, droppable, read_mark, trash_folder, write_mark
from seg6b.runs.trash import finish_restoring
from seg6b.shards.executor import Executor, Threads

PRUNE: Final = "prune"
_BEGINNING: Final = re.compile(r"[0-9a-f]{4,64}")
_SEE: Final = "See what there is to prune: python -m seg6b prune"


def execute_plan(root: Path, plan: PrunePlan, now: str = "", executor: Executor | None = None) -> PruneRecord:
    """Do what `plan` says, once, if it is still what a prune would do.

    Args:
        root: project root.
        plan: from `plan_prune`.
        now: RFC 3339; empty takes the present.
        executor: for the checks; None takes all cores.

    Raises:
        Conflict: the plan was executed, is stale, or an interrupted one comes first.
        Damaged: something that is kept is damaged; nothing was moved.
        ResourceRefused: another process prunes, or took the lock away.
    """
    with disk_faults("E_PRUNE_DISK", root / "mlruns", _way_on), store_lock(root):
        kept = _fresh(root, plan, now).kept
        ledger.entries(root)
        verify_kept(root, kept, executor or Threads.of())
        runs = tuple(Dropped(i.run_id, i.reason, i.bytes, i.freed_bytes) for i in plan.items)
        record = PruneRecord(plan.plan_id, PruneStatus.EXECUTING, runs, now_utc())
        write_prune(root, record)
        return _drop_all(root, record, kept)


def finish_interrupted(
    root: Path, grace_h: float, now: str = "", executor: Executor | None = None, spared: Sequence[str] = ()
) -> list[PruneRecord]:
    """Bring every interrupted prune to its end; what must be kept by now, or is spared, stays in its place.

    Raises:
        Damaged: something that is kept is damaged; nothing was moved.
    """
    with disk_faults("E_PRUNE_DISK", root / "mlruns", _way_on), store_lock(root):
        finish_restoring(root)
        begun = interrupted(root)
        if not begun:
            return []
        ledger.entries(root)
        kept = kept_of(take_inventory(root), restored_runs(root), grace_h, now, spared)
        verify_kept(root, kept, executor or Threads.of())
        return [_drop_all(root, record, kept) for record in begun]


def require_plan(root: Path, plan_id: str, stands: PrunePlan) -> None:
    """Refuse unless `plan_id`, or its beginning, names the plan that stands now.

    Raises:
        Conflict: it was executed before, or is stale.
        UsageError: it is no plan id.
    """
    if not _BEGINNING.fullmatch(plan_id):
        raise UsageError("E_PLAN_ID", "not a plan id", "--plan", repr(plan_id), "four hex digits or more", _SEE)
    before = next((p for p in all_prunes(root) if p.plan_id.startswith(plan_id)), None)
    if before is not None and before.status == PruneStatus.EXECUTED:
        raise Conflict(
            "E_PRUNE_EXECUTED", "the plan was executed before", plan_id, before.ended_utc, "a plan of now", _SEE
        )
    if not stands.plan_id.startswith(plan_id):
        raise Conflict(
            "E_PRUNE_STALE", "this is not the plan of now: runs, pins or files have changed since it was made",
            str(root / "mlruns"), plan_id, stands.plan_id[:12], f"Nothing was pruned. {_SEE}",
        )  # fmt: skip


def _fresh(root: Path, plan: PrunePlan, now: str) -> PrunePlan:
    """The plan of now, refused unless it is `plan`; what is kept by now may be more."""
    if begun := interrupted(root):
        raise Conflict(
            "E_PRUNE_INTERRUPTED", "a prune was interrupted and comes first", str(root / "mlruns" / "prune"),
            begun[0].plan_id, "no prune half done", "Finish it: python -m seg6b prune --yes",
        )  # fmt: skip
    stands = plan_prune(root, plan.grace_h, now, plan.sweep_id, plan.spared)
    require_plan(root, plan.plan_id, stands)
    return stands


def _drop_all(root: Path, record: PruneRecord, kept: Mapping[str, tuple[str, ...]]) -> PruneRecord:
    """Move every run that the record names and nothing keeps, write it into the ledger, close the record."""
    lock = lock_path(root, "store")
    guard = lock.stat().st_ino
    left = {}
    for dropped in record.runs:
        _require_held(lock, guard)
        if dropped.run_id in record.restored:
            left[dropped.run_id] = "it was brought back"
        elif dropped.run_id in kept:
            left[dropped.run_id] = "; ".join(kept[dropped.run_id])
        elif why := _drop(root, record, dropped):
            left[dropped.run_id] = why
    _require_held(lock, guard)
    moved = [d for d in record.runs if d.run_id not in left]
    body = {
        "plan_id": record.plan_id,
        "runs": {d.run_id: d.reason for d in moved},
        "bytes": sum(d.bytes for d in moved),
        "freed_bytes": sum(d.freed_bytes for d in moved),
    }
    if not any(e.kind == PRUNE and e.body["plan_id"] == record.plan_id for e in ledger.entries(root)):
        ledger.append(root, PRUNE, body)
    ended = replace(record, status=PruneStatus.EXECUTED, ended_utc=now_utc(), left=left)
    write_prune(root, ended)
    return ended


def _drop(root: Path, record: PruneRecord, dropped: Dropped) -> str:
    """Move the data of one run to the trash, from wherever an earlier try stopped; says why it was left, if it was."""
    run = RunFolder.of(root, dropped.run_id)
    if not run.exists():
        return "its folder is gone"
    try:
        lock = run_lock(root, dropped.run_id)
    except ResourceRefused as refused:
        if read_mark(run) is not None:
            raise
        return refused.what
    with lock:
        mark = read_mark(run) or Pruned(
            record.plan_id, Fate.MOVING, dropped.reason, dropped.bytes, dropped.freed_bytes, now_utc()
        )
        if mark.plan_id != record.plan_id or mark.fate != Fate.MOVING:
            return "" if mark.plan_id == record.plan_id else f"plan {mark.plan_id[:12]} dropped it"
        write_mark(run, mark)
        trash = trash_folder(root, record.plan_id, run.run_id)
        for unit in droppable(run):
            move(unit, trash / unit.name)
        write_mark(run, replace(mark, fate=Fate.TRASHED))
    return ""


def _require_held(lock: Path, guard: int) -> None:
    """Refuse to go on when the lock was taken away: another process may be at work by now."""
    if not lock.exists() or lock.stat().st_ino != guard:
        raise ResourceRefused(
            "E_PRUNE_LOCK_LOST", "the lock was removed while prune worked", str(lock), "", "a lock that stays",
            "Nothing is lost. Leave lock files alone; finish it: python -m seg6b prune --yes",
        )  # fmt: skip


def _way_on() -> str:
    return "Put that right, then run the same command again; what was moved can be brought back."

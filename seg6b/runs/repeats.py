"""Dropping the data of a repeat: its rows are there a second time, in the run that stands for its arm."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

from seg6b.runs.commit import run_lock, store_lock
from seg6b.runs.disk import remove_tree
from seg6b.runs.folder import RunFolder
from seg6b.runs.inventory import DONE
from seg6b.runs.machine import now_utc
from seg6b.runs.pins import pins
from seg6b.runs.pruned import Fate, Pruned, droppable, read_mark, write_mark
from seg6b.runs.sizes import links_of, sizes
from seg6b.runs.verify import state_receipts


def drop_repeats(root: Path, sweep_id: str, standing: str, repeats: Sequence[str]) -> int:
    """Free the data of `repeats`; receipts and gates stay.

    A run that is pinned, not done, or whose digests are not those of the standing run is left as it is; so is
    everything if the standing run has no data.

    Args:
        root: project root.
        sweep_id: the sweep that they belong to.
        standing: run that keeps the rows.
        repeats: run ids of the repeats.

    Returns:
        Bytes that the disk got back.
    """
    kept = RunFolder.of(root, standing)
    if not kept.exists() or read_mark(kept) is not None:
        return 0
    wanted, held = _digests(kept), {pin.run_id for pin in pins(root)} | {standing}
    freed = 0
    for run in (RunFolder.of(root, r) for r in repeats if r not in held):
        if run.exists() and run.receipt().status == DONE and _digests(run) == wanted:
            with store_lock(root), run_lock(root, run.run_id):
                freed += _drop(run, sweep_id, standing)
    return freed


def _drop(run: RunFolder, sweep_id: str, standing: str) -> int:
    """The mark first: a process that ends in between leaves files that the next call removes."""
    mark = read_mark(run)
    if mark is None:
        mark = _mark(run, sweep_id, standing)
        write_mark(run, mark)
    for path in droppable(run):
        if path.is_dir():
            remove_tree(path)
        else:
            path.unlink()
    return mark.freed_bytes


def _mark(run: RunFolder, sweep_id: str, standing: str) -> Pruned:
    """What will be freed: files that no other run links."""
    going = droppable(run)
    whole, alone = sizes(going, links_of(going), set())
    now = now_utc()
    plan = hashlib.sha256(f"repeats of {sweep_id}".encode()).hexdigest()
    reason = f"repeat of {standing}, whose rows are equal"
    return Pruned(plan, Fate.FREED, reason, whole, alone, now, now)


def _digests(run: RunFolder) -> dict[str, str]:
    return {name: d.digest for r in state_receipts(run).values() for name, d in r.datasets.items()}

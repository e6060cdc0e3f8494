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

    A run that is pinned, not done, pruned, or whose digests are not those of the standing run is left as it is; so is
    everything if the standing run lacks a file. Pins cannot change while it is looked at.

    Args:
        root: project root.
        sweep_id: the sweep that they belong to.
        standing: run that keeps the rows.
        repeats: run ids of the repeats.

    Returns:
        Bytes that the disk got back.
    """
    freed = 0
    for run in (RunFolder.of(root, r) for r in repeats if r != standing):
        with store_lock(root):
            if run.exists() and _stands(root, standing) and _is_repeat(root, run, RunFolder.of(root, standing)):
                with run_lock(root, run.run_id):
                    freed += _drop(run, _plan_id(sweep_id), standing)
    return freed


def _stands(root: Path, standing: str) -> bool:
    """Whether the standing run has every file of its rows, in its size."""
    run = RunFolder.of(root, standing)
    if not run.exists() or read_mark(run) is not None:
        return False
    rows = [d for r in state_receipts(run).values() for d in r.datasets.values()]
    parts = [(run.path / d.folder / part.name, part.bytes) for d in rows for part in d.parts]
    return all(path.is_file() and path.stat().st_size == size for path, size in parts)


def _is_repeat(root: Path, run: RunFolder, standing: RunFolder) -> bool:
    if run.run_id in {pin.run_id for pin in pins(root)} or run.receipt().status != DONE:
        return False
    return _digests(run) == _digests(standing)


def _drop(run: RunFolder, plan_id: str, standing: str) -> int:
    """The mark first: a process that ends in between leaves files that the next call removes."""
    mark, going = read_mark(run), droppable(run)
    if not going or (mark is not None and (mark.fate, mark.plan_id) != (Fate.FREED, plan_id)):
        return 0
    freed = sizes(going, links_of(going), set())
    if mark is None:
        now = now_utc()
        write_mark(run, Pruned(plan_id, Fate.FREED, f"repeat of {standing}, whose rows are equal", *freed, now, now))
    for path in going:
        if path.is_dir():
            remove_tree(path)
        else:
            path.unlink()
    return freed[1]


def _plan_id(sweep_id: str) -> str:
    return hashlib.sha256(f"repeats of {sweep_id}".encode()).hexdigest()


def _digests(run: RunFolder) -> dict[str, str]:
    return {name: d.digest for r in state_receipts(run).values() for name, d in r.datasets.items()}

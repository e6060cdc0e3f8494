"""Commit by receipt: temporary folder, fsync, rename, receipt last.

Between the first rename and the receipt an intent file lists what is being moved. So whoever comes after a crash
knows exactly what to take back: a state has happened when its receipt is there, and not at all before.
"""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Final

from filelock import FileLock, Timeout

from seg6b.errors import Conflict, Damaged, ResourceRefused
from seg6b.runs.disk import files_under, make_read_only, remove_tree, sha256_of, sync_path, write_json
from seg6b.runs.folder import RunFolder
from seg6b.runs.receipt import FileReceipt, StateReceipt
from seg6b.shards.executor import Executor

STORE_WAIT_S: Final = 600.0
WRITE_BITS: Final = stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH


def run_lock(root: Path, run_id: str) -> AbstractContextManager[object]:
    """The lock of one run, taken or refused at once: two processes never work in one run folder."""
    path = lock_path(root, run_id)
    try:
        return FileLock(path, timeout=0).acquire()
    except Timeout as error:
        raise ResourceRefused(
            "E_RUN_LOCKED",
            "another process works in this run",
            str(path),
            run_id,
            "one process a run",
            "Wait for it to end, or start a run of your own by leaving out `run_id=`.",
        ) from error


def store_lock(root: Path) -> AbstractContextManager[object]:
    """The lock of all that is published: held to pin, to link and to prune; a thread may take it again."""
    return wait_for_lock(root, "store", STORE_WAIT_S)


def wait_for_lock(root: Path, name: str, wait_s: float) -> AbstractContextManager[object]:
    """A lock that is held for a short time and waited for; refused when `wait_s` seconds did not bring it."""
    path = lock_path(root, name)
    try:
        return FileLock(path, is_singleton=True).acquire(timeout=wait_s)
    except Timeout as error:
        raise ResourceRefused(
            "E_STORE_LOCKED",
            "another process holds the lock",
            str(path),
            f"still held after {wait_s:.0f} s",
            "a lock that becomes free",
            "Wait for it to end, then run the same command again.",
        ) from error


def lock_path(root: Path, name: str) -> Path:
    """The file of a lock; its folder is made."""
    path = root / "mlruns" / "locks" / f"{name}.lock"
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def open_state(run: RunFolder, state: str) -> Path:
    """A fresh temporary folder for `state`; whatever an earlier try left behind is taken back first."""
    clear_leftovers(run)
    folder = run.path / f".{state}.{os.getpid()}.tmp"
    folder.mkdir(parents=True)
    return folder


def clear_leftovers(run: RunFolder) -> None:
    """Undo half commits and remove temporary files of processes that are gone; the caller holds the run's lock."""
    for intent in sorted(run.path.glob(".*.intent")):
        state = intent.name.split(".")[1]
        if not run.state_path(state).exists():
            for unit in _intended(intent):
                _remove_unit(run.path / unit)
        intent.unlink()
    for stray in sorted(run.path.rglob(".*.tmp")):
        _remove_unit(stray)
    _remove_empty_folders(run.path)


def commit_state(
    run: RunFolder,
    state: str,
    folder: Path,
    receipt: Callable[[list[FileReceipt]], StateReceipt],
    executor: Executor,
    linked: Mapping[str, FileReceipt] | None = None,
) -> StateReceipt:
    """Publish `folder` as the output of `state`.

    Args:
        run: the run.
        state: its state.
        folder: the temporary folder; relative paths inside are those inside the run.
        receipt: makes the receipt from the files as published.
        executor: flushes and hashes files side by side.
        linked: files that were linked from another run and checked there, by relative path; not hashed again.

    Raises:
        Conflict: something is already published where this state publishes.
    """
    files = files_under(folder)
    listed = executor.map(lambda path: _sealed(path, folder, linked or {}), files)
    units = _units(folder, files)
    for unit in units:
        if (run.path / unit).exists():
            raise Conflict(
                f"E_{state}_PUBLISH_CONFLICT",
                "something is already published here",
                str(run.path / unit),
                "",
                "an empty place",
                "Verify the run; start a new one if it differs.",
            )
    intent = run.path / f".{state}.intent"
    write_json(intent, units)
    for unit in units:
        target = run.path / unit
        target.parent.mkdir(parents=True, exist_ok=True)
        sync_path(folder / unit)
        (folder / unit).rename(target)
        sync_path(target.parent)
    made = receipt(listed)
    write_json(run.state_path(state), made)
    make_read_only(run.state_path(state))
    intent.unlink()
    remove_tree(folder)
    return made


def _sealed(path: Path, folder: Path, linked: Mapping[str, FileReceipt]) -> FileReceipt:
    """A file made durable and read-only, and described."""
    known = linked.get(path.relative_to(folder).as_posix())
    if known is None:
        sync_path(path)
    if known is None or path.stat().st_mode & WRITE_BITS:
        make_read_only(path)
    return known or describe_file(path, folder)


def describe_file(path: Path, folder: Path) -> FileReceipt:
    """Size and digest of a file, under its path relative to `folder`."""
    return FileReceipt(path.relative_to(folder).as_posix(), path.stat().st_size, sha256_of(path))


def _units(folder: Path, files: list[Path]) -> list[str]:
    """What is renamed as one: the folder of a part or evidence file, any other file by itself."""
    units = set()
    for path in files:
        relative = path.relative_to(folder)
        units.add(relative.parent.as_posix() if len(relative.parts) > 1 else relative.as_posix())
    return sorted(units)


def _intended(intent: Path) -> list[str]:
    """What an intent file lists; refuses one that is broken, or that points out of its run."""
    try:
        units = [Path(unit) for unit in json.loads(intent.read_text(encoding="utf-8"))]
    except (OSError, ValueError, TypeError) as error:
        raise _broken_intent(intent, type(error).__name__) from error
    outside = [unit for unit in units if unit.is_absolute() or ".." in unit.parts or unit == Path()]
    if outside:
        raise _broken_intent(intent, str(outside[0]))
    return [unit.as_posix() for unit in units]


def _broken_intent(intent: Path, value: str) -> Damaged:
    return Damaged(
        "E_RUN_INTENT_DAMAGED", "the list of what was being published cannot be used", str(intent), value,
        "relative paths inside the run", "Remove the damaged run; start a new one by leaving out `run_id=`.",
    )  # fmt: skip


def _remove_unit(path: Path) -> None:
    if path.is_dir():
        remove_tree(path)
    elif path.exists():
        path.unlink()


def _remove_empty_folders(root: Path) -> None:
    for folder in sorted((p for p in root.rglob("*") if p.is_dir()), reverse=True):
        if not any(folder.iterdir()):
            folder.rmdir()

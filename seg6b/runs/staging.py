"""Staging: an equal state of another run linked into this one, after its bytes were checked.

Equal means an equal input key and equal knobs. World, seed and scenario are part of the key, so nothing is ever
linked across them; `parameter_hash` is not, so its token in the path is replaced by that of the run linked into.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any, Final

from seg6b.errors import Damaged, InputRefused, Refusal, UsageError
from seg6b.runs.axes import Axes
from seg6b.runs.commit import clear_leftovers, commit_state, open_state, store_lock
from seg6b.runs.disk import sha256_of
from seg6b.runs.folder import RunFolder, find_runs, resolve_run
from seg6b.runs.links import link_file
from seg6b.runs.pins import Pin, Role, pins
from seg6b.runs.pruned import mark_path, read_mark
from seg6b.runs.receipt import DatasetReceipt, FileReceipt, StateReceipt
from seg6b.shards.executor import Executor

ANY: Final = "any"
NONE: Final = "none"
_TOKEN: Final = "parameter_hash="


@dataclass(frozen=True, slots=True)
class Source:
    """A state that happened in another run."""

    run: RunFolder
    receipt: StateReceipt


def find_source(
    root: Path, state: str, input_key: str, knobs: Mapping[str, Any], where: str, exclude: Collection[str] = ()
) -> Source | None:
    """A run that holds `state` with this key and these knobs, and still has its data.

    Args:
        root: project root.
        state: state.
        input_key: its input key.
        knobs: its knobs.
        where: `any` (authorities first, then the newest run), `none`, `authority`, `last_good`, or a run id.
        exclude: run ids that are passed over.

    Raises:
        UsageError: `where` names a run or a pin that is not there.
        InputRefused: the named run was pruned.
        Damaged: a named or pinned run cannot be read, or is not as it was pinned.
    """
    if where == NONE:
        return None
    if where == ANY:
        return next(_anywhere(root, state, input_key, knobs, exclude), None)
    for run in _named(root, where):
        _require_data(run)
        receipt = run.state(state)
        if receipt is not None and run.run_id not in exclude and _equal(receipt, input_key, knobs):
            return Source(run, receipt)
    return None


def stage_state(run: RunFolder, axes: Axes, source: Source, executor: Executor) -> StateReceipt:
    """Link a state into `run`, whose lock the caller holds; its receipt says which run really executed it.

    Args:
        run: the run linked into; the state has not happened in it.
        axes: its axes.
        source: the state linked from; it is not changed.
        executor: for the checks.

    Raises:
        Damaged: a file of the state is not as its receipt says, or the receipt itself is not; it is named.
    """
    root = run.path.parents[2]
    with store_lock(root):
        _check_source(source, executor)
        receipt = _moved(source, axes)
        folder = open_state(run, receipt.state)
        try:
            pairs = list(zip(_files(source.receipt), _files(receipt), strict=True))
            executor.map(lambda pair: link_file(source.run.path / pair[0].path, folder / pair[1].path), pairs)
            linked = {new.path: new for _, new in pairs}
            return commit_state(run, receipt.state, folder, lambda _: receipt, executor, linked)
        except BaseException:
            with suppress(OSError):
                clear_leftovers(run)
            raise


def _anywhere(
    root: Path, state: str, input_key: str, knobs: Mapping[str, Any], exclude: Collection[str]
) -> Iterator[Source]:
    """Every equal source: authorities first, then the newest; what cannot be read is passed over."""
    pinned = [p.run_id for p in reversed(pins(root)) if p.role is Role.AUTHORITY]
    runs = [run for run in find_runs(root) if run.run_id not in exclude and _mentions(run, state, input_key)]
    runs.sort(key=_started, reverse=True)
    runs.sort(key=lambda run: pinned.index(run.run_id) if run.run_id in pinned else len(pinned))
    for run in runs:
        receipt = None
        with suppress(Refusal):
            receipt = run.state(state) if run.receipt().run_id == run.run_id else None
        if receipt is not None and _equal(receipt, input_key, knobs):
            yield Source(run, receipt)


def _mentions(run: RunFolder, state: str, input_key: str) -> bool:
    """A glance at the text, without reading it as a receipt: most runs are passed over by it."""
    path = run.state_path(state)
    with suppress(OSError, ValueError):
        return not mark_path(run).exists() and input_key in path.read_text(encoding="utf-8")
    return False


def _started(run: RunFolder) -> str:
    """When a run began, for the order alone; an unreadable one comes last."""
    with suppress(OSError, ValueError, TypeError, KeyError):
        return str(json.loads(run.receipt_path.read_text(encoding="utf-8"))["started_utc"])
    return ""


def _equal(receipt: StateReceipt, input_key: str, knobs: Mapping[str, Any]) -> bool:
    return receipt.input_key == input_key and receipt.knobs == json.loads(json.dumps(dict(knobs)))


def _named(root: Path, where: str) -> list[RunFolder]:
    """The runs that `where` names, newest pin first."""
    if where not in {Role.AUTHORITY, Role.LAST_GOOD}:
        return [resolve_run(root, where)]
    held = [p for p in reversed(pins(root)) if p.role == where]
    if not held:
        raise UsageError(
            "E_STAGE_NO_PIN", "no run is pinned so", "source_run", where, "a pinned run, any, none, or a run id",
            f"Pin one: python -m seg6b pin RUN --role {where}",
        )  # fmt: skip
    return [_as_pinned(root, p) for p in held]


def _as_pinned(root: Path, pinned: Pin) -> RunFolder:
    run = RunFolder.of(root, pinned.run_id)
    digest = run.receipt().digest if run.exists() else "missing"
    if digest != pinned.receipt_digest:
        raise Damaged(
            f"E_{pinned.role.upper()}_DAMAGED",
            "a pinned run is damaged: its receipt is not the one that was pinned",
            str(run.receipt_path),
            digest[:16],
            pinned.receipt_digest[:16],
            f'Restore it, or pin another: python -m seg6b pin RUN --role {pinned.role} --replace --reason "…"',
        )
    return run


def _require_data(run: RunFolder) -> None:
    mark = read_mark(run)
    if mark is not None:
        raise InputRefused(
            "E_STAGE_PRUNED", "the data of the run to link from was pruned", str(run.path), mark.plan_id,
            "a run with its data", f"Bring it back (python -m seg6b undelete {mark.plan_id}), or name another run.",
        )  # fmt: skip


def _check_source(source: Source, executor: Executor) -> None:
    """Every byte of the state, and its receipt, as they were published."""
    path = source.run.state_path(source.receipt.state)
    if read_mark(source.run) is not None:
        raise _damaged(mark_path(source.run), "the run was pruned meanwhile", "", "a run with its data")
    if source.run.state(source.receipt.state) != source.receipt:
        raise _damaged(path, "the receipt changed", "", "the receipt that was read")
    run_files = source.run.receipt().files
    seals = [*_files(source.receipt), *(f for f in run_files if source.run.path / f.path == path)]
    for finding in executor.map(lambda seal: _fault(source.run, seal), seals):
        if finding is not None:
            raise finding


def _fault(run: RunFolder, seal: FileReceipt) -> Damaged | None:
    path = run.path / seal.path
    if not path.is_file():
        return _damaged(path, "a file to be linked is missing", "", f"{seal.bytes} bytes")
    found = sha256_of(path)
    if found == seal.sha256 and path.stat().st_size == seal.bytes:
        return None
    return _damaged(path, "a file to be linked is not as its receipt says", found[:16], seal.sha256[:16])


def _damaged(path: Path, what: str, found: str, expected: str) -> Damaged:
    hint = "Restore it, or link from another run (source_run=any passes over what is damaged)."
    return Damaged("E_STAGE_SOURCE_DAMAGED", what, str(path), found, expected, hint)


def _moved(source: Source, axes: Axes) -> StateReceipt:
    """The receipt with the folders of the new run; the run that really executed the state is remembered."""
    receipt = source.receipt
    datasets = {name: _moved_dataset(source, name, d, axes) for name, d in receipt.datasets.items()}
    files = tuple(replace(f, path=_retold(source, f.path, axes)) for f in receipt.files)
    return replace(receipt, datasets=datasets, files=files, staged_from=receipt.staged_from or source.run.run_id)


def _moved_dataset(source: Source, name: str, dataset: DatasetReceipt, axes: Axes) -> DatasetReceipt:
    folder = _retold(source, dataset.folder, axes)
    if folder != axes.folder(name) or any(PurePosixPath(p.name).name != p.name for p in dataset.parts):
        path = source.run.state_path(source.receipt.state)
        raise _damaged(path, "a receipt names a folder of other axes", folder, axes.folder(name))
    return replace(dataset, folder=folder)


def _retold(source: Source, path: str, axes: Axes) -> str:
    """A relative path with the new run's `parameter_hash`; refuses one that leaves its run."""
    parts = PurePosixPath(path).parts
    if not parts or path.startswith("/") or ".." in parts:
        raise _damaged(source.run.state_path(source.receipt.state), "a receipt names a path out of its run", path, "")
    return "/".join(f"{_TOKEN}{axes.parameter_hash}" if part.startswith(_TOKEN) else part for part in parts)


def _files(receipt: StateReceipt) -> list[FileReceipt]:
    """Every file of a state: parts of datasets and others."""
    parts = [FileReceipt(f"{d.folder}/{p.name}", p.bytes, p.sha256) for d in receipt.datasets.values() for p in d.parts]
    return [*parts, *receipt.files]

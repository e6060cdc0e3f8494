"""`sync`: the store brought up to what the folders say; what it already has is not told again."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from seg6b.errors import Damaged, ResourceRefused
from seg6b.runs.commit import run_lock, store_lock
from seg6b.runs.disk import read_record
from seg6b.runs.folder import RunFolder
from seg6b.runs.inventory import Inventory, take_inventory
from seg6b.runs.keep import is_locked
from seg6b.runs.machine import now_utc
from seg6b.runs.pins import pins
from seg6b.runs.sweep import Sweep
from seg6b.runs.sweep_folder import SweepFolder, find_sweeps
from seg6b.scoring.closure import Closure
from seg6b.tracking.index import Index, Known, retag, take_index
from seg6b.tracking.mlflow_run import end, millis
from seg6b.tracking.project import project_folder
from seg6b.tracking.roles import roles
from seg6b.tracking.settings import MLflowSettings
from seg6b.tracking.store import open_store
from seg6b.tracking.sweeps import arm_runs, closure_mark, project_sweep

_RUNNING: Final = "RUNNING"
_KILLED: Final = "KILLED"
_ENDS: Final = {"DONE": "FINISHED", "FAILED": "FAILED", _RUNNING: _KILLED}


@dataclass(frozen=True, slots=True)
class SyncReport:
    """What was put right.

    Attributes:
        runs: run ids that the store did not have, or had with another end.
        sweeps: sweep ids whose parent and children were told.
        closed: run and sweep ids that the store called running though nobody works on them.
        retagged: run ids whose role had changed.
        in_flight: run ids that a process works on; their turn comes when they end.
        damaged: path → fault of what cannot be read, and so cannot be told.
    """

    runs: tuple[str, ...] = ()
    sweeps: tuple[str, ...] = ()
    closed: tuple[str, ...] = ()
    retagged: tuple[str, ...] = ()
    in_flight: tuple[str, ...] = ()
    damaged: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Closed:
    """A closed sweep, as read."""

    sweep: Sweep
    closure: Closure
    runs: Mapping[str, RunFolder]


def sync(root: Path, settings: MLflowSettings) -> SyncReport:
    """Tell the store what it does not know: runs, closed sweeps, which runs have ended, and roles.

    Run folders and sweeps are the truth. What somebody deleted in the store stays deleted.

    Args:
        root: project root.
        settings: the store.

    Raises:
        Damaged: pins or ledger cannot be read.
        ResourceRefused: the store cannot be used or stopped answering; what was told stays told.
    """
    if not settings.enabled:
        return SyncReport()
    stock = take_inventory(root)
    role_of = roles(stock)
    before = take_index(settings)
    ends = _ends(stock)
    damaged = {str(path): fault for path, fault in stock.unreadable.items()}
    sweeps = _tell_sweeps(root, settings, before, ends, damaged)
    runs = _tell_runs(stock, settings, before, ends, damaged)
    after = take_index(settings)
    closed = _close_orphans(stock, settings, before, after, ends)
    retagged = retag(settings, after, {run_id: {"role": role} for run_id, role in role_of.items()})
    _remember(stock, after, ends)
    in_flight = tuple(run_id for run_id in stock.runs if run_id not in ends)
    return SyncReport(runs, sweeps, closed, retagged, in_flight, damaged)


def _ends(stock: Inventory) -> dict[str, str]:
    """Run id → how MLflow calls its end; runs that a process works on are left out."""
    status = {run_id: listed.receipt.status for run_id, listed in stock.runs.items()}
    return {i: _ENDS[s] for i, s in status.items() if s != _RUNNING or not is_locked(stock.root, i)}


def _tell_runs(
    stock: Inventory, settings: MLflowSettings, index: Index, ends: Mapping[str, str], damaged: dict[str, str]
) -> tuple[str, ...]:
    """Runs outside sweeps that the store does not have as they ended."""
    told = []
    for run_id, status in ends.items():
        listed = stock.runs[run_id]
        if not listed.receipt.sweep_id and _differs(index.runs.get(run_id), status):
            with _noted(damaged):
                project_folder(listed.run, settings, status=status if status == _KILLED else "")
                told.append(run_id)
    return tuple(told)


def _tell_sweeps(
    root: Path, settings: MLflowSettings, index: Index, ends: Mapping[str, str], damaged: dict[str, str]
) -> tuple[str, ...]:
    """Closed sweeps whose parent or whose children the store does not have as they were closed."""
    told = []
    for closed in _closed_sweeps(root, damaged):
        if _sweep_differs(closed, index, ends):
            with _noted(damaged):
                files = _closure_files(root, closed.sweep.sweep_id)
                project_sweep(closed.sweep, closed.closure, closed.runs, settings, files)
                told.append(closed.sweep.sweep_id)
    return tuple(told)


def _closed_sweeps(root: Path, damaged: dict[str, str]) -> Iterator[_Closed]:
    for folder in find_sweeps(root):
        if folder.closure_path.exists():
            with _noted(damaged):
                sweep, closure = folder.sweep(), read_record(folder.closure_path, Closure)
                yield _Closed(sweep, closure, arm_runs(root, sweep, closure))


def _closure_files(root: Path, sweep_id: str) -> list[Path]:
    """The closure of a sweep, and what `reports/` holds of it."""
    found = [SweepFolder.of(root, sweep_id).closure_path]
    for path in sorted((root / "reports").glob("segment6b_*_closure_*.json")):
        with suppress(OSError, ValueError, AttributeError):
            if json.loads(path.read_text(encoding="utf-8")).get("sweep_id") == sweep_id:
                elapsed = path.with_name(path.stem.replace("_closure_", "_state_elapsed_") + ".csv")
                found += [path, path.with_suffix(".md"), path.with_suffix(".html"), elapsed]
    return [path for path in found if path.exists()]


def _differs(known: Known | None, status: str) -> bool:
    """Whether the store lacks a run or has it with another end; one that was deleted there is left alone."""
    return known is None or (not known.deleted and known.status != status)


def _sweep_differs(closed: _Closed, index: Index, ends: Mapping[str, str]) -> bool:
    parent = index.sweeps.get(closed.sweep.sweep_id)
    if parent is not None and parent.deleted:
        return False
    if _differs(parent, "FINISHED") or (parent and parent.tags.get("closure") != closure_mark(closed.closure)):
        return True
    ids = [run.run_id for run in closed.runs.values()]
    return any(_differs(index.runs.get(i), ends[i]) for i in ids if i in ends)


def _close_orphans(
    stock: Inventory, settings: MLflowSettings, before: Index, after: Index, ends: Mapping[str, str]
) -> tuple[str, ...]:
    """End what the store still calls running though nobody works on it; tell what no longer runs since `before`.

    Something of which nothing lies here may be another machine's, unless the store is this project's own file.
    """
    root, own = stock.root, settings.sqlite_path is not None
    runs = {i: ends.get(i, _KILLED) for i in after.runs if i in ends or (own and not is_locked(root, i))}
    here = {folder.sweep_id for folder in find_sweeps(root)}
    sweeps = {i: _KILLED for i in after.sweeps if (own or i in here) and not is_locked(root, f"sweep-{i}")}
    with open_store(settings) as client:
        for known, ended in ((after.runs, runs), (after.sweeps, sweeps)):
            for name in (n for n in ended if _runs_on(known[n])):
                end(client, known[name].mlflow_id, ended[name], millis(now_utc()))
    return (
        *(i for i, known in before.runs.items() if _runs_on(known) and i in runs),
        *(i for i, known in before.sweeps.items() if _runs_on(known) and i in sweeps),
    )


def _runs_on(known: Known) -> bool:
    return known.status == _RUNNING and not known.deleted


def _remember(stock: Inventory, index: Index, ends: Mapping[str, str]) -> None:
    """Write MLflow's id into the receipts of runs that are done; a pinned receipt is never touched."""
    held = {pin.run_id for pin in pins(stock.root)}
    for run_id, known in index.runs.items():
        listed = stock.runs.get(run_id)
        if listed is None or run_id in held or ends.get(run_id) != "FINISHED" or known.deleted:
            continue
        if listed.receipt.mlflow_run_id != known.mlflow_id:
            with suppress(ResourceRefused), store_lock(stock.root), run_lock(stock.root, run_id):
                if all(pin.run_id != run_id for pin in pins(stock.root)):
                    listed.run.write_receipt(replace(listed.run.receipt(), mlflow_run_id=known.mlflow_id))


@contextmanager
def _noted(damaged: dict[str, str]) -> Iterator[None]:
    """Note what cannot be read and go on: one broken run does not keep the others from the store."""
    try:
        yield
    except Damaged as error:
        damaged[error.where] = error.what

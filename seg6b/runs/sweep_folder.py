"""The folder of a sweep: its plan, written once, and what became of each slot; `mlruns/sweeps/<sweep_id>/`."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, TypeVar

from filelock import FileLock, Timeout

from seg6b.errors import Damaged, ResourceRefused, UsageError
from seg6b.runs.commit import lock_path
from seg6b.runs.disk import read_record, to_json, write_json
from seg6b.runs.machine import now_utc
from seg6b.runs.sweep import Slot, SlotReceipt, Sweep, SweepState

_SWEEP_ID: Final = re.compile(r"[0-9a-f]{32}")
_BEGINNING: Final = re.compile(r"[0-9a-f]{4,32}")

Record = TypeVar("Record")


@dataclass(frozen=True, slots=True)
class GivenUp:
    """A sweep that nobody goes on with.

    Attributes:
        utc: since when.
        reason: why.
    """

    utc: str
    reason: str


@dataclass(frozen=True, slots=True)
class Holder:
    """Who holds a lock; lies beside it, for those who are refused.

    Attributes:
        pid: its process.
        sweep_id: what it works on.
        utc: since when.
    """

    pid: int
    sweep_id: str
    utc: str


@dataclass(frozen=True, slots=True)
class SweepFolder:
    """Paths of one sweep. Creating the object creates nothing."""

    path: Path

    @classmethod
    def of(cls, root: Path, sweep_id: str) -> SweepFolder:
        """The folder of `sweep_id` below the project root; no id can leave it."""
        if not _SWEEP_ID.fullmatch(sweep_id):
            raise UsageError("E_SWEEP_ID", "not a sweep id", "sweep", repr(sweep_id), "32 lower hex digits", "")
        return cls(sweeps_root(root) / sweep_id)

    @property
    def sweep_id(self) -> str:
        """The id that the folder is named after."""
        return self.path.name

    @property
    def sweep_path(self) -> Path:
        """`sweep.json`."""
        return self.path / "sweep.json"

    @property
    def closure_path(self) -> Path:
        """`closure.json`; its existence is what says that the sweep is closed."""
        return self.path / "closure.json"

    @property
    def given_up_path(self) -> Path:
        """`given_up.json`."""
        return self.path / "given_up.json"

    def slot_path(self, slot: Slot) -> Path:
        """`slots/<slot name>.json`."""
        return self.path / "slots" / f"{slot.name}.json"

    def log_path(self, slot: Slot, stream: str) -> Path:
        """`logs/<slot name>.out` or `.err`."""
        return self.path / "logs" / f"{slot.name}.{stream}"

    def exists(self) -> bool:
        """Whether the sweep has begun."""
        return self.sweep_path.exists()

    def finished(self) -> bool:
        """Whether nobody goes on with it: it is closed, or was given up."""
        return self.closure_path.exists() or self.given_up_path.exists()

    def sweep(self) -> Sweep:
        """The plan.

        Raises:
            Damaged: it cannot be read, or is not the one that its id was made from.
        """
        sweep = _read(self.sweep_path, Sweep)
        if sweep_id_of(sweep) != self.sweep_id:
            raise _damaged(self.sweep_path, f"a sweep whose id would be {sweep_id_of(sweep)[:8]}", self.sweep_id[:8])
        return sweep

    def slots(self) -> tuple[SlotReceipt, ...]:
        """Receipts of all slots that were begun, in schedule order."""
        found = [_read(path, SlotReceipt) for path in sorted(self.path.glob("slots/*.json"))]
        return tuple(sorted(found, key=lambda r: (r.slot.set_index, r.slot.round_index, r.slot.position)))

    def write_slot(self, receipt: SlotReceipt) -> None:
        """Replace what is known of a slot."""
        write_json(self.slot_path(receipt.slot), receipt)

    def give_up(self, reason: str) -> None:
        """Record that nobody goes on with the sweep; what it made stays."""
        write_json(self.given_up_path, GivenUp(now_utc(), reason))


def sweeps_root(root: Path) -> Path:
    """Where sweep folders live, below the project root."""
    return root / "mlruns" / "sweeps"


def sweep_id_of(sweep: Sweep) -> str:
    """32 lower hex over the whole plan but its id and its time: equal plans have equal ids."""
    return hashlib.sha256(to_json(replace(sweep, sweep_id="", created_utc="")).encode()).hexdigest()[:32]


def create_sweep(root: Path, sweep: Sweep) -> bool:
    """Write the plan; False where it was found, begun by an earlier process.

    Raises:
        Damaged: what was found cannot be read, or is not this plan.
    """
    folder = SweepFolder.of(root, sweep.sweep_id)
    if folder.exists():
        folder.sweep()
        return False
    folder.path.mkdir(parents=True, exist_ok=True)
    write_json(folder.sweep_path, sweep)
    return True


def read_sweep(root: Path, sweep_id: str) -> SweepState:
    """A sweep and its slots as they stand on disk.

    Raises:
        UsageError: there is no such sweep.
        Damaged: a file of it cannot be read; it is named.
    """
    folder = SweepFolder.of(root, sweep_id)
    if not folder.exists():
        raise _unknown(root, sweep_id, [])
    return SweepState(folder.sweep(), folder.slots())


def find_sweeps(root: Path) -> list[SweepFolder]:
    """Every sweep that has begun, by id."""
    folder = sweeps_root(root)
    paths = sorted(folder.iterdir()) if folder.is_dir() else []
    return [found for p in paths if _SWEEP_ID.fullmatch(p.name) and (found := SweepFolder(p)).exists()]


def unfinished_sweeps(root: Path, lane: str) -> list[Sweep]:
    """Sweeps of a lane that someone may go on with, in the order of their beginning."""
    found = [folder.sweep() for folder in find_sweeps(root) if not folder.finished()]
    return sorted((s for s in found if s.lane == lane), key=lambda s: (s.created_utc, s.sweep_id))


def resolve_sweep(root: Path, beginning: str) -> SweepFolder:
    """A sweep by id or by a unique beginning of it of at least four digits."""
    found = find_sweeps(root) if _BEGINNING.fullmatch(beginning) else []
    matches = [folder for folder in found if folder.sweep_id.startswith(beginning)]
    if len(matches) != 1:
        raise _unknown(root, beginning, matches)
    return matches[0]


@contextmanager
def sweep_lock(root: Path, sweep_id: str) -> Iterator[None]:
    """The lock of one sweep, taken or refused at once.

    Raises:
        ResourceRefused: `E_SWEEP_LOCKED`; says which process holds it.
    """
    refusal = ("E_SWEEP_LOCKED", "another process works on this sweep", "one process a sweep")
    with _held(root, f"sweep-{sweep_id}", sweep_id, refusal):
        yield


@contextmanager
def bench_lock(root: Path, sweep_id: str) -> Iterator[None]:
    """The lock of whoever measures, taken or refused at once: two benches would time each other.

    Raises:
        ResourceRefused: `E_BENCH_BUSY`; says which process holds it, for which sweep.
    """
    refusal = ("E_BENCH_BUSY", "another bench measures here, and both would be wrong", "one bench at a time")
    with _held(root, "bench", sweep_id, refusal):
        yield


@contextmanager
def _held(root: Path, name: str, sweep_id: str, refusal: tuple[str, str, str]) -> Iterator[None]:
    code, what, expected = refusal
    path = lock_path(root, name)
    note = path.with_suffix(".json")
    lock = FileLock(path, timeout=0)
    try:
        lock.acquire()
    except Timeout as error:
        hint = "Wait for it to end, then run the same command again."
        raise ResourceRefused(code, what, str(path), _holder(note), expected, hint) from error
    try:
        write_json(note, Holder(os.getpid(), sweep_id, now_utc()))
        yield
    finally:
        note.unlink(missing_ok=True)
        lock.release()


def _holder(note: Path) -> str:
    """Who holds a lock, in words; its note may be missing for a moment."""
    try:
        holder = read_record(note, Holder)
    except Damaged:
        return "a process that has only just begun"
    return f"process {holder.pid}, sweep {holder.sweep_id[:8]}, since {holder.utc}"


def _read(path: Path, kind: type[Record]) -> Record:
    try:
        return read_record(path, kind)
    except Damaged as error:
        raise _damaged(path, error.value, f"a {kind.__name__}") from error


def _damaged(path: Path, found: str, expected: str) -> Damaged:
    hint = "Restore the file, or remove the folder of the sweep; its runs stay."
    return Damaged("E_SWEEP_DAMAGED", "a record of a sweep is not as it was written", str(path), found, expected, hint)


def _unknown(root: Path, asked: str, matches: list[SweepFolder]) -> UsageError:
    fault = "more than one sweep begins so" if matches else "no such sweep"
    known = ", ".join(folder.sweep_id[:8] for folder in (matches or find_sweeps(root))[:6]) or "none"
    return UsageError("E_SWEEP_UNKNOWN", fault, str(sweeps_root(root)), asked, f"one of: {known}", "")

"""`pruned.json`: what became of the data of a run that was pruned, and where it lies until it is freed."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

from seg6b.errors import UsageError
from seg6b.runs.disk import read_record, write_json
from seg6b.runs.folder import RunFolder, checked_run_id

MARK: Final = "pruned.json"
STAYS: Final = frozenset({"run_receipt.json", "states", "gates.json", "gateboard.html", MARK})
_PLAN_ID: Final = re.compile(r"[0-9a-f]{64}")


class Fate(StrEnum):
    """Where the data of a pruned run is."""

    MOVING = "MOVING"
    TRASHED = "TRASHED"
    RESTORING = "RESTORING"
    FREED = "FREED"


@dataclass(frozen=True, slots=True)
class Pruned:
    """One run that was pruned.

    Attributes:
        plan_id: the plan that dropped it.
        fate: `MOVING` and `RESTORING` while files are on their way, `TRASHED` while it can be undone, then `FREED`.
        reason: why it was dropped, in words.
        bytes: what its files hold.
        freed_bytes: what of that the disk gets back.
        pruned_utc: RFC 3339, when the move began.
        freed_utc: RFC 3339; empty until freed.
    """

    plan_id: str
    fate: Fate
    reason: str
    bytes: int
    freed_bytes: int
    pruned_utc: str
    freed_utc: str = ""


def mark_path(run: RunFolder) -> Path:
    """`pruned.json` of a run; while it is there, the run has receipts and gates, and no data."""
    return run.path / MARK


def read_mark(run: RunFolder) -> Pruned | None:
    """The mark of a run, None where its data is in place.

    Raises:
        Damaged: the mark cannot be read.
    """
    path = mark_path(run)
    return read_record(path, Pruned) if path.exists() else None


def write_mark(run: RunFolder, mark: Pruned) -> None:
    """Replace the mark as a whole."""
    write_json(mark_path(run), mark)


def droppable(run: RunFolder) -> list[Path]:
    """What prune moves: all that lies in the run's folder but receipts, gates and board."""
    return sorted(p for p in run.path.iterdir() if p.name not in STAYS and not own_temporary(p))


def trash_root(root: Path) -> Path:
    """`mlruns/trash`."""
    return root / "mlruns" / "trash"


def trash_folder(root: Path, plan_id: str, run_id: str) -> Path:
    """Where one plan keeps the data of one run."""
    return trash_root(root) / checked_plan_id(plan_id) / checked_run_id(run_id)


def checked_plan_id(plan_id: str) -> str:
    """`plan_id`, or a usage error; so no id can leave its folder."""
    if not _PLAN_ID.fullmatch(plan_id):
        raise UsageError(
            "E_PLAN_ID", "not a plan id", "plan", repr(plan_id), "64 lower hex digits", "See `python -m seg6b prune`."
        )
    return plan_id


def own_temporary(path: Path) -> bool:
    """A receipt, mark or board in the writing; it goes with what it was to replace."""
    return path.name.endswith(".tmp") and any(path.name.startswith(f".{name}.") for name in STAYS)

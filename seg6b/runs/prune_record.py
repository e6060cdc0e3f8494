"""The record of one prune, in `mlruns/prune/<plan_id>.json`: what it is to move, how far it came, what was undone."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from seg6b.runs.disk import read_record, write_json
from seg6b.runs.pruned import checked_plan_id


class PruneStatus(StrEnum):
    """How far a prune came."""

    EXECUTING = "EXECUTING"
    EXECUTED = "EXECUTED"


@dataclass(frozen=True, slots=True)
class Dropped:
    """One run of a prune: which, why and how much."""

    run_id: str
    reason: str
    bytes: int
    freed_bytes: int


@dataclass(frozen=True, slots=True)
class PruneRecord:
    """One prune.

    Attributes:
        plan_id: its plan.
        status: `EXECUTING`, or `EXECUTED`, after which it is never executed again.
        runs: what it drops.
        begun_utc: RFC 3339.
        ended_utc: RFC 3339; empty while it is at work.
        left: run id → why it was left in place after all.
        restored: run id → when it was brought back.
    """

    plan_id: str
    status: PruneStatus
    runs: tuple[Dropped, ...]
    begun_utc: str
    ended_utc: str = ""
    left: dict[str, str] = field(default_factory=dict)
    restored: dict[str, str] = field(default_factory=dict)


def records_folder(root: Path) -> Path:
    """`mlruns/prune`."""
    return root / "mlruns" / "prune"


def record_path(root: Path, plan_id: str) -> Path:
    """`mlruns/prune/<plan_id>.json`."""
    return records_folder(root) / f"{checked_plan_id(plan_id)}.json"


def read_prune(root: Path, plan_id: str) -> PruneRecord | None:
    """The record of a plan, None where it was never begun."""
    path = record_path(root, plan_id)
    return read_record(path, PruneRecord) if path.exists() else None


def write_prune(root: Path, record: PruneRecord) -> None:
    """Replace the record as a whole."""
    write_json(record_path(root, record.plan_id), record)


def all_prunes(root: Path) -> list[PruneRecord]:
    """Every prune that was ever begun, oldest first."""
    found = [read_record(path, PruneRecord) for path in _paths(root)]
    return sorted(found, key=lambda record: (record.begun_utc, record.plan_id))


def count_records(root: Path) -> int:
    """How many prunes were ever begun."""
    return len(_paths(root))


def interrupted(root: Path) -> list[PruneRecord]:
    """Prunes that were begun and did not end."""
    return [record for record in all_prunes(root) if record.status == PruneStatus.EXECUTING]


def restored_runs(root: Path) -> dict[str, str]:
    """Run id → when it was last brought back from the trash."""
    pairs = sorted((utc, run_id) for record in all_prunes(root) for run_id, utc in record.restored.items())
    return {run_id: utc for utc, run_id in pairs}


def _paths(root: Path) -> list[Path]:
    return sorted(records_folder(root).glob("[0-9a-f]*.json"))

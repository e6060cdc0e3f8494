"""What a sweep is scored with beside its runs, kept with it so that scoring again needs no configuration."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seg6b.errors import EvidenceMissing
from seg6b.runs.disk import read_record, write_json


@dataclass(frozen=True, slots=True)
class Basis:
    """Budgets, overrides, history.

    Attributes:
        budgets: runtime budgets, as plain data.
        overrides: overrides of the phase law that the lane ran under, with their reasons.
        history: what the build plan measured for the lane; shown beside the closure.
    """

    budgets: dict[str, Any]
    overrides: tuple[str, ...] = ()
    history: tuple[str, ...] = ()


def save_basis(folder: Path, basis: Basis) -> None:
    """Keep it in the sweep's folder."""
    write_json(folder / "basis.json", basis)


def saved_basis(folder: Path) -> Basis:
    """What `save_basis` kept.

    Raises:
        EvidenceMissing: nothing was kept.
        Damaged: it cannot be read.
    """
    path = folder / "basis.json"
    if not path.exists():
        raise EvidenceMissing(
            "E_SCORE_BASIS", "the sweep was never scored, so what it is to be scored with is not known", str(path),
            "", "budgets, overrides and history", "Run the command that began it again: it goes on, and is scored.",
        )  # fmt: skip
    return read_record(path, Basis)

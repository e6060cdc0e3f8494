"""The D+ run that the richness of a run is held against (T20): the pinned authority of posture `dplus` in its world."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from seg6b.errors import Damaged
from seg6b.gates.board_file import read_board
from seg6b.gates.record import Baseline
from seg6b.gates.result import GateBoard
from seg6b.runs.axes import Axes
from seg6b.runs.disk import sha256_of
from seg6b.runs.folder import RunFolder
from seg6b.runs.pins import Pin, Role, pins, unchanged
from seg6b.runs.verify import state_receipts

POSTURE: Final = "dplus"
GATE: Final = "T20"


def baseline_of(root: Path, run: RunFolder, axes: Axes) -> Baseline | None:
    """What the richness of `run` is held against: what its S5 used if that has happened, else the pin of now."""
    board = read_board(run) if run.exists() and run.state("S5") else None
    return used_by(board) if board else richness_baseline(root, axes)


def used_by(board: GateBoard) -> Baseline | None:
    """The baseline that a board was evaluated with."""
    detail = board.gates[GATE].detail
    digest = str(detail.get("baseline_receipt") or "")
    return Baseline(float(detail["baseline"]), digest) if digest else None


def richness_baseline(root: Path, axes: Axes) -> Baseline | None:
    """Richness of the pinned D+ run of the same world and scenario, of the same seed if there is one; None without.

    Raises:
        Damaged: its receipts or its gates are not as they were pinned.
    """
    place = (axes.manifest_fingerprint, POSTURE, axes.scenario_id)
    found = [p for p in pins(root) if p.role is Role.AUTHORITY and _place(p) == place]
    found.sort(key=lambda p: p.seed != axes.seed)
    return _richness(root, found[0]) if found else None


def _place(pin: Pin) -> tuple[str, str, str]:
    return pin.manifest_fingerprint, pin.posture, pin.scenario_id


def _richness(root: Path, pin: Pin) -> Baseline | None:
    run = unchanged(root, pin)
    sealed = {file.path: file.sha256 for file in state_receipts(run)["S5"].files}
    name = run.gates_path.name
    if not run.gates_path.exists() or sealed.get(name) != sha256_of(run.gates_path):
        raise Damaged(
            "E_BASELINE_DAMAGED", "the gates of the D+ authority are not as S5 left them", str(run.gates_path), "",
            sealed.get(name, "")[:16], "Restore the file; or pin another D+ run in its place, with a reason.",
        )  # fmt: skip
    board = read_board(run)
    value = board.gates[GATE].value if board else None
    return None if value is None else Baseline(value, pin.receipt_digest)

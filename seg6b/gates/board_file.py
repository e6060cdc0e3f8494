"""The board of a run, as S5 left it in the run's folder."""

from __future__ import annotations

from seg6b.errors import Damaged
from seg6b.gates.encoding import from_json
from seg6b.gates.result import GateBoard
from seg6b.runs.folder import RunFolder


def read_board(run: RunFolder) -> GateBoard | None:
    """The gates of a run; None where S5 did not happen.

    Raises:
        Damaged: they cannot be read.
    """
    path = run.gates_path
    try:
        return from_json(path.read_text(encoding="utf-8")) if path.exists() else None
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise Damaged(
            "E_RUN_GATES_DAMAGED", "the gates of a run cannot be read", str(path), type(error).__name__,
            "a gates.json as S5 wrote it", "Restore the file, or remove the damaged run.",
        ) from error  # fmt: skip


def verdict_of(run: RunFolder) -> str:
    """The verdict of a run; empty where S5 did not happen."""
    board = read_board(run)
    return "" if board is None else str(board.verdict)

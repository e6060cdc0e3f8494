"""The gateboard as report files under the build plan's own names: JSON, Markdown and HTML."""

from __future__ import annotations

from pathlib import Path
from typing import Final, Literal

from seg6b.gates.encoding import to_json
from seg6b.gates.result import GateBoard
from seg6b.render.data import BoardData
from seg6b.render.gateboard import headline, write_gateboard
from seg6b.render.markdown import cell, table
from seg6b.render.rows import owners_to_reopen, state_row
from seg6b.render.wording import interval, number, signed
from seg6b.runs.disk import write_text

Extension = Literal["json", "md", "html"]
EXTENSIONS: Final[tuple[Extension, ...]] = ("json", "md", "html")


def gateboard_name(run_id: str, extension: Extension, phase: str = "p0") -> str:
    """File name of a gateboard.

    >>> gateboard_name("0f" * 16, "md")
    'segment6b_p0_realism_gateboard_0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f.md'
    """
    return f"segment6b_{phase}_realism_gateboard_{run_id}.{extension}"


def write_reports(data: BoardData, folder: Path, phase: str = "p0") -> list[Path]:
    """Write the board in all three forms; returns the paths, JSON first."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / gateboard_name(data.receipt.run_id, extension, phase) for extension in EXTENSIONS]
    write_text(paths[0], to_json(data.board))
    write_text(paths[1], gateboard_markdown(data))
    write_gateboard(data, paths[2])
    return paths


def gateboard_markdown(data: BoardData) -> str:
    """The board as Markdown: verdict, gates, statistics layer, time."""
    board, receipt = data.board, data.receipt
    reopen = "; ".join(f"{owner} for {gates}" for owner, gates in owners_to_reopen(board))
    run = (
        f"Run `{receipt.run_id}`, lane {cell(receipt.lane)}, seed {receipt.seed}, posture {cell(receipt.posture)}, "
        f"world {cell(receipt.world.get('name', ''))}, `parameter_hash` `{receipt.parameter_hash}`, "
        f"`manifest_fingerprint` `{receipt.manifest_fingerprint}`, gate file {cell(board.gate_file)}."
    )
    parts = [
        f"# Segment 6B gateboard: {board.verdict}",
        f"**{board.phase_decision}**. {headline(board)}",
        *([f"Reopen {reopen}."] if reopen else []),
        *(cell(note) for note in data.notes),
        run,
        "## Gates",
        _gates(board),
        "## Statistics layer",
        _statistics(board),
        "## Time and size",
        _states(data),
    ]
    return "\n\n".join(parts) + "\n"


def _gates(board: GateBoard) -> str:
    head = ["Gate", "Title", "Value", "95 % interval", "B", "Margin", "B+", "Margin", "Owner", "n"]
    rows = [
        [
            g.gate_id,
            g.title,
            number(g.value),
            interval(g.ci95),
            f"{g.b} ({g.b_rule})",
            signed(g.b_margin),
            f"{g.bplus} ({g.bplus_rule})",
            signed(g.bplus_margin),
            ", ".join(g.owner),
            f"{g.n:,}",
        ]
        for g in board.gates.values()
    ]
    return table(head, rows)


def _statistics(board: GateBoard) -> str:
    head = ["Surface", "Test", "Value", "B", "B+", "Binds", "n"]
    rows = [
        [s.name, s.test, number(s.value), s.b, s.bplus, "yes" if s.blocking else "reported", f"{s.n:,}"]
        for s in board.statistics
    ]
    return table(head, rows)


def _states(data: BoardData) -> str:
    head = ["State", "Wall", "Budget", "Rows", "Rows/s", "Peak memory", "Parts", "Size", "Origin"]
    rows = [
        [r.state, r.wall, r.budget, r.rows, r.speed, r.peak, r.parts, r.size, r.origin]
        for r in (state_row(s, data.budgets) for s in data.states)
    ]
    return table(head, rows)

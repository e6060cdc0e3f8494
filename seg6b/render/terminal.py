"""What a run says on the terminal: the plan before it, tables and the verdict after it."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

from rich.table import Table
from rich.text import Text

from seg6b.gates.result import GateBoard, GateResult, Status, Verdict
from seg6b.render.console import PLAIN_WIDTH, console_on, plain_table
from seg6b.render.data import Budget
from seg6b.render.gateboard import headline
from seg6b.render.progress import LiveProgress
from seg6b.render.rows import owners_to_reopen, state_row
from seg6b.render.wording import interval, number, signed
from seg6b.runs.receipt import RunReceipt, StateReceipt
from seg6b.settings.job import Job
from seg6b.settings.knobs import StateKnobs, knobs_of

__all__ = ["LiveProgress", "OutcomeView", "gate_table", "plan_table", "show_outcome", "show_plan", "state_table"]

_STYLE: Final = {Status.PASS: "green", Status.FAIL: "bold red", Status.INSUFFICIENT: "yellow"}
_SHORT: Final = {Status.INSUFFICIENT: "LACKS DATA"}
_SIGN: Final = {Status.PASS: "\N{CHECK MARK}", Status.FAIL: "\N{BALLOT X}", Status.INSUFFICIENT: "?"}
_LEAST_TITLE: Final = 16


@dataclass(frozen=True, slots=True)
class OutcomeView:
    """A finished candidate as the terminal shows it.

    Attributes:
        folder: the run folder.
        receipt: the run.
        states: its states, in order.
        board: its gates.
        validation: overall status of S5.
        tracking: the store that MLflow's run is in; empty where tracking is off.
        untracked: why tracking is pending; empty where it is not.
        budgets: runtime budgets; empty where none bind.
    """

    folder: Path
    receipt: RunReceipt
    states: Sequence[StateReceipt]
    board: GateBoard
    validation: str
    tracking: str = ""
    untracked: str = ""
    budgets: Sequence[Budget] = ()


def show_plan(job: Job, stream: IO[str] | None = None) -> None:
    """Print what is about to run; to stderr."""
    console_on(stream or sys.stderr).print(plan_table(job))


def show_outcome(view: OutcomeView, stream: IO[str] | None = None) -> None:
    """Print the state table, the gate table, the verdict, and what to do next; to stdout."""
    console = console_on(stream or sys.stdout)
    console.print(state_table(view.states, view.budgets))
    console.print(gate_table(view.board, console.width))
    for line in [*verdict_lines(view), "", *places(view), "", *next_steps(view)]:
        console.print(line, soft_wrap=True)


def plan_table(job: Job) -> Table:
    """What will run: world, policy, knobs."""
    table = Table(title=f"Lane {job.lane.id}", title_justify="left", show_header=False, box=None, padding=(0, 2, 0, 0))
    world = job.world
    origin = f"from {world.source}" if world.source else f"of {world.arrivals:,} arrivals, world seed {world.seed}"
    facts = [
        ("world", f"{world.name} {origin}"),
        ("run", f"seed {job.seed}, scenario {job.scenario_id}" + (f", resumes {job.run_id}" if job.run_id else "")),
        ("policy", f"posture {job.posture}, parameter_hash {job.policy.parameter_hash[:12]}"),
        ("threads", str(job.threads or "all cores")),
        *((state, _knobs(state, knobs)) for state, knobs in job.knobs.items()),
    ]
    for name, fact in facts:
        table.add_row(Text(name, style="dim"), Text(fact))
    return table


def _knobs(state: str, knobs: StateKnobs) -> str:
    return ", ".join(
        f"{name} {value:,}" if isinstance(value, int) else f"{name} {value}"
        for name, value in knobs_of(state, knobs).items()
    )


def state_table(states: Sequence[StateReceipt], budgets: Sequence[Budget] = ()) -> Table:
    """Time, speed and size of each state."""
    table = plain_table("States", ("State", "Wall", "Rows", "Rows/s", "CPU", "Peak", "Parts", "Size"), right=7)
    if budgets:
        table.add_column("Budget")
    linked = any(s.staged_from for s in states)
    if linked:
        table.add_column("Origin")
    for state in states:
        row = state_row(state, budgets)
        cells = [row.state, row.wall, row.rows, row.speed, row.cpu, row.peak, row.parts, row.size]
        cells += ([row.budget] if budgets else []) + ([row.origin] if linked else [])
        table.add_row(*(Text(cell) for cell in cells))
    return table


def gate_table(board: GateBoard, width: int = PLAIN_WIDTH) -> Table:
    """Value, interval and both levels of every gate, a line each; the board page has the whole rules.

    Titles are cut to what `width` leaves; where it leaves too little, the margins go first.
    """
    rows = [_gate_cells(gate) for gate in board.gates.values()]
    names = ["Gate", "Value", "95 % interval", "B", "margin", "B+", "margin"]
    taken = [max(len(name), *(len(row[k]) for row in rows)) + 2 for k, name in enumerate(names)]
    shown = list(range(7)) if width - sum(taken) >= _LEAST_TITLE else [0, 1, 2, 3, 5]
    table = plain_table("Gates", ())
    for k in shown:
        table.add_column(names[k], justify="right" if k in (1, 4, 6) else "left", no_wrap=True, min_width=taken[k] - 2)
    room = max(width - sum(taken[k] for k in shown), _LEAST_TITLE)
    table.add_column("What", style="dim", no_wrap=True, overflow="ellipsis", max_width=room)
    for row, gate in zip(rows, board.gates.values(), strict=True):
        table.add_row(*(row[k] for k in shown), Text(f"{gate.title} ({', '.join(gate.owner)})"))
    return table


def _gate_cells(gate: GateResult) -> list[Text]:
    return [
        Text(gate.gate_id, style="bold"),
        Text(number(gate.value)),
        Text(interval(gate.ci95), style="dim"),
        _level(gate.b, gate.b_rule),
        Text(signed(gate.b_margin)),
        _level(gate.bplus, gate.bplus_rule),
        Text(signed(gate.bplus_margin)),
    ]


def _level(status: Status, rule: str) -> Text:
    """A status with the first clause of its rule."""
    clause = re.split(r",\s(?![^\[]*\])", rule)[0]
    return Text.assemble((f"{_SIGN[status]} {_SHORT.get(status, status)}", _STYLE[status]), (f" {clause}", "dim"))


def verdict_lines(view: OutcomeView) -> list[Text]:
    """The verdict, S5's own status, and who has to reopen what."""
    good = view.board.verdict is not Verdict.FAIL_REALISM
    colour = "bold green" if good else "bold red"
    said = Text.assemble((f"{view.board.verdict}  {view.board.phase_decision}", colour), f"  {headline(view.board)}")
    lines = [said, Text(f"S5 validation: {view.validation}", style="" if view.validation == "PASS" else "bold red")]
    lines += [Text(f"Reopen {owner} for {gates}.", style="yellow") for owner, gates in owners_to_reopen(view.board)]
    return lines


def places(view: OutcomeView) -> list[Text]:
    """Where things are."""
    facts = [("run", str(view.folder)), ("board", str(view.folder / "gateboard.html"))]
    facts += [("gates", str(view.folder / "gates.json"))]
    facts += [("tracking", view.tracking)] if view.tracking and not view.untracked else []
    facts += [("tracking", f"pending: {view.untracked}")] if view.untracked else []
    return [Text.assemble((f"{name:<10}", "dim"), fact) for name, fact in facts]


def next_steps(view: OutcomeView) -> list[Text]:
    """What to type next."""
    run = view.receipt.run_id[:8]
    steps = [("check it from its files alone", f"python -m seg6b verify {run}")]
    lacking = [g.gate_id for g in view.board.gates.values() if g.b is Status.INSUFFICIENT]
    if lacking:
        larger = "default" if view.receipt.world.get("name") == "tiny" else "large"
        steps.append((f"{', '.join(lacking)}: a larger world has the data", f"python -m seg6b.lane world={larger}"))
    steps.append(("another seed", f"python -m seg6b.lane seed={view.receipt.seed + 1}"))
    return [Text.assemble((f"{command:<46}", "bold"), (what, "dim")) for what, command in steps]

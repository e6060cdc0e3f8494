"""The board's tables as rows of words, so that page, Markdown and terminal say the same."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any, Final

from seg6b.gates.result import GateBoard, GateResult, Status
from seg6b.render.data import Budget
from seg6b.render.wording import ABSENT, compact, number, seconds, signed, size
from seg6b.runs.receipt import DatasetReceipt, StateReceipt

MOST_ENTRIES: Final = 4


@dataclass(frozen=True, slots=True)
class StateRow:
    """One state in words."""

    state: str
    wall: str
    rows: str
    speed: str
    cpu: str
    peak: str
    parts: str
    size: str
    budget: str
    origin: str


@dataclass(frozen=True, slots=True)
class DatasetRow:
    """One published dataset in words."""

    name: str
    state: str
    rows: str
    parts: str
    size: str
    part: str
    row: str
    digest: str


def state_row(state: StateReceipt, budgets: Sequence[Budget] = ()) -> StateRow:
    """A state's time, speed and output; the time of a linked state is not this run's."""
    total = state.elapsed_s.get("total", 0.0)
    sets = state.datasets.values()
    ran = not state.staged_from
    return StateRow(
        state=state.state,
        wall=seconds(total) if ran else ABSENT,
        rows=f"{state.rows:,}",
        speed=f"{compact(state.rows / total)}/s" if ran and total > 0.0 and state.rows >= 100 else ABSENT,
        cpu=seconds(state.cpu_s.get("total")) if ran else ABSENT,
        peak=f"{state.peak_rss_mb:,.0f} MB" if ran else ABSENT,
        parts=f"{sum(len(d.parts) for d in sets):,}",
        size=size(sum(d.bytes for d in sets)),
        budget=budget_status(state, budgets) if ran else ABSENT,
        origin="executed" if ran else f"linked from {state.staged_from[:8]}",
    )


def budget_status(state: StateReceipt, budgets: Sequence[Budget]) -> str:
    """GREEN within the target, AMBER within the stretch, RED above; a dash where no budget binds."""
    total = state.elapsed_s.get("total", 0.0)
    for budget in budgets:
        if budget.state == state.state:
            colour = "GREEN" if total <= budget.target_s else "AMBER" if total <= budget.stretch_s else "RED"
            return f"{colour} of {seconds(budget.target_s)}"
    return ABSENT


def dataset_rows(states: Sequence[StateReceipt]) -> list[DatasetRow]:
    """Every published dataset, in the order of states."""
    return [_dataset_row(name, s.state, d) for s in states for name, d in s.datasets.items()]


def _dataset_row(name: str, state: str, dataset: DatasetReceipt) -> DatasetRow:
    sizes = [part.bytes for part in dataset.parts]
    return DatasetRow(
        name=name,
        state=state,
        rows=f"{dataset.rows:,}",
        parts=f"{len(sizes):,}",
        size=size(dataset.bytes),
        part=size(median(sizes)) if sizes else ABSENT,
        row=f"{dataset.bytes / dataset.rows:.1f} B" if dataset.rows else ABSENT,
        digest=dataset.digest,
    )


def details(figures: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Further figures by name; of anything nested the largest entries, the rest is in `gates.json`."""
    return [(str(k).replace("_", " "), said(v)) for k, v in figures.items()]


def said(value: Any) -> str:  # noqa: ANN401 - detail is plain data of any kind
    """A plain value in words."""
    if isinstance(value, bool) or value is None:
        return {True: "yes", False: "no", None: ABSENT}[value]
    if isinstance(value, int | float):
        return number(value)
    if isinstance(value, Mapping):
        return _entries([(str(k), v) for k, v in value.items()])
    return value if isinstance(value, str) else ", ".join(said(v) for v in value[:MOST_ENTRIES])


def _entries(pairs: list[tuple[str, Any]]) -> str:
    """The largest entries of a table of figures."""
    figures = all(isinstance(v, int | float) for _, v in pairs)
    ranked = sorted(pairs, key=lambda pair: -abs(pair[1])) if figures else pairs
    shown = [f"{name} {said(value)}" for name, value in ranked[:MOST_ENTRIES]]
    more = len(pairs) - len(shown)
    return ", ".join([*shown, f"{more} more"] if more > 0 else shown)


def owners_to_reopen(board: GateBoard) -> list[tuple[str, str]]:
    """Gates that do not pass B, by their first owner."""
    out: dict[str, list[str]] = {}
    for gate in board.gates.values():
        if gate.b is not Status.PASS:
            out.setdefault(gate.owner[0] if gate.owner else ABSENT, []).append(gate.gate_id)
    return [(owner, ", ".join(gates)) for owner, gates in sorted(out.items())]


def closest_call(board: GateBoard) -> tuple[GateResult, str] | None:
    """The gate at B+ whose margin is the fewest half-widths of its own interval, and that margin in words."""
    calls = [(times, gate) for gate in board.gates.values() if (times := _half_widths(gate)) is not None]
    if not calls:
        return None
    times, gate = min(calls, key=lambda call: call[0])
    return gate, f"{signed(gate.bplus_margin)} inside B+, {number(times, 2)} times its interval"


def _half_widths(gate: GateResult) -> float | None:
    if gate.ci95 is None or gate.bplus_margin is None or gate.bplus is not Status.PASS:
        return None
    width = (gate.ci95[1] - gate.ci95[0]) / 2.0
    return gate.bplus_margin / width if width > 0.0 else None

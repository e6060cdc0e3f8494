"""Seconds of each state in each phase, and whether its budget was kept."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from seg6b.render.plots.road import time_by_phase
from seg6b.render.plots.shape import Plot
from seg6b.render.story_data import Story, StoryCertification, StoryPhase
from seg6b.render.story_heat import phase_names
from seg6b.render.wording import ABSENT, seconds
from seg6b.scoring.closure import BudgetFact

_STATE: Final = re.compile(r"S\d")


@dataclass(frozen=True, slots=True)
class TimeCell:
    """What a state took in a phase.

    Attributes:
        took: seconds in words; a dash where it was not measured, `linked` where the phase did not run it.
        status: `GREEN`, `AMBER` or `RED`; empty where no budget binds.
        limit: target and stretch in words.
    """

    took: str
    status: str = ""
    limit: str = ""


def time_table(story: Story) -> list[tuple[str, list[TimeCell]]]:
    """A row a state, then a row a lane; a cell a phase. A certification shows its slowest seed."""
    columns = [_cells(part) for part in story.phases]
    known = dict.fromkeys(name for column in columns for name in column)
    rows = [*sorted(name for name in known if _STATE.fullmatch(name)), *(n for n in known if not _STATE.fullmatch(n))]
    return [(name, [column.get(name, TimeCell(ABSENT)) for column in columns]) for name in rows]


def time_plot(story: Story) -> Plot | None:
    """The same as bars, of the states that each phase executed; None where nothing was timed."""
    return time_by_phase([(n, _seconds(part)) for n, part in zip(phase_names(story), story.phases, strict=True)])


def _cells(part: StoryPhase | StoryCertification) -> dict[str, TimeCell]:
    cells = {}
    if isinstance(part, StoryPhase) and part.board:
        for state in part.board.states:
            took = "linked" if state.staged_from else seconds(state.elapsed_s.get("total"))
            cells[state.state] = TimeCell(took)
    return {**cells, **{budget.name: _budget_cell(budget) for budget in part.budgets}}


def _budget_cell(budget: BudgetFact) -> TimeCell:
    limit = f"target {seconds(budget.target_s)}, at most {seconds(budget.stretch_s)}"
    return TimeCell(seconds(budget.elapsed_s), budget.status, limit)


def _seconds(part: StoryPhase | StoryCertification) -> dict[str, float]:
    """Seconds of the states that a phase executed."""
    took = {}
    if isinstance(part, StoryPhase) and part.board:
        took = {s.state: s.elapsed_s.get("total", 0.0) for s in part.board.states if not s.staged_from}
    return {**took, **{b.name: b.elapsed_s for b in part.budgets if _STATE.fullmatch(b.name)}}

"""Where each state's time goes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from seg6b.render.data import BoardData
from seg6b.render.plots.shape import COLOURS, Figure, Plot, axis, bar_fill, figure, text
from seg6b.render.wording import seconds
from seg6b.runs.meter import SPLIT, split_of


def state_elapsed(data: BoardData) -> Plot:
    """Elapsed seconds by state: lanes and residual stacked, which make the wall clock; it and the budget as marks."""
    states = [s for s in data.states if not s.staged_from][::-1]
    names = [text(s.state) for s in states]
    traces: list[Figure] = []
    for k, lane in enumerate(SPLIT):
        traces.append(
            {
                "type": "bar",
                "orientation": "h",
                "y": names,
                "x": [round(split_of(s.elapsed_s).get(lane, 0.0), 4) for s in states],
                "name": lane,
                "marker": bar_fill(COLOURS[k], k),
                "hovertemplate": f"%{{y}} {lane}: %{{x:.2f}} s<extra></extra>",
            }
        )
    traces.append(_marks(names, [s.elapsed_s.get("total", 0.0) for s in states], "wall clock", "diamond"))
    budgets = {b.state: b.target_s for b in data.budgets}
    bound = [s.state for s in states if s.state in budgets]
    if bound:
        traces.append(_marks([text(s) for s in bound], [budgets[s] for s in bound], "budget", "line-ns-open"))
    wall = sum(s.elapsed_s.get("total", 0.0) for s in states)
    linked = len(data.states) - len(states)
    caption = f"{seconds(wall)} of wall clock in {len(states)} states" + (
        f"; {linked} more were linked." if linked else "."
    )
    drawn = figure(
        traces,
        height=110 + 38 * len(states),
        x=axis("seconds", rangemode="tozero"),
        y=axis(type="category", showgrid=False),
        barmode="stack",
        bargap=0.35,
    )
    return Plot("state-elapsed", "Time by state and lane", caption, drawn, "full")


def _marks(y: list[str], x: list[float], name: str, symbol: str) -> Figure:
    marker = {
        "symbol": symbol,
        "size": 11 if symbol == "diamond" else 22,
        "color": "var(--ink)",
        "line": {"width": 2, "color": "var(--ink)"},
    }
    hover = f"%{{y}} {name}: %{{x:.2f}} s<extra></extra>"
    return {
        "type": "scatter",
        "mode": "markers",
        "y": y,
        "x": [round(v, 4) for v in x],
        "name": name,
        "marker": marker,
        "hovertemplate": hover,
    }


def stacked_seconds(
    rows: Sequence[tuple[str, Mapping[str, float]]],
    states: Sequence[str],
    **layout: Any,  # noqa: ANN401 - Plotly's keys
) -> Figure:
    """Bars of seconds, a row each, the first on top, its states stacked.

    Args:
        rows: name of a row, and seconds by state.
        states: in the order of stacking; a state that a row lacks took no time.
        layout: further keys of the layout.
    """
    shown = rows[::-1]
    names = [text(name) for name, _ in shown]
    traces: list[Figure] = [
        {
            "type": "bar",
            "orientation": "h",
            "y": names,
            "x": [round(took.get(state, 0.0), 4) for _, took in shown],
            "name": text(state),
            "marker": bar_fill(COLOURS[k % len(COLOURS)], k),
            "hovertemplate": f"%{{y}}, {text(state)}: %{{x:.2f}} s<extra></extra>",
        }
        for k, state in enumerate(states)
    ]
    return figure(
        traces,
        height=110 + 36 * len(names),
        x=axis("seconds", rangemode="tozero"),
        y=axis(type="category", showgrid=False),
        barmode="stack",
        bargap=0.35,
        **layout,
    )

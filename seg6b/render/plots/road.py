"""Where the time went, phase by phase."""

from __future__ import annotations

from collections.abc import Sequence

from seg6b.render.plots.shape import COLOURS, Figure, Plot, axis, bar_fill, figure, text
from seg6b.render.wording import seconds


def time_by_phase(columns: Sequence[tuple[str, dict[str, float]]]) -> Plot | None:
    """Seconds of each state, stacked, a bar a phase and the first phase on top; None where nothing was timed.

    Args:
        columns: name of a phase, and seconds by state.
    """
    timed = [(name, took) for name, took in columns if took]
    if not timed:
        return None
    states = sorted({state for _, took in timed for state in took})
    shown = timed[::-1]
    names = [text(name) for name, _ in shown]
    traces: list[Figure] = [
        {
            "type": "bar",
            "orientation": "h",
            "y": names,
            "x": [round(took.get(state, 0.0), 3) for _, took in shown],
            "name": text(state),
            "marker": bar_fill(COLOURS[k % len(COLOURS)], k),
            "hovertemplate": f"%{{y}}, {text(state)}: %{{x:.2f}} s<extra></extra>",
        }
        for k, state in enumerate(states)
    ]
    longest, took = max(timed, key=lambda one: sum(one[1].values()))
    drawn = figure(
        traces,
        height=110 + 36 * len(names),
        x=axis("seconds", rangemode="tozero"),
        y=axis(type="category", showgrid=False),
        barmode="stack",
        bargap=0.35,
        showlegend=True,
    )
    caption = f"Wall seconds of the states; {longest} took most, {seconds(sum(took.values()))}."
    return Plot("time-by-phase", "Time by phase", caption, drawn, "full")

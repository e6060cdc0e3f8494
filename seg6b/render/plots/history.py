"""What the build plan measured for a lane before this bench."""

from __future__ import annotations

from collections.abc import Sequence

from seg6b.render.closure_words import timed_state
from seg6b.render.past import past_seconds
from seg6b.render.plots.shape import COLOURS, Plot, axis, bar_fill, figure, mark, text
from seg6b.scoring.closure import Closure


def past_times(closure: Closure, history: Sequence[str]) -> Plot | None:
    """The deciding state's seconds in the history's lines, as bars, with the targets; None where no line has any."""
    state = timed_state(closure)
    timed = past_seconds(history, state)
    if not timed:
        return None
    names = [f"line {k}" for k, _ in timed][::-1]
    target, stretch = (float(closure.targets.get(name) or 0.0) for name in ("target_s", "stretch_s"))
    lines = [(at, name) for at, name in ((target, "target"), (stretch, "stretch")) if at > 0.0]
    marks = [mark(at, name, anchor="right" if name == "target" else "left") for at, name in lines]
    values = [value for _, value in timed][::-1]
    bars = {
        "type": "bar",
        "orientation": "h",
        "y": names,
        "x": values,
        "text": [f"{value:,.2f} s" for value in values],
        "textposition": "auto",
        "marker": bar_fill(COLOURS[6], 0),
        "hovertext": [text(history[k - 1]) for k, _ in timed][::-1],
        "hoverinfo": "text",
    }
    drawn = figure(
        [bars],
        height=96 + 34 * len(names),
        x=axis("seconds", rangemode="tozero"),
        y=axis(type="category", showgrid=False),
        bargap=0.35,
        shapes=[shape for shape, _ in marks],
        margin={"l": 8, "r": 12, "t": 22, "b": 8},
        annotations=[{**note, "x": at, "yanchor": "bottom"} for (_, note), (at, _) in zip(marks, lines, strict=True)],
    )
    caption = (
        f"Seconds of {state} in the lines below, at the authority's scale: single timings, "
        "not to be held against the runs above."
    )
    return Plot("history-times", "What the build plan measured", caption, drawn, "full")

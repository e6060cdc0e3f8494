"""Where the time went, phase by phase."""

from __future__ import annotations

from collections.abc import Sequence

from seg6b.render.plots.runtime import stacked_seconds
from seg6b.render.plots.shape import Plot
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
    longest, took = max(timed, key=lambda one: sum(one[1].values()))
    caption = f"Wall seconds of the states; {longest} took most, {seconds(sum(took.values()))}."
    return Plot("time-by-phase", "Time by phase", caption, stacked_seconds(timed, states, showlegend=True), "full")

"""The timed runs of a sweep: round by round, and state by state."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median
from typing import Final

from seg6b.render.closure_words import arm_names, timed_runs, timed_state
from seg6b.render.plots.runtime import stacked_seconds
from seg6b.render.plots.shape import COLOURS, Figure, Plot, axis, figure, text
from seg6b.render.wording import seconds
from seg6b.runs.sweep import CONTROL
from seg6b.scoring.closure import Closure, RunFacts

_DASHES: Final = ("solid", "dash", "dot", "dashdot")
_SYMBOLS: Final = ("circle", "square", "diamond", "triangle-up", "cross", "x", "star")

Round = tuple[int, int]


def paired_runs(closure: Closure) -> Plot | None:
    """Seconds of the deciding state in every round, the control and each arm a line; None below two runs a line."""
    state = timed_state(closure)
    timed = {name: [r for r in timed_runs(closure, name) if state in r.elapsed_s] for name in arm_names(closure)}
    rounds = sorted({(r.set_index, r.round_index) for runs in timed.values() for r in runs})
    if CONTROL not in timed or len(rounds) < 2:
        return None
    places = _places(rounds)
    traces = [_line(name, k, runs, places, state) for k, (name, runs) in enumerate(timed.items()) if runs]
    starts = [places[r] for r in rounds if r[1] == min(x[1] for x in rounds if x[0] == r[0]) and r[0] > rounds[0][0]]
    drawn = figure(
        traces,
        height=320,
        x=axis(
            "round",
            tickvals=list(places.values()),
            ticktext=[str(r[1]) for r in places],
            showgrid=False,
            zeroline=False,
        ),
        y=axis("seconds", zeroline=False),
        shapes=[_gap(at - 1.0) for at in starts],
    )
    sets = len({r[0] for r in rounds})
    caption = (
        f"Seconds of {state} in each round; every arm ran once a round, in a drawn order. "
        + (f"The dotted line parts the {sets} sets. " if sets > 1 else "")
        + "What moves all lines alike is the machine, not an arm."
    )
    return Plot("paired-runs", "Round by round", caption, drawn)


def _places(rounds: Sequence[Round]) -> dict[Round, float]:
    """A place on the axis for every round, one left free between sets."""
    return {r: k + 1.0 * (r[0] - rounds[0][0]) for k, r in enumerate(rounds, start=1)}


def _line(name: str, k: int, runs: Sequence[RunFacts], places: dict[Round, float], state: str) -> Figure:
    x: list[float | None] = []
    y: list[float | None] = []
    before = runs[0].set_index
    for run in runs:
        if run.set_index != before:
            x, y, before = [*x, None], [*y, None], run.set_index
        x.append(places[run.set_index, run.round_index])
        y.append(round(run.elapsed_s[state], 4))
    control = name == CONTROL
    colour = "var(--ink)" if control else COLOURS[(k - 1) % len(COLOURS)]
    return {
        "type": "scatter",
        "mode": "lines+markers",
        "x": x,
        "y": y,
        "name": text(name),
        "line": {"color": colour, "width": 3 if control else 2, "dash": _DASHES[k % len(_DASHES)]},
        "marker": {"size": 7, "symbol": _SYMBOLS[k % len(_SYMBOLS)]},
        "hovertemplate": f"{text(name)}: %{{y:.2f}} s<extra></extra>",
    }


def _gap(at: float) -> Figure:
    line = {"type": "line", "xref": "x", "yref": "paper", "x0": at, "x1": at, "y0": 0, "y1": 1}
    return {**line, "line": {"color": "var(--muted)", "width": 1, "dash": "dot"}}


def time_by_state(closure: Closure) -> Plot | None:
    """Median seconds of each executed state, stacked, the control on top; None where nothing was executed."""
    names = [name for name in arm_names(closure) if any(r.executed for r in timed_runs(closure, name))]
    states = sorted({s for name in names for r in timed_runs(closure, name) for s in r.executed})
    if not states:
        return None
    totals = {name: sum(_typical(closure, name, s) for s in states) for name in names}
    quickest = min(totals, key=lambda name: totals[name])
    least = f"{quickest} took least, {seconds(totals[quickest])}"
    caption = f"Median wall seconds of the states that each arm executed; {least}."
    took = [(name, {state: _typical(closure, name, state) for state in states}) for name in names]
    return Plot("time-by-state", "Where the time goes", caption, stacked_seconds(took, states))


def _typical(closure: Closure, arm: str, state: str) -> float:
    times = [r.elapsed_s[state] for r in timed_runs(closure, arm) if state in r.executed and state in r.elapsed_s]
    return median(times) if times else 0.0

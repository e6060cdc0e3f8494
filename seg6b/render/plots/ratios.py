"""Ratios of time against the control, arm by arm, with their intervals."""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite
from typing import Final

from seg6b.render.closure_words import TONES, fraction, fractions, required_ratio, timed_state
from seg6b.render.plots.shape import Figure, Plot, axis, figure, mark, text
from seg6b.scoring.closure import ArmScore, Closure, Ratio

_SYMBOLS: Final = {"pass": "circle", "insufficient": "triangle-up", "fail": "diamond"}
_BELOW: Final = 0.26


def forest(closure: Closure) -> Plot | None:
    """Point, 95 % interval, deciding interval and single sets of each arm; None where no pair was made."""
    scored = [(score, score.ratio) for score in closure.arms if score.ratio is not None]
    if not scored:
        return None
    traces: list[Figure] = []
    for k, (score, ratio) in enumerate(scored):
        traces += _arm(score, ratio, float(-k))
    lines = [(x, name) for x, name in ((required_ratio(closure), "required"), (1.0, "control")) if x is not None]
    ends = _range(scored, [at for at, _ in lines])
    marks = [_named_line(at, name, ends) for at, name in lines]
    drawn = figure(
        traces,
        height=96 + 50 * len(scored),
        x=axis(f"time of {text(timed_state(closure))}, arm over control", range=ends, zeroline=False),
        y=axis(
            tickvals=[float(-k) for k in range(len(scored))],
            ticktext=[text(score.arm) for score, _ in scored],
            range=[0.4 - len(scored), 0.8],
            showgrid=False,
            zeroline=False,
        ),
        shapes=[shape for shape, _ in marks],
        annotations=[note for _, note in marks],
        showlegend=False,
    )
    caption = (
        "Left of the control is faster. Thick line: 95\u00a0% interval; thin line: the interval that decides, stricter "
        "because runs are looked at more than once; small squares: each set of runs by itself."
    )
    return Plot("forest", "Time against the control", caption, drawn, "full")


def _arm(score: ArmScore, ratio: Ratio, height: float) -> list[Figure]:
    tone = TONES[score.decision]
    colour = f"var(--{tone})"
    said = f"{text(score.arm)}: {fraction(ratio.mean)}, {ratio.n} pairs<br>"
    traces = [
        _segment(ratio.bounds, height, colour, 1.5, f"{said}deciding {fractions(ratio.bounds)}"),
        _segment(ratio.ci95, height, colour, 5.0, f"{said}95 % {fractions(ratio.ci95)}"),
        _point(ratio.mean, height, {"color": colour, "size": 13, "symbol": _SYMBOLS[tone]}, said),
    ]
    if len(score.set_ratios) > 1:
        for k, one in enumerate(score.set_ratios, start=1):
            below = height - _BELOW - 0.12 * (k - 1)
            hover = f"{text(score.arm)}, set {k}: {fraction(one.mean)}, 95 % {fractions(one.ci95)}"
            traces += [
                _segment(one.ci95, below, "var(--muted)", 1.0, hover),
                _point(one.mean, below, {"color": "var(--muted)", "size": 6, "symbol": "square"}, hover),
            ]
    return traces


def _segment(ends: tuple[float, float], height: float, colour: str, width: float, hover: str) -> Figure:
    finite = [x for x in ends if isfinite(x)]
    return {
        "type": "scatter",
        "mode": "lines",
        "x": finite,
        "y": [height] * len(finite),
        "line": {"color": colour, "width": width},
        "hovertemplate": f"{hover}<extra></extra>",
    }


def _point(at: float, height: float, marker: Figure, hover: str) -> Figure:
    line = {"width": 1.5, "color": "var(--surface)"}
    return {
        "type": "scatter",
        "mode": "markers",
        "x": [at],
        "y": [height],
        "marker": {**marker, "line": line},
        "hovertemplate": f"{hover}<extra></extra>",
    }


def _named_line(at: float, name: str, ends: Sequence[float]) -> tuple[Figure, Figure]:
    """A line and its name, written outwards unless the edge is near."""
    share = (at - ends[0]) / (ends[1] - ends[0])
    outward = "left" if name == "control" else "right"
    shape, note = mark(at, name, anchor="left" if share < 0.2 else "right" if share > 0.8 else outward)
    return shape, {**note, "x": at}


def _range(scored: Sequence[tuple[ArmScore, Ratio]], lines: Sequence[float]) -> list[float]:
    """From the lowest end to the highest, but no end so far out that the points fall together."""
    points = [*lines, *(ratio.mean for _, ratio in scored)]
    ends = [x for _, ratio in scored for x in (*ratio.ci95, *ratio.bounds) if isfinite(x)]
    low, high = max(min([*points, *ends]), 0.6 * min(points)), min(max([*points, *ends]), 1.6 * max(points))
    pad = max(0.08 * (high - low), 0.01)
    return [low - pad, high + pad]

"""Ratios with their intervals, a line each, on a logarithmic axis around 1."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Final

from seg6b.render.closure_words import fraction, fractions
from seg6b.render.plots.shape import Figure, figure, log_axis, mark, text

TICKS: Final = {
    name: float(name) for name in ("0.1", "0.2", "0.3", "0.5", "0.7", "1", "1.5", "2", "3", "5", "10", "20")
}
_FAR: Final = 1.6


@dataclass(frozen=True, slots=True)
class Line:
    """One ratio.

    Attributes:
        name: at the axis.
        series: its entry in the legend.
        mean: the ratio.
        ci95: its interval.
        n: pairs.
    """

    name: str
    series: str
    mean: float
    ci95: tuple[float, float]
    n: int


@dataclass(frozen=True, slots=True)
class Series:
    """How the ratios of one kind look.

    Attributes:
        name: in the legend.
        colour: a variable of the page.
        symbol: a shape of its own, for eyes and prints without colour.
        above: how far above the middle of its row it is drawn.
    """

    name: str
    colour: str
    symbol: str
    above: float = 0.0


def intervals(lines: Sequence[Line], series: Sequence[Series], title: str, one: str) -> Figure:
    """The lines from above, those of one name in one row.

    An interval that leads far beyond all points is cut at the edge; its ends stand in the hover.

    Args:
        lines: at least one.
        series: every kind that the lines name.
        title: of the axis.
        one: what a ratio of 1 is.
    """
    rows = list(dict.fromkeys(line.name for line in lines))
    low, high = _range(lines)
    one_line, one_note = mark(1.0, text(one))
    traces = [_trace(kind, [line for line in lines if line.series == kind.name], rows) for kind in series]
    return figure(
        [trace for trace in traces if trace["x"]],
        height=120 + 30 * len(rows),
        x=log_axis(title, TICKS, low, high),
        y={
            "tickvals": [float(-k) for k in range(len(rows))],
            "ticktext": [text(row) for row in rows],
            "range": [0.4 - len(rows), 0.9],
            "automargin": True,
            "showgrid": False,
            "zeroline": False,
            "ticks": "",
            "tickfont": {"size": 11, "color": "var(--ink)"},
        },
        shapes=[one_line],
        annotations=[one_note],
        showlegend=True,
    )


def _trace(kind: Series, lines: Sequence[Line], rows: Sequence[str]) -> Figure:
    said = [
        f"{text(line.name)}, {text(line.series)}: {fraction(line.mean)}, 95 % {fractions(line.ci95)}, {line.n} pairs"
        for line in lines
    ]
    return {
        "type": "scatter",
        "mode": "markers",
        "name": text(kind.name),
        "x": [line.mean for line in lines],
        "y": [kind.above - rows.index(line.name) for line in lines],
        "marker": {
            "color": kind.colour,
            "symbol": kind.symbol,
            "size": 11,
            "line": {"width": 1.5, "color": "var(--surface)"},
        },
        "error_x": {
            "type": "data",
            "symmetric": False,
            "array": [line.ci95[1] - line.mean for line in lines],
            "arrayminus": [line.mean - line.ci95[0] for line in lines],
            "color": kind.colour,
            "thickness": 3,
            "width": 0,
        },
        "hovertext": said,
        "hovertemplate": "%{hovertext}<extra></extra>",
    }


def _range(lines: Sequence[Line]) -> tuple[float, float]:
    """From the lowest end to the highest, but no end so far out that the points fall together."""
    means = [1.0, *(line.mean for line in lines)]
    ends = [end for line in lines for end in line.ci95 if isfinite(end) and end > 0.0]
    low = max(min([*means, *ends]), min(means) / _FAR)
    high = min(max([*means, *ends]), max(means) * _FAR)
    return low / 1.06, high * 1.06

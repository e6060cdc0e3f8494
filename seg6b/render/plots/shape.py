"""What every plot shares: its card on the page, its layout, its axes and colours."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import log10
from typing import Any, Final, Literal

Figure = dict[str, Any]
Span = Literal["third", "half", "full"]

COLOURS: Final = tuple(f"var(--c{k})" for k in range(1, 8))
HEAT: Final = [[0.0, "var(--heat-0)"], [0.5, "var(--heat-1)"], [1.0, "var(--heat-2)"]]
AMOUNT_TICKS: Final = {f"{10**k:,}": float(10**k) for k in range(8)}
HATCHES: Final = ("", "/", "x", "\\", ".", "-")
_FONT: Final = "Inter, ui-sans-serif, system-ui, -apple-system, 'Segoe UI', Roboto, 'DejaVu Sans', sans-serif"


@dataclass(frozen=True, slots=True)
class Plot:
    """One card of the board.

    Attributes:
        name: unique on the page, safe as an element id.
        title: what is shown.
        caption: what to read from it, figures included.
        figure: Plotly data and layout; empty where there is nothing to draw.
        span: the part of the page's width that it takes.
        scale: words for the two ends of a heat map's colours.
    """

    name: str
    title: str
    caption: str
    figure: Figure
    span: Span = "half"
    scale: tuple[str, str] | None = None


def figure(traces: list[dict[str, Any]], *, height: int, x: Figure, y: Figure, **layout: Any) -> Figure:  # noqa: ANN401
    """A figure of the house: transparent, no title, legend above, margins that follow the labels."""
    return {
        "data": traces,
        "layout": {
            "height": height,
            "margin": {"l": 8, "r": 12, "t": 8, "b": 8},
            "paper_bgcolor": "rgba(0,0,0,0)",
            "plot_bgcolor": "rgba(0,0,0,0)",
            "font": {"family": _FONT, "size": 12, "color": "var(--ink)"},
            "hoverlabel": {"bgcolor": "var(--surface)", "bordercolor": "var(--line)", "font": {"color": "var(--ink)"}},
            "legend": {"orientation": "h", "yanchor": "bottom", "y": 1.02, "x": 0, "traceorder": "normal"},
            "showlegend": len(traces) > 1,
            "xaxis": x,
            "yaxis": y,
            **layout,
        },
    }


def axis(title: str = "", **more: Any) -> Figure:  # noqa: ANN401 - Plotly's own keys
    """An axis with quiet lines; labels may take the room they need."""
    named = {"title": {"text": title, "font": {"size": 12, "color": "var(--muted)"}, "standoff": 8}} if title else {}
    return {
        **named,
        "automargin": True,
        "ticks": "",
        "gridcolor": "var(--line)",
        "linecolor": "var(--line)",
        "zerolinecolor": "var(--line)",
        "tickfont": {"size": 11, "color": "var(--muted)"},
        **more,
    }


def log_axis(title: str, ticks: Mapping[str, float], low: float, high: float) -> Figure:
    """A logarithmic axis over `[low, high]` with named ticks, by name."""
    inside = {name: at for name, at in ticks.items() if low <= at <= high}
    names = {"tickvals": list(inside.values()), "ticktext": list(inside)} if inside else {}
    return axis(title, type="log", range=[log10(low), log10(high)], **names)


def bar_fill(colour: str, k: int) -> Figure:
    """Fill of the `k`-th bar of a stack: a colour, and a hatch over it for eyes and prints without colour."""
    hatch = {"shape": HATCHES[k % len(HATCHES)], "fillmode": "overlay", "fgcolor": "var(--surface)", "fgopacity": 0.55}
    return {"color": colour, "pattern": {**hatch, "size": 7, "solidity": 0.25}}


def share_axis(title: str, traces: Sequence[Figure]) -> Figure:
    """An axis of shares from zero, with headroom for the names of marks."""
    top = max((max(trace["y"], default=0.0) for trace in traces), default=0.0) or 1.0
    return axis(title, tickformat=".0%" if top > 0.02 else ".2%", range=[0.0, 1.15 * top])


def text(name: object) -> str:
    """A name as Plotly may show it: its own mark-up language sees nothing in it."""
    return html.escape(str(name), quote=False)


def mark(at: float, name: str, *, anchor: str = "left") -> tuple[Figure, Figure]:
    """A dashed vertical line and its name, as layout shape and annotation, for a logarithmic x axis."""
    line = {"type": "line", "xref": "x", "yref": "paper", "x0": at, "x1": at, "y0": 0, "y1": 1}
    shape = {**line, "line": {"color": "var(--muted)", "width": 1, "dash": "dot"}}
    note = {"x": log10(at), "y": 1, "xref": "x", "yref": "paper", "text": name, "showarrow": False}
    style = {"xanchor": anchor, "yanchor": "top", "xshift": 4 if anchor == "left" else -4}
    return shape, {**note, **style, "font": {"size": 11, "color": "var(--muted)"}}


def stair(x: list[float], y: list[float], name: str, colour: str, dash: str = "solid") -> Figure:
    """A filled stair line."""
    return {
        "type": "scatter",
        "mode": "lines",
        "x": x,
        "y": y,
        "name": name,
        "line": {"color": colour, "width": 2, "dash": dash},
        "fill": "tozeroy",
        "fillcolor": colour.replace("var(--c", "var(--fill-"),
        "hovertemplate": f"{name}<br>%{{x:.4~g}}: %{{y:.2%}}<extra></extra>",
    }

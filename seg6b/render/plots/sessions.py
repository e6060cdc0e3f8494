"""Sessions and the weekly rhythm (S1)."""

from __future__ import annotations

from typing import Final

import numpy as np
import polars as pl

from seg6b.render.data import BoardData
from seg6b.render.plots.counts import counts
from seg6b.render.plots.shape import COLOURS, HEAT, Figure, Plot, axis, figure, text
from seg6b.render.wording import compact, number, percent

DAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MOST: Final = 20
_SPAN_STEP: Final = 15
_SHARES: Final = tuple(10.0**-k for k in range(8))


def arrivals_a_session(data: BoardData) -> Plot:
    """How many arrivals a session has."""
    frame = counts(data, "S1", "sessions", ("arrival_count",))
    total = int(frame["n"].sum())
    capped = (
        frame.with_columns(pl.col("arrival_count").clip(upper_bound=_MOST))
        .group_by("arrival_count")
        .agg(pl.col("n").sum())
    )
    of = dict(capped.iter_rows())
    x = list(range(1, _MOST + 1))
    trace = _bars(x, [round(of.get(k, 0) / total, 7) for k in x], "%{x} arrivals: %{y:.3%}<extra></extra>")
    ticks = [1, *range(5, _MOST + 1, 5)]
    gate = data.board.gates.get("T19")
    caption = f"{compact(total)} sessions." + (f" Singletons (T19) {number(gate.value)}." if gate else "")
    drawn = figure(
        [trace],
        height=300,
        x=axis("arrivals in a session", showgrid=False, tickvals=ticks, ticktext=[*map(str, ticks[:-1]), f"{_MOST}+"]),
        y=axis("share of sessions", type="log", tickvals=list(_SHARES), ticktext=[percent(s) for s in _SHARES]),
    )
    return Plot("arrivals-a-session", "Arrivals a session", caption, drawn, "third")


def session_spans(data: BoardData) -> Plot:
    """How long sessions of several arrivals last."""
    frame = counts(data, "S1", "session_spans", ("minutes",)).filter(pl.col("minutes") > 0)
    total = max(int(frame["n"].sum()), 1)
    binned = frame.group_by((pl.col("minutes") // _SPAN_STEP).alias("bin")).agg(pl.col("n").sum()).sort("bin")
    x = [b * _SPAN_STEP / 60 + _SPAN_STEP / 120 for b in binned["bin"].to_list()]
    shares = [round(n / total, 7) for n in binned["n"].to_list()]
    trace = _bars(x, shares, "around %{x:.2f} h: %{y:.2%}<extra></extra>")
    drawn = figure(
        [trace],
        height=300,
        x=axis("hours from first to last arrival", rangemode="tozero", showgrid=False),
        y=axis("share", tickformat=".0%", rangemode="tozero"),
        bargap=0.05,
    )
    caption = f"Sessions that last a minute or more, in steps of {_SPAN_STEP} minutes; {compact(total)} of them."
    return Plot("session-spans", "Session span", caption, drawn, "third")


def boundaries(data: BoardData) -> Plot:
    """Why sessions start where they do."""
    frame = counts(data, "S1", "boundaries", ("boundary_reason",)).sort("n", "boundary_reason")
    total = int(frame["n"].sum())
    names = [text(r.replace("_", " ").lower()) for r in frame["boundary_reason"].to_list()]
    shares = [round(n / total, 7) for n in frame["n"].to_list()]
    trace = _bars(shares, names, "%{y}: %{x:.2%}<extra></extra>") | {"orientation": "h"}
    drawn = figure(
        [trace],
        height=300,
        x=axis("share of sessions", tickformat=".0%", rangemode="tozero"),
        y=axis(type="category", showgrid=False),
    )
    top = frame.row(-1, named=True)
    caption = f"Most often: {top['boundary_reason'].replace('_', ' ').lower()}, {percent(top['n'] / total)}."
    return Plot("boundaries", "Why a session starts", caption, drawn, "third")


def hour_of_week(data: BoardData) -> Plot:
    """Local weekly rhythm of each class, relative to its own mean hour."""
    frame = counts(data, "S1", "hour_of_week", ("merchant_class", "hour"))
    classes = sorted(set(frame["merchant_class"].to_list()), reverse=True)
    table = np.zeros((len(classes), 168))
    row = {c: k for k, c in enumerate(classes)}
    for c, hour, n in frame.select("merchant_class", "hour", "n").iter_rows():
        table[row[c], int(hour) % 168] += n
    relative = table / table.mean(axis=1, keepdims=True)
    spoken = [f"{DAYS[h // 24]} {h % 24:02d}:00" for h in range(168)]
    trace: Figure = {
        "type": "heatmap",
        "x": list(range(168)),
        "y": [text(c) for c in classes],
        "z": relative.round(3).tolist(),
        "customdata": [spoken] * len(classes),
        "colorscale": HEAT,
        "showscale": False,
        "hovertemplate": "%{y}<br>%{customdata}: %{z:.2f} times its mean hour<extra></extra>",
    }
    lines = [
        {"type": "line", "xref": "x", "yref": "paper", "x0": d * 24 - 0.5, "x1": d * 24 - 0.5, "y0": 0, "y1": 1}
        for d in range(1, 7)
    ]
    drawn = figure(
        [trace],
        height=90 + 30 * len(classes),
        x=axis(
            "local time",
            tickvals=[24 * d + 11.5 for d in range(7)],
            ticktext=list(DAYS),
            showgrid=False,
            zeroline=False,
        ),
        y=axis(type="category", showgrid=False),
        shapes=[{**line, "line": {"color": "var(--surface)", "width": 2}} for line in lines],
    )
    peak = float(relative.max())
    caption = "Arrivals an hour of the local week, each class relative to its own mean."
    return Plot("hour-of-week", "Hour of week by class", caption, drawn, "full", ("0", f"{peak:.1f} times the mean"))


def _bars(x: object, y: object, hover: str) -> Figure:
    return {"type": "bar", "x": x, "y": y, "marker": {"color": COLOURS[0]}, "hovertemplate": hover, "showlegend": False}

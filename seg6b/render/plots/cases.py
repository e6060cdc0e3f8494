"""Delays against the policy, and the gaps between case events (S4)."""

from __future__ import annotations

from functools import partial
from typing import Final

import numpy as np
import polars as pl

from seg6b.render.data import BoardData
from seg6b.render.plots.counts import counts, empirical, log_edges, log_shares, steps
from seg6b.render.plots.shape import COLOURS, Figure, Plot, axis, figure, log_axis, mark, share_axis, stair
from seg6b.render.wording import compact, number, percent

TIME_TICKS: Final = {
    "1 s": 1.0,
    "1 min": 60.0,
    "1 h": 3_600.0,
    "1 d": 86_400.0,
    "10 d": 864_000.0,
    "100 d": 8_640_000.0,
}
SPIKES: Final = (3_600.0, 86_400.0)


def delay(model: str, data: BoardData) -> Plot:
    """One delay model: what was drawn against what the policy says."""
    frame = counts(data, "S4", "delays", ("model", "ms")).filter(pl.col("model") == model)
    name = model.removesuffix("_V1").replace("_", " ").lower()
    if frame.is_empty():
        return Plot(f"delay-{_slug(model)}", name.capitalize(), "No such delay was drawn in this run.", {})
    x, p = empirical(frame["ms"].to_numpy() / 1_000.0, frame["n"].to_numpy().astype(np.float64))
    traces: list[Figure] = []
    curve = data.curves.get(model)
    if curve is not None:
        line = {"color": COLOURS[1], "width": 5, "dash": "solid"}
        traces.append(_line(list(curve.x), list(curve.p), "policy", line) | {"opacity": 0.55})
    traces.append(_line(x, p, "this run", {"color": COLOURS[0], "width": 2, "shape": "hv"}))
    low, high = max(min(x[0], *(curve.x if curve else x)), 0.5), max(x[-1], *(curve.x if curve else x))
    drawn = figure(
        traces,
        height=250,
        x=log_axis("", TIME_TICKS, low * 0.9, high * 1.1),
        y=axis("share at or below", tickformat=".0%", range=[-0.02, 1.02]),
    )
    caption = f"{compact(int(frame['n'].sum()))} drawn.{_distance(data, model)}"
    return Plot(f"delay-{_slug(model)}", name.capitalize(), caption, drawn)


def delays(models: tuple[str, ...]) -> list[partial[Plot]]:
    """One plot a model."""
    return [partial(delay, model) for model in models]


def _slug(model: str) -> str:
    return model.lower().replace("_", "-")


def _line(x: list[float], y: list[float], name: str, line: Figure) -> Figure:
    hover = f"{name}<br>%{{x:,.0f}} s: %{{y:.1%}}<extra></extra>"
    rounded = [round(v, 4) for v in x], [round(v, 5) for v in y]
    return {
        "type": "scatter",
        "mode": "lines",
        "x": rounded[0],
        "y": rounded[1],
        "name": name,
        "line": line,
        "hovertemplate": hover,
    }


def _distance(data: BoardData, model: str) -> str:
    said = [
        f"{s.test.upper()} {number(s.value, 3)}"
        for s in data.board.statistics
        if model in s.name and s.value is not None
    ]
    return f" Distance to the policy: {', '.join(said)}." if said else ""


def case_gaps(data: BoardData) -> Plot:
    """Seconds between consecutive events of a case."""
    frame = counts(data, "S4", "case_gaps", ("gap_s", "negative"))
    values, weights = frame["gap_s"].to_numpy().astype(np.float64), frame["n"].to_numpy().astype(np.float64)
    positive = values > 0.0
    total = weights.sum()
    high = max(float(values.max()), 10.0)
    edges = log_edges(1.0, high, 10)
    x, y = (
        steps(edges, log_shares(values[positive], weights[positive], edges) * weights[positive].sum() / total)
        if positive.any()
        else ([], [])
    )
    marks = [mark(at, name) for at, name in zip(SPIKES, ("1 h", "24 h"), strict=True) if at < high]
    spikes = float(weights[np.isin(values, (3_600.0, 86_400.0, 86_401.0))].sum() / total)
    negative = int(frame.filter("negative")["n"].sum())
    traces = [stair(x, y, "gaps", COLOURS[2])]
    drawn = figure(
        traces,
        height=320,
        x=log_axis("gap between case events", TIME_TICKS, edges[0], edges[-1]),
        y=share_axis("share of gaps", traces),
        shapes=[m[0] for m in marks],
        annotations=[m[1] for m in marks],
    )
    caption = (
        f"{compact(total)} gaps; {negative:,} negative (T8), {percent(spikes)} exactly 1 h or 24 h (T9 by gaps), "
        f"{percent(float(weights[values == 0.0].sum() / total))} exactly zero."
    )
    return Plot("case-gaps", "Gaps between case events", caption, drawn, "full")

"""Amounts and authorisation latency (S2)."""

from __future__ import annotations

from typing import Final

import numpy as np

from seg6b.render.data import BoardData
from seg6b.render.plots.counts import counts, log_edges, log_shares, quantile, steps
from seg6b.render.plots.shape import (
    AMOUNT_TICKS,
    COLOURS,
    Figure,
    Plot,
    figure,
    log_axis,
    mark,
    share_axis,
    stair,
    text,
)
from seg6b.render.wording import number, percent

LATENCY_TICKS: Final = {"10 ms": 0.01, "100 ms": 0.1, "1 s": 1.0, "10 s": 10.0, "1 min": 60.0, "3 min": 180.0}
_DASHES: Final = ("solid", "dash", "dot")


def amounts(data: BoardData) -> Plot:
    """Distribution of amounts by family, on a logarithmic scale."""
    frame = counts(data, "S2", "amounts", ("amount_family", "amount_minor"))
    values, weights = (
        frame["amount_minor"].to_numpy().astype(np.float64) / 100.0,
        frame["n"].to_numpy().astype(np.float64),
    )
    edges = log_edges(max(float(values.min()), 0.01), max(float(values.max()), 0.02), 12)
    traces: list[Figure] = []
    for k, family in enumerate(sorted(set(frame["amount_family"].to_list()))):
        chosen = (frame["amount_family"] == family).to_numpy()
        x, y = steps(edges, log_shares(values[chosen], weights[chosen], edges))
        traces.append(stair(x, y, text(family.replace("_", " ").lower()), COLOURS[k % len(COLOURS)], _DASHES[k % 3]))
    median, high = quantile(values, weights, 0.5), quantile(values, weights, 0.99)
    places = ((median, "p50", "right"), (high, "p99", "left"))
    marks = [mark(at, name, anchor=side) for at, name, side in places if at > 0.0]
    ratio, top8 = data.board.gates.get("T12"), data.board.gates.get("T13")
    said = [
        f"p99/p50 (T12) {number(ratio.value)}" if ratio else "",
        f"top eight amounts (T13) {percent(top8.value)}" if top8 and top8.value is not None else "",
    ]
    caption = (
        f"Each family sums to 100 %. Median {number(median, 4)}, p99 {number(high, 5)}. "
        + ", ".join(s for s in said if s)
        + "."
    )
    drawn = figure(
        traces,
        height=340,
        x=log_axis("amount (minor units / 100)", AMOUNT_TICKS, edges[0], edges[-1]),
        y=share_axis("share of flows", traces),
        shapes=[m[0] for m in marks],
        annotations=[m[1] for m in marks],
        showlegend=True,
    )
    return Plot("amounts", "Amounts by family", caption, drawn)


def auth_latency(data: BoardData) -> Plot:
    """Distribution of request-to-response latency, with and without step-up."""
    frame = counts(data, "S2", "latency", ("step_up", "latency_us"))
    values, weights = frame["latency_us"].to_numpy().astype(np.float64) / 1e6, frame["n"].to_numpy().astype(np.float64)
    positive = values[values > 0.0]
    edges = log_edges(max(float(positive.min()), 1e-3) if positive.size else 0.1, max(float(values.max()), 0.2), 12)
    traces: list[Figure] = []
    for step_up, name, colour, dash in (
        (False, "without step-up", COLOURS[0], "solid"),
        (True, "with step-up", COLOURS[1], "dash"),
    ):
        chosen = (frame["step_up"] == step_up).to_numpy()
        if chosen.any():
            x, y = steps(
                edges, log_shares(values[chosen], weights[chosen], edges) * weights[chosen].sum() / weights.sum()
            )
            traces.append(stair(x, y, name, colour, dash))
    p50, p99 = (_gate_value(data, g, quantile(values, weights, q)) for g, q in (("T14", 0.5), ("T15", 0.99)))
    marks = [
        mark(at, f"{name} {number(at, 3)} s", anchor=a)
        for at, name, a in ((p50, "p50", "left"), (p99, "p99", "right"))
        if at > 0.0
    ]
    zero = weights[values == 0.0].sum() / weights.sum()
    drawn = figure(
        traces,
        height=340,
        x=log_axis("from first request to first response", LATENCY_TICKS, edges[0], edges[-1]),
        y=share_axis("share of flows", traces),
        shapes=[m[0] for m in marks],
        annotations=[m[1] for m in marks],
        showlegend=True,
    )
    caption = (
        f"Median {number(p50, 4)} s (T14), p99 {number(p99, 4)} s (T15), exactly zero {percent(float(zero))} (T16)."
    )
    return Plot("auth-latency", "Authorisation latency", caption, drawn)


def _gate_value(data: BoardData, gate_id: str, otherwise: float) -> float:
    gate = data.board.gates.get(gate_id)
    return otherwise if gate is None or gate.value is None else gate.value

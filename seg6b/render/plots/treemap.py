"""Where the time of the baseline goes: states as areas, their lanes inside."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from seg6b.render.plots.shape import COLOURS, Figure, Plot, axis, figure, text
from seg6b.render.popt_data import Hotspot
from seg6b.render.wording import percent, seconds

RESIDUAL: Final = "residual"
_GREY: Final = COLOURS[6]


def hotspot_treemap(spots: Sequence[Hotspot]) -> Plot | None:
    """States S1..S5 by wall seconds, in each the shares of its lanes; None where nothing was measured.

    What no lane was charged for is a lane of its own, so that the areas are whole.
    """
    whole = sum(spot.elapsed_s for spot in spots)
    if not whole:
        return None
    names = list(dict.fromkeys(lane for spot in spots for lane in spot.lanes))
    hues = {lane: COLOURS[k % (len(COLOURS) - 1)] for k, lane in enumerate(sorted(names))}
    nodes = [node for spot in spots for node in _nodes(spot, whole, hues)]
    ids, labels, parents, values, colours, inks, said = (list(column) for column in zip(*nodes, strict=True))
    trace = {
        "type": "treemap",
        "ids": ids,
        "labels": labels,
        "parents": parents,
        "values": values,
        "branchvalues": "total",
        "marker": {
            "colors": colours,
            "line": {"width": 2, "color": "var(--surface)"},
            "pad": {"t": 26, "l": 4, "r": 4, "b": 4},
        },
        "textinfo": "label+text",
        "text": said,
        "textfont": {"color": inks, "size": 13},
        "hovertemplate": "%{id}: %{text}<extra></extra>",
        "tiling": {"packing": "squarify"},
        "pathbar": {"visible": False},
    }
    bare = axis(visible=False)
    legend = [_legend(lane, colour) for lane, colour in {**hues, RESIDUAL: _GREY}.items()]
    drawn = figure(
        [trace, *legend], height=460, x=bare, y=bare, margin={"l": 0, "r": 0, "t": 24, "b": 0},
        uniformtext={"minsize": 10, "mode": "hide"},
    )  # fmt: skip
    first = spots[0]
    dearest = max(
        ((lane, share) for lane, share in first.lanes.items()), key=lambda one: one[1], default=(RESIDUAL, 1.0)
    )
    caption = (
        f"{seconds(whole)} of wall clock; areas are shares of it. {first.state} takes "
        f"{percent(first.elapsed_s / whole)}, most of that in {dearest[0]} ({percent(dearest[1])} of the state). "
        "Residual is what no lane was charged for."
    )
    return Plot("hotspots-map", "Time by state and lane", caption, drawn, "full")


def _legend(lane: str, colour: str) -> Figure:
    """An entry of the legend, which a treemap has none of; small areas have no room for their names."""
    marker = {"color": colour, "symbol": "square", "size": 11}
    return {"type": "scatter", "mode": "markers", "x": [None], "y": [None], "name": text(lane), "marker": marker}


def _nodes(spot: Hotspot, whole: float, hues: dict[str, str]) -> list[tuple[str, str, str, float, str, str, str]]:
    """A state and its lanes: id, label, parent, value, colour, ink and words of each."""
    state = text(spot.state)
    told = f"{seconds(spot.elapsed_s)}, {percent(spot.elapsed_s / whole)}"
    lanes = [*spot.lanes.items(), (RESIDUAL, spot.residual)]
    scale = spot.elapsed_s / sum(share for _, share in lanes)
    inner = [
        (
            f"{state} {text(lane)}",
            text(lane),
            state,
            share * scale,
            hues.get(lane, _GREY),
            "var(--surface)",
            f"{seconds(share * scale)}, {percent(share)}",
        )
        for lane, share in lanes
        if share > 0.0
    ]
    parts = sum(node[3] for node in inner)
    return [(state, f"{state}  {told}", "", parts, "var(--line)", "var(--ink)", told), *inner]

"""Two drawings of the same plot, before and after, brought to common scales so that the eye may compare them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from math import ceil, floor, log10
from typing import Any, Final

from seg6b.render.plots.campaigns import OTHERS
from seg6b.render.plots.shape import Figure, Plot

_TOO_UNLIKE: Final = 8.0
_TOO_MANY: Final = 1.6
_NAME_HEIGHT: Final = 21


def aligned(before: Plot, after: Plot) -> tuple[Plot, Plot]:
    """Both plots on common axes, colours, heights and names.

    Where one side's bars or curves reach more than eight times as high as the other's, each keeps its own scale and
    the captions say so. A plot without a figure leaves the other as it is.
    """
    if not (before.figure and after.figure):
        return before, after
    pair = [dict(before.figure), dict(after.figure)]
    layouts = [_layout(figure) for figure in pair]
    apart = False
    for key in ("xaxis", "yaxis"):
        apart |= not _shared_axis(pair, layouts, key)
    height = max(layout["height"] for layout in layouts)
    for figure, layout in zip(pair, layouts, strict=True):
        figure["layout"] = {**layout, "height": height}
    scale = _shared_colours(pair, (before.scale, after.scale))
    said = " The scales of before and after differ." if apart else ""
    first, second = (
        replace(plot, figure=figure, scale=scale, caption=plot.caption + said)
        for plot, figure in zip((before, after), pair, strict=True)
    )
    return first, second


def _layout(figure: Figure) -> Figure:
    layout = dict(figure["layout"])
    return {**layout, "xaxis": dict(layout["xaxis"]), "yaxis": dict(layout["yaxis"])}


def _shared_axis(pair: Sequence[Figure], layouts: Sequence[Figure], key: str) -> bool:
    """Give both sides one axis; False where their values are too unlike for that."""
    axes = [layout[key] for layout in layouts]
    if axes[0].get("type") == "category":
        _shared_names(pair, layouts, key)
        return True
    found = [_reach(figure, layout, key) for figure, layout in zip(pair, layouts, strict=True)]
    ranges = [reach for reach in found if reach]
    if len(ranges) < 2:
        return True
    tops = sorted(high for _, high in ranges)
    linear = all(axis.get("type") != "log" for axis in axes)
    if linear and tops[0] > 0.0 and tops[1] > _TOO_UNLIKE * tops[0]:
        return False
    common = [min(low for low, _ in ranges), max(high for _, high in ranges)]
    ticks = _shared_ticks(axes)
    widest = max(zip(ranges, axes, strict=True), key=lambda side: side[0][1])[1]
    formats = {"tickformat": widest["tickformat"]} if "tickformat" in widest else {}
    for axis in axes:
        axis.update({**ticks, **formats, "range": common})
    return True


def _shared_names(pair: Sequence[Figure], layouts: Sequence[Figure], key: str) -> None:
    """One list of names, in the second side's order with what only the first has before it, so that rows align.

    Not where a side has gathered some names into one row: a name that it lacks may lie in there.
    """
    first, second = (dict.fromkeys(n for trace in figure["data"] for n in trace.get(key[0], [])) for figure in pair)
    names = [*(name for name in first if name not in second), *second]
    longer = max(len(first), len(second))
    if OTHERS in names or len(names) > _TOO_MANY * longer:
        return
    for layout in layouts:
        layout[key].update(categoryorder="array", categoryarray=names, range=[-0.5, len(names) - 0.5])
        layout["height"] += _NAME_HEIGHT * (len(names) - longer) if key == "yaxis" else 0


def _shared_ticks(axes: Sequence[Figure]) -> dict[str, Any]:
    if not all("tickvals" in axis and "ticktext" in axis for axis in axes):
        return {}
    named = {at: name for axis in axes for at, name in zip(axis["tickvals"], axis["ticktext"], strict=True)}
    order = sorted(named)
    return {"tickvals": order, "ticktext": [named[at] for at in order]}


def _reach(figure: Figure, layout: Figure, key: str) -> tuple[float, float] | None:
    """Ends of an axis as Plotly counts them (powers of ten on a logarithmic one); None where it has none to share."""
    axis = layout[key]
    if "range" in axis:
        return axis["range"][0], axis["range"][1]
    bars = [trace for trace in figure["data"] if trace["type"] == "bar"]
    if not bars:
        return None
    valued = "x" if bars[0].get("orientation") == "h" else "y"
    if key[0] != valued:
        return _places(bars[0][key[0]]) if bars[0][key[0]] else None
    tops = _tops(bars, valued, stacked=layout.get("barmode") == "stack")
    if axis.get("type") != "log":
        return 0.0, 1.05 * (max(tops, default=0.0) or 1.0)
    positive = [top for top in tops if top > 0.0]
    return (floor(log10(min(positive))), ceil(log10(max(positive)))) if positive else None


def _places(at: Sequence[float]) -> tuple[float, float]:
    """From half a bar before the first to half a bar after the last."""
    order = sorted(at)
    half = min((b - a for a, b in pairwise(order)), default=1.0) / 2.0
    return order[0] - half, order[-1] + half


def _tops(bars: Sequence[Figure], valued: str, *, stacked: bool) -> list[float]:
    if not stacked:
        return [value for trace in bars for value in trace[valued]]
    along = "y" if valued == "x" else "x"
    sums: dict[Any, float] = {}
    for trace in bars:
        for name, value in zip(trace[along], trace[valued], strict=True):
            sums[name] = sums.get(name, 0.0) + value
    return list(sums.values())


def _shared_colours(pair: Sequence[Figure], scales: Sequence[tuple[str, str] | None]) -> tuple[str, str] | None:
    """One scale of colours for the heat maps of both sides, and the words for its ends."""
    tops = [
        max((v for t in f["data"] if t["type"] == "heatmap" for row in t["z"] for v in row), default=0.0) for f in pair
    ]
    for figure in pair:
        figure["data"] = [
            {**trace, "zmin": 0.0, "zmax": max(tops)} if trace["type"] == "heatmap" else trace
            for trace in figure["data"]
        ]
    return scales[0] if tops[0] > tops[1] else scales[1]

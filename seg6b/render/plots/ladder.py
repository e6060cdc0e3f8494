"""The arms of all lanes against their controls, and the seconds of the build plan beside ours."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from seg6b.render.past import past_seconds
from seg6b.render.plots.intervals import Line, Series, intervals
from seg6b.render.plots.shape import COLOURS, Figure, Plot, axis, figure, text
from seg6b.render.popt_data import ArmLine, LaneLine, Summary, Worth
from seg6b.render.story_words import tone_of
from seg6b.render.wording import number

_TONES: Final = (
    Series("kept", "var(--pass)", "circle"),
    Series("not settled", "var(--insufficient)", "triangle-up"),
    Series("rejected", "var(--fail)", "diamond"),
)
_NAMES: Final = {"pass": "kept", "insufficient": "not settled", "fail": "rejected"}
_WORTH: Final = (Series("alone", COLOURS[0], "circle", 0.14), Series("on top", COLOURS[1], "square", -0.14))
_TICKS: Final = (0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0, 300.0, 1000.0)
_LONGEST: Final = 28
_PLAN: Final = "the build plan, its machine"
_CONTROL: Final = "our baseline or control"
_ARM: Final = "our arms"


def ladder_plot(lanes: Sequence[LaneLine]) -> Plot | None:
    """Time of every arm over its control's, lane by lane; None where no pair was made."""
    lines = [
        Line(
            f"{lane.lane} {arm.name} {_short(arm)}",
            _NAMES[tone_of(arm.decision)],
            arm.ratio.mean,
            arm.ratio.ci95,
            arm.ratio.n,
        )
        for lane in lanes
        for arm in lane.arms
        if arm.ratio is not None
    ]
    if not lines:
        return None
    caption = (
        "Time of the lane's state, arm over control, with its 95\u00a0% interval; left of the control is faster. "
        "What the control was stands in the table."
    )
    drawn = intervals(lines, _TONES, "time, arm over control", "control")
    return Plot("ladder-ratios", "Every arm against its control", caption, drawn, "full")


def _short(arm: ArmLine) -> str:
    """What makes an arm, without the names of its knobs."""
    said = ", ".join(override.split("=", 1)[-1] for override in arm.overrides)
    return said if len(said) <= _LONGEST else f"{said[: _LONGEST - 1]}…"


def worth_plot(worth: Sequence[Worth]) -> Plot | None:
    """Gain of each strategy, alone and on top of the others; None where nothing was measured."""
    gains = [(w, kind, g) for w in worth for kind, g in (("alone", w.alone), ("on top", w.on_top)) if g is not None]
    if not gains:
        return None
    lines = [Line(f"{w.key}={w.now}", kind, g.mean, g.ci95, g.n) for w, kind, g in gains]
    caption = (
        "Time of the strategy's state with it over without it. Alone: all others of the state are the build plan's. "
        "On top: all others are ours. Where both agree, strategies do not get in each other's way."
    )
    return Plot(
        "worth-ratios",
        "What each strategy brings",
        caption,
        intervals(lines, _WORTH, "time, with over without", "no gain"),
        "full",
    )


def past_plot(summary: Summary) -> Plot | None:
    """Seconds a million arrivals, the build plan's and ours; None where no line of a history has any.

    A row a state of the baseline, then a row a lane.
    """
    timed = [*_baseline_rows(summary), *(_lane_row(lane) for lane in summary.lanes if lane.state)]
    timed = [row for row in timed if row.then or row.control or row.arms]
    if not any(row.then for row in timed):
        return None
    theirs, ours = 1e6 / summary.plan_arrivals, 1e6 / summary.arrivals
    points = [
        (_PLAN, [(row.name, s * theirs, said) for row in timed for s, said in row.then], "var(--muted)", "circle-open"),
        (_CONTROL, [(row.name, s * ours, said) for row in timed for s, said in row.control], COLOURS[0], "square"),
        (_ARM, [(row.name, s * ours, said) for row in timed for s, said in row.arms], COLOURS[1], "diamond"),
    ]
    drawn = figure(
        [_points(*series) for series in points if series[1]],
        height=140 + 30 * len(timed),
        x=axis("seconds a million arrivals", type="log", tickvals=list(_TICKS), ticktext=[number(t) for t in _TICKS]),
        y=axis(type="category", categoryorder="array", categoryarray=[row.name for row in timed][::-1], showgrid=False),
        showlegend=True,
    )
    caption = (
        "Context, not a comparison: another machine, other code, single timings there and medians here. "
        "No ratio is taken across machines."
    )
    return Plot("past-times", "Seconds a million arrivals, then and now", caption, drawn, "full")


class _Timed(NamedTuple):
    """Seconds of one row, each with its words: the build plan's, of our control or baseline, of our arms."""

    name: str
    then: list[tuple[float, str]]
    control: list[tuple[float, str]]
    arms: list[tuple[float, str]]


def _baseline_rows(summary: Summary) -> list[_Timed]:
    """The states of the baseline, from the first lane that locks one."""
    lane = next((lane for lane in summary.lanes if lane.kind == "baseline"), None)
    return [
        _Timed(f"{lane.lane}, {one.state}", _then(lane, one.state)[:1], [(one.cost.elapsed_s, "baseline")], [])
        for one in summary.states
        if lane is not None and one.cost.elapsed_s
    ]


def _lane_row(lane: LaneLine) -> _Timed:
    control = lane.control.elapsed_s if lane.control else None
    return _Timed(
        f"{lane.lane}, {lane.state}",
        _then(lane, lane.state),
        [(control, f"control: {' '.join(lane.strategies)}")] if control else [],
        [(arm.cost.elapsed_s, f"{arm.name}: {' '.join(arm.overrides)}") for arm in lane.arms if arm.cost.elapsed_s],
    )


def _then(lane: LaneLine, state: str) -> list[tuple[float, str]]:
    return [(took, lane.history[k - 1]) for k, took in past_seconds(lane.history, state)]


def _points(name: str, found: Sequence[tuple[str, float, str]], colour: str, symbol: str) -> Figure:
    """One series of points: row, place and words of each."""
    return {
        "type": "scatter",
        "mode": "markers",
        "name": name,
        "y": [row for row, _, _ in found],
        "x": [x for _, x, _ in found],
        "marker": {"color": colour, "symbol": symbol, "size": 10, "line": {"width": 1.5, "color": colour}},
        "hovertext": [text(said) for _, _, said in found],
        "hovertemplate": "%{y}: %{x:.3~g} s a million arrivals<br>%{hovertext}<extra></extra>",
    }

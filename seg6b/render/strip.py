"""One gate as a strip: the passing zones, the thresholds, the value and its interval, on the gate's own scale."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final

from markupsafe import Markup

from seg6b.gates.result import GateResult, Status
from seg6b.render.rules import Zone, zone
from seg6b.render.wording import interval, number

WIDTH: Final = 240
_LEFT, _RIGHT, _TOP, _BOTTOM, _AXIS = 8.0, 232.0, 13.0, 33.0, 23.0


def gate_strip(gate: GateResult) -> Markup:
    """Inline SVG of one gate, 240 by 36 units; the words beside it carry the same figures."""
    b = zone(gate.b_rule, gate.value, gate.b_margin)
    bplus = zone(gate.bplus_rule, gate.value, gate.bplus_margin)
    place = _scale([*_points(gate), *(b.bounds if b else ()), *(bplus.bounds if bplus else ())])
    marks = [
        _zone_mark(b, place, "zone-b"),
        _zone_mark(bplus, place, "zone-bplus"),
        _line(_LEFT, _RIGHT, _AXIS, "axis"),
    ]
    marks += _threshold_marks(b, bplus, place)
    marks.append(_value_mark(gate, place))
    label = (
        f"{gate.gate_id}: {number(gate.value)}, interval {interval(gate.ci95)}; B {gate.b_rule}; B+ {gate.bplus_rule}"
    )
    head = Markup('<svg class="strip" viewBox="0 0 {} 36" role="img" aria-label="{}">').format(WIDTH, label)
    return head + Markup("").join(marks) + Markup("</svg>")


def _points(gate: GateResult) -> list[float]:
    return [] if gate.value is None else [gate.value, *(gate.ci95 or ())]


def _scale(points: list[float]) -> Callable[[float], float]:
    """Maps a value to an x position: logarithmic where the points lie more than a factor 30 apart."""
    low, high = (min(points), max(points)) if points else (0.0, 1.0)
    if low > 0.0 and high / low > 30.0:
        return _linear(math.log(low), math.log(high), lambda x: math.log(max(x, low * 1e-3)))
    if low >= 0.0 and low < 0.6 * high:
        low = 0.0
    return _linear(low, high, lambda x: x)


def _linear(low: float, high: float, turn: Callable[[float], float]) -> Callable[[float], float]:
    span = (high - low) or max(abs(high), 1.0)
    start, width = low - 0.08 * span, 1.2 * span

    def place(x: float) -> float:
        return _LEFT + (_RIGHT - _LEFT) * min(max((turn(x) - start) / width, 0.0), 1.0)

    return place


def _zone_mark(zone: Zone | None, place: Callable[[float], float], kind: str) -> Markup:
    if zone is None:
        return Markup("")
    left = _LEFT if zone.low is None else place(zone.low)
    right = _RIGHT if zone.high is None else place(zone.high)
    left, right = (left - 2.0, left + 2.0) if zone.low is not None and zone.low == zone.high else (left, right)
    width, height = max(right - left, 1.0), _BOTTOM - _TOP
    rectangle = Markup('<rect class="{}" x="{:.1f}" y="{}" width="{:.1f}" height="{}" rx="2"/>')
    return rectangle.format(kind, left, _TOP, width, height)


def _threshold_marks(b: Zone | None, bplus: Zone | None, place: Callable[[float], float]) -> list[Markup]:
    at_b = {place(x) for x in b.bounds} if b else set()
    at_bplus = {place(x) for x in bplus.bounds} if bplus else set()
    shared = {x for x in at_bplus if any(abs(x - y) < 14.0 for y in at_b)}
    marks = [_tick(x) for x in sorted(at_b | at_bplus)]
    marks += [_tick_name(x, "B") for x in sorted(at_b) if not any(abs(x - y) < 14.0 for y in shared)]
    marks += [_tick_name(x, "B · B+" if x in shared else "B+") for x in sorted(at_bplus)]
    return marks


def _tick(x: float) -> Markup:
    return Markup('<line class="tick" x1="{0:.1f}" x2="{0:.1f}" y1="{1}" y2="{2}"/>').format(x, _TOP - 1, _BOTTOM + 1)


def _tick_name(x: float, name: str) -> Markup:
    inside = min(max(x, 18.0), WIDTH - 18.0)
    return Markup('<text class="tick-name" x="{:.1f}" y="9">{}</text>').format(inside, name)


def _value_mark(gate: GateResult, place: Callable[[float], float]) -> Markup:
    if gate.value is None:
        return Markup('<text class="no-value" x="{}" y="{}">no value</text>').format(WIDTH / 2, _AXIS + 4)
    x = place(gate.value)
    whisker = _line(place(gate.ci95[0]), place(gate.ci95[1]), _AXIS, "whisker") if gate.ci95 else Markup("")
    if gate.b is Status.PASS:
        return whisker + Markup('<circle class="value pass" cx="{:.1f}" cy="{}" r="5"/>').format(x, _AXIS)
    diamond = f"{x:.1f},{_AXIS - 6.5} {x + 6.5:.1f},{_AXIS} {x:.1f},{_AXIS + 6.5} {x - 6.5:.1f},{_AXIS}"
    return whisker + Markup('<polygon class="value {}" points="{}"/>').format(gate.b.lower(), diamond)


def _line(x1: float, x2: float, y: float, kind: str) -> Markup:
    return Markup('<line class="{}" x1="{:.1f}" x2="{:.1f}" y1="{}" y2="{}"/>').format(kind, x1, x2, y, y)

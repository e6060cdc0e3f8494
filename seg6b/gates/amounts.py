"""T11..T13: are amounts money, or eight price tags?"""

from __future__ import annotations

from typing import Final

from seg6b.gates.association import finite
from seg6b.gates.cubes import faults, histogram
from seg6b.gates.record import HIGH, Reading, Scene, gate
from seg6b.stats.jackknife import Interval, interval
from seg6b.stats.order import (
    CellHistogram,
    distinct_without,
    quantile,
    quantile_interval,
    top_share,
    top_shares_without,
)

EACH_OF_TWO: Final = 0.975


@gate("T11", "distinct amounts", unit="count", owner=("S2",), severity=HIGH)
def distinct_amounts(scene: Scene) -> Reading:
    """Distinct amounts of S2 flows, in minor units."""
    amounts, fault = _amounts(scene)
    value = float(amounts.values.size)
    ends = interval(value, distinct_without(amounts))
    return _reading(amounts, value, fault, ends)


@gate("T12", "p99 over p50 of amounts", unit="ratio", owner=("S2",), severity=HIGH)
def tail_ratio(scene: Scene) -> Reading:
    """quantile(0.99) / quantile(0.50) of S2 amounts, linear; the interval is that of both quantiles together."""
    amounts, fault = _amounts(scene)
    high, middle = quantile(amounts, 0.99), quantile(amounts, 0.50)
    if not middle > 0:
        reason = "the median amount is not positive" if amounts.n else ""
        return _reading(amounts, float("nan"), fault or reason, None)
    ends = _ratio_interval(amounts)
    return _reading(amounts, high / middle, fault, ends, {"p50_minor": middle, "p99_minor": high})


@gate("T13", "share of the most frequent amounts", unit="share", owner=("S2",), severity=HIGH)
def top_amounts(scene: Scene) -> Reading:
    """Rows that the eight most frequent amounts hold, over rows."""
    amounts, fault = _amounts(scene)
    k = scene.thresholds.rules.top_values
    value = top_share(amounts, k)
    return _reading(amounts, value, fault, interval(value, top_shares_without(amounts, k)))


def _ratio_interval(amounts: CellHistogram) -> Interval | None:
    """Both quantiles inside their own 97.5 % intervals, so the ratio inside this one with at least 95 %."""
    over, under = (quantile_interval(amounts, q, EACH_OF_TWO) for q in (0.99, 0.50))
    if over is None or under is None or not under[0] > 0:
        return None
    return over[0] / under[1], over[1] / under[0]


def _amounts(scene: Scene) -> tuple[CellHistogram, str]:
    table = scene.table("S2", "amounts")
    fault = faults(table, {}, ("amount_minor",))
    return scene.once("amounts", lambda: histogram(table.drop_nulls("amount_minor"), "amount_minor")), fault


def _reading(
    amounts: CellHistogram,
    value: float,
    fault: str,
    ends: tuple[float, float] | None,
    detail: dict[str, float] | None = None,
) -> Reading:
    lacking = "" if amounts.n else "no flows"
    return Reading(
        finite(value) if amounts.n else None, amounts.n, ci95=ends, detail=detail or {}, fault=fault, lacking=lacking
    )

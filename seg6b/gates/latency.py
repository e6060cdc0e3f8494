"""T14..T16: does an authorisation take time, and sometimes long?"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import polars as pl

from seg6b.gates.association import finite
from seg6b.gates.cubes import faults, histogram, total_of
from seg6b.gates.record import HIGH, Reading, Scene, gate
from seg6b.stats.jackknife import Interval, interval
from seg6b.stats.order import CellHistogram, quantile, quantile_interval, shares_without

MICROS = 1e6


@gate("T14", "median of the authorisation latency", unit="s", owner=("S2",), severity=HIGH)
def median_latency(scene: Scene) -> Reading:
    """First AUTH_REQUEST to first AUTH_RESPONSE, all S2 flows."""
    return _latency(scene, lambda h: _quantile(h, 0.50))


@gate("T15", "p99 of the authorisation latency", unit="s", owner=("S2",), severity=HIGH)
def late_latency(scene: Scene) -> Reading:
    """0.99 quantile, linear, all S2 flows."""
    return _latency(scene, lambda h: _quantile(h, 0.99))


@gate("T16", "authorisations that take exactly no time", unit="share", owner=("S2",), severity=HIGH)
def zero_latency(scene: Scene) -> Reading:
    """Share of latencies of exactly 0 microseconds."""
    return _latency(scene, _zeros)


Measured = tuple[float, Interval | None]


def _latency(scene: Scene, measure: Callable[[CellHistogram], Measured]) -> Reading:
    """A figure over all pairs; the same without step-up flows goes into the detail."""
    table = scene.table("S2", "latency")
    timed = table.drop_nulls("latency_us")
    pairs = scene.once("latency", lambda: histogram(timed, "latency_us"))
    plain = scene.once("plain latency", lambda: histogram(timed.filter(~pl.col("step_up")), "latency_us"))
    value, ends = measure(pairs)
    unpaired = total_of(scene.table("S2", "flow_types")) - pairs.n if pairs.n else 0
    fault = f"{unpaired} flows have no request and response" if unpaired else ""
    return Reading(
        finite(value),
        pairs.n,
        ci95=ends,
        detail={"without_step_up": finite(measure(plain)[0]), "n_without_step_up": plain.n},
        fault=faults(table, {}, ("latency_us",)) or fault,
        lacking="" if pairs.n else "no flow has a request and a response",
    )


def _quantile(pairs: CellHistogram, q: float) -> Measured:
    ends = quantile_interval(pairs, q)
    return quantile(pairs, q) / MICROS, None if ends is None else (ends[0] / MICROS, ends[1] / MICROS)


def _zeros(pairs: CellHistogram) -> Measured:
    if not pairs.n:
        return float("nan"), None
    zero: npt.NDArray[np.bool_] = pairs.values == 0
    value = float(pairs.total[zero].sum() / pairs.n)
    return value, interval(value, shares_without(pairs, zero))

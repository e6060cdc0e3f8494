"""T8..T10: do case timelines run forward, and not in fixed steps?"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import polars as pl

from seg6b.gates.cubes import faults, histogram, share_of_cells, total_of
from seg6b.gates.record import CRITICAL, Reading, Scene, gate
from seg6b.shards.cells import CELLS
from seg6b.stats.jackknife import interval, jackknife, wider
from seg6b.stats.order import CellHistogram, shares_without
from seg6b.stats.shares import exact

F64 = npt.NDArray[np.float64]


@gate("T8", "negative gaps between case events", unit="share", owner=("S4",), severity=CRITICAL)
def negative_gaps(scene: Scene) -> Reading:
    """Gaps of consecutive events by case_event_seq, negative in microseconds; judged on the count."""
    table = scene.table("S4", "case_gaps")
    return _count_rate(table, "negative", faults(table, {}, ("gap_s", "negative")), "no gaps", "negative_gaps")


@gate("T9", "fixed-spike share of case times", unit="share", owner=("S4",), severity=CRITICAL)
def fixed_spikes(scene: Scene) -> Reading:
    """Share on the spikes, rounded half-even to seconds: the larger of gaps and of durations of cases with a gap."""
    gap_table = scene.table("S4", "case_gaps")
    span_table = scene.table("S4", "case_spans").filter(pl.col("has_gap"))
    gaps, spans = histogram(gap_table, "gap_s"), histogram(span_table, "duration_s")
    if not gaps.n:
        return Reading(None, 0, lacking="no gaps")
    spikes = scene.thresholds.rules.spikes_s
    shares = [_spike_share(h, spikes) for h in (gaps, spans)]
    value = max(shares)
    without = np.fmax(_without(gaps, spikes), _without(spans, spikes))[np.union1d(gaps.cells, spans.cells)]
    rows = (gaps, spans)[int(np.argmax(shares))].n
    return Reading(
        value,
        gaps.n,
        ci95=wider(interval(value, without), exact(value, rows)),
        detail={"gap_share": shares[0], "duration_share": shares[1], "durations": spans.n},
        fault=faults(gap_table, {}, ("gap_s",)) or faults(span_table, {}, ("duration_s",)),
    )


@gate("T10", "cases with times that run backward", unit="share", owner=("S4",), severity=CRITICAL)
def backward_cases(scene: Scene) -> Reading:
    """Cases with any negative gap over cases with a gap; judged on the count."""
    table = scene.table("S4", "case_spans")
    fault = faults(table, {}, ("has_gap", "non_monotone"))
    with_gap = table.filter(pl.col("has_gap"))
    return _count_rate(with_gap, "non_monotone", fault, "no case has two events", "backward_cases")


def _count_rate(table: pl.DataFrame, flag: str, fault: str, lacking: str, name: str) -> Reading:
    """A rate over the rows of a table, judged on its count."""
    n, count = total_of(table), total_of(table.filter(pl.col(flag)))
    cells = np.zeros((CELLS, 2))
    sums = table.group_by("cell").agg((pl.col(flag).cast(pl.Int64) * pl.col("n")).sum(), pl.col("n").sum())
    cells[sums["cell"].to_numpy()] = sums.select(flag, "n").to_numpy()
    value, ends = jackknife(cells, share_of_cells)
    return Reading(
        value if n else None,
        n,
        ci95=ends,
        gated=float(count),
        detail={name: count},
        fault=fault,
        lacking="" if n else lacking,
    )


def _spike_share(histogram: CellHistogram, spikes: list[int]) -> float:
    if not histogram.n:
        return 0.0
    return float(histogram.total[np.isin(histogram.values, spikes)].sum() / histogram.n)


def _without(histogram: CellHistogram, spikes: list[int]) -> F64:
    """Spike share without each of the 64 cells; the full share where a cell holds nothing."""
    out = np.full(CELLS, _spike_share(histogram, spikes))
    out[histogram.cells] = shares_without(histogram, np.isin(histogram.values, spikes))
    return out

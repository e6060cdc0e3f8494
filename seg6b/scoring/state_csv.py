"""Elapsed times of the states of runs, as rows for `segment6b_<lane>_state_elapsed_<run>.csv`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from seg6b.runs.meter import LANES
from seg6b.scoring.closure import Closure, RunFacts

COLUMNS: Final = (
    "run_id",
    "arm",
    "set",
    "round",
    "state",
    "how",
    "elapsed_s",
    "cpu_s",
    *(f"{lane}_s" for lane in LANES),
)
Row = tuple[str | int | float, ...]


def state_rows(closure: Closure) -> list[Row]:
    """One row a run and state, the authority first, in the order of `COLUMNS`; `how` is `executed` or `linked`.

    `input`, `compute`, `validate` and `write` are summed over threads and may exceed the elapsed time.
    """
    runs = ((closure.baseline,) if closure.baseline else ()) + closure.runs
    return [row for run in runs for row in run_rows(run)]


def run_rows(run: RunFacts) -> Iterator[Row]:
    """One row a state of one run."""
    for state in sorted(run.elapsed_s):
        how = "executed" if state in run.executed else "linked"
        lanes = run.lanes_s.get(state, {})
        times = (run.elapsed_s[state], run.cpu_s.get(state, 0.0), *(lanes.get(lane, 0.0) for lane in LANES))
        yield (run.run_id, run.arm, run.set_index, run.round_index, state, how, *(round(t, 6) for t in times))

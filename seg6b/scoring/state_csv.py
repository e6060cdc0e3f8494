"""Elapsed times of the states of runs, as rows for `segment6b_<lane>_state_elapsed_<run>.csv`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from seg6b.runs.meter import SPLIT, split_of
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
    *(f"{lane}_s" for lane in SPLIT),
    *(f"{lane}_cpu_s" for lane in SPLIT),
)
Row = tuple[str | int | float, ...]


def state_rows(closure: Closure) -> list[Row]:
    """One row a run and state, the authority first, in the order of `COLUMNS`; `how` is `executed` or `linked`.

    Lanes and residual make up the elapsed and the CPU time; they are empty where the receipt does not have them.
    """
    runs = ((closure.baseline,) if closure.baseline else ()) + closure.runs
    return [row for run in runs for row in run_rows(run)]


def run_rows(run: RunFacts) -> Iterator[Row]:
    """One row a state of one run."""
    for state in sorted(run.elapsed_s):
        how = "executed" if state in run.executed else "linked"
        slot = (run.run_id, run.arm, run.set_index, run.round_index, state, how)
        total = (_written(run.elapsed_s[state]), _written(run.cpu_s.get(state)))
        split = (split_of(lanes.get(state, {})) for lanes in (run.lanes_s, run.lanes_cpu_s))
        yield (*slot, *total, *(_written(found.get(lane)) for found in split for lane in SPLIT))


def _written(seconds: float | None) -> float | str:
    return "" if seconds is None else round(seconds, 6)

"""What every strategy of `s1.sessions` is given, and what it gives back."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import polars as pl

from seg6b.runs.meter import Meter
from seg6b.states.s1_attach.boundaries import Cut, Visits
from seg6b.states.s1_attach.published import Chosen


class Members(NamedTuple):
    """The arrivals of a batch of whole parties, and how they are cut into sessions."""

    cut: Cut
    visits: Visits
    chosen: Chosen


Strategy = Callable[[Iterable[Members], Path, Meter], Iterator[pl.DataFrame]]
"""Members, batch by batch, to rows of `s1_session_index_6B`: a frame a batch, in the order of the batches.

Within a batch sessions keep the order of the cut. The folder is the task's own: files in it are gone when the last
frame was given, and a state that fails removes it. Batches are made as they are asked for.
"""

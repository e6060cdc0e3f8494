"""Rows of one cell, read from the published parts that may hold them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl

from seg6b.datasets import tables as t
from seg6b.datasets.parts import read_part
from seg6b.draws.mix import entities1
from seg6b.draws.uniform import Draws
from seg6b.shards.cells import CELLS, cell_of
from seg6b.states.context import Input
from seg6b.states.record import RowState
from seg6b.states.s4_labels.flows import READS as FLOWS_OF_S4

Mask = npt.NDArray[np.bool_]
GROUP_ARRIVALS: Final = 500_000
_ANCHORS: Final = {t.EVENTS.name: t.FLOWS.name}
_READ: Final[Mapping[str, Mapping[str, tuple[str, ...]]]] = {
    "S2": {t.SESSION_ARRIVALS.name: ("party_id", "session_id", "merchant_id", "channel_group")},
    "S3": {t.FLOWS.name: ("party_id", "flow_id", "n_events"), t.EVENTS.name: ("flow_id", "event_seq")},
    "S4": {t.FLOWS_WITH_FRAUD.name: FLOWS_OF_S4.anchor_columns},
}


def audited_cells(draws: Draws, wanted: int, audit: str) -> list[int]:
    """The cells to derive again: all of them, or the `wanted` ones with the smallest uniforms."""
    uniforms = draws.uniform("validation_audit", "AUDIT_CELL", entities1(np.arange(CELLS, dtype=np.int64)))
    chosen = np.argsort(uniforms, kind="stable")[: CELLS if audit == "full" else wanted]
    return sorted(int(c) for c in chosen)


def cell_groups(cells: Sequence[int], arrivals: int) -> list[list[int]]:
    """The cells in groups of about `GROUP_ARRIVALS` arrivals, a cell at least: what is held in memory at once."""
    size = max(1, GROUP_ARRIVALS * CELLS // max(1, arrivals))
    return [list(cells[i : i + size]) for i in range(0, len(cells), size)]


def cell_frames(state: RowState, inputs: Mapping[str, Input], cells: Sequence[int]) -> dict[str, pl.DataFrame]:
    """What the measure of `state` looks at for the parties of some cells, by dataset name.

    All columns of what the state wrote; of what it read, those that its measure asks for.
    """
    looked_at = {d.name: d.names for d in state.writes if d is not t.CAMPAIGNS} | dict(_READ.get(state.name, {}))
    frames: dict[str, pl.DataFrame] = {}
    for name in sorted(looked_at, key=lambda n: "party_id" not in looked_at[n]):
        columns = looked_at[name]
        flows = None if "party_id" in columns else frames[_ANCHORS.get(name, t.FLOWS_WITH_FRAUD.name)]["flow_id"]
        frames[name] = _rows(inputs[name], columns, cells, flows)
    return frames


def rows_of_cells(source: Input, columns: Sequence[str], cells: Sequence[int]) -> pl.DataFrame:
    """Distinct `columns` of the rows of some cells; `columns` holds `party_id`."""
    chosen = _chosen(cells)
    pieces = []
    for path in _parts(source, chosen):
        frame = read_part(path, columns)
        pieces.append(frame.filter(_within(frame, chosen)).unique())
    return pl.concat(pieces).unique() if pieces else read_part(source.paths()[0], columns).clear()


def _rows(source: Input, columns: Sequence[str], cells: Sequence[int], flows: pl.Series | None) -> pl.DataFrame:
    """Rows of some cells: by party, or by membership in the flows of the cells."""
    chosen = _chosen(cells)
    pieces = []
    for path in _parts(source, chosen):
        frame = read_part(path, columns)
        pieces.append(frame.filter(_within(frame, chosen) if flows is None else _of_flows(frame, flows)))
    return pl.concat(pieces, rechunk=True) if pieces else read_part(source.paths()[0], columns).clear()


def _chosen(cells: Sequence[int]) -> Mask:
    chosen = np.zeros(CELLS, np.bool_)
    chosen[list(cells)] = True
    return chosen


def _parts(source: Input, chosen: Mask) -> list[Path]:
    """Parts that may hold rows of the chosen cells."""
    return [source.folder / p.name for p in source.parts if chosen[p.cells[0] : p.cells[1] + 1].any()]


def _within(frame: pl.DataFrame, chosen: Mask) -> pl.Series:
    return pl.Series(chosen[cell_of(frame["party_id"].to_numpy())])


def _of_flows(frame: pl.DataFrame, flows: pl.Series) -> pl.Series:
    return frame["flow_id"].is_in(flows.implode())

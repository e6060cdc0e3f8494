"""REQ_EVIDENCE_AUDIT: the evidence of a few cells, derived again from published Parquet, must be what was kept.

The same `measure` runs that the state ran on rows in memory, so any change to a measured column of an audited cell,
and any evidence that was not of these rows, shows as a difference.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final, Protocol

import polars as pl

from seg6b.datasets.tables import SESSION_ARRIVALS
from seg6b.draws.uniform import Draws
from seg6b.evidence.laws import Finding
from seg6b.evidence.tables import Evidence, Measure, merged
from seg6b.policy.packs import Policies
from seg6b.shards.executor import Executor
from seg6b.states.context import Input
from seg6b.states.record import RowState
from seg6b.states.s5_validate.cells import audited_cells, cell_frames, cell_groups
from seg6b.states.s5_validate.check import Outcome, found

# What a measure may raise on rows that no state would have published.
_BROKEN: Final = (pl.exceptions.PolarsError, ValueError, IndexError)


class Audited(Protocol):
    """What the audit needs: a validation request has it all, a finished run too."""

    @property
    def policy(self) -> Policies:
        """The packs."""

    @property
    def draws(self) -> Draws:
        """Draws the audited cells."""

    @property
    def states(self) -> Sequence[RowState]:
        """S1..S4."""

    @property
    def evidence(self) -> Mapping[str, Evidence]:
        """Evidence as kept, by state."""

    @property
    def inputs(self) -> Mapping[str, Input]:
        """Published datasets by name."""

    @property
    def audit(self) -> str:
        """`sampled` or `full`."""

    @property
    def executor(self) -> Executor:
        """Runs the audit's tasks."""


def evidence_audit(request: Audited) -> Outcome:
    """The check; which cells are looked at is drawn from the seed."""
    wanted = request.policy.validation.audit_cells
    cells = audited_cells(request.draws, wanted, request.audit)
    groups = cell_groups(cells, request.inputs[SESSION_ARRIVALS.name].rows)
    tasks = [(state, group) for group in groups for state in request.states]

    def derive(task: tuple[RowState, list[int]]) -> list[Finding]:
        state, group = task
        try:
            measured = merged([state.measure(cell_frames(state, request.inputs, group))])
        except _BROKEN as error:
            return [Finding("AUDIT", f"{state.name} cannot be measured from published rows: {type(error).__name__}")]
        return list(differences(state, measured, request.evidence[state.name], group))

    findings = [f for some in request.executor.map(derive, tasks) for f in some]
    return found(findings, {"differing_tables": len(findings)}, {"audit_cells": wanted})


def differences(state: RowState, measured: Evidence, kept: Evidence, cells: Sequence[int]) -> Iterator[Finding]:
    """A finding for each evidence table that is not as kept in one of `cells`; entries of other cells are strays."""
    for name, (measure, frame) in sorted(measured.tables.items()):
        now = _plain(measure, frame)
        then = _plain(measure, kept.table(name).filter(pl.col("cell").is_in(cells)))
        if now.equals(then):
            continue
        unlike = pl.concat([_unlike(now, then), _unlike(then, now)])
        for cell, entries in unlike.group_by("cell").len().sort("cell").rows():
            yield Finding("AUDIT", f"{state.name}.{name} is not what published rows give", cell, {"entries": entries})


def _plain(measure: Measure, frame: pl.DataFrame) -> pl.DataFrame:
    """A table in comparable form: text for dictionaries, int64 for counts, sorted by key."""
    columns = [*measure.keys, *measure.sums, *measure.mins, *measure.maxs]
    typed = [
        pl.col(c).cast(pl.String) if isinstance(frame.schema[c], pl.Enum) else pl.col(c).cast(_wide(frame.schema[c]))
        for c in columns
    ]
    return frame.select(typed).sort(measure.keys, nulls_last=True)


def _wide(dtype: pl.DataType) -> pl.DataType:
    return pl.Int64() if dtype.is_integer() else dtype


def _unlike(left: pl.DataFrame, right: pl.DataFrame) -> pl.DataFrame:
    """Cells of the entries of `left` that `right` does not have."""
    return left.join(right, on=left.columns, how="anti", nulls_equal=True).select("cell")

"""Knobs that cannot bind at this size: an arm that differs in nothing else does the same as the control."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from seg6b.datasets.tables import CASES, FLOWS_WITH_FRAUD, SESSION_ARRIVALS, SESSIONS
from seg6b.lane.differences import THREADS, Difference, differences
from seg6b.lane.precedent import Precedent
from seg6b.runs.axes import Axes
from seg6b.settings.job import Job
from seg6b.settings.knobs import knobs_of
from seg6b.shards.batches import group_parts
from seg6b.shards.cells import CELLS
from seg6b.shards.executor import workers_of
from seg6b.states.pipeline import ROW_STATES
from seg6b.states.record import RowState
from seg6b.states.s1_attach.state import shard_count
from seg6b.states.s5_validate.cells import cell_groups
from seg6b.states.s5_validate.uniqueness import SLICE_IDS
from seg6b.world.sealed import SealedWorld

_LOOKED_UP: Final = (SESSIONS, FLOWS_WITH_FRAUD, CASES)


def inert_reason(arm: Job, control: Job, precedent: Precedent | None, world: SealedWorld | None) -> str:
    """Why `arm` does exactly what `control` does, with the numbers; empty unless that is certain.

    Args:
        arm: the arm.
        control: the control.
        precedent: a finished run in the same place; without one nothing is certain.
        world: the world.
    """
    found = differences(arm, control)
    if not found or precedent is None or world is None:
        return ""
    axes = Axes(world.manifest_fingerprint, control.policy.parameter_hash, control.seed, control.scenario_id)
    case = _Case(arm, control, precedent, world, axes)
    reasons = [case.reason(difference) for difference in found]
    return "; ".join(reasons) if all(reasons) else ""


@dataclass(frozen=True, slots=True)
class _Case:
    """One arm against the control."""

    arm: Job
    control: Job
    precedent: Precedent
    world: SealedWorld
    axes: Axes

    @property
    def workers(self) -> tuple[int, int]:
        """Worker threads of both."""
        return workers_of(self.arm.threads), workers_of(self.control.threads)

    def reason(self, difference: Difference) -> str:
        """Why one difference makes none; empty where it may."""
        if difference.key == THREADS:
            return self._threads(difference)
        if difference.key == "s1.shards":
            counts = [shard_count(n, self.world.arrivals) for n in (difference.arm, difference.control)]
            same = f"s1.shards={difference.arm}: {counts[0]} shards, as at {difference.control}"
            return same if counts[0] == counts[1] else ""
        if difference.key.endswith(".batch_rows"):
            return self._batches(difference)
        if difference.key.endswith(".target_file_mb"):
            return self._target(difference)
        return ""

    def _target(self, difference: Difference) -> str:
        """Whether both write each batch as a part, which heeds no target."""
        both = {job.knobs[difference.state].writer for job in (self.arm, self.control)}
        same = f"{difference.key}={difference.arm}: every batch is a part, as at {difference.control}"
        return same if both == {"per_batch"} else ""

    def _batches(self, difference: Difference) -> str:
        """Whether a state cuts its input into the same batches; S1 is certain only where all arrivals are one."""
        sizes, rows = (difference.arm, difference.control), self._rows(difference.state)
        if rows is None or self.workers[0] != self.workers[1]:
            return ""
        layout = self._layout(difference.state)
        if rows > min(sizes) and (layout is None or not self._same_batches(layout, sizes)):
            return ""
        size = f"{difference.state} reads {rows:,} rows with {self.workers[0]} workers"
        return f"{difference.key}={difference.arm}: {size}, every batch is as at {difference.control}"

    def _same_batches(self, layout: Sequence[int], sizes: tuple[int, int]) -> bool:
        mine, theirs = (group_parts(layout, n, w) for n, w in zip(sizes, self.workers, strict=True))
        return mine == theirs and all(sum(layout[g.start : g.stop]) <= min(sizes) for g in mine)

    def _threads(self, difference: Difference) -> str:
        """Whether every task of every state has a worker of its own with both numbers of threads."""
        mine, theirs = self.workers
        if mine == theirs:
            return f"{THREADS}={difference.arm}: {mine} workers, as at {difference.control}"
        tasks = self._tasks()
        if tasks is None or tasks > min(mine, theirs):
            return ""
        return f"{THREADS}={difference.arm}: no state has more than {tasks} tasks, a worker each as at {theirs}"

    def _tasks(self) -> int | None:
        """Tasks that run at once at most, where both numbers of threads make the same ones; None where they may not."""
        counts = [len(self.world.arrival_parts()), self._audit_tasks()]
        for state in ROW_STATES:
            layout = self._layout("S2" if state.name == "S1" else state.name)
            if layout is None:
                return None
            sizes = self.arm.knobs[state.name].batch_rows, self.control.knobs[state.name].batch_rows
            mine, theirs = (group_parts(layout, n, w) for n, w in zip(sizes, self.workers, strict=True))
            if mine != theirs:
                return None
            counts.append(len(mine))
        return max(counts)

    def _audit_tasks(self) -> int:
        """Tasks of S5: audited cells by state, slices of id columns."""
        wanted = CELLS if self.control.knobs["S5"].audit == "full" else self.control.policy.validation.audit_cells
        rows = {n: d.rows for r in self.precedent.states.values() for n, d in r.datasets.items()}
        groups = cell_groups(range(wanted), rows[SESSION_ARRIVALS.name])
        slices = sum(-(-rows.get(dataset.name, 0) // SLICE_IDS) for dataset in _LOOKED_UP)
        return max(len(groups) * len(ROW_STATES), slices)

    def _rows(self, state: str) -> int | None:
        """Rows of a state's input; None where the precedent had others."""
        if state == ROW_STATES[0].name:
            return self.world.arrivals
        before = _before(state)
        if not all(self.precedent.holds(s, self.control, self.axes) for s in before):
            return None
        anchor = _named(state).reads[0].name
        return next(r.datasets[anchor].rows for r in self.precedent.states.values() if anchor in r.datasets)

    def _layout(self, state: str) -> list[int] | None:
        """Rows of the parts of a state's input, where all that made them was laid out as the control's would be."""
        before = _before(state)
        if not before or self._rows(state) is None:
            return None
        for s in before:
            laid_out = self.precedent.states[s.name].knobs == knobs_of(s.name, self.control.knobs[s.name])
            if not laid_out or self.precedent.workers(s.name) != self.workers[1]:
                return None
        anchor = _named(state).reads[0].name
        found = next(r.datasets[anchor] for r in self.precedent.states.values() if anchor in r.datasets)
        return [part.rows for part in found.parts]


def _named(state: str) -> RowState:
    return next(s for s in ROW_STATES if s.name == state)


def _before(state: str) -> tuple[RowState, ...]:
    return tuple(s for s in ROW_STATES if s.name < state)

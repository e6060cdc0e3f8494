"""The finished run that a plan rests on before anything of it has run: sizes, layouts and times are read from it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from seg6b.errors import Damaged
from seg6b.lane.differences import THREADS
from seg6b.runs.axes import Axes
from seg6b.runs.folder import RunFolder, find_runs
from seg6b.runs.keys import code_digest, library_versions
from seg6b.runs.pruned import read_mark
from seg6b.runs.receipt import RunReceipt, StateReceipt
from seg6b.runs.staging import ANY, NONE
from seg6b.runs.verify import state_receipts
from seg6b.settings.job import Job
from seg6b.shards.executor import workers_of
from seg6b.states.pipeline import ROW_STATES
from seg6b.states.record import RowState
from seg6b.world.sealed import SealedWorld


@dataclass(frozen=True, slots=True)
class Precedent:
    """A finished run, from its receipts alone; its data may be gone.

    Attributes:
        root: project root.
        receipt: its receipt.
        states: its states.
    """

    root: Path
    receipt: RunReceipt
    states: Mapping[str, StateReceipt]

    def holds(self, state: RowState, job: Job, axes: Axes) -> bool:
        """Whether its `state` has the rows that `job` would give it now, as far as its own inputs had them too."""
        receipt = self.states.get(state.name)
        own = self.receipt
        if receipt is None or (own.manifest_fingerprint, own.seed, own.scenario_id) != (
            axes.manifest_fingerprint,
            axes.seed,
            axes.scenario_id,
        ):
            return False
        wanted = {f"pack.{p}": job.policy.pack_hash(p) for p in state.packs} | {"code": code_digest(state.module)}
        wanted |= {f"library.{name}": version for name, version in library_versions().items()}
        return all(receipt.input_parts.get(k) == v for k, v in wanted.items())

    def workers(self, state: str) -> int:
        """Worker threads of the run that executed `state`; 0 where it is not known."""
        origin = self.states[state].staged_from
        with suppress(Damaged):
            run = RunFolder.of(self.root, origin or self.receipt.run_id)
            receipt = run.receipt() if run.exists() else None
            if receipt is not None:
                return workers_of(int(receipt.knobs[THREADS]), int(receipt.machine["cores"]))
        return 0


def precedent_of(root: Path, run_id: str) -> Precedent | None:
    """A finished run as a precedent; None where its receipts are not there."""
    run = RunFolder.of(root, run_id)
    return Precedent(root, run.receipt(), state_receipts(run)) if run.exists() else None


def sources_of(job: Job, world: SealedWorld) -> tuple[str, ...]:
    """Runs that `job` will link from, as far as receipts tell: the one it names, else the newest equal ones."""
    if job.source_run == NONE:
        return ()
    if job.source_run != ANY:
        return tuple(r.run_id for r in find_runs(job.root) if r.run_id.startswith(job.source_run))
    axes = Axes(world.manifest_fingerprint, job.policy.parameter_hash, job.seed, job.scenario_id)
    left, found = list(ROW_STATES), []
    for precedent in _finished(job.root, lambda r: r.manifest_fingerprint == axes.manifest_fingerprint):
        run_id = precedent.receipt.run_id
        held = [state for state in left if precedent.holds(state, job, axes)]
        if held and read_mark(RunFolder.of(job.root, run_id)) is None:
            found.append(run_id)
            left = [state for state in left if state not in held]
    return tuple(found)


def newest_precedent(root: Path, accept: Callable[[RunReceipt], bool]) -> Precedent | None:
    """The newest finished run that is accepted; damaged ones are passed over."""
    return next(_finished(root, accept), None)


def _finished(root: Path, accept: Callable[[RunReceipt], bool]) -> Iterator[Precedent]:
    """Finished runs that are accepted, newest first, but damaged ones."""
    found: list[tuple[str, RunFolder]] = []
    for run in find_runs(root):
        with suppress(Damaged):
            receipt = run.receipt()
            if receipt.status == "DONE" and accept(receipt):
                found.append((receipt.ended_utc, run))
    for _, run in sorted(found, key=lambda item: item[0], reverse=True):
        with suppress(Damaged):
            if (precedent := precedent_of(root, run.run_id)) is not None:
                yield precedent

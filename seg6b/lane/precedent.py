"""The finished run that a plan rests on before anything of it has run: sizes, layouts and times are read from it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from seg6b.errors import Damaged
from seg6b.lane.differences import THREADS, workers_of
from seg6b.runs.axes import Axes
from seg6b.runs.folder import RunFolder, find_runs
from seg6b.runs.keys import code_digest, library_versions
from seg6b.runs.receipt import RunReceipt, StateReceipt
from seg6b.runs.verify import state_receipts
from seg6b.settings.job import Job
from seg6b.states.record import RowState


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


def newest_precedent(root: Path, accept: Callable[[RunReceipt], bool]) -> Precedent | None:
    """The newest finished run that is accepted; damaged ones are passed over."""
    found: list[tuple[str, RunFolder]] = []
    for run in find_runs(root):
        with suppress(Damaged):
            receipt = run.receipt()
            if receipt.status == "DONE" and accept(receipt):
                found.append((receipt.ended_utc, run))
    for _, run in sorted(found, key=lambda item: item[0], reverse=True):
        with suppress(Damaged):
            return precedent_of(root, run.run_id)
    return None

"""What a job or a sweep would run, in minutes and bytes, from the receipts of what ran before; nothing is run."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from seg6b.lane.plan import Compose, PlannedJob
from seg6b.lane.precedent import Precedent, newest_precedent, precedent_of
from seg6b.lane.schedule import first_slots
from seg6b.render.dry_table import DryArm, DryRun, span
from seg6b.runs.axes import Axes
from seg6b.runs.folder import RunFolder
from seg6b.runs.pruned import read_mark
from seg6b.runs.receipt import RunReceipt
from seg6b.runs.staging import NONE
from seg6b.runs.sweep import OPTIMISATION, SlotStatus, Sweep
from seg6b.runs.sweep_folder import SweepFolder
from seg6b.scoring.facts import testbed, this_testbed
from seg6b.settings.job import Job
from seg6b.settings.knobs import knobs_of
from seg6b.states.pipeline import ROW_STATES, STATES
from seg6b.world.sealed import SealedWorld

START_S: Final = 4.0
TIMED: Final = STATES[1:]


def estimate_sweep(
    root: Path, sweep: Sweep, jobs: Sequence[PlannedJob], *, compose: Compose, world: SealedWorld | None
) -> DryRun:
    """What a sweep would run from its first slot to its last; what its scorer may ask for beyond is in the notes.

    Args:
        root: project root.
        sweep: new or unfinished.
        jobs: its candidates.
        compose: turns overrides into a job.
        world: its world; None where it is not made yet.
    """
    control = compose((*jobs[0].shared, *sweep.control.overrides))
    gauge = _gauge(control, world, sweep.authority if sweep.kind == OPTIMISATION else "")
    slots = first_slots(sweep)
    done = {r.slot.name for r in SweepFolder.of(root, sweep.sweep_id).slots() if r.status == SlotStatus.DONE}
    left = [slot.arm for slot in slots if slot.name not in done]
    first = {arm.name: sweep.owner for arm in sweep.arms}
    if sweep.kind != OPTIMISATION:
        variants = [control, *(planned.job for planned in jobs)]
        first = {arm.name: gauge.first_executed(job) for arm, job in zip(sweep.arms, variants, strict=True)}
    arms = tuple(
        replace(gauge.arm(arm.name, first[arm.name], left.count(arm.name)), overrides=arm.overrides, remark=arm.inert)
        for arm in sweep.arms
    )
    upstream = tuple(s for s in TIMED if gauge.first_executed(control) <= s < sweep.owner)
    upstream = upstream if sweep.kind == OPTIMISATION and left and not done else ()
    return DryRun(
        lane=sweep.lane,
        sweep_id=sweep.sweep_id,
        arms=arms,
        runs=len(slots),
        done=len(slots) - len(left),
        minutes=_total([*(arm.minutes for arm in arms), gauge.minutes(upstream)]),
        bytes=_whole(_total([*(arm.bytes for arm in arms), gauge.bytes(upstream)])),
        free_bytes=free_bytes(root),
        basis=gauge.words,
        notes=(*gauge.notes, *_more(sweep, gauge, upstream)),
    )


def estimate_job(job: Job, world: SealedWorld | None) -> DryRun:
    """What a single run would execute and link."""
    gauge = _gauge(job, world, "")
    arm = gauge.arm("candidate", TIMED[0] if job.source_run == NONE else gauge.first_executed(job), 1)
    return DryRun(
        lane=job.lane.id,
        sweep_id="",
        arms=(arm,),
        runs=1,
        done=0,
        minutes=arm.minutes,
        bytes=arm.bytes,
        free_bytes=free_bytes(job.root),
        basis=gauge.words,
        notes=gauge.notes,
    )


def free_bytes(root: Path) -> int:
    """Room on the disk of `mlruns/`, which may not be there yet."""
    folder = root / "mlruns"
    while not folder.exists():
        folder = folder.parent
    return shutil.disk_usage(folder).free


@dataclass(frozen=True, slots=True)
class _Gauge:
    """Times and sizes of states, brought to the size of a world.

    Attributes:
        precedent: where they come from; None where nothing ever ran.
        axes: where the job lives; None while its world is not made.
        share: arrivals of the job over those of the precedent.
        words: what they rest on, in words.
        notes: what a person should know about them.
    """

    precedent: Precedent | None
    axes: Axes | None
    share: float
    words: str
    notes: tuple[str, ...]

    def arm(self, name: str, first: str, runs: int) -> DryArm:
        """Runs that execute from `first` on and link what is before it."""
        executed, linked = tuple(s for s in TIMED if s >= first), tuple(s for s in TIMED if s < first)
        each, written = self.minutes(executed, START_S), self.bytes(executed)
        return DryArm(
            name,
            (),
            runs,
            executed,
            linked,
            None if each is None else runs * each,
            None if written is None else runs * written,
        )

    def minutes(self, states: Sequence[str], more_s: float = 0.0) -> float | None:
        """Minutes of some states, and `more_s` seconds; None where nothing is known."""
        if self.precedent is None:
            return None
        held = [self.precedent.states[s].elapsed_s["total"] for s in states if s in self.precedent.states]
        return (more_s + self.share * sum(held)) / 60

    def bytes(self, states: Sequence[str]) -> int | None:
        """Bytes that some states write; None where nothing is known."""
        if self.precedent is None:
            return None
        held = [self.precedent.states[s] for s in states if s in self.precedent.states]
        parts = sum(d.bytes for r in held for d in r.datasets.values())
        return int(self.share * (parts + sum(f.bytes for r in held for f in r.files)))

    def first_executed(self, job: Job) -> str:
        """The first state of a run that cannot be linked from the precedent; S5 never is."""
        return next((s.name for s in ROW_STATES if not self._holds(job, s.name)), TIMED[-1])

    def _holds(self, job: Job, name: str) -> bool:
        if self.precedent is None or self.axes is None:
            return False
        if read_mark(RunFolder.of(self.precedent.root, self.precedent.receipt.run_id)) is not None:
            return False
        state = next(s for s in ROW_STATES if s.name == name)
        equal = self.precedent.holds(state, job, self.axes)
        return equal and self.precedent.states[name].knobs == knobs_of(name, job.knobs[name])


def _gauge(job: Job, world: SealedWorld | None, authority: str) -> _Gauge:
    """The authority, else the newest run of the same policy and place, of the same place, of all."""
    axes, arrivals = None, job.world.arrivals
    if world is not None:
        axes, arrivals = (
            Axes(world.manifest_fingerprint, job.policy.parameter_hash, job.seed, job.scenario_id),
            world.arrivals,
        )
    precedent = precedent_of(job.root, authority) if authority else None
    if precedent is None and axes is not None:
        place = (axes.manifest_fingerprint, axes.seed, axes.scenario_id)
        precedent = newest_precedent(
            job.root, lambda r: r.parameter_hash == axes.parameter_hash and _place(r) == place
        ) or newest_precedent(job.root, lambda r: _place(r) == place)
    precedent = precedent or newest_precedent(job.root, lambda _: True)
    unmade = () if world is not None else (f"The world is not made yet: {arrivals:,} arrivals are made first.",)
    if precedent is None:
        return _Gauge(None, axes, 1.0, "", unmade)
    share = arrivals / int(precedent.receipt.world["arrivals"])
    role = "the authority" if authority else "run"
    words = f"{role} {precedent.receipt.run_id[:8]}" + (f", scaled by {share:.3g} in arrivals" if share != 1.0 else "")
    return _Gauge(precedent, axes, share, words, (*unmade, *_elsewhere(precedent)))


def _place(receipt: RunReceipt) -> tuple[str, int, str]:
    return receipt.manifest_fingerprint, receipt.seed, receipt.scenario_id


def _elsewhere(precedent: Precedent) -> tuple[str, ...]:
    there = testbed(precedent.receipt)
    return () if this_testbed() == there else (f"Its times are those of another testbed: {there}.",)


def _more(sweep: Sweep, gauge: _Gauge, upstream: Sequence[str]) -> list[str]:
    """What comes on top of the table: states made once, and rounds that the scorer may ask for."""
    notes = [f"{span(upstream)} are made once, by the first run; the others link them."] if upstream else []
    each = gauge.arm("", sweep.owner, 1).minutes
    if sweep.kind != OPTIMISATION or len(first_slots(sweep)) == 0:
        return notes
    minutes = "" if each is None else f" ({2 * sweep.repeats * each:.1f} min)"
    if sweep.max_repeats > sweep.repeats:
        notes.append(f"A candidate that straddles is run in up to {sweep.max_repeats} rounds.")
    if sweep.confirm:
        notes.append(
            f"A provisional winner and the control are run {sweep.repeats} times more{minutes}, to confirm it."
        )
    return notes


def _total(values: Sequence[float | None]) -> float | None:
    known = [v for v in values if v is not None]
    return sum(known) if len(known) == len(values) else None


def _whole(value: float | None) -> int | None:
    return None if value is None else int(value)

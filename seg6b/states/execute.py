"""Executing one state: input key, temporary folder, work, commit. What already happened is kept."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from seg6b.datasets.column import Dataset
from seg6b.datasets.tables import CONTRACT_VERSION
from seg6b.draws.uniform import Draws
from seg6b.errors import Conflict, ContractBroken, Damaged
from seg6b.evidence.tables import Evidence, read_evidence, write_evidence
from seg6b.gates.record import Baseline
from seg6b.runs.axes import Axes
from seg6b.runs.commit import clear_leftovers, commit_state, open_state
from seg6b.runs.disk import disk_faults, remove_tree
from seg6b.runs.folder import RunFolder
from seg6b.runs.keys import code_digest, combined_key, fresh_code_digest, library_versions
from seg6b.runs.machine import MemoryWatch, now_utc
from seg6b.runs.meter import Meter, Metered
from seg6b.runs.output import DatasetOutput, StateOutput, WrittenPart
from seg6b.runs.progress import Progress
from seg6b.runs.receipt import DatasetReceipt, FileReceipt, PartReceipt, StateReceipt
from seg6b.runs.staging import ANY, find_source, stage_state
from seg6b.settings.job import Job
from seg6b.settings.knobs import knobs_of, writing_of
from seg6b.shards.executor import Executor
from seg6b.states.context import Input, StateContext
from seg6b.states.record import RowState
from seg6b.world.sealed import SealedWorld


@dataclass(frozen=True, slots=True)
class Site:
    """Where a run takes place: everything its states share; `baseline` is the D+ run that T20 is held against."""

    job: Job
    world: SealedWorld
    axes: Axes
    draws: Draws
    run: RunFolder
    executor: Executor
    progress: Progress
    baseline: Baseline | None = None


@dataclass(slots=True)
class Work:
    """What a deed leaves behind besides files: datasets written and draws used."""

    datasets: Mapping[str, DatasetOutput] = field(default_factory=dict)
    rng_draws: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Task:
    """One state, ready to be executed.

    Attributes:
        state: name.
        module: where its code begins.
        key_parts: what shapes its output beside code, libraries and axes.
        rows: rows of its main input.
        deed: writes into the folder it is given.
        linkable: whether an equal state of another run may stand in for it.
        before_link: what must hold now, even where the state is linked.
    """

    state: str
    module: str
    key_parts: Mapping[str, str]
    rows: int
    deed: Callable[[Path, Meter], Work]
    linkable: bool = True
    before_link: Callable[[], None] | None = None


def execute(site: Site, task: Task, *, link: bool = False) -> StateReceipt:
    """Do `task`, keep what an equal one did before in this run, or link what one did in another run.

    Args:
        site: where the run takes place.
        task: the state.
        link: whether another run may be linked, as far as the task allows it.

    Raises:
        Conflict: the state happened in this run with another input key.
        ContractBroken: its code changed on disk while it ran.
        Damaged: the run that it was told to link from is damaged.
    """
    parts = _key_parts(site, task)
    before = site.run.state(task.state)
    if before is not None:
        return _kept(site, task, before, parts)
    if link and task.linkable and (linked := _linked(site, task, parts)):
        site.progress.finished(linked)
        return linked
    with disk_faults(f"E_{task.state}_DISK", site.run.path, site.run.way_on):
        try:
            made = _done(site, task, parts)
        except BaseException:
            with suppress(OSError):
                clear_leftovers(site.run)
            raise
    site.progress.finished(made)
    return made


def _linked(site: Site, task: Task, parts: dict[str, str]) -> StateReceipt | None:
    """The state as linked from an equal one, None where there is none; what is damaged is passed over unless named."""
    key, knobs, where = combined_key(parts), _knobs(site, task.state), site.job.source_run
    passed_over = {site.run.run_id}
    while source := find_source(site.job.root, task.state, key, knobs, where, passed_over):
        if task.before_link is not None:
            task.before_link()
        try:
            with disk_faults(f"E_{task.state}_DISK", site.run.path, site.run.way_on):
                return stage_state(site.run, site.axes, source, site.executor)
        except Damaged as damage:
            if where != ANY:
                raise
            site.progress.noted(
                f"{task.state} is not linked from {source.run.run_id[:8]}: {damage.what} ({damage.where})"
            )
            passed_over.add(source.run.run_id)
    return None


def _knobs(site: Site, state: str) -> dict[str, Any]:
    return knobs_of(state, site.job.knobs[state]) if state in site.job.knobs else {}


def _done(site: Site, task: Task, parts: dict[str, str]) -> StateReceipt:
    """Do the deed in a temporary folder and commit it."""
    folder = open_state(site.run, task.state)
    site.progress.started(task.state, task.rows)
    started, meter = now_utc(), Meter()

    def receipt(files: list[FileReceipt]) -> StateReceipt:
        datasets, other = _published(site.axes, work.datasets, files)
        took = meter.decomposed()
        return StateReceipt(
            state=task.state,
            input_key=combined_key(parts),
            input_parts=parts,
            knobs=_knobs(site, task.state),
            started_utc=started,
            ended_utc=now_utc(),
            elapsed_s=took.wall_s,
            cpu_s=took.cpu_s,
            peak_rss_mb=round(memory.peak_rss_mb, 1),
            rows=task.rows,
            datasets=datasets,
            files=tuple(other),
            rng_draws=work.rng_draws,
        )

    with MemoryWatch() as memory:
        work = task.deed(folder, meter)
        with meter.lane("validate"):
            _same_code(task)
        with meter.lane("write"):
            return commit_state(site.run, task.state, folder, receipt, Metered(site.executor, meter))


def row_task(site: Site, state: RowState, receipts: Mapping[str, StateReceipt]) -> Task:
    """The task of a state that writes rows, given the receipts of the states before it."""
    inputs = {d.name: _input(site, receipts, d) for d in state.reads}
    upstream = {f"input.{d.name}": _dataset(receipts, d).digest for d in state.reads}
    packs = {f"pack.{p}": site.job.policy.pack_hash(p) for p in state.packs}
    rows = inputs[state.reads[0].name].rows if state.reads else site.world.arrivals

    def deed(folder: Path, meter: Meter) -> Work:
        knobs = site.job.knobs[state.name]
        output = StateOutput(folder, state.name, site.axes, knobs.compression, meter, writing_of(state.name, knobs))
        scratch = folder / "scratch"
        ctx = StateContext(
            state.name, site.axes, site.draws, site.job.policy, knobs, site.world, inputs,
            Metered(site.executor, meter), output, meter, scratch, site.progress.advanced,
        )  # fmt: skip
        try:
            state.run(ctx)
        except BaseException:
            output.abandon()
            raise
        with meter.lane("validate"):
            evidence = output.evidence()
            draws = _draws(evidence)
        with meter.lane("write"):
            remove_tree(scratch)
            for dataset in state.writes:
                output.complete(dataset)
            write_evidence(evidence, folder / "evidence" / state.name)
        return Work(output.datasets, draws)

    return Task(state.name, state.module, packs | upstream, rows, deed)


def read_state_evidence(run: RunFolder, state: RowState) -> Evidence:
    """The committed evidence of one state."""
    return read_evidence(run.evidence_path(state.name), state.measures)


def input_of(run: RunFolder, receipt: DatasetReceipt) -> Input:
    """A committed dataset as an input."""
    parts = tuple(WrittenPart(p.name, p.rows, p.bytes, p.cells) for p in receipt.parts)
    return Input(run.path / receipt.folder, parts)


def _input(site: Site, receipts: Mapping[str, StateReceipt], dataset: Dataset) -> Input:
    return input_of(site.run, _dataset(receipts, dataset))


def _dataset(receipts: Mapping[str, StateReceipt], dataset: Dataset) -> DatasetReceipt:
    return next(r.datasets[dataset.name] for r in receipts.values() if dataset.name in r.datasets)


def _draws(evidence: Evidence) -> dict[str, int]:
    if "draws" not in evidence:
        return {}
    counts = evidence.table("draws").group_by("family", "decision").sum().sort("family", "decision")
    return {f"{family}.{decision}": n for family, decision, n in counts.select("family", "decision", "n").rows()}


def _key_parts(site: Site, task: Task) -> dict[str, str]:
    axes = {
        "axis.manifest_fingerprint": site.axes.manifest_fingerprint,
        "axis.seed": str(site.axes.seed),
        "axis.scenario_id": site.axes.scenario_id,
        "contract": CONTRACT_VERSION,
        "code": code_digest(task.module),
    }
    libraries = {f"library.{name}": version for name, version in library_versions().items()}
    return dict(sorted((axes | libraries | dict(task.key_parts)).items()))


def _kept(site: Site, task: Task, before: StateReceipt, parts: dict[str, str]) -> StateReceipt:
    if before.input_key != combined_key(parts):
        changed = [k for k in sorted(set(parts) | set(before.input_parts)) if parts.get(k) != before.input_parts.get(k)]
        raise Conflict(
            f"E_{task.state}_KEY_CHANGED",
            "this run already holds the state, made from other inputs",
            str(site.run.state_path(task.state)),
            ", ".join(changed),
            "the inputs it was made from",
            "Leave out `run_id=` to start a new run.",
        )
    site.progress.skipped(before)
    return before


def _same_code(task: Task) -> None:
    if fresh_code_digest(task.module) != code_digest(task.module):
        raise ContractBroken(
            f"E_{task.state}_CODE_CHANGED",
            "code of the state changed on disk while it ran",
            task.module,
            "",
            "the code that was loaded",
            "Run again; nothing was published.",
        )


def _published(
    axes: Axes, outputs: Mapping[str, DatasetOutput], files: list[FileReceipt]
) -> tuple[dict[str, DatasetReceipt], list[FileReceipt]]:
    """Files sorted into datasets and others."""
    by_path = {f.path: f for f in files}
    datasets = {}
    for name, output in sorted(outputs.items()):
        folder = axes.folder(name)
        found = [(p, by_path.pop(f"{folder}/{p.name}")) for p in output.parts]
        parts = tuple(PartReceipt(p.name, p.rows, f.bytes, f.sha256, p.cells) for p, f in found)
        datasets[name] = DatasetReceipt(
            folder, output.digest.rows, sum(p.bytes for p in parts), str(output.digest), parts
        )
    return datasets, list(by_path.values())

"""The bench: runs a sweep slot by slot, each a process of its own, until its scorer has nothing left to ask."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final, Protocol

import psutil

from seg6b.errors import Conflict, ContractBroken, Damaged, EvidenceMissing, ResourceRefused
from seg6b.lane.lanes import as_overrides
from seg6b.lane.plan import CODE, key_of
from seg6b.lane.schedule import first_slots, rounds
from seg6b.lane.spawn import Ended, left_behind, run_process
from seg6b.runs.disk import disk_faults
from seg6b.runs.folder import RunFolder
from seg6b.runs.keys import fresh_code_digest
from seg6b.runs.machine import now_utc
from seg6b.runs.staging import ANY
from seg6b.runs.sweep import CONTROL, OPTIMISATION, Slot, SlotReceipt, SlotStatus, Sweep
from seg6b.runs.sweep_folder import SweepFolder, bench_lock, create_sweep, sweep_lock
from seg6b.runs.verify import state_receipts
from seg6b.scoring.arms import drifts_said
from seg6b.scoring.closure import Closure, Drift, RunFacts
from seg6b.scoring.drift import differing
from seg6b.scoring.score import next_rounds, note_run

LANE: Final = (sys.executable, "-m", "seg6b.lane")
MOST_FAILURES: Final = 2

Score = Callable[[Sequence[SlotReceipt]], Closure]


class SweepProgress(Protocol):
    """A listener of a sweep; all calls come from one thread."""

    def planned(self, sweep: Sweep) -> None:
        """A sweep is begun, or gone on with: what is done stands in its folder."""

    def started(self, slot: Slot) -> None:
        """A slot runs; its run folder tells how far it is."""

    def finished(self, slot: Slot, receipt: SlotReceipt) -> None:
        """A run ended, and its rows are the control's where they must be."""

    def failed(self, slot: Slot, error: str) -> None:
        """A run did not end, or its rows are not the control's: why, in one line."""

    def scored(self, closure: Closure) -> None:
        """The sweep as judged so far."""


def run_sweep(
    root: Path, sweep: Sweep, progress: SweepProgress, *, score: Score, command: Sequence[str] = LANE
) -> Closure:
    """Run what is left of a sweep, and judge it.

    Slots that are done are not run again, one that was begun goes on under its run id, and one that failed in an
    earlier process is tried once more. `closure.json` is left to whoever closes the lane.

    Args:
        root: project root.
        sweep: what to run.
        progress: is told what happens.
        score: judges the sweep as far as it has run.
        command: begins the command line of every run.

    Raises:
        ResourceRefused: another process works on the sweep or measures here, or the disk cannot be used.
        EvidenceMissing: a run failed and the sweep is to stop then, or the first runs die alike.
        ContractBroken: two runs of the control differ in their rows.
        Conflict: the code is not the one that the sweep was begun with.
    """
    folder = SweepFolder.of(root, sweep.sweep_id)
    with (
        disk_faults("E_SWEEP_DISK", folder.path),
        sweep_lock(root, sweep.sweep_id),
        bench_lock(root, sweep.sweep_id),
    ):
        create_sweep(root, sweep)
        orphan = _orphan_of(root, sweep)
        receipts = {receipt.slot.name: receipt for receipt in folder.slots()}
        bench = _Bench(root, sweep, folder, progress, tuple(command), receipts)
        try:
            return bench.run(score, orphan)
        except KeyboardInterrupt as stop:
            stop.add_note(f"{bench.far()}; the same command goes on with it.")
            raise


def slot_command(root: Path, sweep: Sweep, slot: Slot, source: str, command: Sequence[str] = LANE) -> list[str]:
    """The command line of one run; what belongs to its slot stands last, and last wins."""
    arm = sweep.arm(slot.arm)
    own = {
        "root": str(root),
        "run_id": slot.run_id,
        "arm.sweep": sweep.sweep_id,
        "arm.name": slot.arm,
        "arm.set_index": slot.set_index,
        "arm.round_index": slot.round_index,
        "tracking": "off",
        "prune.auto": False,
    }
    if sweep.kind == OPTIMISATION or slot.round_index > 1:
        own["arm.execute_from"] = sweep.owner
    if all(key_of(o) != "source_run" or o == f"source_run={ANY}" for o in sweep.overrides):
        own["source_run"] = source
    return [*command, *sweep.overrides, *arm.overrides, *as_overrides(own)]


@dataclass(slots=True)
class _Bench:
    """A sweep at work.

    Attributes:
        receipts: what became of each slot, by its name.
        facts: of every run that ended, likewise.
        tried: slots that this process is through with.
        dropped: arms that are not run any more.
    """

    root: Path
    sweep: Sweep
    folder: SweepFolder
    progress: SweepProgress
    command: tuple[str, ...]
    receipts: dict[str, SlotReceipt]
    facts: dict[str, RunFacts] = field(default_factory=dict)
    tried: set[str] = field(default_factory=set)
    dropped: set[str] = field(default_factory=set)

    def run(self, score: Score, orphan: psutil.Process | None) -> Closure:
        """Everything to the end; a run that is still at work from an earlier bench ends first."""
        slots = first_slots(self.sweep)
        self.progress.planned(self.sweep)
        if orphan is not None:
            for receipt in self.receipts.values():
                if receipt.pid == orphan.pid and receipt.status == SlotStatus.RUNNING:
                    self.progress.started(receipt.slot)
            orphan.wait()
        while True:
            self._walk(slots)
            closure = score(self._in_order())
            self.progress.scored(closure)
            slots = self._further(next_rounds(self.sweep, self._in_order(), closure))
            if not self._left(slots):
                return closure

    def far(self) -> str:
        """How far the sweep is, in words."""
        done = sum(r.status == SlotStatus.DONE for r in self.receipts.values())
        return f"{done} {'run' if done == 1 else 'runs'} of sweep {self.sweep.sweep_id[:8]} done"

    def _further(self, wanted: Mapping[str, tuple[int, int]]) -> tuple[Slot, ...]:
        """Rounds that the scorer asks for: set and number of rounds by arm.

        The control goes with each that is timed against it.
        """
        found: list[Slot] = []
        for set_index in sorted({s for s, _ in wanted.values()}):
            counts = {arm: n for arm, (s, n) in wanted.items() if s == set_index}
            for r in range(1, max(counts.values()) + 1):
                arms = {arm for arm, n in counts.items() if r <= n}
                found += rounds(self.sweep, set_index, r, arms | {CONTROL} if self.sweep.kind == OPTIMISATION else arms)
        return tuple(found)

    def _walk(self, slots: Sequence[Slot]) -> None:
        while left := self._left(slots):
            slot = left[0]
            self.tried.add(slot.name)
            receipt = self.receipts.get(slot.name)
            if receipt is not None and receipt.status == SlotStatus.DONE:
                self._note(receipt)
            else:
                self._settle(slot)

    def _left(self, slots: Sequence[Slot]) -> list[Slot]:
        """Those of `slots` that are still to be looked at; the control alone is not worth a run."""
        others = {slot.arm for slot in slots} - {CONTROL} - self.dropped
        return [s for s in slots if others and s.name not in self.tried and s.arm not in self.dropped]

    def _settle(self, slot: Slot) -> None:
        """Run a slot until it is done, or has failed as often as it may."""
        for _ in range(1 + (self.sweep.retries if self.sweep.on_failure == "retry" else 0)):
            receipt = self._attempt(slot)
            if receipt.status == SlotStatus.DONE:
                drift = self._note(receipt)
                if drift:
                    self.progress.failed(slot, drift)
                else:
                    self.progress.finished(slot, receipt)
                return
            self.progress.failed(slot, receipt.error)
        self._stop_if_due(receipt)

    def _attempt(self, slot: Slot) -> SlotReceipt:
        """One process, from its start to what became of it."""
        before = self.receipts.get(slot.name) or SlotReceipt(slot, SlotStatus.PLANNED)
        attempt = before.attempt + (before.status == SlotStatus.FAILED)
        self._require_code()
        self.progress.started(slot)
        started = SlotReceipt(
            slot, SlotStatus.RUNNING, attempt, started_utc=now_utc(), load=round(os.getloadavg()[0], 2)
        )
        arguments = slot_command(self.root, self.sweep, slot, self._source(), self.command)
        out, err = (self.folder.log_path(slot, stream) for stream in ("out", "err"))
        try:
            ended = run_process(
                arguments, out, err, lambda pid: self._keep(replace(started, pid=pid)),
                {"PYTHONHASHSEED": str(slot.round_index)},
            )  # fmt: skip
        except BaseException:
            self._keep(replace(started, status=SlotStatus.PLANNED))
            raise
        fault = self._fault(slot, ended, err)
        status = SlotStatus.FAILED if fault else SlotStatus.DONE
        running = self.receipts[slot.name]
        return self._keep(replace(running, status=status, exit_code=ended.exit_code, error=fault, ended_utc=now_utc()))

    def _fault(self, slot: Slot, ended: Ended, err: Path) -> str:
        """Why a run did not end; empty where it did, whatever its gates say."""
        run = RunFolder.of(self.root, slot.run_id)
        try:
            if run.exists() and run.receipt().status == "DONE":
                return ""
        except Damaged as error:
            return str(error)
        code = ended.exit_code
        how = f"killed by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"
        return ended.error or f"E_SWEEP_RUN_ENDED: its process was {how} and said nothing ({err})."

    def _keep(self, receipt: SlotReceipt) -> SlotReceipt:
        self.folder.write_slot(receipt)
        self.receipts[receipt.slot.name] = receipt
        return receipt

    def _note(self, receipt: SlotReceipt) -> str:
        """Keep the facts of a run that ended; why its arm is not run again, where its rows are not the control's."""
        facts, _ = note_run(self.root, self.sweep, receipt, self._control())
        self.facts[receipt.slot.name] = facts
        control = self._control()
        if control is None or self.sweep.kind != OPTIMISATION:
            return ""
        drifts = {name: differing(found, control) for name, found in self.facts.items()}
        drifted = {self.receipts[name].slot.arm for name, found in drifts.items() if found}
        if CONTROL in drifted:
            raise self._unequal_control(control, drifts)
        self.dropped |= drifted
        mine = drifts[receipt.slot.name]
        said = f"REJECT_SEMANTIC_DRIFT: its rows are not the control's: {drifts_said(mine)}; {receipt.slot.arm} is out."
        return said if mine else ""

    def _unequal_control(self, first: RunFacts, drifts: Mapping[str, Sequence[Drift]]) -> ContractBroken:
        name = next(n for n, found in drifts.items() if found and self.receipts[n].slot.arm == CONTROL)
        return ContractBroken(
            "E_SWEEP_CONTROL_DRIFT", "two runs of the control have different rows", drifts_said(drifts[name]),
            f"run {self.facts[name].run_id[:8]}", f"the rows of run {first.run_id[:8]}",
            "Equal settings must give equal rows: verify both runs. Nothing can be compared until they do.",
        )  # fmt: skip

    def _control(self) -> RunFacts | None:
        """Facts of the first run of the control."""
        done = [(r.slot.set_index, r.slot.round_index, n) for n, r in self.receipts.items() if r.slot.arm == CONTROL]
        return next((self.facts[name] for *_, name in sorted(done) if name in self.facts), None)

    def _source(self) -> str:
        """Where states before the owner are linked from: one and the same layout for every run that is timed.

        That is the authority; where it does not hold them all, the first run of the sweep, which had to make them.
        """
        if self.sweep.kind != OPTIMISATION:
            return ANY
        first = next((r for r in self._in_order() if r.status == SlotStatus.DONE), None)
        if first is None:
            return self.sweep.authority or ANY
        states = state_receipts(RunFolder.of(self.root, first.slot.run_id))
        linked = all(r.staged_from for name, r in states.items() if name < self.sweep.owner)
        return self.sweep.authority if self.sweep.authority and linked else first.slot.run_id

    def _in_order(self) -> tuple[SlotReceipt, ...]:
        def place(receipt: SlotReceipt) -> tuple[int, int, int]:
            return receipt.slot.set_index, receipt.slot.round_index, receipt.slot.position

        return tuple(sorted(self.receipts.values(), key=place))

    def _require_code(self) -> None:
        """Refuse to time two versions of the code against each other."""
        found = fresh_code_digest(CODE)
        if found != self.sweep.code:
            raise Conflict(
                "E_SWEEP_CODE", "code changed on disk since the sweep began", CODE, found[:12], self.sweep.code[:12],
                f"Put it back and run the same command to go on ({self.far()}), or begin anew: lane.restart=true.",
            )  # fmt: skip

    def _stop_if_due(self, failed: SlotReceipt) -> None:
        """What a failure means for the rest: the sweep stops, the arm is out, or neither.

        It stops where that is asked for, where runs of two arms died alike before any was done, and where the control
        does not run. An arm that failed in two rounds is not run again.
        """
        arm = failed.slot.arm
        fallen = [r for r in self.receipts.values() if r.status == SlotStatus.FAILED]
        done = [r.slot.arm for r in self.receipts.values() if r.status == SlotStatus.DONE]
        alike = sorted({r.slot.arm for r in fallen if _code(r.error) == _code(failed.error)})
        often = sum(r.slot.arm == arm for r in fallen) >= MOST_FAILURES
        if self.sweep.on_failure == "stop":
            raise self._stopped("E_SWEEP_STOPPED", "a run failed, and lane.on_failure=stop", failed, failed.slot.name)
        if not done and len(alike) > 1:
            raise self._stopped("E_SWEEP_DIES_ALIKE", "the first runs all end alike", failed, ", ".join(alike))
        if often and arm == CONTROL and CONTROL not in done:
            raise self._stopped("E_SWEEP_CONTROL_FAILS", "the control does not run", failed, failed.slot.name)
        if often and arm != CONTROL:
            self.dropped.add(arm)

    def _stopped(self, code: str, what: str, failed: SlotReceipt, where: str) -> EvidenceMissing:
        hint = f"Put that right, then run the same command to go on: {self.far()}."
        return EvidenceMissing(code, what, where, failed.error.rstrip("."), "", hint)


def _code(error: str) -> str:
    return error.split(":", 1)[0]


def _orphan_of(root: Path, sweep: Sweep) -> psutil.Process | None:
    """The run of this sweep that a killed bench left behind.

    Raises:
        ResourceRefused: a run of another sweep was left behind; it would disturb every time that is taken now.
    """
    mine = None
    for process, sweep_id in left_behind(*as_overrides({"root": str(root)})):
        if sweep_id == sweep.sweep_id:
            mine = process
        elif SweepFolder.of(root, sweep_id).exists():
            raise ResourceRefused(
                "E_BENCH_ORPHAN", "a run of a bench that was killed is still at work", f"sweep {sweep_id[:8]}",
                f"process {process.pid}", "a machine at rest",
                f"Wait for it to end, or end it: kill {process.pid}.",
            )  # fmt: skip
    return mine

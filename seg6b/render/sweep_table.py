"""A sweep while it runs: one table of all its arms, whatever starts the runs."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import IO, Final, Self

from seg6b.render.closure_words import fraction, fractions
from seg6b.render.live_table import Line, LiveTable
from seg6b.render.wording import clock, seconds
from seg6b.runs.folder import RunFolder
from seg6b.runs.sweep import CONTROL, Slot, SlotReceipt, SlotStatus, Sweep
from seg6b.runs.sweep_folder import SweepFolder
from seg6b.scoring.closure import REJECTED, Closure

_LAST: Final = 5


class LiveSweep:
    """Listens to a bench and shows its sweep; a context manager whose listeners any thread may call."""

    def __init__(self, root: Path, stream: IO[str] | None = None) -> None:
        self._root = root
        self._table = LiveTable("Sweep", stream or sys.stderr)
        self._sweep: Sweep | None = None
        self._rounds: dict[tuple[str, int], int] = {}
        self._lost: set[Slot] = set()

    def __enter__(self) -> Self:
        self._table.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._table.__exit__(kind, error, trace)

    def planned(self, sweep: Sweep) -> None:
        """A sweep is begun, or gone on with: what is done on disk is counted as done."""
        with self._table.lock:
            self._sweep = sweep
            self._rounds.clear()
            self._lost.clear()
            self._table.jobs.clear()
            for arm in sweep.arms:
                line = Line(arm.name, " ".join(arm.overrides))
                if arm.inert:
                    line.planned, line.status, line.result = 0, "inert", arm.inert
                self._table.jobs[arm.name] = line
            self._table.titled(f"Lane {sweep.lane}, sweep {sweep.sweep_id[:8]}, {sweep.kind} of {sweep.owner}")
            for receipt in SweepFolder.of(self._root, sweep.sweep_id).slots():
                self._counted(receipt)
            for line in self._table.jobs.values():
                line.planned = max(line.planned, self._wanted(sweep, line))
            over, planned = self._table.counts()
            behind = f", {over} done before" if over else ""
            self._table.say(f"sweep {sweep.sweep_id[:8]} of lane {sweep.lane}: {planned} runs{behind}")

    def started(self, slot: Slot) -> None:
        """A run begins."""
        with self._table.lock:
            line = self._line(slot.arm)
            self._seen(slot, line)
            if slot in self._lost:
                self._lost.remove(slot)
                line.failed -= 1
            self._table.begun(line, place(slot), self._far(slot))
            over, planned = self._table.counts()
            self._table.say(f"{slot.name}  started, run {over + 1} of {planned}")

    def finished(self, slot: Slot, receipt: SlotReceipt) -> None:
        """A run ended well."""
        with self._table.lock:
            line = self._line(slot.arm)
            spent = self._table.ended(line, place(slot), well=receipt.status == SlotStatus.DONE)
            timed = self._timed(slot)
            line.result = timed or line.result
            self._table.say(f"{slot.name}  done in {clock(spent)}" + (f", {timed}" if timed else ""))

    def failed(self, slot: Slot, error: str) -> None:
        """A run failed; told at once."""
        with self._table.lock:
            line = self._line(slot.arm)
            self._table.ended(line, place(slot), well=False)
            self._lost.add(slot)
            self._table.say(f"{slot.name}  failed: {error}", loud=True, style="bold red")

    def scored(self, closure: Closure) -> None:
        """The arms are judged as far as they have run."""
        with self._table.lock:
            for score in closure.arms:
                line = self._line(score.arm)
                ratio = f"{fraction(score.ratio.mean)} {fractions(score.ratio.bounds)} " if score.ratio else ""
                line.result = f"{ratio}{score.decision}"
                if score.decision in REJECTED:
                    line.status, line.planned = "rejected", line.done + line.failed
                self._table.say(f"{score.arm}  {line.result}" + (f": {score.reasons[0]}" if score.reasons else ""))

    def _line(self, arm: str) -> Line:
        return self._table.jobs.setdefault(arm, Line(arm))

    def _counted(self, receipt: SlotReceipt) -> None:
        """A slot of an earlier process; one that was not finished is run again and counts then."""
        line = self._line(receipt.slot.arm)
        self._seen(receipt.slot, line)
        line.done += receipt.status == SlotStatus.DONE
        if receipt.status == SlotStatus.FAILED:
            line.failed += 1
            self._lost.add(receipt.slot)

    def _seen(self, slot: Slot, line: Line) -> None:
        key = (slot.arm, slot.set_index)
        self._rounds[key] = max(self._rounds.get(key, 0), slot.round_index)
        if self._sweep is not None:
            line.planned = max(line.planned, self._wanted(self._sweep, line))

    def _wanted(self, sweep: Sweep, line: Line) -> int:
        """Runs of an arm: a first set, what further looks and sets have asked for, and the control's warm-up."""
        if any(arm.name == line.name and arm.inert for arm in sweep.arms):
            return 0
        sets = {1} | {k for name, k in self._rounds if name == line.name}
        rounds = sum(max(sweep.repeats, self._rounds.get((line.name, k), 0)) for k in sets)
        return rounds + (1 if line.name == CONTROL and sweep.warm_up else 0)

    def _far(self, slot: Slot) -> Callable[[], str]:
        folder = RunFolder.of(self._root, slot.run_id)
        return lambda: state_in_progress(folder)

    def _timed(self, slot: Slot) -> str:
        """Seconds of the swept state in the run that has just ended."""
        owner = self._sweep.owner if self._sweep else ""
        receipt = RunFolder.of(self._root, slot.run_id).state(owner) if owner else None
        return f"{owner} {seconds(receipt.elapsed_s.get('total'))}" if receipt else ""


def place(slot: Slot) -> str:
    """Set and round of a slot, in words."""
    return "warm-up" if slot.round_index == 0 else f"set {slot.set_index} round {slot.round_index}"


def state_in_progress(run: RunFolder) -> str:
    """The first state of a run without a receipt; a run without any has just begun."""
    done = []
    with suppress(OSError):
        done = [int(p.stem[1:]) for p in (run.path / "states").glob("S[0-9].json")]
    if not done:
        return "starts" if not run.exists() else "S0"
    return "ends" if max(done) >= _LAST else f"S{max(done) + 1}"

"""Whatever the order of runs, sweeps, pins, links, prunes, returns, frees, lost locks and kills: nothing is lost.

A plain model says what must be kept; the files themselves say whether it is.
"""

from __future__ import annotations

import copy
import os
import shutil
import tempfile
from contextlib import ExitStack, suppress
from functools import cache
from pathlib import Path

from filelock import FileLock
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from seg6b.errors import Conflict, Refusal, UsageError
from seg6b.runs import disk, ledger, pins
from seg6b.runs.folder import RunFolder, find_runs
from seg6b.runs.pins import Role
from seg6b.runs.prune import execute_plan, finish_interrupted
from seg6b.runs.prune_plan import plan_prune
from seg6b.runs.prune_record import all_prunes
from seg6b.runs.pruned import Fate, read_mark
from seg6b.runs.trash import free, undelete
from seg6b.runs.verify import verify_files
from tests.runs.fake_runs import (
    ONE,
    anywhere,
    close_sweep,
    contents,
    disturbed,
    id_of,
    killed_at,
    make_run,
    make_sweep,
)

ROLES = st.sampled_from([Role.AUTHORITY, Role.LAST_GOOD, Role.WITNESS])
GRACE = st.sampled_from([0.0, 24.0])
AT = st.integers(1, 60)
PICK = st.integers(0, 999)
MADE = {}


class PruneMachine(RuleBasedStateMachine):
    """Runs below one root, and what the model knows of each: its kind, its files, who needs it."""

    @initialize(closed=st.booleans())
    def begin(self, closed):
        """Two runs that share a state and an open sweep, or a closed one with runs around it; made once, then copied."""
        self.root = Path(tempfile.mkdtemp(prefix="prune-"))
        self.runs, self.sweeps, self.restored, self.held = {}, {}, set(), {}
        self.links = []
        self.counter = 0
        if closed in MADE:
            self.runs, self.sweeps, self.links, self.counter = copy.deepcopy(MADE[closed][1:])
            shutil.copytree(MADE[closed][0], self.root, copy_function=os.link, dirs_exist_ok=True)
            return
        self.run_made("DONE")
        self.run_linked(0, "DONE", named=False)
        self.sweep_made(2, 2)
        if closed:
            self.sweep_closed(0, "HOLD")
            self.run_made("FAILED")
            self.run_linked(1, "DONE", named=False)
        kept = Path(tempfile.mkdtemp(prefix="prune-made-"))
        shutil.copytree(self.root, kept, copy_function=os.link, dirs_exist_ok=True)
        MADE[closed] = copy.deepcopy((kept, self.runs, self.sweeps, self.links, self.counter))

    def teardown(self):
        for lock in self.held.values():
            lock.close()
        shutil.rmtree(self.root)

    # what happens

    @rule(status=st.sampled_from(["DONE", "DONE", "FAILED", "RUNNING"]))
    def run_made(self, status):
        self._remember(make_run(self.root, self._name(), status=status), status=status)

    @precondition(lambda self: self._here())
    @rule(pick=PICK, status=st.sampled_from(["DONE", "RUNNING"]), named=st.booleans())
    def run_linked(self, pick, status, named):
        source = RunFolder.of(self.root, self._pick(self._here(), pick))
        made = make_run(
            self.root, self._name(), status=status, source=source, source_run=source.run_id if named else "any"
        )
        self._remember(made, status=status, source=source.run_id if named else "")
        self.links.append((source.run_id, made.run_id))

    @rule(arms=st.integers(1, 2), repeats=st.integers(1, 2))
    def sweep_made(self, arms, repeats):
        name = self._name()
        names = ["control", "c01"][:arms]
        sweep = make_sweep(self.root, name, names, repeats)
        self.sweeps[sweep] = {"name": name, "closed": 0, "best": "", "arms": names}
        for arm in names:
            for k in range(1, repeats + 1):
                run = RunFolder.of(self.root, id_of(f"{name} {arm} {k}"))
                self._remember(run, status="DONE", sweep=sweep, first=k == 1)

    @precondition(lambda self: self._open())
    @rule(pick=PICK, decision=st.sampled_from(["KEEP", "KEEP_PROVISIONAL", "HOLD"]))
    def sweep_closed(self, pick, decision):
        sweep = self.sweeps[self._pick(self._open(), pick)]
        self.counter += 1
        arm = sweep["arms"][-1]
        utc = f"2026-01-01T00:00:00.{self.counter:06d}Z"
        close_sweep(self.root, sweep["name"], decision, best=arm, utc=utc)
        sweep["closed"] = self.counter
        sweep["best"] = id_of(f"{sweep['name']} {arm} 1") if decision != "HOLD" else ""

    @precondition(lambda self: self._here())
    @rule(pick=PICK, role=ROLES)
    def pinned(self, pick, role):
        run = RunFolder.of(self.root, self._pick(self._here(), pick))
        with suppress(Refusal):
            pins.pin(self.root, run, role, "PASS_B", ONE, replace=True, reason="a better one")

    @precondition(lambda self: pins.pins(self.root))
    @rule(pick=PICK)
    def unpinned(self, pick):
        held = pins.pins(self.root)
        pin = held[pick % len(held)]
        pins.unpin(self.root, pin.run_id, pin.role, "no longer needed")

    @precondition(lambda self: set(self._here()) - set(self.held))
    @rule(pick=PICK)
    def work_begun(self, pick):
        run_id = self._pick(sorted(set(self._here()) - set(self.held)), pick)
        lock = FileLock(self.root / "mlruns" / "locks" / f"{run_id}.lock", timeout=0)
        lock.path = lock.acquire()
        self.held[run_id] = ExitStack()
        self.held[run_id].enter_context(lock.path)

    @precondition(lambda self: self.held)
    @rule(pick=PICK)
    def work_ended(self, pick):
        self.held.pop(self._pick(sorted(self.held), pick)).close()

    # what is asked

    @rule(grace=GRACE)
    def prune(self, grace):
        kept = self._kept(grace)
        self._finish(grace)
        assert kept <= set(self._here())
        kept = self._kept(grace)
        self._prune(grace)
        assert set(self._here()) == kept

    @rule(grace=GRACE, at=AT)
    def prune_killed(self, grace, at):
        kept = self._kept(grace)
        with killed_at(at):
            self._finish(grace)
            self._prune(grace)
        self._see_restored()
        assert kept <= set(self._here())

    @rule(grace=GRACE, at=AT)
    def prune_robbed_of_its_lock(self, grace, at):
        def rob(first):
            if first:
                (self.root / "mlruns" / "locks" / "store.lock").unlink(missing_ok=True)

        kept = self._kept(grace)
        with disturbed(at, rob), suppress(Refusal):
            self._finish(grace)
            self._prune(grace)
        self._see_restored()
        assert kept <= set(self._here())

    @precondition(lambda self: self._pruned())
    @rule(pick=PICK, whole_plan=st.booleans())
    def undeleted(self, pick, whole_plan):
        mark = read_mark(RunFolder.of(self.root, run_id := self._pick(self._pruned(), pick)))
        expected = {r for r in self._pruned() if self._mark(r).plan_id == mark.plan_id} if whole_plan else {run_id}
        back = {r for r in expected if self._mark(r).fate != Fate.FREED}
        try:
            assert set(undelete(self.root, mark.plan_id if whole_plan else run_id, ONE)) == back
        except Conflict as refused:
            assert (refused.code, back) == ("E_UNDELETE_FREED", set())  # noqa: PT017 - it may be refused, or not
        assert back <= set(self._here())
        self.restored |= back

    @precondition(lambda self: self._pruned())
    @rule(pick=PICK, at=AT)
    def undelete_killed(self, pick, at):
        with killed_at(at), suppress(Conflict, UsageError):
            undelete(self.root, self._pick(self._pruned(), pick), ONE)
        self._see_restored()

    @precondition(lambda self: self._pruned())
    @rule(hours=GRACE)
    def freed(self, hours):
        trashed = {r for r in self._pruned() if self._mark(r).fate == Fate.TRASHED}
        before = {r for r in self._pruned() if self._mark(r).fate == Fate.FREED}
        done = free(self.root, hours)
        assert set(done.runs) == (trashed if hours == 0 else set()) | (set(done.runs) & before)
        for run_id in before | set(done.runs):
            assert not list((self.root / "mlruns" / "trash").glob(f"*/{run_id}"))

    @precondition(lambda self: self._pruned())
    @rule(at=AT)
    def free_killed(self, at):
        with killed_at(at):
            free(self.root, 0.0)

    # what always holds

    @invariant()
    def nothing_is_lost(self):
        for run_id, known in self.runs.items():
            run, mark = RunFolder.of(self.root, run_id), self._mark(run_id)
            assert run.receipt().run_id == run_id
            if known["status"] == "DONE":
                assert run.gates_path.exists()
            if mark is not None and mark.fate == Fate.FREED:
                continue
            for path, content in known["files"].items():
                places = anywhere(self.root, run, path)
                assert [p.read_bytes() for p in places] == [content], (run_id, path)

    @invariant()
    def what_is_kept_is_whole_and_in_its_place(self):
        for run_id in self._kept(24.0):
            run = RunFolder.of(self.root, run_id)
            assert contents(run) == self.runs[run_id]["files"]
            assert verify_files(run, ONE) == []
        for pin in pins.pins(self.root):
            pins.verified(self.root, pin, ONE)

    @invariant()
    def links_are_still_links(self):
        for old, new in self.links:
            path = next(p for p in self.runs[new]["files"] if "/s1_rows_6B/" in p)
            pair = [anywhere(self.root, RunFolder.of(self.root, r), path) for r in (old, new)]
            if all(pair):
                assert pair[0][0].samefile(pair[1][0])

    @invariant()
    def the_ledger_tells_it_all(self):
        told = {}
        for entry in ledger.entries(self.root):
            told.setdefault(entry.kind, []).append(entry.body)
        ended = [p.plan_id for p in all_prunes(self.root) if p.status == "EXECUTED"]
        assert sorted(set(ended)) == sorted(ended)
        written = [body["plan_id"] for body in told.get("prune", [])]
        assert len(set(written)) == len(written)
        assert set(ended) <= set(written)
        freed = [(body["plan_id"], run_id) for body in told.get("free", []) for run_id in body["runs"]]
        assert len(set(freed)) == len(freed)
        back = [(body["plan_id"], run_id) for body in told.get("undelete", []) for run_id in body["runs"]]
        assert len(set(back)) == len(back)
        assert set(back) >= {(p.plan_id, r) for p in all_prunes(self.root) for r in p.restored if r in self._here()}

    # the model

    def _kept(self, grace):
        """What must have its data, said in the plainest way."""
        here = self._here()
        kept = {pin.run_id for pin in pins.pins(self.root)} | (set(self.held) & set(here))
        done = [r for r in here if self.runs[r]["status"] == "DONE" and self.runs[r]["first"]]
        kept |= set(done[-1:])
        closed = [s for s in self.sweeps.values() if s["closed"]]
        kept |= {max(closed, key=lambda s: s["closed"])["best"]} & set(here) if closed else set()
        for run_id in here:
            known = self.runs[run_id]
            sweep = known["sweep"]
            busy = {self.runs[r]["sweep"] for r in self.held if r in here}
            if sweep and (not self.sweeps[sweep]["closed"] or sweep in busy):
                kept.add(run_id)
            if grace and (known["status"] != "DONE" or run_id in self.restored):
                kept.add(run_id)
        sources = {self.runs[r]["source"] for r in kept if self.runs[r]["status"] != "DONE"}
        return kept | (sources & set(here))

    def _remember(self, run, *, status, sweep="", source="", first=True):
        self.runs[run.run_id] = {
            "status": status, "files": contents(run), "sweep": sweep, "source": source, "first": first
        }  # fmt: skip

    def _finish(self, grace):
        """What `prune --yes` does first."""
        finish_interrupted(self.root, grace, executor=ONE)
        self._see_restored()

    def _prune(self, grace):
        """What `prune --yes` does next."""
        plan = plan_prune(self.root, grace)
        if plan.items:
            execute_plan(self.root, plan, executor=ONE)

    def _see_restored(self):
        """After a kill it is the record that says what came back."""
        self.restored |= {r for p in all_prunes(self.root) for r in p.restored}

    def _mark(self, run_id):
        return read_mark(RunFolder.of(self.root, run_id))

    def _here(self):
        """Runs with their data, in the order in which they were made."""
        return [r for r in self.runs if self._mark(r) is None]

    def _pruned(self):
        return sorted(run.run_id for run in find_runs(self.root) if read_mark(run) is not None)

    def _open(self):
        return [s for s, known in self.sweeps.items() if not known["closed"]]

    def _pick(self, options, pick):
        return options[pick % len(options)]

    def _name(self):
        self.counter += 1
        return f"run {self.counter}"


def test_whatever_happens_nothing_is_lost(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(disk, "get_type_hints", cache(disk.get_type_hints))  # a third of the time; the same answers
    try:
        run_state_machine_as_test(
            PruneMachine,
            settings=settings(
                max_examples=16,
                stateful_step_count=25,
                deadline=None,
                suppress_health_check=list(HealthCheck),
                derandomize=True,
                database=None,
            ),
        )
    finally:
        while MADE:
            shutil.rmtree(MADE.popitem()[1][0])

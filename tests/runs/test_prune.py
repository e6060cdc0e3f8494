"""Prune step by step: what it refuses, what it moves, what the disk gets back, and the way back."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest

from seg6b.errors import Conflict, Damaged, ResourceRefused, UsageError
from seg6b.runs import ledger
from seg6b.runs.commit import run_lock
from seg6b.runs.disk import files_under
from seg6b.runs.folder import RunFolder
from seg6b.runs.links import link_file
from seg6b.runs.pins import Role, pin
from seg6b.runs.prune import execute_plan, finish_interrupted, require_plan
from seg6b.runs.prune_plan import plan_prune
from seg6b.runs.prune_record import PruneStatus, interrupted, read_prune
from seg6b.runs.pruned import Fate, read_mark, trash_root
from seg6b.runs.trash import free, trash_bytes, undelete
from seg6b.runs.verify import verify_files
from tests.runs.fake_runs import (
    ONE,
    anywhere,
    close_sweep,
    contents,
    disturbed,
    dropped,
    flip,
    id_of,
    kept_now,
    killed_at,
    make_run,
    make_sweep,
    prune_now,
    superseded,
    tree,
    utc,
)


@pytest.fixture
def root(tmp_path):
    return tmp_path


@pytest.fixture
def old(root):
    return superseded(root)


# what is refused


@pytest.mark.parametrize("file", ["part-00000.parquet", "counts.txt", "gates.json"])
def test_a_damaged_kept_run_is_named_and_nothing_moves(root, old, file):
    kept = RunFolder.of(root, id_of("newest"))
    damaged = next(p for p in files_under(kept.path) if p.name == file)
    flip(damaged)
    plan, before = plan_prune(root), tree(root)
    assert [item.run_id for item in plan.items] == [old.run_id]
    with pytest.raises(Damaged) as refused:
        execute_plan(root, plan, executor=ONE)
    assert refused.value.code == "E_PRUNE_KEPT_DAMAGED"
    assert refused.value.where == str(damaged)
    assert "newest finished run" in refused.value.what
    assert tree(root) == before


def test_a_damaged_pin_is_named_and_nothing_moves(root, old):
    held = make_run(root, "held", ended=utc(-60))
    pin(root, held, Role.WITNESS, "PASS_B", ONE)
    plan = plan_prune(root)
    flip(next(p for p in files_under(held.path) if p.suffix == ".parquet"))
    before = tree(root)
    with pytest.raises(Damaged, match=held.run_id) as refused:
        execute_plan(root, plan, executor=ONE)
    assert refused.value.code == "E_WITNESS_DAMAGED"
    assert tree(root) == before
    assert read_mark(old) is None


def test_damage_of_what_goes_does_not_stop_it(root, old):
    flip(next(p for p in files_under(old.path) if p.suffix == ".parquet"))
    assert not prune_now(root).left
    assert read_mark(old).fate == Fate.TRASHED


def test_a_plan_is_executed_once(root, old):
    plan = plan_prune(root)
    record = execute_plan(root, plan, executor=ONE)
    assert (record.status, record.plan_id, record.left) == (PruneStatus.EXECUTED, plan.plan_id, {})
    undelete(root, old.run_id, ONE)
    before = tree(root)
    with pytest.raises(Conflict) as refused:
        execute_plan(root, plan, executor=ONE)
    assert refused.value.code == "E_PRUNE_EXECUTED"
    assert tree(root) == before
    assert plan_prune(root, 0.0).items == plan.items
    assert plan_prune(root, 0.0).plan_id != plan.plan_id


def _linked(root, old):
    part = next(p for p in files_under(old.path) if p.suffix == ".parquet")
    assert link_file(part, root / "elsewhere.parquet") == "hard"


CHANGES = {
    "a run more": lambda root, _: make_run(root, "another", ended=utc(-40)),
    "a pin": lambda root, old: pin(root, old, Role.WITNESS, "PASS_B", ONE),
    "a file more": lambda _, old: (old.path / "evidence" / "note.txt").write_text("new"),
    "a link elsewhere": _linked,
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_stale_plan_is_refused(root, old, change):
    plan = plan_prune(root)
    CHANGES[change](root, old)
    before = tree(root)
    with pytest.raises(Conflict) as refused:
        execute_plan(root, plan, executor=ONE)
    assert refused.value.code == "E_PRUNE_STALE"
    assert tree(root) == before


def test_a_plan_is_named_by_its_beginning(root, old):
    plan = plan_prune(root)
    assert [item.run_id for item in plan.items] == [old.run_id]
    require_plan(root, plan.plan_id[:4], plan)
    for wrong in ("abc", "../../x", "*", ""):
        with pytest.raises(UsageError):
            require_plan(root, wrong, plan)


def test_a_ledger_that_was_changed_stops_it(root, old):
    pin(root, make_run(root, "held"), Role.WITNESS, "PASS_B", ONE)
    book = root / "reports" / "ledger.jsonl"
    book.write_text(book.read_text().replace("witness", "authority"))
    with pytest.raises(Damaged):
        prune_now(root)
    assert read_mark(old) is None


# what is never touched


def test_pinned_runs_stay_whatever_their_role_and_age(root, old):
    held = [make_run(root, role, ended=utc(-90), seed=seed) for seed, role in enumerate(Role)]
    for run, role in zip(held, Role, strict=True):
        pin(root, run, role, "PASS_B", ONE)
    before = [contents(run) for run in held]
    assert dropped(root, 0.0) == {old.run_id}
    prune_now(root, grace_h=0.0)
    assert [contents(run) for run in held] == before
    assert all(verify_files(run, ONE) == [] for run in held)


@pytest.mark.parametrize("status", ["DONE", "RUNNING"])
def test_a_run_at_work_stays(root, old, status):
    busy = make_run(root, "busy", status=status, ended=utc(-80))
    with run_lock(root, busy.run_id):
        assert dropped(root, 0.0) == {old.run_id}
        assert "in flight: a process works in it" in kept_now(root, 0.0)[busy.run_id]
    assert dropped(root, 0.0) == {old.run_id, busy.run_id}


def test_a_run_that_goes_to_work_after_a_prune_was_killed_is_left_in_place(root, old):
    with killed_at(4):
        prune_now(root)
    assert interrupted(root)
    assert read_mark(old) is None
    with run_lock(root, old.run_id):
        (record,) = finish_interrupted(root, 0.0, executor=ONE)
    assert "a process works in it" in record.left[old.run_id]
    assert verify_files(old, ONE) == []


def test_an_open_sweep_stays_and_a_closed_one_keeps_its_winner(root):
    sweep = make_sweep(root, "sweep")
    make_run(root, "newest")
    slots = {id_of(f"sweep {arm} {k}") for arm in ("control", "c01") for k in (1, 2)}
    assert dropped(root, 0.0) == set()
    closure = root / "mlruns" / "sweeps" / sweep / "closure.json"
    closure.write_text('{"lane": "adhoc"')
    assert dropped(root, 0.0) == set()
    close_sweep(root, "sweep", "KEEP", best="c01")
    assert dropped(root, 0.0) == slots - {id_of("sweep c01 1")}
    assert "KEEP" in kept_now(root)[id_of("sweep c01 1")][0]


def test_the_runs_of_a_sweep_that_was_given_up_go_and_say_so(root):
    sweep = make_sweep(root, "sweep")
    make_run(root, "newest")
    (root / "mlruns" / "sweeps" / sweep / "given_up.json").write_text("{}")
    reasons = {item.reason for item in plan_prune(root).items}
    assert reasons == {f"run of sweep {sweep[:8]}, which was given up"}


def test_unfinished_runs_go_when_they_are_old(root):
    make_run(root, "newest")
    young = make_run(root, "young", status="FAILED", ended=utc(-23))
    gone = make_run(root, "abandoned", status="FAILED", ended=utc(-25))
    assert dropped(root) == {gone.run_id}
    assert dropped(root, 22.0) == {gone.run_id, young.run_id}
    assert dropped(root, 26.0) == set()
    assert plan_prune(root).items[0].reason == "abandoned run (FAILED)"


def test_what_is_no_run_is_told_and_stays(root, old):
    strange = root / "mlruns" / "runs" / "notes"
    strange.mkdir()
    (strange / "thoughts.txt").write_text("mine")
    (trash_root(root) / "x" / "y").mkdir(parents=True)
    assert {s.path for s in plan_prune(root).strays} == {"mlruns/runs/notes", "mlruns/trash/x/y"}
    prune_now(root)
    free(root, 0.0)
    assert (strange / "thoughts.txt").read_text() == "mine"
    assert (trash_root(root) / "x" / "y").is_dir()
    assert list(trash_root(root).glob(f"*/{old.run_id}")) == []


# what the disk gets back


def _freed(root, plan):
    """By how many bytes the files shrank once the plan was executed and the trash freed, and what `free` says."""
    before = _disk(root)
    execute_plan(root, plan, executor=ONE)
    assert _disk(root / "mlruns" / "trash") >= plan.freed_bytes
    _, told = trash_bytes(root)
    freed = free(root, 0.0)
    assert told == freed.freed_bytes
    return before - _disk(root), freed


def _disk(folder):
    """Bytes of data and evidence below a folder, each inode once."""
    found = [p for p in files_under(folder) if p.suffix == ".parquet" or p.name == "counts.txt"]
    return sum({(s.st_dev, s.st_ino): s.st_size for s in (p.stat() for p in found)}.values())


def test_freed_bytes_are_right_when_a_kept_run_links_the_file(root):
    old = make_run(root, "old", ended=utc(-50))
    make_run(root, "newest", source=old)
    plan = plan_prune(root)
    assert 0 < plan.freed_bytes < plan.bytes
    gone, freed = _freed(root, plan)
    assert gone == freed.freed_bytes == plan.freed_bytes
    assert freed.bytes == plan.bytes
    assert verify_files(RunFolder.of(root, id_of("newest")), ONE) == []


def test_freed_bytes_count_a_file_once_when_all_its_links_go(root):
    old = make_run(root, "old", ended=utc(-50))
    for name in ("older", "other"):
        make_run(root, name, source=old, ended=utc(-45))
    make_run(root, "newest")
    plan = plan_prune(root)
    assert len(plan.items) == 3
    gone, freed = _freed(root, plan)
    assert gone == freed.freed_bytes == plan.freed_bytes < plan.bytes


def test_a_file_whose_other_link_is_in_the_trash_comes_back_with_the_last(root):
    old = make_run(root, "old", ended=utc(-50))
    make_run(root, "next", source=old)
    first = plan_prune(root)
    execute_plan(root, first, executor=ONE)
    make_run(root, "newest")
    second = plan_prune(root)
    assert first.freed_bytes < first.bytes
    assert second.freed_bytes == second.bytes
    gone, freed = _freed(root, second)
    assert gone == freed.freed_bytes


# killed


def test_killed_anywhere_it_goes_on_and_the_receipts_never_lie(root, old):
    before = contents(old)
    kept = Path(tempfile.mkdtemp(dir=root.parent))
    shutil.copytree(root, kept, dirs_exist_ok=True)
    for at in range(1, 200):
        shutil.rmtree(root / "mlruns")
        shutil.rmtree(root / "reports", ignore_errors=True)
        shutil.copytree(kept, root, dirs_exist_ok=True)
        with killed_at(at) as count:
            prune_now(root)
        whole = count() < at
        for path, content in before.items():
            assert [p.read_bytes() for p in anywhere(root, old, path)] == [content]
        finish_interrupted(root, 24.0, executor=ONE)
        if dropped(root):
            prune_now(root)
        assert read_mark(old).fate == Fate.TRASHED
        assert [e.kind for e in ledger.entries(root)] == ["prune"]
        undelete(root, old.run_id, ONE)
        assert contents(old) == before
        if whole:
            break
    assert 10 < at < 199


def test_a_lock_that_is_lost_stops_it(root, old):
    lock = root / "mlruns" / "locks" / "store.lock"
    other = make_run(root, "other", ended=utc(-50))
    before = contents(old)
    with disturbed(4, lambda first: lock.unlink() if first else None), pytest.raises(ResourceRefused) as refused:
        prune_now(root)
    assert refused.value.code == "E_PRUNE_LOCK_LOST"
    assert [read_mark(old), read_mark(other)].count(None) >= 1
    assert all([p.read_bytes() for p in anywhere(root, old, path)] == [c] for path, c in before.items())
    (record,) = finish_interrupted(root, 24.0, executor=ONE)
    assert read_prune(root, record.plan_id) == replace(record, status=PruneStatus.EXECUTED)
    assert read_mark(old).fate == Fate.TRASHED

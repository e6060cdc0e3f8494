"""The way back from the trash, and the way on: every byte returns, or goes for good and is told."""

from __future__ import annotations

import shutil
import tempfile

import pytest

from seg6b.errors import Conflict, Damaged, UsageError
from seg6b.runs import ledger
from seg6b.runs.disk import files_under
from seg6b.runs.folder import RunFolder
from seg6b.runs.pins import Role, pin
from seg6b.runs.prune import execute_plan, finish_interrupted
from seg6b.runs.prune_plan import plan_prune
from seg6b.runs.pruned import Fate, Pruned, read_mark, trash_root, write_mark
from seg6b.runs.trash import free, trash_bytes, undelete
from seg6b.runs.verify import verify_files, verify_left
from tests.runs.fake_runs import (
    ONE,
    anywhere,
    contents,
    dropped,
    flip,
    id_of,
    kept_now,
    killed_at,
    make_run,
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


# the way back


def test_undelete_brings_every_byte_back(root, old):
    before = contents(old)
    plan = plan_prune(root)
    assert execute_plan(root, plan, executor=ONE).left == {}
    assert contents(old) == {}
    assert undelete(root, plan.plan_id[:8], ONE) == (old.run_id,)
    assert contents(old) == before
    assert verify_files(old, ONE) == []
    assert list(trash_root(root).iterdir()) == []
    assert [e.kind for e in ledger.entries(root)] == ["prune", "undelete"]


def test_what_came_back_stays_for_a_day(root, old):
    prune_now(root)
    undelete(root, old.run_id[:6], ONE)
    assert dropped(root) == set()
    assert "pin it to keep it longer" in kept_now(root)[old.run_id][0]
    assert dropped(root, 0.0) == {old.run_id}
    assert {i.run_id for i in plan_prune(root, now=utc(25)).items} == {old.run_id}


def test_undelete_refuses_what_it_does_not_know(root, old):
    prune_now(root)
    for wrong in ("abc", "f" * 32, "../..", "*", id_of("newest")):
        with pytest.raises(UsageError) as refused:
            undelete(root, wrong, ONE)
        assert old.run_id[:8] in refused.value.expected


def test_undelete_of_damaged_data_says_so(root, old):
    prune_now(root)
    flip(next(p for p in files_under(trash_root(root)) if p.suffix == ".parquet"))
    with pytest.raises(Damaged) as refused:
        undelete(root, old.run_id, ONE)
    assert refused.value.code == "E_UNDELETE_DAMAGED"
    assert read_mark(old) is None


def test_undelete_without_the_trash_changes_nothing(root, old):
    prune_now(root)
    shutil.rmtree(trash_root(root) / read_mark(old).plan_id)
    before = tree(root)
    with pytest.raises(Damaged) as refused:
        undelete(root, old.run_id, ONE)
    assert refused.value.code == "E_UNDELETE_GONE"
    assert tree(root) == before


def test_free_deletes_for_good_and_says_so(root, old):
    before = contents(old)
    prune_now(root)
    assert free(root, 1.0).runs == ()
    held = free(root, 1.0, now=utc(2))
    assert held.runs == (old.run_id,)
    assert held.bytes == held.freed_bytes == sum(map(len, before.values()))
    mark = read_mark(old)
    assert (mark.fate, bool(mark.freed_utc)) == (Fate.FREED, True)
    assert trash_bytes(root) == (0, 0)
    last = ledger.entries(root)[-1]
    assert (last.kind, last.body["runs"], last.body["freed_bytes"]) == ("free", [old.run_id], held.freed_bytes)
    assert free(root, 0.0).runs == ()
    with pytest.raises(Conflict) as refused:
        undelete(root, old.run_id, ONE)
    assert (refused.value.code, refused.value.value) == ("E_UNDELETE_FREED", mark.freed_utc)


def test_free_refuses_the_data_of_a_pinned_run(root, old):
    pin(root, old, Role.WITNESS, "PASS_B", ONE)
    trash = trash_root(root) / ("c" * 64) / old.run_id
    trash.mkdir(parents=True)
    (old.path / "data").rename(trash / "data")
    write_mark(old, Pruned("c" * 64, Fate.TRASHED, "superseded candidate", 9, 9, utc(-48)))
    with pytest.raises(Damaged) as refused:
        free(root, 0.0)
    assert refused.value.code == "E_FREE_PINNED"
    assert (trash / "data").is_dir()


def test_of_a_pruned_run_receipts_and_gates_stay_and_verify_says_so(root, old):
    stays = {
        p: p.read_bytes() for p in files_under(old.path) if p.relative_to(old.path).as_posix() not in contents(old)
    }
    assert {p.name for p in stays} == {"run_receipt.json", "gates.json", "gateboard.html", "S1.json", "S4.json"}
    prune_now(root)
    assert {p: p.read_bytes() for p in stays} == stays
    assert {p.name for p in old.path.iterdir()} == {
        "run_receipt.json", "gates.json", "gateboard.html", "states", "pruned.json"
    }  # fmt: skip
    (finding,) = verify_files(old, ONE)
    assert (finding.path, "superseded candidate" in finding.fault) == ("pruned.json", True)
    assert verify_left(old, ONE) == []
    flip(old.gates_path)
    assert [f.path for f in verify_left(old, ONE)] == ["gates.json"]


# another file system


@pytest.fixture(params=["trash", "runs"])
def apart(root, other_disk, request):
    """A root of which one folder lies on another file system."""
    with tempfile.TemporaryDirectory(dir=other_disk) as elsewhere:
        (root / "mlruns").mkdir()
        (root / "mlruns" / request.param).symlink_to(elsewhere)
        old = make_run(root, "old", ended=utc(-50))
        make_run(root, "newest", source=old)
        yield old


def test_another_file_system_gets_checked_copies(root, apart):
    before = contents(apart)
    plan = plan_prune(root)
    execute_plan(root, plan, executor=ONE)
    assert contents(apart) == {}
    assert all([p.read_bytes() for p in anywhere(root, apart, path)] == [c] for path, c in before.items())
    assert [p for depth in ("*/*", "*/*/*") for p in (root / "mlruns").glob(f"{depth}/.*.half")] == []
    undelete(root, apart.run_id, ONE)
    assert contents(apart) == before
    assert verify_files(apart, ONE) == verify_files(RunFolder.of(root, id_of("newest")), ONE) == []


def test_killed_while_it_copies_it_goes_on(root, apart):
    before = contents(apart)
    for at in range(8, 60, 3):
        with killed_at(at):
            prune_now(root, grace_h=0.0)
        assert all(c in [p.read_bytes() for p in anywhere(root, apart, path)] for path, c in before.items())
        finish_interrupted(root, 0.0, executor=ONE)
        if read_mark(apart) is None:
            prune_now(root, grace_h=0.0)
        assert all([p.read_bytes() for p in anywhere(root, apart, path)] == [c] for path, c in before.items())
        with killed_at(at):
            undelete(root, apart.run_id, ONE)
        if read_mark(apart) is not None:
            undelete(root, apart.run_id, ONE)
        assert contents(apart) == before
        assert verify_files(apart, ONE) == []


def test_two_files_in_the_same_place_are_refused_and_both_stay(root, old):
    prune_now(root)
    (old.path / "evidence").mkdir()
    (old.path / "evidence" / "mine.txt").write_text("mine")
    held = {p: p.read_bytes() for p in files_under(trash_root(root))}
    with pytest.raises(Conflict) as refused:
        undelete(root, old.run_id, ONE)
    assert refused.value.code == "E_PRUNE_BOTH"
    assert (old.path / "evidence" / "mine.txt").read_text() == "mine"
    assert {p for p in held if p.exists()} == {p for p in held if "evidence" in p.parts}

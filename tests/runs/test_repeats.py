"""The data of repeats goes where the same rows stand elsewhere, and nowhere else."""

from __future__ import annotations

import pytest

from seg6b.runs.disk import files_under
from seg6b.runs.folder import RunFolder
from seg6b.runs.ledger import entries
from seg6b.runs.pins import Role, pin
from seg6b.runs.prune import execute_plan
from seg6b.runs.prune_plan import plan_prune
from seg6b.runs.pruned import Fate, read_mark
from seg6b.runs.repeats import drop_repeats
from seg6b.runs.trash import undelete
from seg6b.runs.verify import verify_files, verify_left
from tests.runs.fake_runs import ONE, contents, id_of, killed_at
from tests.runs.small_runs import make_run, run_id_of

SWEEP = id_of("sweep")


@pytest.fixture
def root(tmp_path):
    for name in ("standing", "second", "third"):
        make_run(tmp_path, name)
    return tmp_path


def folder(root, name):
    return RunFolder.of(root, run_id_of(name))


def drop(root, *names):
    return drop_repeats(root, SWEEP, run_id_of("standing"), [run_id_of(n) for n in names])


def held(root, name):
    return sum(map(len, contents(folder(root, name)).values()))


def test_equal_repeats_go_and_keep_their_receipts(root):
    room = held(root, "second") + held(root, "third")
    assert drop(root, "standing", "second", "third") == room > 0
    for name in ("second", "third"):
        run = folder(root, name)
        assert contents(run) == {}
        assert (read_mark(run).fate, run_id_of("standing") in read_mark(run).reason) == (Fate.FREED, True)
        assert verify_left(run, ONE) == []
        assert set(run.receipt().states) == {"S1", "S2"}
    assert verify_files(folder(root, "standing"), ONE) == []
    assert drop(root, "second", "third") == 0


def test_what_is_linked_elsewhere_gives_nothing_back(root, tmp_path):
    part = next(p for p in files_under(folder(root, "second").path) if p.suffix == ".parquet")
    (tmp_path / "linked.parquet").hardlink_to(part)
    room = held(root, "second") - part.stat().st_size
    assert drop(root, "second") == room


@pytest.mark.parametrize("other", [{"seed": 43}, {"status": "FAILED"}])
def test_other_rows_and_unfinished_runs_stay(root, other):
    make_run(root, "other", **other)
    before = contents(folder(root, "other"))
    assert drop(root, "other") == 0
    assert contents(folder(root, "other")) == before


def test_a_pinned_repeat_stays(root):
    pin(root, folder(root, "second"), Role.WITNESS, "PASS_B", ONE)
    drop(root, "second", "third")
    assert read_mark(folder(root, "second")) is None
    assert verify_files(folder(root, "second"), ONE) == []
    assert read_mark(folder(root, "third")).fate == Fate.FREED


def test_nothing_goes_if_the_standing_run_lacks_a_file(root):
    part = next(p for p in files_under(folder(root, "standing").path) if p.suffix == ".parquet")
    part.unlink()
    before = contents(folder(root, "second"))
    assert drop(root, "second", "third") == 0
    assert contents(folder(root, "second")) == before


def test_a_run_in_the_trash_is_left_to_prune(root):
    execute_plan(root, plan_prune(root), executor=ONE)
    ids = {run_id_of(n): n for n in ("standing", "second", "third")}
    trashed = [n for i, n in ids.items() if read_mark(RunFolder.of(root, i)) is not None]
    assert len(trashed) == 2
    (stands,) = set(ids.values()) - set(trashed)
    assert drop_repeats(root, SWEEP, run_id_of(stands), [run_id_of(n) for n in trashed]) == 0
    with killed_at(6):
        undelete(root, run_id_of(trashed[0]), ONE)
    assert drop_repeats(root, SWEEP, run_id_of(stands), [run_id_of(n) for n in trashed]) == 0
    for name in trashed:
        if read_mark(folder(root, name)) is not None:
            undelete(root, run_id_of(name), ONE)
        assert verify_files(folder(root, name), ONE) == []
    assert entries(root)[0].kind == "prune"


def test_killed_anywhere_the_next_call_goes_on(root):
    for at in range(1, 40):
        name = f"repeat {at}"
        make_run(root, name)
        with killed_at(at) as count:
            drop(root, name)
        if read_mark(folder(root, name)) is None:
            assert verify_files(folder(root, name), ONE) == []
        drop(root, name)
        assert contents(folder(root, name)) == {}
        assert verify_left(folder(root, name), ONE) == []
        if count() < at:
            return
    pytest.fail("it has more operations than were tried")

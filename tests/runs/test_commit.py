"""Commit by receipt: at any instant the state has happened, or has not happened at all."""

import json
import os
import stat
from concurrent.futures import ThreadPoolExecutor

import pytest

from seg6b.errors import Conflict, Damaged, ResourceRefused, UsageError
from seg6b.runs import commit as commit_module
from seg6b.runs.commit import clear_leftovers, commit_state, open_state, run_lock, store_lock, wait_for_lock
from seg6b.runs.disk import read_record, sha256_of, write_json
from seg6b.runs.folder import RunFolder, find_runs, new_run_id, resolve_run
from seg6b.runs.receipt import StateReceipt
from seg6b.shards.executor import Threads


def receipt_of(files):
    return StateReceipt("S2", "k", {}, {}, "", "", {}, {}, 0.0, 0, {}, tuple(files), {})


@pytest.fixture
def run(tmp_path):
    folder = RunFolder.of(tmp_path, "0" * 32)
    folder.path.mkdir(parents=True)
    return folder


def filled(run):
    folder = open_state(run, "S2")
    for name in ("data/a/seed=1/part-0.parquet", "data/a/seed=1/part-1.parquet", "data/b/x.parquet", "gates.json"):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    return folder


def content(run):
    return sorted(p.relative_to(run.path).as_posix() for p in run.path.rglob("*") if p.is_file())


PUBLISHED = [
    "data/a/seed=1/part-0.parquet",
    "data/a/seed=1/part-1.parquet",
    "data/b/x.parquet",
    "gates.json",
    "states/S2.json",
]


def test_a_commit_publishes_everything_read_only_and_the_receipt(run):
    made = commit_state(run, "S2", filled(run), receipt_of, Threads.of(2))
    assert content(run) == PUBLISHED
    assert {f.path: f.sha256 for f in made.files} == {n: sha256_of(run.path / n) for n in PUBLISHED[:-1]}
    assert all(not (run.path / n).stat().st_mode & stat.S_IWUSR for n in PUBLISHED)
    assert run.state("S2") == made


def test_published_files_are_never_overwritten(run):
    commit_state(run, "S2", filled(run), receipt_of, Threads.of(2))
    with pytest.raises(Conflict, match="already published"):
        commit_state(run, "S2", filled(run), receipt_of, Threads.of(2))


class Death(BaseException):
    pass


def steps_of(monkeypatch):
    """Every function that a commit goes through, so that a death can be put before any of its calls."""
    calls = []

    def watch(module, name):
        real = getattr(module, name)

        def watched(*args, **kwargs):
            calls.append(name)
            if len(calls) == watched.die_at:
                raise Death(name)
            return real(*args, **kwargs)

        watched.die_at = 0
        monkeypatch.setattr(module, name, watched)
        return watched

    watched = [
        watch(commit_module, n) for n in ("sync_path", "make_read_only", "sha256_of", "write_json", "remove_tree")
    ]
    return calls, watched


def test_a_death_before_any_step_leaves_all_or_nothing(tmp_path, monkeypatch):
    for nth in range(1, 40):
        run = RunFolder.of(tmp_path / str(nth), "0" * 32)
        run.path.mkdir(parents=True)
        with monkeypatch.context() as patched:
            calls, watched = steps_of(patched)
            folder = filled(run)
            calls.clear()
            for w in watched:
                w.die_at = nth
            try:
                commit_state(run, "S2", folder, receipt_of, Threads.of(1))
                died = False
            except Death:
                died = True
        clear_leftovers(run)
        assert content(run) in ([], PUBLISHED), nth
        if not died:
            assert content(run) == PUBLISHED
            return
    pytest.fail("a commit with no death was never reached")


def test_a_second_try_takes_the_first_one_back(run):
    filled(run)
    folder = filled(run)
    commit_state(run, "S2", folder, receipt_of, Threads.of(1))
    assert content(run) == PUBLISHED


def test_two_processes_never_share_a_run(tmp_path):
    with run_lock(tmp_path, "a" * 32), pytest.raises(ResourceRefused, match="another process"):
        run_lock(tmp_path, "a" * 32)


def test_a_run_is_free_again_when_its_lock_was_left(tmp_path):
    held = run_lock(tmp_path, "a" * 32)
    with held:
        pass
    with run_lock(tmp_path, "a" * 32):
        pass


def test_a_thread_may_take_the_store_again_and_others_wait_for_its_last_word(tmp_path):
    with ThreadPoolExecutor(1) as pool, store_lock(tmp_path):
        with store_lock(tmp_path):
            pass
        with pytest.raises(ResourceRefused, match=r"E_STORE_LOCKED.*store\.lock.*still held after 0 s"):
            pool.submit(wait_for_lock, tmp_path, "store", 0.1).result()
    with wait_for_lock(tmp_path, "store", 0.1):
        pass


@pytest.mark.parametrize("bad", ["../x", "A" * 32, "", "0" * 31, "0" * 33, "/etc"])
def test_a_run_id_cannot_leave_its_folder(tmp_path, bad):
    with pytest.raises(UsageError, match="E_RUN_ID"):
        RunFolder.of(tmp_path, bad)


def test_a_run_is_found_by_the_beginning_of_its_id(tmp_path):
    for run_id in ("abcd" + "0" * 28, "abce" + "0" * 28):
        path = RunFolder.of(tmp_path, run_id)
        path.path.mkdir(parents=True)
        write_json(path.receipt_path, {})
    assert resolve_run(tmp_path, "abcd").run_id.startswith("abcd")
    assert len(find_runs(tmp_path)) == 2
    with pytest.raises(UsageError, match="no such run"):
        resolve_run(tmp_path, "ffff")
    with pytest.raises(UsageError, match="no such run"):
        resolve_run(tmp_path, "abc")


@pytest.mark.parametrize(
    "text", ["", "{", "[]", json.dumps({"state": "S1", "colour": 1})], ids=["empty", "torn", "list", "field"]
)
def test_a_torn_receipt_is_damage_not_a_crash(run, text):
    path = run.state_path("S2")
    path.parent.mkdir(parents=True)
    path.write_text(text)
    with pytest.raises(Damaged, match=r"E_RUN_RECEIPT_DAMAGED.*S2\.json"):
        read_record(path, StateReceipt)


def test_new_ids_differ():
    assert new_run_id() != new_run_id()
    assert os.sep not in new_run_id()

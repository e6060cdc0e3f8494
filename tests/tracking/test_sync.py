import shutil
import sqlite3
from contextlib import closing

import pytest

from seg6b.errors import ResourceRefused
from seg6b.runs import ledger, pins
from seg6b.runs.commit import run_lock
from seg6b.runs.disk import write_json
from seg6b.runs.folder import RunFolder
from seg6b.runs.pins import PIN, Pin, Role
from seg6b.runs.pruned import Fate, Pruned, write_mark
from seg6b.runs.sweep_folder import sweep_lock
from seg6b.scoring.closure import Decision
from seg6b.tracking import project as projecting
from seg6b.tracking.index import take_index
from seg6b.tracking.project import project_folder
from seg6b.tracking.settings import MLflowSettings
from seg6b.tracking.store import open_store
from seg6b.tracking.sweeps import project_parent
from seg6b.tracking.sync import SyncReport, sync
from tests.render import closures
from tests.tracking.folders import LANE, close, tag, told, write_run, write_sweep

A, B, C = ("a" * 32, "b" * 32, "c" * 32)
NOTHING = SyncReport()


def pinned(run, role=Role.AUTHORITY):
    r = run.receipt()
    return Pin(
        role, r.run_id, r.digest, "", r.manifest_fingerprint, r.parameter_hash, r.posture, r.seed, r.scenario_id,
        "PASS_B", r.ended_utc, "",
    )  # fmt: skip


def hold(root, *held):
    """Pin runs that have no data to check."""
    pins._write(root, pins._Book(held))


def running(settings, run_id):
    """A run of which the store heard the beginning alone."""
    (run,) = told(settings, tag(run_id))
    with open_store(settings) as client:
        client.update_run(run.info.run_id, "RUNNING")


def test_what_an_outage_left_out_is_told_once(settings, tmp_path):
    write_run(tmp_path, A)
    write_run(tmp_path, B, upto="S3", status="FAILED")
    project_folder(RunFolder.of(tmp_path, A), settings)
    first = sync(tmp_path, settings)
    assert (first.runs, first.closed, first.damaged) == ((B,), (), {})
    (run,) = told(settings, tag(B))
    assert run.info.status == "FAILED"
    assert "verdict" not in run.data.tags
    assert sync(tmp_path, settings) == NOTHING
    assert len(told(settings)) == 2


def test_lost_store_is_made_again(settings, tmp_path, empty_store):
    write_run(tmp_path, A)
    sync(tmp_path, settings)
    shutil.copy(empty_store, settings.sqlite_path)
    assert sync(tmp_path, settings).runs == (A,)


def test_receipts_learn_the_id_unless_they_are_pinned(settings, tmp_path):
    runs = [write_run(tmp_path, run_id) for run_id in (A, B)]
    hold(tmp_path, pinned(runs[0]))
    before = runs[0].receipt_path.read_bytes()
    sync(tmp_path, settings)
    assert runs[0].receipt_path.read_bytes() == before
    (run,) = told(settings, tag(B))
    assert runs[1].receipt().mlflow_run_id == run.info.run_id


def test_closed_sweep_is_told_with_its_arms_and_not_with_its_repeats(settings, tmp_path):
    sweep = write_sweep(tmp_path)
    slot = {"lane": LANE, "sweep_id": sweep.sweep_id, "arm": "c01", "set_index": 1, "round_index": 2}
    write_run(tmp_path, closures.run_id("c01", 1, 2), **slot)
    report = sync(tmp_path, settings)
    assert (report.sweeps, report.runs) == ((sweep.sweep_id,), ())
    assert len(told(settings)) == 4
    assert sync(tmp_path, settings) == NOTHING


def test_sweep_that_was_scored_again_is_told_again(settings, tmp_path):
    sweep = write_sweep(tmp_path)
    sync(tmp_path, settings)
    close(tmp_path, sweep, decision=Decision.HOLD, best="")
    assert sync(tmp_path, settings).sweeps == (sweep.sweep_id,)
    (above,) = told(settings, "tags.role = 'sweep'")
    assert above.data.tags["decision"] == "HOLD"


def test_open_sweep_waits(settings, tmp_path):
    write_sweep(tmp_path, closed=False)
    assert sync(tmp_path, settings) == NOTHING
    assert told(settings) == []


def test_parent_gets_the_closure_files(settings, tmp_path):
    sweep = write_sweep(tmp_path)
    name = f"segment6b_popt2r2_closure_{closures.run_id('c01')}"
    write_json(tmp_path / "reports" / f"{name}.json", {"sweep_id": sweep.sweep_id})
    write_json(tmp_path / "reports" / "segment6b_popt1_closure_x.json", {"sweep_id": "other"})
    (tmp_path / "reports" / f"{name.replace('closure', 'state_elapsed')}.csv").write_text("a\n")
    sync(tmp_path, settings)
    (above,) = told(settings, "tags.role = 'sweep'")
    with open_store(settings) as client:
        found = {a.path for a in client.list_artifacts(above.info.run_id)}
    assert found == {"closure.json", f"{name}.json", f"{name.replace('closure', 'state_elapsed')}.csv"}


def test_roles_follow_pins_and_prune(settings, tmp_path):
    runs = {run_id: write_run(tmp_path, run_id) for run_id in (A, B, C)}
    sync(tmp_path, settings)
    hold(tmp_path, pinned(runs[A], Role.LAST_GOOD), pinned(runs[A]))
    ledger.append(tmp_path, PIN, {"run_id": B})
    write_mark(runs[C], Pruned("d" * 64, Fate.TRASHED, "superseded", 1, 1, "2026-03-02T00:00:00Z"))
    report = sync(tmp_path, settings)
    assert report.runs == ()
    assert set(report.retagged) == {A, B, C}
    assert {run_id: told(settings, tag(run_id))[0].data.tags["role"] for run_id in runs} == {
        A: "authority", B: "superseded", C: "pruned",
    }  # fmt: skip
    (runs[C].path / "pruned.json").unlink()
    hold(tmp_path)
    assert set(sync(tmp_path, settings).retagged) == {A, C}
    assert told(settings, tag(C))[0].data.tags["role"] == "candidate"


def test_runs_that_only_seem_to_run_are_closed(settings, tmp_path):
    write_run(tmp_path, A)
    write_run(tmp_path, B, status="FAILED")
    sync(tmp_path, settings)
    for run_id in (A, B):
        running(settings, run_id)
    write_run(tmp_path, C, upto="S2", status="RUNNING", ended_utc="")
    report = sync(tmp_path, settings)
    assert set(report.closed) == {A, B}
    assert {run_id: told(settings, tag(run_id))[0].info.status for run_id in (A, B, C)} == {
        A: "FINISHED", B: "FAILED", C: "KILLED",
    }  # fmt: skip
    assert sync(tmp_path, settings) == NOTHING


def test_run_that_a_process_works_on_is_left_alone(settings, tmp_path):
    write_run(tmp_path, A, upto="S2", status="RUNNING", ended_utc="")
    with run_lock(tmp_path, A):
        assert sync(tmp_path, settings) == SyncReport(in_flight=(A,))
        assert told(settings) == []
    assert sync(tmp_path, settings).runs == (A,)


def test_run_that_was_resumed_during_the_outage(settings, tmp_path):
    write_run(tmp_path, A, upto="S2", status="FAILED")
    sync(tmp_path, settings)
    write_run(tmp_path, A)
    assert sync(tmp_path, settings).runs == (A,)
    (run,) = told(settings)
    assert (run.info.status, run.data.tags["verdict"]) == ("FINISHED", "PASS_BPLUS")


def test_parent_of_a_sweep_that_nobody_works_on_is_closed(settings, tmp_path):
    sweep = write_sweep(tmp_path, closed=False)
    project_parent(settings, LANE, sweep.sweep_id, sweep.created_utc, {})
    with sweep_lock(tmp_path, sweep.sweep_id):
        assert sync(tmp_path, settings) == NOTHING
    assert sync(tmp_path, settings).closed == (sweep.sweep_id,)
    (above,) = told(settings)
    assert above.info.status == "KILLED"


def test_run_whose_folder_is_gone_does_not_run(settings, tmp_path):
    run = write_run(tmp_path, A)
    sync(tmp_path, settings)
    running(settings, A)
    shutil.rmtree(run.path)
    assert sync(tmp_path, settings).closed == (A,)
    assert told(settings)[0].info.status == "KILLED"


def test_deleted_in_the_store_stays_deleted(settings, tmp_path):
    write_run(tmp_path, A)
    sync(tmp_path, settings)
    with open_store(settings) as client:
        client.delete_run(told(settings)[0].info.run_id)
    assert sync(tmp_path, settings) == NOTHING
    assert take_index(settings).runs[A].deleted


def test_broken_run_does_not_keep_the_others_from_the_store(settings, tmp_path):
    damaged = [write_run(tmp_path, run_id) for run_id in (A, B)]
    damaged[0].receipt_path.write_text("{}")
    damaged[1].gates_path.write_text("{}")
    write_run(tmp_path, C)
    report = sync(tmp_path, settings)
    assert report.runs == (C,)
    assert set(report.damaged) == {str(damaged[0].path), str(damaged[1].gates_path)}


def test_store_that_dies_in_the_middle_is_completed_later(settings, tmp_path, monkeypatch):
    for run_id in (A, B, C):
        write_run(tmp_path, run_id)
    ends = projecting.end
    lock = sqlite3.connect(settings.sqlite_path)

    def end_then_die(client, run_id, status, at):
        ends(client, run_id, status, at)
        lock.execute("BEGIN IMMEDIATE")

    monkeypatch.setattr(projecting, "end", end_then_die)
    with closing(lock), pytest.raises(ResourceRefused, match="database is locked"):
        sync(tmp_path, settings)
    monkeypatch.undo()
    assert len(told(settings)) == 1
    assert sync(tmp_path, settings).runs == (B, C)


def test_switched_off(tmp_path):
    write_run(tmp_path, A)
    assert sync(tmp_path, MLflowSettings(tmp_path, enabled=False)) == NOTHING

"""Full and read-only disks, impossible roots, stores that do not answer, code that changes: the run stays sound."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from dataclasses import replace

import pytest

from seg6b.lane.candidate import run_candidate
from seg6b.runs.progress import Silent
from seg6b.settings.job import TrackingChoice
from tests.street.lanes import (
    PROJECT,
    Said,
    copy_run,
    ended,
    environment,
    lane_command,
    leftovers,
    privately,
    rows_of,
    run_lane,
    snapshot,
    start_lane,
    status_of,
)

# permissions bind everybody but root, who can give that privilege away
UNPRIVILEGED = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"] if os.getuid() == 0 else []

# what begins has room, or is refused; so the room goes while a run is on its way, which is the case from `state` on
FILLING = """
root=$1 told=$2 begun=$3; shift 3
mount -t tmpfs -o size=4k none "$root"
for step in 300k.world 2050k.begin 2050k.state 4600k.board 64m.whole; do
    mount -o remount,size=${step%.*} "$root"
    name=${step#*.}
    if [ $name = state ]; then cp -r "$begun" "$root/mlruns/runs"; fi
    run=$(ls "$root/mlruns/runs" 2>/dev/null || true)
    code=0; "$@" ${run:+run_id=$run} >"$told/$name.out" 2>"$told/$name.err" || code=$?
    echo $code >"$told/$name.code"
    find "$root/mlruns" -name '.*' ! -name '*.lock' >"$told/$name.left"
    cp "$root"/mlruns/runs/*/run_receipt.json "$told/$name.json" 2>/dev/null || true
done
cp -r "$root/mlruns/runs" "$told/runs"
"""


def told(folder, name):
    out, err, code = ((folder / f"{name}.{end}").read_text() for end in ("out", "err", "code"))
    return Said(int(code), out, err)


def test_a_disk_that_fills_up_stops_a_run_anywhere_and_more_room_lets_it_go_on(finished, tmp_path, usual_code):
    root, folder = tmp_path / "root", tmp_path / "told"
    root.mkdir()
    folder.mkdir()
    begun = copy_run(finished, tmp_path / "begun", until="S0")
    for board in begun.glob("gateboard.*"):
        board.unlink()
    privately(FILLING, root, folder, begun.parent, *lane_command(root, "tracking=off"))
    stops = {"world": "E_WORLD_DISK", "state": "E_S2_DISK", "board": "E_RUN_DISK"}
    for name, code in stops.items():
        said = told(folder, name)
        assert said.code == 1
        assert said.refusal.startswith(f"{code}: the disk is full ({root}/mlruns/"), said.refusal
        assert "got No space left on device; expected room and permission to write." in said.refusal
        assert (folder / f"{name}.left").read_text() == ""
    assert told(folder, "begin").refusal.startswith(f"E_RUN_ROOM: the disk has too little room for this run ({root}")
    assert not (folder / "begin.json").exists()
    (run,) = (folder / "runs").iterdir()
    assert "nothing was published" in told(folder, "world").refusal
    for name, status in {"state": "FAILED", "board": "DONE"}.items():
        assert f"add run_id={run.name} to the same command" in told(folder, name).refusal
        assert json.loads((folder / f"{name}.json").read_text())["status"] == status
    assert told(folder, "whole").whole
    assert told(folder, "whole").code == usual_code
    assert rows_of(run) == rows_of(finished)


def test_a_full_kernel_cache_is_named(finished, root, tmp_path):
    run = copy_run(finished, root, until="S0")
    cache = tmp_path / "cache"
    cache.mkdir()
    script = 'mount -t tmpfs -o size=200k none "$SEG6B_CACHE"; code=0; "$@" 2>"$0.err" || code=$?; echo $code'
    command = lane_command(root, "tracking=off", f"run_id={run.name}")
    done = subprocess.run(
        ["unshare", "-rm", "sh", "-euc", script, str(tmp_path / "told"), *command], cwd=PROJECT, check=True,
        env=environment(SEG6B_CACHE=str(cache)), capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    said = Said(int(done.stdout.split()[-1]), "", (tmp_path / "told.err").read_text())
    assert said.code == 1
    assert said.refusal.startswith(f"E_S1_DISK: the disk is full ({cache}/kernels/")


def test_a_kernel_cache_that_cannot_be_is_done_without(tmp_path):
    (tmp_path / "file").write_text("")
    script = "from seg6b.draws.compiled import KEPT; from seg6b.shards.cells import cell_of; print(KEPT, cell_of.stats)"
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=PROJECT, env=environment(SEG6B_CACHE=str(tmp_path / "file" / "cache")),
        capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    assert done.stdout.startswith("False _CompileStats(cache_path=None")


READING = 'mount --bind "$1" "$1"; mount -o remount,bind,ro "$1"; shift; "$@" 2>&1 || echo "code $?"'


def test_a_read_only_root_is_refused(finished_root, finished):
    said = privately(READING, finished_root, *lane_command(finished_root, "tracking=off", f"run_id={finished.name}"))
    *_, line, code = said.splitlines()
    assert code == "code 1"
    assert line.startswith("E_RUN_DISK: the file system is read-only (")
    assert str(finished_root) in line
    assert "Traceback" not in said


def test_a_root_that_is_a_file_is_refused(tmp_path):
    (tmp_path / "file").write_text("mine")
    said = run_lane(tmp_path / "file")
    assert said.code == 1
    assert said.refusal.startswith(f"E_ROOT_DISK: a file lies where a folder should be ({tmp_path}/file/mlruns")
    assert (tmp_path / "file").read_text() == "mine"


def test_a_root_without_permission_is_refused(tmp_path):
    tmp_path.chmod(0o555)
    said = run_lane(tmp_path, before=UNPRIVILEGED)
    tmp_path.chmod(0o755)
    assert said.code == 1
    assert said.refusal.startswith(f"E_ROOT_DISK: writing is not permitted ({tmp_path}/mlruns)")
    assert list(tmp_path.iterdir()) == []


def pending(said):
    """The one line that says why MLflow does not know the run yet."""
    (line,) = (line for line in said.whole.splitlines() if line.startswith("tracking"))
    return " ".join(line.split())


def tracked_as(run):
    return json.loads((run / "run_receipt.json").read_text())["mlflow_run_id"]


@pytest.mark.heavy
def test_a_locked_store_costs_the_log_alone_and_the_next_command_completes_it(finished, root, usual_code):
    run = copy_run(finished, root, until="S4")
    command = ("tracking=mlflow", "tracking.timeout_s=1", f"run_id={run.name}")
    with closing(sqlite3.connect(root / "mlruns" / "mlflow.db", isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        said = run_lane(root, *command)
    assert said.code == usual_code
    assert pending(said).startswith("tracking pending: E_TRACKING_STORE: the tracking store cannot be used (sqlite:")
    assert "got database is locked;" in pending(said)
    assert f"add run_id={run.name}" in pending(said)
    assert (status_of(run), tracked_as(run)) == ("DONE", "")
    states = snapshot(run / "states")
    again = run_lane(root, *command)
    assert again.code == usual_code
    assert pending(again) == f"tracking sqlite:///{root}/mlruns/mlflow.db"
    assert tracked_as(run) != ""
    assert snapshot(run / "states") == states
    database = root / "mlruns" / "mlflow.db"
    database.chmod(0o444)
    readonly = run_lane(root, *command, before=UNPRIVILEGED)
    assert readonly.code == usual_code
    assert "got attempt to write a readonly database;" in pending(readonly)
    assert tracked_as(run) != ""


@pytest.mark.parametrize(
    ("uri", "words"),
    [
        ("", ["mlflow.db", "file is not a database"]),
        ("http://127.0.0.1:9", ["http://127.0.0.1:9", "Connection refused"]),
        ("nonsense://x", ["nonsense://x", "unsupported URI"]),
    ],
    ids=["damaged", "unreachable", "unknown"],
)
def test_a_store_that_cannot_be_used_leaves_the_run_done_and_untracked(small_job, finished, root, uri, words):
    run = copy_run(finished, root)
    if not uri:
        (root / "mlruns" / "mlflow.db").write_text("no database " * 1000)
    tracking = TrackingChoice(enabled=True, uri=uri, artifact_root="", timeout_s=1.0)
    outcome = run_candidate(replace(small_job, root=root, run_id=run.name, tracking=tracking), Silent())
    for word in ["E_TRACKING_STORE", *words, "The run itself is safe.", run.name]:
        assert word in outcome.untracked
    assert "\n" not in outcome.untracked
    assert (status_of(run), tracked_as(run)) == ("DONE", "")


def test_code_that_changes_while_a_state_runs_publishes_nothing(finished, root, tmp_path):
    code = tmp_path / "code"
    shutil.copytree(PROJECT / "seg6b", code)
    run = copy_run(finished, root, until="S1")
    script = 'mount --bind "$1" "$2"; shift 2; exec "$@"'
    inside = ["unshare", "-rm", "sh", "-euc", script, "sh", str(code), str(PROJECT / "seg6b")]
    process = start_lane(root, "s2.batch_rows=100", f"run_id={run.name}", before=inside)
    while not list(run.glob(".S2.*.tmp")):
        assert process.poll() is None, process.communicate()
        time.sleep(0.002)
    with (code / "states" / "s2_flows" / "state.py").open("a") as file:
        file.write("# another thought\n")
    said = ended(process)
    assert said.code == 1
    assert said.refusal.startswith("E_S2_CODE_CHANGED: code of the state changed on disk while it ran (seg6b.states.s2")
    assert "nothing was published" in said.refusal
    assert sorted(p.stem for p in (run / "states").iterdir()) == ["S0", "S1"]
    assert not list(run.glob("data/layer3/6B/s2_*"))
    assert leftovers(root) == []
    assert status_of(run) == "FAILED"

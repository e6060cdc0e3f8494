import sqlite3
import subprocess
import sys
from contextlib import closing

import pytest

from seg6b.errors import ResourceRefused
from seg6b.tracking.project import project
from seg6b.tracking.projection import Projection
from seg6b.tracking.settings import MLflowSettings
from seg6b.tracking.store import open_store, prepare
from tests.render.synthetic import RUN_ID, gate_board, receipt, states
from tests.tracking.folders import artifacts
from tests.tracking.folders import told as found

AGAIN = """
import sys, pathlib
from seg6b.tracking import project, settings
from tests.render.synthetic import gate_board, receipt, states
files = [pathlib.Path(sys.argv[2])]
print(project.project(receipt(), states(), gate_board(), files, settings.MLflowSettings(pathlib.Path(sys.argv[1]))))
"""


def test_run_is_readable_back(settings, tmp_path):
    folder = tmp_path / "run" / "states"
    folder.mkdir(parents=True)
    files = [folder.parent / "run_receipt.json", folder / "S4.json"]
    for file in files:
        file.write_text("{}")
    prepare(settings, "adhoc")
    run_id = project(receipt(), states(), gate_board(failing=("T5",)), files, settings)
    (run,) = found(settings, f"tags.`seg6b.run_id` = '{RUN_ID}'")
    assert run.info.run_id == run_id
    assert run.info.status == "FINISHED"
    assert run.info.end_time - run.info.start_time == 21_500
    assert run.data.params["s4.batch_rows"] == "500000"
    assert run.data.params["policy.truth"] == "full 06060606"
    assert run.data.params["parameter_hash"] == "cd" * 8
    assert run.data.metrics["elapsed_s.S4"] == 5.2
    assert run.data.metrics["rows_per_s.S2"] == pytest.approx(590_000 / 3.8)
    assert run.data.metrics["parts.s4_event_labels_6B"] == 8.0
    assert run.data.metrics["gate.T6"] == 0.1412
    assert (run.data.metrics["gate_b.T5"], run.data.metrics["gates.bplus"]) == (0.0, 21.0)
    assert run.data.tags["verdict"] == "PASS_BPLUS"
    assert run.data.tags["failing"] == "T5"
    assert run.inputs.dataset_inputs[0].dataset.digest == "ab" * 16
    assert artifacts(settings, run_id) == ["run_receipt.json", "states"]
    assert artifacts(settings, run_id, "states") == ["states/S4.json"]


def test_projecting_twice_updates_one_run(settings):
    first = project(receipt(), states(), gate_board(), [], settings)
    second = project(
        receipt(role="authority"), states(), gate_board(), [], settings, also=Projection(tags={"decision": "KEEP"})
    )
    (run,) = found(settings)
    assert first == second
    assert (run.data.tags["role"], run.data.tags["decision"]) == ("authority", "KEEP")
    assert len(run.inputs.dataset_inputs) == 1
    with open_store(settings) as client:
        assert len(client.get_metric_history(first, "gate.T5")) == 1


def test_value_that_changes_is_a_later_point(settings):
    run_id = project(receipt(), states(), gate_board(), [], settings, also=Projection(metrics={"ratio": 0.9}))
    project(receipt(), states(), gate_board(), [], settings, also=Projection(metrics={"ratio": 0.8}))
    (run,) = found(settings)
    assert run.data.metrics["ratio"] == 0.8
    with open_store(settings) as client:
        points = client.get_metric_history(run_id, "ratio")
    assert [p.value for p in sorted(points, key=lambda p: p.timestamp)] == [0.9, 0.8]


def test_parameter_that_reads_otherwise_now(settings):
    project(receipt(knobs={"s4.batch_rows": 1}), states(), gate_board(), [], settings)
    project(receipt(knobs={"s4.batch_rows": 2}), states(), gate_board(), [], settings)
    (run,) = found(settings)
    assert (run.data.params["s4.batch_rows"], run.data.tags["param.s4.batch_rows"]) == ("1", "2")


def test_what_is_shown_is_little_and_sorts(settings):
    project(receipt(), states(), gate_board(), [], settings)
    (run,) = found(settings)
    assert not {n for n in run.data.tags if n.startswith("version.")}
    assert "polars 2.1.0" in run.data.tags["versions"]
    assert run.data.tags["machine"].startswith("cores 2, ")
    assert max(map(len, run.data.params.values())) <= 20
    names = sorted(run.data.metrics)
    assert names[:7] == [f"elapsed_s.S{k}" for k in range(6)] + ["elapsed_s.total"]
    assert next(iter(run.data.metrics)) == "elapsed_s.S1"


def test_linked_run_has_no_total(settings):
    project(receipt(), states(S1="9" * 32, S2="9" * 32), gate_board(), [], settings)
    (run,) = found(settings)
    assert run.data.tags["source_run"] == "9" * 32
    assert not {"elapsed_s.S1", "elapsed_s.total"} & run.data.metrics.keys()
    assert "elapsed_s.S3" in run.data.metrics


def test_inherited_run_id_is_ignored(settings, monkeypatch):
    monkeypatch.setenv("MLFLOW_RUN_ID", "f" * 32)
    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", "elsewhere")
    run_id = project(receipt(), states(), gate_board(), [], settings)
    (run,) = found(settings)
    assert run.info.run_id == run_id != "f" * 32


def test_long_values_become_tags(settings):
    knobs = {"s1": {"strategy": "x" * 700, "plan": ["y" * 7_000], "batch rows?": 1}}
    project(receipt(knobs=knobs), states(), gate_board(), [], settings)
    (run,) = found(settings)
    assert run.data.tags["param.s1.strategy"] == "x" * 700
    assert len(run.data.tags["param.s1.plan"]) == 5_000
    assert " … sha256 " in run.data.tags["param.s1.plan"]
    assert run.data.params["s1.batch rows_"] == "1"


def test_more_than_one_batch(settings):
    knobs = {f"k{i:03d}": i for i in range(230)}
    project(
        receipt(knobs=knobs),
        states(),
        gate_board(),
        [],
        settings,
        also=Projection(tags={f"t{i:03d}": "v" for i in range(130)}),
    )
    (run,) = found(settings)
    assert sum(k.startswith("k") for k in run.data.params) == 230
    assert sum(k.startswith("t") and k[1:].isdigit() for k in run.data.tags) == 130


def test_failed_run_without_board(settings):
    project(receipt(status="FAILED", ended_utc=""), states()[:2], None, [], settings)
    (run,) = found(settings)
    assert run.info.status == "FAILED"
    assert "verdict" not in run.data.tags


def test_switched_off(tmp_path):
    settings = MLflowSettings(tmp_path, enabled=False)
    prepare(settings, "adhoc")
    assert project(receipt(), states(), gate_board(), [], settings) == ""
    assert list(tmp_path.iterdir()) == []


def test_deleted_experiment_is_revived(settings):
    prepare(settings, "adhoc")
    with open_store(settings) as client:
        client.delete_experiment(client.get_experiment_by_name("adhoc").experiment_id)
    project(receipt(), states(), gate_board(), [], settings)
    assert len(found(settings)) == 1


def test_locked_store(settings):
    prepare(settings, "adhoc")
    with closing(sqlite3.connect(settings.sqlite_path)) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(ResourceRefused, match=r"E_TRACKING_STORE.*mlflow\.db.*database is locked.*seg6b sync"):
            project(receipt(), states(), gate_board(), [], settings)


def test_read_only_store(settings):
    prepare(settings, "adhoc")
    with settings.sqlite_path.open("r+b") as file:
        file.seek(18)
        file.write(b"\x03")  # a write version that SQLite does not know: it opens the file read-only, even for root
    with pytest.raises(ResourceRefused, match="readonly database"):
        project(receipt(), states(), gate_board(), [], settings)


def test_damaged_store(settings):
    settings.sqlite_path.write_bytes(b"not a database" * 100)
    with pytest.raises(ResourceRefused, match="file is not a database"):
        prepare(settings, "adhoc")


def test_store_in_an_impossible_place(tmp_path):
    (tmp_path / "mlruns").write_text("a file")
    with pytest.raises(ResourceRefused, match="E_TRACKING_STORE"):
        prepare(MLflowSettings(tmp_path), "adhoc")


def test_unreachable_server_hides_its_password(tmp_path):
    settings = MLflowSettings(tmp_path, uri="postgresql://me:secret@127.0.0.1:1/db", timeout_s=0.5)
    with pytest.raises(ResourceRefused, match=r"postgresql://127\.0\.0\.1:1/db") as refused:
        prepare(settings, "adhoc")
    assert "secret" not in str(refused.value)


def test_artifacts_that_are_missing(settings, tmp_path):
    with pytest.raises(ResourceRefused, match="E_TRACKING_STORE"):
        project(receipt(), states(), gate_board(), [tmp_path / "absent.json"], settings)


def test_lane_name_cannot_leave_its_root(settings):
    prepare(settings, "../../etc")
    with open_store(settings) as client:
        location = client.get_experiment_by_name("../../etc").artifact_location
    assert location == (settings.root / "mlruns" / "artifacts" / "_.._etc").as_uri()


def test_moved_project_keeps_its_artifacts(tmp_path):
    old, new = tmp_path / "old", tmp_path / "new"
    board = tmp_path / "gates.json"
    board.write_text("{}")
    run_id = project(receipt(), states(), gate_board(), [board], MLflowSettings(old))
    old.rename(new)
    again = subprocess.run(
        [sys.executable, "-c", AGAIN, str(new), str(board)], capture_output=True, text=True, check=True
    )
    assert again.stdout.strip() == run_id
    assert artifacts(MLflowSettings(new), run_id) == ["gates.json"]
    assert not old.exists()

from dataclasses import replace

import pytest

from seg6b.runs.folder import RunFolder
from seg6b.scoring.closure import Decision
from seg6b.tracking.settings import MLflowSettings
from seg6b.tracking.store import open_store
from seg6b.tracking.sweeps import arm_runs, close_parent, project_parent, project_sweep
from tests.render import closures
from tests.tracking.folders import LANE, artifacts, close, told, write_sweep


def projected(settings, sweep, closure, files=()):
    return project_sweep(sweep, closure, arm_runs(settings.root, sweep, closure), settings, files)


def children(settings, parent):
    return {run.data.tags["arm"]: run for run in told(settings, f"tags.`mlflow.parentRunId` = '{parent}'")}


def test_sweep_is_a_parent_with_one_child_an_arm(settings, tmp_path):
    sweep = write_sweep(tmp_path)
    parent = projected(
        settings, sweep, close(tmp_path, sweep), [tmp_path / "mlruns/sweeps" / sweep.sweep_id / "closure.json"]
    )
    with open_store(settings) as client:
        above = client.get_run(parent)
        assert client.get_experiment(above.info.experiment_id).name == LANE
    assert above.info.status == "FINISHED"
    assert (above.data.tags["decision"], above.data.tags["best"], above.data.tags["role"]) == ("KEEP", "c01", "sweep")
    assert above.data.tags["marker"] == "UNLOCK_POPT.3_CONTINUE"
    assert above.data.tags["seg6b.sweep_id"] == sweep.sweep_id
    assert "| c01 | s4.batch_rows=500000 s4.compression=snappy | KEEP | 0.6" in above.data.tags["mlflow.note.content"]
    assert artifacts(settings, parent) == ["closure.json"]
    below = children(settings, parent)
    assert {a: (r.data.tags["role"], r.data.tags.get("decision")) for a, r in below.items()} == {
        "control": ("control", None), "c01": ("candidate", "KEEP"), "c02": ("candidate", "INSUFFICIENT"),
    }  # fmt: skip


def test_child_shows_what_was_decided_on(settings, tmp_path):
    sweep = write_sweep(tmp_path)
    closure = close(tmp_path, sweep)
    below = children(settings, projected(settings, sweep, closure))
    ratio = closure.arms[0].ratio
    metrics = below["c01"].data.metrics
    assert metrics["ratio_vs_authority.S4"] == ratio.mean
    assert (metrics["ratio_lo.S4"], metrics["ratio_hi.S4"]) == ratio.ci95
    assert metrics["repeats"] == 10.0
    assert below["control"].data.metrics["elapsed_median_s.S4"] == pytest.approx(5.44, abs=0.1)
    assert "ratio_vs_authority.S4" not in below["control"].data.metrics
    tags = below["c01"].data.tags
    assert tags["mlflow.runName"] == "c01 s4.batch_rows=500000 s4.compression=snappy"
    assert (tags["owner"], tags["source_run"]) == ("S4", closures.AUTHORITY)
    assert tags["reason"] == "The ratio lies below 0.700 in both sets."


def test_without_an_authority_the_ratio_is_the_control_s(settings, tmp_path):
    sweep = write_sweep(tmp_path, authority="")
    below = children(settings, projected(settings, sweep, close(tmp_path, sweep)))
    assert "ratio_vs_control.S4" in below["c01"].data.metrics
    assert "ratio_vs_authority.S4" not in below["c01"].data.metrics


def test_projecting_again_updates_the_same_runs(settings, tmp_path):
    sweep = write_sweep(tmp_path)
    first = projected(settings, sweep, close(tmp_path, sweep))
    held = close(tmp_path, sweep, decision=Decision.HOLD, best="")
    second = projected(settings, sweep, held)
    assert first == second
    assert len(told(settings)) == 4
    (above,) = told(settings, "tags.role = 'sweep'")
    assert above.data.tags["decision"] == "HOLD"


def test_arm_that_was_not_run_has_a_child_all_the_same(settings, tmp_path):
    sweep = write_sweep(tmp_path, arms=("control", "c01"))
    inert = closures.arm("c01", Decision.INERT, reasons=("batch_rows cannot bind",), run_id="")
    closure = replace(close(tmp_path, sweep), arms=(inert,), runs=())
    assert arm_runs(tmp_path, sweep, closure) == {}
    runs = {"control": RunFolder.of(tmp_path, closures.run_id("control"))}
    parent = project_sweep(sweep, closure, runs, settings)
    child = children(settings, parent)["c01"]
    assert (child.info.status, child.data.tags["decision"]) == ("FINISHED", "INERT")
    assert child.data.params == {"s4.batch_rows": "750000"}
    dead = replace(inert, decision=Decision.REJECT, reasons=("none of its runs ended",))
    project_sweep(sweep, replace(closure, arms=(dead,)), runs, settings)
    assert children(settings, parent)["c01"].info.status == "FAILED"
    assert len(told(settings)) == 3


def test_the_run_that_stands_for_an_arm_is_its_first_timed_one(tmp_path):
    sweep = write_sweep(tmp_path)
    runs = arm_runs(tmp_path, sweep, close(tmp_path, sweep))
    assert {a: run.run_id for a, run in runs.items()} == {a: closures.run_id(a) for a in ("control", "c01", "c02")}


def test_parent_can_be_there_before_the_sweep_ends(settings, tmp_path):
    sweep = write_sweep(tmp_path, closed=False)
    early = project_parent(settings, LANE, sweep.sweep_id, sweep.created_utc, {})
    (above,) = told(settings)
    assert above.info.status == "RUNNING"
    assert projected(settings, sweep, close(tmp_path, sweep)) == early
    close_parent(settings, early, failed=True, ended_utc=sweep.created_utc)
    (above,) = told(settings, "tags.role = 'sweep'")
    assert above.info.status == "FAILED"


def test_switched_off(tmp_path):
    off = MLflowSettings(tmp_path, enabled=False)
    sweep = write_sweep(tmp_path)
    assert projected(off, sweep, close(tmp_path, sweep)) == project_parent(off, LANE, sweep.sweep_id, "", {}) == ""
    assert not (tmp_path / "mlruns" / "mlflow.db").exists()


def test_words_of_others_do_not_break_the_description(settings, tmp_path):
    sweep = write_sweep(tmp_path)
    parent = projected(settings, sweep, close(tmp_path, sweep, reasons=("a | b <script>alert(1)</script> `x`",)))
    (above,) = told(settings, f"tags.`seg6b.sweep_id` = '{sweep.sweep_id}'")
    assert above.info.run_id == parent
    assert "a / b &lt;script>alert(1)&lt;/script> 'x'" in above.data.tags["mlflow.note.content"]

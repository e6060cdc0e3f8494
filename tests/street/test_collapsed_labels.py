"""The history of lane 2T, alive: labels that collapse in silence make S4 faster, and are refused by name."""

from __future__ import annotations

import json

from seg6b.runs.folder import RunFolder
from seg6b.runs.pins import Role, pin
from seg6b.shards.executor import Threads
from tests.street.lanes import copy_run, run_lane


def test_the_trap_is_refused_by_dataset_and_column_before_its_time_is_read(root, finished):
    authority = RunFolder(copy_run(finished, root))
    pin(root, authority, Role.AUTHORITY, "PASS_B", Threads(2))
    said = run_lane(root, "+lane=popt2t_trap", "source_run=any")
    assert said.code == 1, said.err
    (path,) = root.glob("mlruns/sweeps/*/closure.json")
    (arm,) = json.loads(path.read_text())["arms"]
    assert arm["overrides"] == ["s4.campaign_map=trap_lost_none"]
    assert arm["decision"] == "REJECT_SEMANTIC_DRIFT"
    assert arm["ratio"] is None
    drifts = {d["dataset"]: d for d in arm["drifts"]}
    assert {"is_fraud_truth", "fraud_label"} <= set(drifts["s4_flow_truth_labels_6B"]["columns"])
    assert "is_fraud_truth" in drifts["s4_event_labels_6B"]["columns"]
    assert drifts["s4_case_flows_6B"]["rows"] < drifts["s4_case_flows_6B"]["expected_rows"]
    assert "s3_flow_anchor_with_fraud_6B" not in drifts
    (reason,) = arm["reasons"]
    assert reason.startswith("rows are not those of the ")
    assert ": s4_flow_truth_labels_6B.is_fraud_truth, s4_flow_truth_labels_6B.fraud_label" in reason
    assert arm["checks_pass"] is False, "S5 refuses the run on its own"
    assert not list(RunFolder.of(root, arm["run_id"]).path.rglob("_passed.flag"))
    assert "REJECT_SEMANTIC_DRIFT" in said.err
    assert "s4_flow_truth_labels_6B" in said.out
    slots = sorted(p.stem for p in path.parent.glob("slots/*.json"))
    assert sum("c01" in s for s in slots) == 1, "a drifted arm is not run again"

"""The history of lane 2T, alive: labels that collapsed silently looked 35 % faster, and are refused by name."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from tests.street.lanes import PROJECT, SMALL, copy_run, environment

SCRIPT = Path(__file__).with_name("collapsed_lane.py")


def test_lost_labels_are_refused_by_dataset_and_column_however_fast(root, finished):
    run = copy_run(finished, root)
    pin = [sys.executable, "-m", "seg6b", "pin", run.name, "--root", str(root)]
    subprocess.run(pin, cwd=PROJECT, env=environment(), capture_output=True, check=True)
    sweep = (
        "-m", *SMALL, "source_run=any", f"root={root}", "tracking=off", "s4.compression=lz4",
        "lane.repeats=2", "lane.max_repeats=2", "lane.warm_up=false",
    )  # fmt: skip
    command = [sys.executable, str(SCRIPT), "sweep", *sweep]
    done = subprocess.run(
        command, cwd=PROJECT, env=environment(), capture_output=True, text=True, check=False, timeout=200
    )
    assert done.returncode == 1, done.stderr
    (path,) = root.glob("mlruns/sweeps/*/closure.json")
    (arm,) = json.loads(path.read_text())["arms"]
    assert arm["decision"] == "REJECT_SEMANTIC_DRIFT"
    assert arm["ratio"] is None
    drifts = {d["dataset"]: d["columns"] for d in arm["drifts"]}
    assert {"is_fraud_truth", "fraud_label"} <= set(drifts["s4_flow_truth_labels_6B"])
    assert "is_fraud_truth" in drifts["s4_event_labels_6B"]
    assert "s3_flow_anchor_with_fraud_6B" not in drifts
    assert "REJECT_SEMANTIC_DRIFT" in done.stderr
    assert "s4_flow_truth_labels_6B" in done.stdout
    slots = sorted(p.stem for p in path.parent.glob("slots/*.json"))
    assert sum("c01" in s for s in slots) == 1, "a drifted arm is not run again"

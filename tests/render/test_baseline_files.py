"""The seven files of a runtime baseline: their names, what they say, and that text stays text."""

from __future__ import annotations

import csv
import json
from dataclasses import replace

import pytest

from seg6b.render.baseline_files import NAMES, write_baseline
from seg6b.scoring.closure import Decision
from seg6b.scoring.state_csv import run_rows
from tests.scoring.baselines import RUN, baseline, receipt, run_facts


@pytest.fixture
def files(tmp_path):
    """Text of each file, by its name without lane and run."""
    paths = write_baseline(baseline(), tmp_path, ("authority c25a2675: S1 1333.75 s",))
    return {path.name.replace(f"_{RUN}", "").removeprefix("segment6b_popt0_"): path.read_text() for path in paths}


def test_they_bear_the_names_of_the_build_plan(tmp_path):
    paths = write_baseline(baseline(), tmp_path)
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted(p.name for p in paths)
    assert {p.name for p in paths} == {
        f"segment6b_popt0_state_elapsed_{RUN}.csv",
        f"segment6b_popt0_baseline_lock_{RUN}.md",
        f"segment6b_popt0_hotspot_map_{RUN}.json",
        f"segment6b_popt0_hotspot_map_{RUN}.md",
        f"segment6b_popt0_part_shape_{RUN}.json",
        f"segment6b_popt0_budget_pin_{RUN}.json",
        f"segment6b_popt0_baseline_{RUN}.json",
    }
    before = [p.read_bytes() for p in paths]
    assert [p.read_bytes() for p in write_baseline(baseline(), tmp_path)] == before


def test_elapsed_times_are_a_line_a_state(files):
    rows = list(csv.DictReader(files["state_elapsed.csv"].splitlines()))
    assert [(r["state"], r["elapsed_s"], r["how"]) for r in rows] == [
        ("S0", "1.0", "executed"), ("S1", "50.0", "executed"), ("S2", "10.0", "executed"),
        ("S3", "10.0", "executed"), ("S4", "25.0", "executed"), ("S5", "5.0", "executed"),
    ]  # fmt: skip
    assert {r["run_id"] for r in rows} == {RUN}
    lanes = ("input", "compute", "validate", "write", "residual")
    assert [rows[1][f"{lane}_s"] for lane in lanes] == ["5.0", "35.0", "0.0", "9.0", "1.0"]
    assert [rows[1][f"{lane}_cpu_s"] for lane in lanes] == ["5.0", "35.0", "0.0", "9.0", "1.0"]


def test_a_lane_that_no_receipt_tells_is_a_blank_not_a_zero():
    old = {"S1": {"input": 5.0, "compute": 35.0, "validate": 0.0, "write": 9.0}}
    (row,) = run_rows(run_facts(elapsed_s={"S1": 50.0}, cpu_s={}, lanes_s=old, lanes_cpu_s={}))
    assert row[6:] == (50.0, *[""] * 11)


def test_the_hotspot_map_is_ranked_with_the_residual_beside_the_lanes(files):
    found = json.loads(files["hotspot_map.json"])
    assert (found["run_id"], found["threads"], found["elapsed_s"]) == (RUN, 2, 100.0)
    assert found["order"] == ["S1", "S4", "S2", "S3", "S5"]
    first = found["states"][0]
    assert (first["rank"], first["state"], first["share"]) == (1, "S1", 0.5)
    assert first["lanes"][0] == {"lane": "compute", "elapsed_s": 35.0, "share": 0.7, "cpu_s": 35.0, "cpu_share": 0.7}
    assert first["residual"] == {"lane": "residual", "elapsed_s": 1.0, "share": 0.02, "cpu_s": 1.0, "cpu_share": 0.02}
    said = plain(files["hotspot_map.md"])
    assert "| 1 | S1 | 50.00 s | 50 % | 10 % | 70 % | 0 % | 18 % | 2 % |" in said
    assert "| S1 | 50.00 s | 10 % | 70 % | 0 % | 18 % | 2 % |" in said


def test_the_part_shape_names_small_files(files):
    found = json.loads(files["part_shape.json"])
    assert {d["dataset"]: d["small_files"] for d in found["heavy"]} == {
        "s3_event_stream_with_fraud_6B": False, "s4_event_labels_6B": False, "s4_flow_truth_labels_6B": True,
    }  # fmt: skip
    assert found["heavy"][0]["bytes_per_file"] == {"min": 4194304, "median": 9437184.0, "max": 12582912}
    assert found["light"] == ["s4_case_flows_6B"]


def test_the_budget_pin_holds_targets_gaps_and_the_ladder(files):
    found = json.loads(files["budget_pin.json"])
    assert found["states"][0] == {
        "name": "S1", "elapsed_s": 50.0, "target_s": 30.0, "stretch_s": 40.0, "gap_s": 20.0, "stretch_gap_s": 10.0,
        "at_floor": False, "status": "RED",
    }  # fmt: skip
    assert (found["candidate"]["status"], found["candidate"]["gap_s"]) == ("RED", 25.0)
    assert [step["lane"] for step in found["ladder"]] == ["POPT.2", "POPT.1", "POPT.3"]


def test_the_summary_says_what_was_decided_on_what(files):
    found = json.loads(files["baseline.json"])
    assert (found["segment"], found["phase"], found["lane"]) == ("6B", "POPT.0", "POPT.0")
    assert (found["decision"], found["marker"], found["required_checks_pass"]) == ("KEEP", "GO_POPT.1", True)
    assert (found["receipt_digest"], found["generated_utc"]) == ("d" * 64, receipt().ended_utc)
    assert (found["hotspot_order"][0], found["dominant_lanes"]["S1"]) == ("S1", "compute")
    assert found["small_files"] == ["s4_flow_truth_labels_6B"]
    assert found["budget_status"] == {"S1": "RED", "S2": "GREEN", "S3": "AMBER", "S4": "AMBER", "S5": "GREEN"}
    assert len(found["files"]) == len(NAMES)


def test_the_lock_tells_run_states_checks_parts_budgets_gains_and_history(files):
    text = plain(files["baseline_lock.md"])
    assert text.startswith("# Segment 6B lane POPT.0: baseline lock, KEEP\n")
    for words in (
        "**GO_POPT.1**", f"`{RUN}`", "d" * 64, "1,000,000 arrivals", "| S1 | PASS | executed | 50.00 s | 50.00 s |",
        "| REQ_A | PASS |", "| s4_flow_truth_labels_6B | 2 | 5, 5, 5 | 1.0 MiB, 1.0 MiB, 1.0 MiB | small |",
        "| S1 | 50.00 s | 30.00 s | 40.00 s | 20.00 s | RED |", "| candidate | 100 s | 75.00 s | 90.00 s | 25.00 s | RED |",
        "| POPT.2 | S4 | 20 % | 5.00 s | 5.00 s | 95.00 s | RED |", "- authority c25a2675: S1 1333.75 s",
    ):  # fmt: skip
        assert words in text, words


def test_a_hold_without_budgets_is_told_too(tmp_path):
    held = baseline(decision=Decision.HOLD, marker="HOLD_POPT.0_REOPEN", reasons=("S1 was linked",))
    bare = replace(held, budgets=replace(held.budgets, states=(), candidate=None, ladder=()))
    paths = {path.suffix + path.name.split("_")[2]: path for path in write_baseline(bare, tmp_path)}
    assert "baseline lock, HOLD" in paths[".mdbaseline"].read_text()
    assert json.loads(paths[".jsonbaseline"].read_text())["candidate"] is None


def test_text_stays_text(tmp_path):
    hostile = baseline(reasons=("a|b <script>",), overrides=("Override: <b>",), receipt=receipt(git_revision="<i>|"))
    text = write_baseline(hostile, tmp_path, ("<u>",))[1].read_text()
    for tag in ("<script>", "<b>", "<i>", "<u>"):
        assert tag not in text


def plain(text):
    return text.replace("\u00a0", " ")

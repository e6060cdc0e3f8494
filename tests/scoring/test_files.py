"""Scoring from real run folders: facts, an injected drift down to its column, and the same result without the data."""

from __future__ import annotations

import shutil
from dataclasses import replace

import pyarrow.compute as pc
import pytest

from seg6b.errors import Damaged, EvidenceMissing
from seg6b.runs.folder import RunFolder
from seg6b.runs.receipt import RunReceipt
from seg6b.runs.sweep import CONTROL, Slot, SlotReceipt, SlotStatus
from seg6b.runs.sweep_folder import SweepFolder
from seg6b.scoring import facts as facts_of
from seg6b.scoring.basis import Basis
from seg6b.scoring.closure import Drift, RunFacts
from seg6b.scoring.drift import find_drifts
from seg6b.scoring.facts import run_facts, save_facts, saved_facts
from seg6b.scoring.score import note_basis, note_run, score_sweep
from tests.scoring.conftest import constant, rewrite
from tests.scoring.sweeps import BUDGETS, run_id

CONTROL_ID, ARM_ID, BASE_ID = run_id("k"), run_id("m"), run_id("base")
TRUTH = "s4_flow_truth_labels_6B"


def slot(arm, which, set_index=1, round_index=1):
    return SlotReceipt(Slot(set_index, round_index, 0, arm, which), SlotStatus.DONE, ended_utc="2026-01-01T00:00:00Z")


def test_facts_are_what_receipts_gates_and_report_say(tiny_run):
    run = RunFolder(tiny_run)
    facts, receipt = run_facts(run, "c01", 2, 3), run.receipt()
    assert (facts.run_id, facts.arm, facts.set_index, facts.round_index) == (run.run_id, "c01", 2, 3)
    assert (facts.seed, facts.parameter_hash, facts.knobs) == (receipt.seed, receipt.parameter_hash, receipt.knobs)
    assert facts.elapsed_s["S4"] == run.state("S4").elapsed_s["total"]
    assert facts.lanes_s["S4"]["write"] == run.state("S4").elapsed_s["write"]
    assert facts.digests[TRUTH] == run.state("S4").datasets[TRUTH].digest
    assert facts.parts[TRUTH] == len(run.state("S4").datasets[TRUTH].parts)
    assert facts.contract == "6B.v2"
    assert set(facts.required.values()) == {"PASS"}
    assert facts.warn_metrics["WARN_CASE_REALISM.findings"] == 0.0
    assert facts.gates["T5"]["b"] == "PASS"
    assert len(facts.gates) == 27


def test_saved_facts_come_back_equal(tiny_run, tmp_path):
    facts = run_facts(RunFolder(tiny_run))
    save_facts(tmp_path, "s1-r01-p0-c01", facts)
    assert saved_facts(tmp_path, "s1-r01-p0-c01") == facts
    assert saved_facts(tmp_path, "s1-r02-p0-c01") is None


def test_a_testbed_is_machine_and_libraries_and_nothing_else(tiny_run):
    receipt, testbed = RunFolder(tiny_run).receipt(), facts_of.testbed
    assert testbed(receipt) == testbed(replace(receipt, run_id="", seed=7, versions={**receipt.versions, "seg6b": "9"}))
    assert testbed(receipt) != testbed(replace(receipt, versions={**receipt.versions, "numpy": "0"}))
    for name, other in [("cores", 99), ("cpu", "abacus"), ("platform", "Plan9"), ("memory_gib", 1.0)]:
        changed: RunReceipt = replace(receipt, machine={**receipt.machine, name: other})
        assert testbed(receipt) != testbed(changed)


def test_a_run_that_has_not_ended_has_no_facts(copied):
    run = copied(ARM_ID)
    run.write_receipt(replace(run.receipt(), status="FAILED"))
    with pytest.raises(EvidenceMissing, match=r"E_SCORE_RUN_UNFINISHED.*FAILED"):
        run_facts(run)


def test_a_report_that_cannot_be_read_is_named(copied):
    run = copied(ARM_ID)
    run.gates_path.unlink()
    run.gates_path.write_text("{}")
    with pytest.raises(Damaged, match=r"E_RUN_GATES_DAMAGED.*gates\.json"):
        run_facts(run)


def test_a_label_collapse_is_named_by_dataset_and_column_though_twice_as_fast(copied, planned, tmp_path):
    plan = planned()
    copied(CONTROL_ID)
    rewrite(copied(ARM_ID, speed=0.5), TRUTH, constant("fraud_label", "LEGIT"))
    closure = score_sweep(tmp_path, plan, [slot(CONTROL, CONTROL_ID), slot("c01", ARM_ID)], BUDGETS)
    score = closure.arms[0]
    assert score.decision == "REJECT_SEMANTIC_DRIFT"
    assert score.drifts == (Drift(TRUTH, score.drifts[0].rows, score.drifts[0].rows, ("fraud_label",)),)
    assert f"{TRUTH}.fraud_label" in score.reasons[0]
    assert score.ratio is None


def test_a_lost_row_is_named_by_its_key(copied, tmp_path):
    control, arm = copied(CONTROL_ID), copied(ARM_ID)
    rewrite(arm, "s4_case_flows_6B", lambda table: table.slice(1))
    rewrite(arm, "s4_event_labels_6B", lambda t: t.set_column(4, t.column_names[4], pc.invert(t.column(4))))
    events, cases = find_drifts(tmp_path, run_facts(arm), run_facts(control))
    assert (cases.dataset, cases.rows, cases.columns) == (
        "s4_case_flows_6B", cases.expected_rows - 1, ("case_id", "flow_id"),
    )  # fmt: skip
    assert (events.dataset, events.columns) == ("s4_event_labels_6B", ("is_fraud_event_truth",))


def test_other_order_and_other_parts_are_no_drift(copied, tmp_path):
    control, arm = copied(CONTROL_ID), copied(ARM_ID)
    rewrite(arm, TRUTH, lambda table: table.take(list(reversed(range(len(table))))))
    assert find_drifts(tmp_path, run_facts(arm), run_facts(control)) == ()


def test_scoring_again_needs_no_data(copied, planned, tmp_path):
    plan = planned()
    slots = [slot(CONTROL, CONTROL_ID), slot("c01", ARM_ID)]
    runs = [copied(CONTROL_ID), copied(ARM_ID)]
    rewrite(runs[1], TRUTH, constant("fraud_label", "LEGIT"))
    control, none = note_run(tmp_path, plan, slots[0], None)
    facts, drifts = note_run(tmp_path, plan, slots[1], control)
    assert isinstance(facts, RunFacts)
    assert none == ()
    assert drifts[0].columns == ("fraud_label",)
    before = score_sweep(tmp_path, plan, slots, BUDGETS)
    for run in runs:
        shutil.rmtree(run.path / "data")
        shutil.rmtree(run.path / "evidence")
    assert score_sweep(tmp_path, plan, slots, BUDGETS) == before
    shutil.rmtree(tmp_path / "mlruns" / "runs")
    assert score_sweep(tmp_path, plan, slots, BUDGETS) == before


def test_drift_from_the_authority_keeps_its_columns_too(copied, planned, tmp_path):
    base = copied(BASE_ID)
    plan = planned(authority=BASE_ID, authority_digest=base.receipt().digest)
    slots = [slot(CONTROL, CONTROL_ID), slot("c01", ARM_ID)]
    for run in (copied(CONTROL_ID), copied(ARM_ID)):
        rewrite(run, TRUTH, constant("fraud_label", "LEGIT"))
    note_basis(tmp_path, plan, Basis(BUDGETS))
    control, _ = note_run(tmp_path, plan, slots[0], None)
    assert note_run(tmp_path, plan, slots[1], control)[1] == ()
    shutil.rmtree(tmp_path / "mlruns" / "runs")
    score = score_sweep(tmp_path, plan, slots, BUDGETS).arms[0]
    assert score.decision == "REJECT_SEMANTIC_DRIFT"
    assert score.drifts[0].columns == ("fraud_label",)
    assert f"of the authority {BASE_ID[:8]}" in score.reasons[0]


def test_without_facts_a_pruned_run_tells_no_columns_and_no_checks(copied, planned, tmp_path):
    plan = planned()
    slots = [slot(CONTROL, CONTROL_ID), slot("c01", ARM_ID)]
    copied(CONTROL_ID)
    arm = copied(ARM_ID)
    shutil.rmtree(arm.path / "data")
    score = score_sweep(tmp_path, plan, slots, BUDGETS).arms[0]
    assert (score.decision, score.checks_pass) == ("HOLD", False)
    shutil.rmtree(arm.path)
    with pytest.raises(EvidenceMissing, match=r"E_SCORE_FACTS.*begins it anew"):
        score_sweep(tmp_path, plan, slots, BUDGETS)


def test_the_authority_is_the_run_that_was_pinned_or_an_error(copied, planned, tmp_path):
    base = copied(BASE_ID)
    plan = planned(authority=BASE_ID, authority_digest=base.receipt().digest)
    slots = [slot(CONTROL, CONTROL_ID), slot("c01", ARM_ID)]
    copied(CONTROL_ID)
    copied(ARM_ID)
    assert score_sweep(tmp_path, plan, slots, BUDGETS).baseline.run_id == BASE_ID
    base.write_receipt(replace(base.receipt(), posture="other"))
    with pytest.raises(Damaged, match=r"E_AUTHORITY_DAMAGED.*planned with"):
        score_sweep(tmp_path, plan, slots, BUDGETS)
    save_facts(SweepFolder.of(tmp_path, plan.sweep_id).path, "authority", run_facts(base, "authority"))
    with pytest.raises(Damaged, match="E_AUTHORITY_DAMAGED"):
        score_sweep(tmp_path, plan, slots, BUDGETS)
    shutil.rmtree(base.path)
    assert score_sweep(tmp_path, plan, slots, BUDGETS).baseline.arm == "authority"

"""Certification of real runs: what may not be used is refused by name, and what was decided is sealed once."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from seg6b.errors import EvidenceMissing
from seg6b.lane.certify import Request, certify, folder_of, seal
from seg6b.lane.robustness import Field, Trial, against, summed, trials
from seg6b.runs import ledger
from seg6b.runs.disk import sha256_of
from seg6b.runs.folder import RunFolder
from seg6b.runs.pins import Role, pins
from seg6b.scoring.certification import Grade
from tests.street.lanes import copy_run

STAND_IN = Path(__file__).with_name("stand_in.py")
BUDGETS = yaml.safe_load((Path(__file__).parents[2] / "conf/budgets/build_plan.yaml").read_text())


@pytest.fixture
def root(tmp_path, tiny_run):
    (tmp_path / "mlruns").mkdir()
    (tmp_path / "mlruns" / "world").symlink_to(tiny_run.parents[1] / "world")
    return tmp_path


@pytest.fixture
def run(root, tiny_run):
    return RunFolder(copy_run(tiny_run, root))


def request(root, run, given, **changed):
    made = Request(root, run, given, run_missing=False, settings=(), attempt=1, budgets=BUDGETS)
    return replace(made, **changed)


def blockers(root, run, given):
    certified = certify(request(root, run, given), lambda _: None)
    assert certified.grade is Grade.HOLD_REMEDIATE
    return certified.blockers


def test_missing_and_wrong_seeds_block_by_name(root, run):
    found = blockers(root, run, {42: run})
    assert found == ("P5-B1 seed 7, 101, 202 is missing",)
    found = blockers(root, run, dict.fromkeys((42, 7, 101, 202), run))
    assert [line.split(" ")[0] for line in found] == ["P5-B2"] * 3
    assert f"run {run.run_id[:8]} stands for seed 7 and was made with 42" in found[0]


def test_an_edited_gates_file_blocks(root, run):
    run.gates_path.write_text(run.gates_path.read_text().replace('"b": "FAIL"', '"b": "PASS"') + " ")
    assert any("damaged: gates.json" in line for line in blockers(root, run, {42: run}))


def test_gates_that_were_edited_with_their_receipt_block(root, run):
    board = json.loads(run.gates_path.read_text())
    board["gates"]["T5"] |= {"value": 0.5, "b": "PASS", "bplus": "PASS"}
    run.gates_path.write_text(json.dumps(board, indent=1) + "\n")
    path = run.state_path("S5")
    receipt = json.loads(path.read_text())
    for file in receipt["files"]:
        if file["path"] == "gates.json":
            file |= {"bytes": run.gates_path.stat().st_size, "sha256": sha256_of(run.gates_path)}
    path.write_text(json.dumps(receipt, indent=2) + "\n")
    _reseal(run)
    found = blockers(root, run, {42: run})
    assert any("gates.json is not what its evidence says: T5" in line for line in found), found


def test_a_stale_s5_blocks(root, run):
    path = run.state_path("S5")
    receipt = json.loads(path.read_text())
    receipt["input_parts"]["input.s4_case_flows_6B"] = "1:0000"
    path.write_text(json.dumps(receipt, indent=2) + "\n")
    _reseal(run)
    assert any("S5 is stale: s4_case_flows_6B changed after it" in line for line in blockers(root, run, {42: run}))


def test_a_changed_policy_under_an_old_hash_blocks(root, run):
    receipt = run.receipt()
    policy = json.loads(json.dumps(receipt.policy))
    policy["amount"]["party_habit"]["sigma"] = 0.5
    run.write_receipt(replace(receipt, policy=policy))
    found = blockers(root, run, {42: run})
    assert any("its policy is not the one that parameter_hash" in line for line in found), found


def test_a_run_of_another_policy_blocks(root, run, candidate):
    other = candidate("world=tiny", "policy/amount=full").run
    found = blockers(root, run, {42: other})
    assert any("its parameter_hash is" in line for line in found), found


def test_a_run_that_did_not_end_stops_it_and_says_where_to_look(root, run):
    asked = request(root, run, {42: run, 7: run, 101: run}, run_missing=True)
    with pytest.raises(EvidenceMissing) as refused:
        certify(asked, lambda _: None, ("sh", "-c", "echo 'E_S2_DISK: full.' >&2; exit 1"))
    assert (refused.value.code, refused.value.value) == ("E_SEED_RUN", "E_S2_DISK: full.")
    assert "seed-202.err" in refused.value.where


def test_a_seed_over_its_budget_is_run_once_more_and_the_better_run_counts(root, run, tiny_run):
    script = json.dumps({"c02": {"s": 9.0, "rounds": [1]}, "c03": {"s": 9.0}})
    command = (sys.executable, str(STAND_IN), str(tiny_run), script)
    said = []
    certified = certify(request(root, run, {}, run_missing=True), said.append, command)
    ran = [json.loads(line) for line in (root / "ran.jsonl").read_text().splitlines()]
    assert [(r["seed"], r["arm.round_index"]) for r in ran] == [
        ("42", "1"), ("7", "1"), ("7", "2"), ("101", "1"), ("101", "2"), ("202", "1")
    ]  # fmt: skip
    assert certified.runs["7"] == ran[2]["run_id"]
    assert [line for line in said if "once more" in line] == [
        f"seed {seed}: S4 over budget; once more, the better run counts" for seed in (7, 101)
    ]
    assert [b.status for b in certified.budgets if b.name == "S4"] == ["RED"]


def test_what_was_decided_is_sealed_once(root, run):
    certified = certify(request(root, run, {42: run}), lambda _: None)
    for _ in range(2):
        seal(root, certified)
    (entry,) = ledger.entries(root)
    assert (entry.kind, entry.body["marker"], entry.body["lane"]) == ("closure", "HOLD_REMEDIATE", "P5")
    assert pins(root) == ()
    assert (folder_of(root, certified.certification_id) / "certification.json").exists()


def test_a_new_set_takes_the_place_of_the_one_before(root, run, tiny_run):
    certified = certify(request(root, run, {42: run}), lambda _: None)
    sound = replace(certified, blockers=(), grade=Grade.PASS_B)
    seal(root, sound)
    assert [(p.role, p.run_id) for p in pins(root)] == [(Role.CERTIFICATION, run.run_id)]
    other = RunFolder(copy_run(tiny_run, root, "e" * 32))
    other.write_receipt(replace(other.receipt(), run_id="e" * 32))
    seal(root, replace(sound, runs={"42": other.run_id}, certification_id="d" * 32))
    assert [p.run_id for p in pins(root)] == [other.run_id]


def test_a_field_crosses_seeds_and_worlds_and_is_drawn(tiny_run):
    receipt = RunFolder(tiny_run).receipt()
    found = list(trials(Field(5, 3, 2), receipt))
    base = receipt.world["arrivals"]
    assert [t.arrivals for t in found] == [base] * 6 + [base // 2, 10 * base]
    assert len({(t.seed, t.world_seed) for t in found[:6]}) == 6
    assert found == list(trials(Field(5, 3, 2), receipt))
    assert found[0] != next(trials(Field(6, 3, 2), receipt))


def test_a_field_is_summed_by_gate():
    field = Field(1, 2, 1, ())

    def said(bplus, margin):
        gates = {"T5": {"value": 0.1, "bplus": "PASS" if bplus else "FAIL", "margin": margin}}
        return {"bplus": bplus, "verdict": "PASS_BPLUS" if bplus else "PASS_B", "gates": gates}

    planned = [*_trials("a", "b", arrivals=10), *_trials("c", arrivals=100)]
    found = {"a": said(True, 0.01), "b": said(False, -0.02), "c": said(False, -9.0)}
    robust = summed(field, 10, planned, found)
    assert (robust["runs"], robust["reached"], robust["share"], robust["missed"]) == (2, 1, 0.5, ["b"])
    assert robust["gates"]["T5"] == {"share": 0.5, "margin": -0.02, "where": "b"}
    assert robust["sizes"] == {"c": "PASS_B"}
    assert "1 of 2" in against(robust)[0]
    assert against({**robust, "share": 0.95}) == []


def _trials(*names, arrivals):
    return [Trial(name, k, 1, arrivals) for k, name in enumerate(names)]


def _reseal(run):
    """Give the run receipt the digests of its state receipts as they are now."""
    receipt = run.receipt()
    files = [
        replace(f, bytes=(run.path / f.path).stat().st_size, sha256=sha256_of(run.path / f.path)) for f in receipt.files
    ]
    run.write_receipt(replace(receipt, files=tuple(files)))

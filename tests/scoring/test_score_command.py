"""`seg6b score`: a sweep and a run judged again from files alone."""

from __future__ import annotations

import json
import shutil

import pytest
from typer.testing import CliRunner

from seg6b.cli.app import app
from seg6b.errors import EvidenceMissing, UsageError
from seg6b.runs.folder import RunFolder
from seg6b.runs.sweep_folder import SweepFolder
from seg6b.scoring.basis import Basis, save_basis
from seg6b.scoring.facts import save_facts
from tests.scoring.sweeps import BUDGETS, facts, rounds, run_id, slot_of
from tests.scoring.test_arms import FASTER, SLOWER

RUN_ID = run_id("rescored")


def invoke(root, *arguments):
    return CliRunner().invoke(app, ["score", *arguments, "--root", str(root)])


@pytest.fixture
def swept(planned, tmp_path):
    """A sweep on disk, with facts kept of runs that are gone."""

    def make(ratios, authority=""):
        plan = planned(closure={"holds": "HOLD_IT"}, arrivals=1_000_000, authority=authority)
        folder = SweepFolder.of(tmp_path, plan.sweep_id)
        for run in rounds("c01", ratios):
            folder.write_slot(slot_of(run))
            save_facts(folder.path, slot_of(run).slot.name, run)
        save_facts(folder.path, "authority", facts("authority", 0, 0))
        save_basis(folder.path, Basis(BUDGETS, ("UNLOCK_X is missing; overridden: for a test",)))
        return plan

    return make


def test_a_sweep_is_scored_again(swept, tmp_path):
    plan = swept(FASTER)
    done = invoke(tmp_path, plan.sweep_id[:8])
    assert done.exit_code == 0
    for said in (
        "c01",
        "KEEP_PROVISIONAL",
        "0.804",
        "HOLD  HOLD_IT",
        "--role authority",
        "Override: UNLOCK_X is missing",
    ):
        assert said in done.output


def test_a_sweep_as_json(swept, tmp_path):
    plan = swept(SLOWER)
    plain = json.loads(invoke(tmp_path, plan.sweep_id, "--json").output)
    assert plain["arms"][0]["decision"] == "REJECT"
    assert plain["sweep_id"] == plan.sweep_id
    assert plain["arms"][0]["ratio"]["n"] == 5


def test_a_rejected_lane_exits_with_one(swept, tmp_path):
    done = invoke(tmp_path, swept(SLOWER, authority=run_id("gone")).sweep_id)
    assert done.exit_code == 1
    assert "REJECT  HOLD_IT" in done.output


def test_a_sweep_without_what_it_was_scored_with_is_refused(swept, tmp_path):
    plan = swept(SLOWER)
    (SweepFolder.of(tmp_path, plan.sweep_id).path / "basis.json").unlink()
    with pytest.raises(EvidenceMissing, match=r"E_SCORE_BASIS.*basis\.json.*it goes on"):
        raise invoke(tmp_path, plan.sweep_id).exception


def test_the_gates_of_a_run_are_read_again(copied, tmp_path):
    run = copied(RUN_ID)
    text = run.gates_path.read_text().replace(json.loads(run.gates_path.read_text())["run_id"], RUN_ID)
    run.gates_path.unlink()
    run.gates_path.write_text(text)
    done = invoke(tmp_path, RUN_ID[:6])
    assert done.exit_code == 0
    assert "gates.json is as its evidence says, PASS_B" in done.output
    assert json.loads(invoke(tmp_path, RUN_ID, "--json").output)["differences"] == []


def test_every_gate_that_differs_is_named(copied, tmp_path):
    run = copied(RUN_ID)
    plain = json.loads(run.gates_path.read_text()) | {"run_id": RUN_ID}
    plain["gates"]["T5"]["value"] = 0.5
    plain["gates"]["T8"]["b"] = "FAIL"
    run.gates_path.unlink()
    run.gates_path.write_text(json.dumps(plain))
    done = invoke(tmp_path, RUN_ID)
    assert done.exit_code == 1
    assert "gates.json.gates.T5.value is 0.5, its evidence says 0.1" in done.output
    assert 'gates.json.gates.T8.b is "FAIL", its evidence says "PASS"' in done.output
    assert "2 differences" in done.output


def test_a_run_without_evidence_is_refused(copied, tmp_path):
    run = copied(RUN_ID)
    shutil.rmtree(run.path / "evidence" / "S4")
    with pytest.raises(EvidenceMissing, match=r"E_SCORE_EVIDENCE.*no evidence of S4.*undelete"):
        raise invoke(tmp_path, RUN_ID).exception


def test_a_gate_file_that_is_not_there_is_refused(copied, tmp_path):
    run = copied(RUN_ID)
    plain = json.loads(run.gates_path.read_text()) | {"gate_file_digest": "0" * 64}
    run.gates_path.unlink()
    run.gates_path.write_text(json.dumps(plain))
    with pytest.raises(EvidenceMissing, match=r"E_SCORE_GATE_FILE.*one of: v1"):
        raise invoke(tmp_path, RUN_ID).exception


def test_an_unknown_id_is_a_usage_error(swept, tmp_path):
    swept(FASTER)
    with pytest.raises(UsageError, match="no such run"):
        raise invoke(tmp_path, "0123abcd").exception
    assert not RunFolder.of(tmp_path, RUN_ID).exists()

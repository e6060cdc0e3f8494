"""Lane POPT.0 by its real command: a run is locked, seven files and a marker say what later lanes are held against."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from seg6b.runs import ledger
from seg6b.runs.folder import RunFolder, find_runs
from seg6b.runs.pins import Role, baseline_path, pin, pins
from seg6b.runs.verify import state_receipts
from seg6b.shards.executor import Threads
from tests.street.lanes import copy_run, flip, only_run, run_lane

LANE, LINKS = "+lane=popt0", "source_run=any"


@pytest.fixture(scope="module")
def locked(once):
    """A root on which POPT.0 is closed; only read."""

    def make(root):
        said = run_lane(root, LANE)
        assert said.code == 0, said.err
        return [str(root), said.err]

    root, told = once("popt0", make)
    return Path(root), told


@pytest.fixture
def again(locked, tmp_path):
    """A copy of that root."""
    return shutil.copytree(locked[0], tmp_path / "again", symlinks=True)


def closures(root):
    return [e.body for e in ledger.entries(root) if e.kind == ledger.CLOSURE and e.body["lane"] == "POPT.0"]


def reports(root):
    return {p.name: p.read_bytes() for p in (root / "reports").glob("segment6b_popt0_*")}


def report(root, name, run_id):
    return json.loads((root / "reports" / f"segment6b_popt0_{name}_{run_id}.json").read_text())


def test_the_run_is_locked_and_the_next_phase_is_open(locked):
    root, told = locked
    run = only_run(root)
    (authority,) = [p for p in pins(root) if p.role is Role.AUTHORITY]
    assert (authority.run_id, authority.posture) == (run.name, "bplus")
    assert baseline_path(root).read_text().strip() == run.name
    (body,) = closures(root)
    assert (body["decision"], body["marker"], body["run_id"]) == ("KEEP", "GO_POPT.1", run.name)
    assert "GO_POPT.1" in ledger.markers(root)
    assert "locked as authority" in told
    assert f"segment6b_popt0_baseline_lock_{run.name}.md" in told
    assert len(reports(root)) == 7


def test_the_files_say_what_the_receipts_say(locked):
    root, _ = locked
    run = RunFolder(only_run(root))
    states, receipt = state_receipts(run), run.receipt()
    assert not any(s.staged_from for s in states.values())
    hotspots = report(root, "hotspot_map", run.run_id)
    elapsed = {s["state"]: s["elapsed_s"] for s in hotspots["states"]}
    assert elapsed == {name: s.elapsed_s["total"] for name, s in states.items() if name != "S0"}
    assert hotspots["order"] == sorted(elapsed, key=lambda s: -elapsed[s])
    for state in hotspots["states"]:
        parts = [*state["lanes"], state["residual"]]
        assert sum(part["elapsed_s"] for part in parts) == pytest.approx(state["elapsed_s"], abs=1e-9)
        assert sum(part["cpu_s"] for part in parts) == pytest.approx(state["cpu_s"], abs=1e-9)
        assert min(part["elapsed_s"] for part in parts) >= 0.0
    for shape in report(root, "part_shape", run.run_id)["heavy"]:
        parts = states[shape["state"]].datasets[shape["dataset"]].parts
        assert shape["bytes_per_file"]["max"] == max(p.bytes for p in parts)
        assert (shape["files"], shape["rows"]) == (len(parts), sum(p.rows for p in parts))
    budgets = report(root, "budget_pin", run.run_id)
    assert budgets["arrivals"] == receipt.world["arrivals"] == 5000
    assert budgets["candidate"]["elapsed_s"] == pytest.approx(sum(elapsed.values()))
    assert [step["lane"] for step in budgets["ladder"]][-1] == "POPT.3"
    summary = report(root, "baseline", run.run_id)
    assert summary["receipt_digest"] == receipt.digest
    assert set(summary["files"]) == set(reports(root))


def test_the_same_run_again_changes_nothing(again):
    run, before, told = only_run(again), reports(again), ledger.entries(again)
    assert run_lane(again, LANE, f"run_id={run.name}").code == 0
    assert (reports(again), ledger.entries(again)) == (before, told)


def test_another_run_leaves_the_authority_and_its_files(again):
    first, before, told = only_run(again).name, reports(again), ledger.entries(again)
    said = run_lane(again, LANE)
    assert (said.code, f"authority stays {first[:8]}" in said.err) == (0, True)
    assert (reports(again), ledger.entries(again)) == (before, told)


def test_a_damaged_authority_is_never_a_baseline(again):
    flip(next(only_run(again).rglob("*.parquet")))
    said = run_lane(again, LANE)
    assert said.code == 1
    assert said.refusal.startswith("E_AUTHORITY_DAMAGED")
    assert len(closures(again)) == 1


def test_a_run_with_linked_states_is_not_locked(root, finished):
    copy_run(finished, root)
    said = run_lane(root, LANE, LINKS)
    assert "linked from another run, whose times they have: S1, S2, S3, S4" in said.err
    assert "not locked" in said.err
    assert pins(root) == ()
    assert "HOLD_POPT.0_REOPEN" in ledger.markers(root)


@pytest.mark.heavy
def test_a_linked_authority_holds_until_a_run_of_its_own_time_takes_its_place(root, finished):
    copy_run(finished, root)
    assert run_lane(root, LINKS).code in {0, 1}
    linked = next(run for run in find_runs(root) if run.state("S4").staged_from)
    pin(root, linked, Role.AUTHORITY, "", Threads.of(1))
    said = run_lane(root, LANE)
    assert "HOLD_POPT.0_REOPEN" in ledger.markers(root)
    (way_on,) = [line for line in said.err.splitlines() if line.startswith("way on")]
    fresh = RunFolder.of(root, way_on.split("seg6b pin ")[1].split()[0])
    pin(root, fresh, Role.AUTHORITY, "", Threads.of(1), replace=True, reason="it executed every state")
    assert run_lane(root, LANE, f"run_id={fresh.run_id}").code == 0
    assert [body["marker"] for body in closures(root)] == ["HOLD_POPT.0_REOPEN", "GO_POPT.1"]
    assert "HOLD_POPT.0_REOPEN" not in ledger.markers(root)


@pytest.mark.heavy
def test_on_the_dplus_that_p0_locked_it_is_told_of_that_run(tmp_path):
    larger = "world.arrivals=40000"
    assert run_lane(tmp_path, "+lane=p0", larger).code == 0
    first = only_run(tmp_path).name
    said = run_lane(tmp_path, LANE, "posture=dplus", larger)
    assert (said.code, f"authority stays {first[:8]}" in said.err) == (0, True)
    assert set(ledger.markers(tmp_path)) == {"HOLD_REMEDIATE", "GO_POPT.1"}
    summary = report(tmp_path, "baseline", first)
    assert (summary["posture"], summary["verdict"], summary["required_checks_pass"]) == ("dplus", "FAIL_REALISM", True)
    assert any("S5 is WARN" in reason for reason in summary["reasons"])

"""The road from D+: the baseline is locked, a wave closes its gates, and nobody skips a phase."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from seg6b.runs import ledger
from seg6b.runs.folder import RunFolder
from seg6b.runs.pins import Role, pins
from tests.street.lanes import PROJECT, Said, environment

WORLD = ("world=default", "world.arrivals=40000", "tracking=off")
HARD = {f"T{k}" for k in (1, 2, 3, 5, 6, 7, 8, 9, 10, 11, 13, 14, 15, 16, 21, 22)}


def command(*arguments, module="seg6b", seconds=300):
    done = subprocess.run(
        [sys.executable, "-m", module, *map(str, arguments)], cwd=PROJECT, env=environment(), capture_output=True,
        text=True, timeout=seconds, check=False,
    )  # fmt: skip
    return Said(done.returncode, done.stdout, done.stderr)


def lane(root, name, *more):
    return command(f"+lane={name}", f"root={root}", *WORLD, *more, module="seg6b.lane")


@pytest.fixture(scope="module")
def walked(once):
    """A root on which P0 and P1 are closed; only read."""

    def make(folder):
        for name in ("p0", "p1"):
            done = lane(folder, name)
            assert done.code == 0, done.err
        return str(folder)

    return Path(once("walked", make))


def test_the_baseline_is_dplus_locked_and_told(walked):
    (authority,) = [p for p in pins(walked) if p.role is Role.AUTHORITY]
    board = json.loads(RunFolder.of(walked, authority.run_id).gates_path.read_text())
    failing = {name for name, g in board["gates"].items() if g["class"] == "hard" and g["b"] != "PASS"}
    assert (authority.posture, board["verdict"], board["phase_decision"]) == ("dplus", "FAIL_REALISM", "HOLD_REMEDIATE")
    assert failing == HARD
    assert all(board["gates"][name]["b"] != "PASS" for name in ("T17", "T19", "T20"))
    entry = next(e for e in ledger.entries(walked) if e.kind == ledger.CLOSURE and e.body["lane"] == "P0")
    assert (entry.body["marker"], set(entry.body["veto"])) == ("HOLD_REMEDIATE", HARD)
    assert "T1" in entry.body["owners"]["S4"]
    names = {p.suffix for p in (walked / "reports").glob(f"segment6b_p0_realism_gateboard_{authority.run_id}.*")}
    assert names == {".json", ".md", ".html"}


def test_the_first_wave_closes_its_gates_and_rejects_what_leaves_one_open(walked):
    (path,) = (walked / "reports").glob("segment6b_p1_closure_*.json")
    closure = json.loads(path.read_text())
    decisions = {arm["arm"]: arm["decision"] for arm in closure["arms"]}
    assert decisions == {"c01": "REJECT", "c02": "REJECT", "c03": "KEEP"}
    assert (closure["decision"], closure["marker"]) == ("KEEP", "UNLOCK_P2")
    gates = next(arm for arm in closure["arms"] if arm["arm"] == "c03")["gates"]
    assert {g for g in gates if gates[g]["b_before"] != "PASS" == gates[g]["b_after"]} == {
        "T1", "T2", "T3", "T5", "T6", "T7", "T8", "T9", "T10", "T22"
    }  # fmt: skip
    assert gates["T21"]["b_gain"] > 0
    assert len(gates["T5"]["ci95"]) == len(gates["T5"]["reference_ci95"]) == 2
    (good,) = [p for p in pins(walked) if p.role is Role.LAST_GOOD]
    assert good.run_id == closure["candidate"]["run_id"]
    text = path.with_suffix(".md").read_text()
    assert "## What each variant moves" in text
    assert text.index("| T9 |") < text.index("| T10 |")


def test_t20_is_held_against_the_locked_baseline(walked):
    authority, good = (next(p for p in pins(walked) if p.role is role) for role in (Role.AUTHORITY, Role.LAST_GOOD))
    run = RunFolder.of(walked, good.run_id)
    detail = json.loads(run.gates_path.read_text())["gates"]["T20"]["detail"]
    assert detail["baseline_receipt"] == authority.receipt_digest
    assert authority.receipt_digest in run.state("S5").input_parts["baseline"]
    again = command("score", good.run_id, "--root", walked)
    assert again.code == 0, again.err


def test_nobody_skips_a_phase(walked):
    for name, missing in (("p3", "UNLOCK_P3"), ("p6", "PASS_B")):
        refused = lane(walked, name)
        assert refused.code == 1
        assert refused.refusal.startswith("E_LANE_PHASE")
        assert missing in refused.refusal
    refused = command("certify", "--root", walked)
    assert (refused.code, "UNLOCK_P5" in refused.refusal) == (1, True)


def test_the_next_wave_starts_from_what_the_last_one_kept(walked):
    said = lane(walked, "p2", "--dry")
    assert said.code == 0, said.err
    assert "policy/truth=full" not in said.out
    assert "S1 linked" in said.out or "S2-S5" in said.out


@pytest.mark.heavy
@pytest.mark.timeout(1500)
def test_the_whole_road_ends_robust(tmp_path):
    done = command("remediate", "tracking=off", "--root", tmp_path, seconds=1200)
    assert done.code == 0, done.err
    assert "PASS_BPLUS_ROBUST" in done.out
    grades = [e.body["marker"] for e in ledger.entries(tmp_path) if e.body.get("lane") == "P5"]
    assert grades == ["PASS_B", "PASS_BPLUS_ROBUST"]
    for n in (1, 2, 3, 4, 6):
        (path,) = (tmp_path / "reports").glob(f"segment6b_p{n}_closure_*.json")
        decisions = [arm["decision"] for arm in json.loads(path.read_text())["arms"]]
        assert "KEEP" in decisions
        assert "REJECT" in decisions
    assert (tmp_path / "reports" / "remediation_story.html").exists()
    again = command("remediate", "tracking=off", "--root", tmp_path)
    assert (again.code, again.err.count("is closed")) == (0, 8)

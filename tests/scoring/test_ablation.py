"""What each pack is for: which gates fall, and which state answers."""

from __future__ import annotations

from dataclasses import replace

import pytest

from seg6b.runs.sweep import CONTROL
from seg6b.scoring.ablation import falls_of, states_changed, switch_name
from tests.render.ablations import entry, gates_of, ran, table_of
from tests.scoring.sweeps import closed, facts, sweep


def test_a_gate_falls_where_it_passed_and_no_longer_does():
    moved = {"T11": entry("PASS", "FAIL"), "T13": entry("PASS", "PASS"), "X5": entry("PASS", "INSUFFICIENT")}
    moved["T12"] = entry("FAIL", "FAIL")
    assert [f.gate_id for f in falls_of(moved, ("S2",), ("S2",))] == ["T11", "X5"]


def test_a_fall_from_bplus_alone_says_so():
    moved = {"T5": entry("PASS", "FAIL") | {"b_after": "PASS"}}
    assert [f.lost for f in falls_of(moved, ("S4",), ("S4",))] == [("B+",)]


@pytest.mark.parametrize(
    ("gate", "states", "changed", "because"),
    [
        ("T11", ("S2",), ("S2", "S3"), "S2 reads it"),
        ("T22", ("S4",), (), "S4 reads it, though its rows stay"),
        ("T5", ("S3",), ("S3", "S4"), "S4 works on rows that S3 changed"),
        ("T18", ("S1",), ("S1", "S2"), "S1 reads it"),
        ("T19", ("S3",), ("S3", "S4"), ""),
        ("T2", ("S5",), (), ""),
    ],
    ids=[
        "its own state",
        "by the pack itself",
        "a state before it",
        "one of two owners",
        "a state after it",
        "nothing",
    ],
)
def test_an_owner_answers_where_the_switch_reaches_it(gate, states, changed, because):
    (fall,) = falls_of({gate: entry("PASS", "FAIL")}, states, changed)
    assert fall.because == because


def test_rows_tell_which_states_changed():
    before = facts(digests={"s2_flow_anchor_baseline_6B": "1", "s4_case_flows_6B": "1"})
    after = replace(before, digests={"s2_flow_anchor_baseline_6B": "1", "s4_case_flows_6B": "2"})
    assert states_changed(before, after) == ("S4",)


def test_guards_are_not_what_is_switched():
    overrides = ("policy/truth=lean", "policy.case.guards.cases_per_million_flows=1000000")
    (switch,) = table_of(ran("c01", overrides, {"T3": entry("PASS", "FAIL")})).switches
    assert (switch.name, switch.states) == ("truth", ("S4",))


def test_a_key_is_named_by_its_pack():
    assert switch_name("policy.overlay.anomaly.amount_factors=[1,1]") == "overlay.anomaly.amount_factors"


def test_an_arm_that_did_not_end_is_told():
    (switch,) = table_of(ran("c01", ("policy/case=lean",), {}, reasons=("none of its 1 runs ended",))).switches
    assert (switch.falls, switch.failed) == ((), "none of its 1 runs ended")


def test_what_s5_says_stands_beside_it():
    score, run = ran("c01", ("policy/case=lean",), {"T8": entry("PASS", "FAIL")})
    run = replace(run, overall_status="FAIL", required={"REQ_TIME_MONOTONE": "FAIL", "REQ_LINK_INTEGRITY": "PASS"})
    assert table_of((score, run)).switches[0].validated == "FAIL: REQ_TIME_MONOTONE"


def test_what_is_due_and_stands_is_found():
    read = table_of(ran("c01", ("policy/amount=lean",), {"T11": entry("PASS", "FAIL")}), falls=["T11", "T13"])
    assert read.standing() == ["T4", "T12", "T13", "X2"]


def test_an_ablation_is_held_against_the_control_whatever_is_pinned():
    plan = sweep(kind="remediation", repeats=1, max_repeats=1, confirm=False, closure={"falls": ["T2"]})
    collapsed = facts("authority", 0, 0, gates=gates_of(T2="FAIL"))
    runs = [facts(CONTROL, gates=gates_of(T2="PASS")), facts("c01", gates=gates_of(T2="FAIL"), parameter_hash="b" * 64)]
    assert closed(plan, runs, baseline=collapsed).arms[0].gates["T2"]["b_before"] == "PASS"

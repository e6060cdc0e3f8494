"""A wave of remediation: what it is to close, what it may not let fall, and whose rows it may touch."""

from __future__ import annotations

from dataclasses import replace

import pytest

from seg6b.runs.sweep import CONTROL
from tests.scoring.sweeps import closed, facts, sweep

RULE = {
    "owns": ["S3", "S4"],
    "gates": ["T2", "T3"],
    "moves": ["T21"],
    "keeps": ["T1"],
    "level": "b",
    "unlocks": "UNLOCK_P2",
    "holds": "HOLD_P1_REOPEN",
}
WAVE = sweep(kind="remediation", lane="P1", repeats=1, max_repeats=1, confirm=False, closure=RULE)
ROWS = {"s1_session_index_6B": "10:aa", "s2_flow_anchor_baseline_6B": "20:bb", "s4_flow_truth_labels_6B": "20:cc"}


def board(**statuses):
    """Gates of a run; a status is one for B and B+, or a pair; T21 has a margin that may move."""
    told = {"T1": "PASS", "T2": "FAIL", "T3": "FAIL", "T12": "PASS", "T21": "FAIL", "margin": -0.66} | statuses
    margin = told.pop("margin")
    gates = {}
    for gate, status in told.items():
        b, bplus = status if isinstance(status, tuple) else (status, status)
        gates[gate] = {"value": 0.5, "ci95": [0.4, 0.6], "b": b, "bplus": bplus, "class": "hard"}
    gates["T21"] |= {"b_margin": margin, "bplus_margin": margin}
    return gates


AFTER = {"T2": "PASS", "T3": "PASS", "margin": -0.33}


def judged(after, plan=WAVE, digests=ROWS, **changed):
    before = facts(CONTROL, 1, 1, gates=board(), digests=ROWS)
    run = facts("c01", 1, 1, gates=after, digests=digests, **changed)
    return closed(plan, [before, run], baseline=facts("authority", 0, 0, gates=board(T2="PASS")))


def test_a_wave_that_closes_its_gates_unlocks_the_next_one():
    closure = judged(board(**AFTER))
    assert (closure.decision, closure.marker) == ("KEEP", "UNLOCK_P2")
    arm = closure.arms[0]
    assert arm.reasons[0] == "gates that pass now and did not before: T2, T3 at B; T2, T3 at B+"
    assert arm.gates["T2"]["reference_ci95"] == [0.4, 0.6]
    assert "(control)" in arm.reasons[-1]


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"T3": "FAIL"}, "the wave is to close it: T3 is FAIL at B"),
        ({"T3": "INSUFFICIENT"}, "the wave is to close it: T3 is INSUFFICIENT at B"),
        ({"T1": "FAIL"}, "no longer do: T1"),
        ({"margin": -0.66}, "were to move did not: T21"),
        ({"margin": None}, "were to move did not: T21"),
    ],
)
def test_what_it_leaves_open_rejects_an_arm(changed, said):
    closure = judged(board(**{**AFTER, **changed}))
    assert closure.arms[0].decision == "REJECT"
    assert said in closure.arms[0].reasons[0]
    assert closure.marker == "HOLD_P1_REOPEN"


def test_only_gates_of_earlier_waves_are_kept():
    assert judged(board(**AFTER, T12="FAIL")).decision == "KEEP"
    everything = replace(WAVE, closure={**RULE, "keeps": []})
    assert judged(board(**AFTER, T12="FAIL"), everything).arms[0].decision == "REJECT"


def test_a_gate_that_is_asked_for_and_not_on_the_board_is_open():
    plan = replace(WAVE, closure={**RULE, "gates": ["T2", "X4"]})
    assert "X4 is not measured at B" in judged(board(**AFTER), plan).arms[0].reasons[0]


def test_the_level_of_a_wave_may_be_bplus():
    plan = replace(WAVE, closure={**RULE, "level": "bplus", "moves": []})
    assert judged(board(**{**AFTER, "T3": ("PASS", "FAIL")}), plan).arms[0].decision == "REJECT"
    assert judged(board(**AFTER), plan).decision == "KEEP"


def test_rows_before_the_wave_must_stay():
    other = ROWS | {"s4_flow_truth_labels_6B": "20:dd"}
    assert judged(board(**AFTER), digests=other).decision == "KEEP"
    touched = judged(board(**AFTER), digests=other | {"s2_flow_anchor_baseline_6B": "20:ee"}).arms[0]
    assert touched.decision == "REJECT"
    assert touched.reasons[0] == "it changes rows that the wave does not own: s2_flow_anchor_baseline_6B"


def test_a_warning_of_s5_is_told_while_waves_go_on_and_a_failure_is_not_suffered():
    warned = judged(board(**AFTER), overall_status="WARN").arms[0]
    assert (warned.decision, "S5 is WARN" in warned.reasons) == ("KEEP", True)
    assert judged(board(**AFTER), overall_status="FAIL").arms[0].decision == "REJECT"


def test_everything_that_speaks_against_an_arm_is_told():
    arm = judged(board(T1="FAIL", margin=-0.66)).arms[0]
    assert [("no longer do" in r, "to close it" in r, "did not: T21" in r) for r in arm.reasons[:3]] == [
        (True, False, False), (False, True, False), (False, False, True)
    ]  # fmt: skip


def test_of_two_arms_that_pass_alike_the_safer_one_is_best():
    before = facts(CONTROL, 1, 1, gates=board(), digests=ROWS)
    near, far = board(**AFTER), board(**AFTER)
    near["T2"] |= {"bplus_margin": 0.02}
    far["T2"] |= {"bplus_margin": 0.20}
    runs = [before, facts("c01", 1, 1, gates=near, digests=ROWS), facts("c02", 1, 1, gates=far, digests=ROWS)]
    plan = replace(sweep(("c01", "c02")), **{f: getattr(WAVE, f) for f in ("kind", "lane", "closure", "authority")})
    near["T21"] |= {"bplus_margin": 1.0}
    far["T21"] |= {"bplus_margin": 1.0}
    assert closed(plan, runs, baseline=facts("authority", 0, 0, gates=board())).best == "c02"

"""Policy variants: judged by gates before and after, never by a ratio of times."""

from __future__ import annotations

from dataclasses import replace

import pytest

from seg6b.runs.sweep import CONTROL
from seg6b.scoring.score import next_rounds
from tests.scoring.sweeps import GATES, closed, facts, slot_of, sweep

PLAN = sweep(kind="remediation", repeats=1, max_repeats=1, confirm=False, authority="")


def gates(**changed):
    return GATES | {gate: GATES[gate] | dict(zip(("b", "bplus"), pair, strict=True)) for gate, pair in changed.items()}


BEFORE = gates(T2=("FAIL", "FAIL"), T3=("PASS", "FAIL"))


def scored(after, before=BEFORE, **changed):
    runs = [facts(CONTROL, 1, 1, gates=before), facts("c01", 1, 1, gates=after, parameter_hash="b" * 64, **changed)]
    return closed(PLAN, runs).arms[0]


@pytest.mark.parametrize(
    ("after", "decision", "said"),
    [
        (gates(T3=("PASS", "FAIL")), "KEEP", "T2 at B; T2 at B+"),
        (gates(T2=("PASS", "FAIL"), T3=("PASS", "FAIL")), "KEEP", "gates that pass now and did not before: T2 at B"),
        (gates(T2=("FAIL", "FAIL")), "KEEP", "T3 at B+"),
        (BEFORE, "HOLD", "no gate passes that did not"),
        (gates(T1=("FAIL", "FAIL")), "REJECT", "no longer do: T1"),
        (gates(T1=("INSUFFICIENT", "INSUFFICIENT")), "REJECT", "no longer do: T1"),
        (gates(T1=("PASS", "FAIL")), "HOLD", "passed B+ no longer do: T1"),
    ],
    ids=["closed two", "closed one", "B+ alone", "nothing", "lost", "lost for lack of data", "lost at B+"],
)
def test_decided_by_gates(after, decision, said):
    score = scored(after)
    assert score.decision == decision
    assert said in score.reasons[0]
    assert score.ratio is None
    assert score.gates["T2"]["b_before"] == "FAIL"


def test_rows_may_change():
    score = scored(gates(), rows={"s4_flow_truth_labels_6B": 900}, digests={"s4_flow_truth_labels_6B": "900:1"})
    assert score.decision == "KEEP"
    assert score.drifts == ()


@pytest.mark.parametrize("status", ["FAIL", "WARN", ""])
def test_s5_must_pass(status):
    score = scored(gates(), overall_status=status, required={"REQ_A": "FAIL" if status == "FAIL" else "PASS"})
    assert score.decision == "REJECT"
    assert "S5" in score.reasons[0]


def test_a_red_state_holds():
    assert scored(gates(), s4=300.0).decision == "HOLD"


def test_a_red_state_is_looked_at_twice_and_the_faster_run_counts():
    runs = [facts(CONTROL, 1, 1, gates=BEFORE), facts("c01", 1, 1, gates=gates(), s4=300.0)]
    assert next_rounds(PLAN, [slot_of(run) for run in runs], closed(PLAN, runs)) == {"c01": (1, 2)}
    for s4, decision, counted in ((250.0, "KEEP", 2), (299.0, "HOLD", 2), (301.0, "HOLD", 1)):
        twice = [*runs, facts("c01", 1, 2, gates=gates(), s4=s4)]
        arm = closed(PLAN, twice).arms[0]
        assert (arm.decision, arm.run_id) == (decision, facts("c01", 1, counted).run_id)
        assert next_rounds(PLAN, [slot_of(run) for run in twice], closed(PLAN, twice)) == {}


def test_a_rejected_variant_is_not_run_again_for_its_time():
    runs = [facts(CONTROL, 1, 1, gates=BEFORE), facts("c01", 1, 1, gates=gates(T1=("FAIL", "FAIL")), s4=300.0)]
    assert closed(PLAN, runs).arms[0].decision == "REJECT"
    assert next_rounds(PLAN, [slot_of(run) for run in runs], closed(PLAN, runs)) == {}


def test_the_authority_is_the_reference_where_world_and_seed_are_its():
    runs = [facts(CONTROL, 1, 1, gates=gates()), facts("c01", 1, 1, gates=gates())]
    plan = replace(PLAN, authority="d" * 32)
    base = facts("authority", 0, 0, gates=BEFORE)
    assert closed(plan, runs, baseline=base).arms[0].decision == "KEEP"
    assert closed(plan, runs, baseline=replace(base, seed=7)).arms[0].decision == "HOLD"


def test_the_variant_with_more_gates_is_best():
    runs = [
        facts(CONTROL, 1, 1, gates=BEFORE),
        facts("c01", 1, 1, gates=gates(T3=("PASS", "FAIL"))),
        facts("c02", 1, 1, gates=gates()),
    ]
    plan = replace(sweep(("c01", "c02")), kind="remediation", authority="d" * 32)
    closure = closed(plan, runs, baseline=facts("authority", 0, 0, gates=BEFORE))
    assert (closure.best, closure.decision) == ("c02", "KEEP")


def test_each_variant_is_run_once():
    assert next_rounds(PLAN, [], closed(PLAN, [])) == {"c01": (1, 1)}
    run = facts("c01", 1, 1)
    assert next_rounds(PLAN, [slot_of(run)], closed(PLAN, [run])) == {}
    assert closed(PLAN, [run]).arms[0].decision == "HOLD"

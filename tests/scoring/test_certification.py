"""The grade of a policy on all required seeds, and everything that stands against one."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from seg6b.gates.result import GateBoard, GateResult, StatisticResult, Status, Verdict
from seg6b.gates.thresholds import load_thresholds
from seg6b.scoring.certification import Grade, SeedRun, findings, graded, lane_budgets, regraded, scatter
from tests.scoring.certified import certified
from tests.scoring.sweeps import facts

GATE_FILE = Path(__file__).parents[2] / "conf" / "gates" / "v1.yaml"
RULE = load_thresholds(yaml.safe_load(GATE_FILE.read_text())).cross_seed
SEEDS = (42, 7, 101, 202)
BUDGETS = {
    "arrivals": 1_000_000,
    "floor_s": 1.0,
    "states": {"S4": {"target_s": 100.0, "stretch_s": 120.0}, "S5": {"target_s": 20.0, "stretch_s": 25.0}},
    "lanes_min": {"witness": {"target": 3.7, "stretch": 4.2}, "certification": {"target": 7.4, "stretch": 8.2}},
}
STRETCH = ("T17", "T18", "T19", "T20")


def gate(gate_id, b=Status.PASS, bplus=Status.PASS, value=0.5):
    kind = "stretch" if gate_id in STRETCH else "hard"
    detail = {"campaigns": 8.0, "median_zones": 12.0}
    return GateResult(
        gate_id, gate_id, "", kind, "CRITICAL", ("S4",), value, value, (0.4, 0.6), 1000, b, bplus, ">= 0", ">= 0",
        detail=detail,
    )  # fmt: skip


def board(gates=None, statistics=()):
    every = {f"T{k}": gate(f"T{k}") for k in range(1, 23)} | {g.gate_id: g for g in gates or ()}
    return GateBoard("0" * 32, 42, "v1", every, tuple(statistics), Verdict.PASS_BPLUS, "UNLOCK_P1")


def runs(change=None, **changed):
    """A run for every seed; `change` maps a seed to its board."""
    boards = dict.fromkeys(SEEDS, board()) | (change or {})
    return {s: SeedRun(s, facts(f"seed {s}", seed=s, s4=90.0, s5=10.0, **changed), boards[s]) for s in SEEDS}


def grade(made, seeds=SEEDS):
    return graded(findings(made, seeds, RULE, BUDGETS, 1_000_000), RULE)


def test_everything_at_bplus_on_every_seed_is_robust():
    assert grade(runs()) == (Grade.PASS_BPLUS_ROBUST, ())


@pytest.mark.parametrize(
    ("gates", "expected", "said"),
    [
        ([gate("T5", Status.FAIL, Status.FAIL)], Grade.HOLD_REMEDIATE, "T5 (seed 7)"),
        ([gate("T5", Status.INSUFFICIENT, Status.INSUFFICIENT)], Grade.HOLD_REMEDIATE, "T5 (seed 7, too little data)"),
        ([gate("T5", Status.PASS, Status.FAIL)], Grade.PASS_B, "gates below B+: T5 (seed 7)"),
        ([gate("T19", Status.FAIL, Status.FAIL)], Grade.PASS_B, "gates below B+: T19 (seed 7)"),
    ],
)
def test_one_seed_decides(gates, expected, said):
    found, reasons = grade(runs({7: board(gates)}))
    assert found is expected
    assert said in reasons[0]


def test_a_missing_seed_blocks():
    made = runs()
    del made[101]
    found, reasons = grade(made)
    assert (found, reasons[0]) == (Grade.HOLD_REMEDIATE, "P5-B1 seed 101 is missing")
    assert grade({}, SEEDS)[0] is Grade.HOLD_REMEDIATE


def test_a_run_of_another_seed_blocks():
    made = runs()
    made[7] = replace(made[7], facts=facts("seed 7", seed=42, s4=90.0))
    found, reasons = grade(made)
    assert found is Grade.HOLD_REMEDIATE
    assert reasons[0].startswith("P5-B2")
    assert "stands for seed 7 and was made with 42" in reasons[0]


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"required": {"REQ_A": "FAIL"}, "overall_status": "FAIL"}, "failed REQ_A"),
        ({"required": {}, "overall_status": ""}, "left no report"),
        ({"overall_status": "WARN"}, "is WARN"),
    ],
)
def test_a_failed_check_of_s5_blocks(changed, said):
    made = runs()
    made[202] = replace(made[202], facts=replace(made[202].facts, **changed))
    found, reasons = grade(made)
    assert found is Grade.HOLD_REMEDIATE
    assert reasons[0].startswith("P5-B3")
    assert said in reasons[0]


def test_scatter_beyond_b_blocks_and_beyond_bplus_costs_the_better_grade():
    wide = {7: board([gate("T5", value=0.9)])}
    found, reasons = grade(runs(wide))
    assert found is Grade.HOLD_REMEDIATE
    assert reasons[0].startswith("P5-B4")
    assert "T5" in reasons[0]
    some = {7: board([gate("T5", value=0.72)])}
    found, reasons = grade(runs(some))
    assert (found, "cross-seed variation above 0.15: T5" in reasons[0]) == (Grade.PASS_B, True)


def test_a_metric_that_a_seed_lacks_scatters_without_end():
    found, reasons = grade(runs({7: board([gate("T14", value=None)])}))
    assert found is Grade.HOLD_REMEDIATE
    assert "T14 inf" in reasons[0]


def test_a_fault_of_a_run_blocks():
    made = runs()
    made[42] = replace(made[42], faults=("S5 is stale: s4_case_flows_6B changed after it",))
    found, reasons = grade(made)
    assert found is Grade.HOLD_REMEDIATE
    assert "S5 is stale" in reasons[0]


def test_a_binding_statistic_below_bplus_costs_the_better_grade():
    line = StatisticResult("truth", "jsd", 0.04, Status.PASS, Status.FAIL, True, 1000)
    free = replace(line, blocking=False)
    assert grade(runs({7: board(statistics=[line])}))[0] is Grade.PASS_B
    assert grade(runs({7: board(statistics=[free])}))[0] is Grade.PASS_BPLUS_ROBUST


@pytest.mark.parametrize(
    ("s4", "expected"),
    [(90.0, Grade.PASS_BPLUS_ROBUST), (110.0, Grade.PASS_BPLUS_ROBUST), (121.0, Grade.HOLD_REMEDIATE)],
)
def test_a_state_over_its_budget_holds_whatever_the_realism_says(s4, expected):
    made = runs()
    made[7] = replace(made[7], facts=facts("seed 7", seed=7, s4=s4))
    found, reasons = grade(made)
    assert found is expected
    assert expected is Grade.PASS_BPLUS_ROBUST or "S4 is RED" in reasons[0]


def test_lanes_are_sums_over_seeds():
    found = {b.name: b for b in lane_budgets([r.facts for r in runs().values()], BUDGETS, 1_000_000)}
    assert (found["witness"].elapsed_s, found["certification"].elapsed_s) == (200.0, 400.0)
    assert (found["witness"].status, found["certification"].status) == ("GREEN", "GREEN")
    slow = [facts(seed=s, s4=110.0) for s in SEEDS]
    assert {b.name: b.status for b in lane_budgets(slow, BUDGETS, 1_000_000)}["certification"] == "AMBER"
    assert [b.name for b in lane_budgets(slow[:1], BUDGETS, 1_000_000)] == ["S4", "S5", "certification"]


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=6), st.floats(1e-6, 1e3))
def test_scatter_is_never_below_zero_and_does_not_mind_order(values, floor):
    assert scatter(values, floor) >= 0.0
    assert scatter(values, floor) == pytest.approx(scatter(values[::-1], floor))


def test_what_is_not_robust_is_pass_b_at_most():
    best = certified(Grade.PASS_BPLUS_ROBUST)
    assert regraded(best, []) is best
    assert regraded(best, ["90 of 100"]).grade is Grade.PASS_B
    assert regraded(replace(best, grade=Grade.HOLD_REMEDIATE), ["x"]).grade is Grade.HOLD_REMEDIATE

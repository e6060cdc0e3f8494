"""What an arm is judged by, and in which order: ends, rows, checks, time, and what holds a gain back."""

from __future__ import annotations

from dataclasses import replace

import pytest

from seg6b.errors import EvidenceMissing
from seg6b.runs.sweep import CONTROL
from seg6b.scoring.closure import Drift
from tests.scoring.sweeps import closed, facts, rounds, run_id, sweep

FASTER = (0.80, 0.82, 0.81, 0.79, 0.80)
SLOWER = (1.20, 1.22, 1.21, 1.19, 1.20)
MIXED = (0.90, 1.12, 0.95, 1.08, 0.97)
COLLAPSED = {"s4_flow_truth_labels_6B": "1000:ff", "s4_case_flows_6B": "50:00"}


def scored(runs, plan=None, **more):
    return closed(plan or sweep(), runs, **more).arms[0]


def test_one_fast_set_is_provisional():
    score = scored(rounds("c01", FASTER))
    assert score.decision == "KEEP_PROVISIONAL"
    assert score.ratio.n == 5
    assert score.ratio.median == pytest.approx(0.80)
    assert score.elapsed_s == pytest.approx((80.0, 82.0, 81.0, 79.0, 80.0))
    assert score.control_s == (100.0,) * 5
    assert score.run_id == run_id("c01", 1, 1)
    low, high = score.ratio.bounds
    assert low < score.ratio.ci95[0] < score.ratio.ci95[1] < high < 1.0


def test_the_ratio_by_hand():
    ratio = scored(rounds("c01", (0.8, 1.25), control=10.0), sweep(repeats=2, max_repeats=2)).ratio
    assert ratio.mean == pytest.approx(1.0)
    assert ratio.spread == pytest.approx(0.3155726)
    assert ratio.ci95 == pytest.approx((0.0587005, 17.03564), rel=1e-5)
    assert ratio.ci95 == ratio.bounds


def test_a_second_fast_set_keeps_it():
    score = scored(rounds("c01", FASTER) + rounds("c01", (0.84, 0.86, 0.85, 0.83, 0.84), 2))
    assert score.decision == "KEEP"
    assert [round(r.mean, 2) for r in score.set_ratios] == [0.80, 0.84]
    assert score.ratio.mean == pytest.approx((0.8040 * 0.8439) ** 0.5, rel=1e-3)
    assert score.ratio.n == 10


@pytest.mark.parametrize("second", [MIXED, SLOWER], ids=["straddles", "contradicts"])
def test_a_gain_that_does_not_recur_is_not_kept(second):
    score = scored(rounds("c01", FASTER) + rounds("c01", second, 2))
    assert score.decision == "INSUFFICIENT"
    assert "did not recur" in score.reasons[0]


def test_half_a_second_set_confirms_nothing():
    score = scored(rounds("c01", FASTER) + rounds("c01", FASTER[:3], 2))
    assert score.decision == "KEEP_PROVISIONAL"
    assert len(score.set_ratios) == 1


def test_slower_is_rejected():
    score = scored(rounds("c01", SLOWER))
    assert score.decision == "REJECT"
    assert "slower" in score.reasons[0]


def test_what_straddles_says_why_and_how_many_more():
    score = scored(rounds("c01", MIXED))
    assert score.decision == "INSUFFICIENT"
    assert score.ratio.reason == "spread"
    assert "scatter" in score.reasons[0]
    nearly = scored(rounds("c01", (0.90, 1.02, 0.95, 0.98, 0.93)))
    assert nearly.decision == "INSUFFICIENT"
    assert nearly.ratio.more > 0
    assert f"{nearly.ratio.more} more repeats would settle it" in nearly.reasons[0]


@pytest.mark.parametrize(("count", "used"), [(3, 3), (5, 5), (7, 5), (8, 8), (11, 8)])
def test_a_set_is_judged_at_its_looks(count, used):
    score = scored(rounds("c01", (0.9, 1.1) * 6)[: 2 * count])
    assert score.ratio.n == used
    assert score.decision == "INSUFFICIENT"


def test_too_few_rounds_decide_nothing_however_fast():
    score = scored(rounds("c01", (0.5, 0.5, 0.5)))
    assert score.decision == "INSUFFICIENT"
    assert score.reasons == ("3 of 5 planned pairs are there",)


def test_drift_is_decided_before_time():
    score = scored(rounds("c01", (0.5,) * 5, digests=COLLAPSED))
    assert score.decision == "REJECT_SEMANTIC_DRIFT"
    assert score.drifts == (Drift("s4_flow_truth_labels_6B", 1000, 1000),)
    assert score.ratio is None
    assert score.set_ratios == ()
    assert "s4_flow_truth_labels_6B" in score.reasons[0]


def test_one_drifted_run_among_many_is_enough():
    runs = rounds("c01", FASTER)
    runs[7] = replace(runs[7], rows={"s4_flow_truth_labels_6B": 999, "s4_case_flows_6B": 50})
    score = scored(runs)
    assert score.decision == "REJECT_SEMANTIC_DRIFT"
    assert score.run_id == runs[7].run_id
    assert "(999 rows, expected 1,000)" in score.reasons[0]
    assert not score.parity_stable


def test_drift_against_the_authority_alone():
    base = facts("authority", 0, 0, digests=COLLAPSED)
    score = scored(rounds("c01", FASTER), baseline=base)
    assert score.decision == "REJECT_SEMANTIC_DRIFT"
    assert "of the authority" in score.reasons[0]
    assert score.reasons[1] == "the control's rows differ likewise: the code changed them, not the arm"


@pytest.mark.parametrize(
    "other", [{"parameter_hash": "b" * 64}, {"seed": 7}, {"manifest_fingerprint": "0" * 64}, {"contract": "6B.v1"}]
)
def test_an_authority_of_another_kind_is_no_reference_for_rows(other):
    base = facts("authority", 0, 0, digests=COLLAPSED, **other)
    assert scored(rounds("c01", FASTER), baseline=base).decision == "KEEP_PROVISIONAL"


def test_a_failed_required_check_rejects_before_time():
    runs = rounds("c01", FASTER)
    runs[3] = replace(runs[3], required={"REQ_A": "PASS", "REQ_B": "FAIL"})
    score = scored(runs)
    assert score.decision == "REJECT"
    assert "REQ_B" in score.reasons[0]
    assert not score.checks_pass
    assert score.ratio is None


def test_unknown_checks_are_no_pass():
    score = scored(rounds("c01", FASTER, required={}, overall_status=""))
    assert score.decision == "HOLD"
    assert "not known" in score.reasons[0]


def test_warn_metrics_are_reported_as_deltas():
    score = scored(rounds("c01", FASTER, warn_metrics={"WARN_A.share": 0.75}))
    assert score.warn_deltas == {"WARN_A.share": 0.25}
    assert score.decision == "KEEP_PROVISIONAL"


def test_a_red_state_holds_a_gain_back():
    score = scored(rounds("c01", FASTER, control=400.0))
    assert score.decision == "HOLD"
    assert score.reasons[0] == "S4 is RED: 320.00 s of 250.00 s at most"
    assert "faster" in score.reasons[1]
    amber = scored(rounds("c01", FASTER, control=300.0))
    assert (amber.decision, amber.budgets[0].status) == ("KEEP_PROVISIONAL", "AMBER")


def test_a_gain_that_the_other_states_eat_is_held_back():
    score = scored(rounds("c01", FASTER, s5=60.0))
    assert score.decision == "HOLD"
    assert "all executed states together are slower" in score.reasons[0]


def test_a_failed_run_holds_a_gain_back():
    score = scored(rounds("c01", FASTER), failed=[facts("c01", 1, 6)])
    assert score.decision == "HOLD"
    assert score.reasons[0] == "1 of its 6 runs failed: E_S4_DISK: full."
    assert score.failed_runs == 1


def test_an_arm_of_which_nothing_ended_is_rejected_unless_the_control_fails_too():
    control = [facts(CONTROL, 1, 1)]
    failed = [facts("c01", 1, 1)]
    assert scored(control, failed=failed).decision == "REJECT"
    both = scored([], failed=[*failed, *control])
    assert both.decision == "HOLD"
    assert both.reasons[1] == "the control did not run either"


def test_what_has_not_run_yet_is_insufficient():
    assert scored([]).reasons == ("it has not run yet",)
    assert scored([facts("c01", 1, 1)]).reasons == ("no pair of runs of arm and control; 5 are planned",)


def test_an_inert_arm_is_not_judged():
    plan = sweep()
    plan = replace(plan, arms=(plan.arms[0], replace(plan.arms[1], inert="one batch holds all rows")))
    score = scored([], plan)
    assert (score.decision, score.reasons) == ("INERT", ("one batch holds all rows",))


def test_times_of_two_testbeds_are_not_compared():
    runs = rounds("c01", FASTER)
    runs[5] = replace(runs[5], testbed="another machine")
    with pytest.raises(EvidenceMissing, match=r"E_SCORE_TESTBED.*another machine.*one machine.*begins it anew"):
        scored(runs)


def test_a_linked_state_has_no_time():
    runs = rounds("c01", FASTER)
    runs[4] = replace(runs[4], executed=("S5",))
    with pytest.raises(EvidenceMissing, match=r"E_SCORE_NOT_EXECUTED: a timed run did not execute S4"):
        scored(runs)


def test_the_warm_up_is_a_reference_for_rows_and_no_pair():
    warm = facts(CONTROL, 1, 0, 500.0)
    score = scored([warm, *rounds("c01", FASTER)])
    assert score.ratio.n == 5
    drifted = scored([warm, *rounds("c01", FASTER, digests=COLLAPSED)])
    assert f"of the control {warm.run_id[:8]}" in drifted.reasons[0] or "of the authority" in drifted.reasons[0]


def test_another_state_may_decide():
    plan = sweep(closure={"state": "S5"})
    runs = [replace(r, elapsed_s={**r.elapsed_s, "S5": 8.0}) if r.arm == "c01" else r for r in rounds("c01", MIXED)]
    score = scored(runs, plan)
    assert score.elapsed_s == (8.0,) * 5
    assert score.ratio.mean == pytest.approx(0.8)

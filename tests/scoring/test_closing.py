"""From arms to a lane: the best arm, the decision, the marker, and what has to be run next."""

from __future__ import annotations

from dataclasses import replace

import pytest

from seg6b.runs.sweep import CONTROL
from seg6b.scoring.closure_json import closure_json, phase_of
from seg6b.scoring.score import next_rounds
from seg6b.scoring.state_csv import COLUMNS, state_rows
from tests.scoring.sweeps import closed, facts, rounds, run_id, slot_of, sweep
from tests.scoring.test_arms import COLLAPSED, FASTER, MIXED, SLOWER

RULE = {"min_reduction": 0.15, "target_s": 90.0, "stretch_s": 100.0, "unlocks": "UNLOCK_NEXT", "holds": "HOLD_IT"}


def both(arm, ratios, **more):
    return rounds(arm, ratios, 1, **more) + rounds(arm, ratios, 2, **more)


def with_other(runs, arm, ratios):
    """Runs of one more arm beside the control's that are there."""
    return runs + [run for run in rounds(arm, ratios) if run.arm == arm]


def test_the_faster_of_two_winners_is_best():
    runs = with_other(rounds("c01", (0.90, 0.91, 0.89, 0.90, 0.90)), "c02", FASTER)
    closure = closed(sweep(("c01", "c02")), runs)
    assert (closure.decision, closure.best) == ("KEEP_PROVISIONAL", "c02")
    assert closure.reasons[0].startswith("c02: S4 is faster in one set")


def test_a_kept_arm_comes_before_a_provisional_one():
    runs = with_other(both("c01", (0.90, 0.91, 0.89, 0.90, 0.90)), "c02", FASTER)
    assert closed(sweep(("c01", "c02")), runs).best == "c01"


@pytest.mark.parametrize(
    ("first", "second", "decision"),
    [(SLOWER, SLOWER, "REJECT"), (SLOWER, MIXED, "INSUFFICIENT"), (MIXED, MIXED, "INSUFFICIENT")],
    ids=["slower", "mixed", "open"],
)
def test_without_a_winner_the_lane_says_what_its_arms_say(first, second, decision):
    closure = closed(sweep(("c01", "c02"), closure=RULE), with_other(rounds("c01", first), "c02", second))
    assert (closure.decision, closure.best, closure.marker) == (decision, "", "HOLD_IT")


def test_all_drifted_and_all_inert():
    assert closed(sweep(), rounds("c01", FASTER, digests=COLLAPSED)).decision == "REJECT_SEMANTIC_DRIFT"
    plan = sweep()
    inert = replace(plan, arms=(plan.arms[0], replace(plan.arms[1], inert="cannot bind")))
    assert closed(inert, []).decision == "INERT"


def test_the_marker_opens_the_next_lane():
    closure = closed(sweep(closure=RULE), both("c01", FASTER))
    assert (closure.decision, closure.marker) == ("KEEP", "UNLOCK_NEXT")


@pytest.mark.parametrize(
    ("rule", "missing"),
    [({"min_reduction": 0.19}, "required reduction of 19%"), ({"target_s": 75.0}, "its target is 75.00 s")],
    ids=["reduction", "target"],
)
def test_a_kept_arm_may_leave_the_lane_on_hold(rule, missing):
    closure = closed(sweep(closure=RULE | rule), both("c01", FASTER))
    assert (closure.decision, closure.marker) == ("KEEP", "HOLD_IT")
    assert missing in closure.reasons[-1]


def test_a_provisional_gain_opens_nothing():
    assert closed(sweep(closure=RULE), rounds("c01", FASTER)).marker == "HOLD_IT"


def test_targets_are_brought_to_the_size_of_the_world():
    closure = closed(sweep(closure=RULE, arrivals=500_000), both("c01", FASTER))
    assert (closure.targets["scaled_target_s"], closure.targets["scaled_stretch_s"]) == (45.0, 50.0)
    assert closure.marker == "HOLD_IT"


def test_without_an_authority_the_lane_ranks_and_holds():
    closure = closed(sweep(closure=RULE, authority=""), both("c01", FASTER))
    assert (closure.decision, closure.best, closure.marker) == ("HOLD", "c01", "HOLD_IT")
    assert f"python -m seg6b pin {run_id(CONTROL, 1, 1)} --role authority" in closure.reasons[0]
    assert closure.arms[0].decision == "KEEP"


def test_a_named_control_stands_in_the_file_and_is_not_what_to_pin():
    named = RULE | {"control": {"s1.attach": "join_chain"}}
    closure = closed(sweep(closure=named, authority=""), both("c01", FASTER))
    assert closure_json(closure)["targets"]["control"] == named["control"]
    assert "seg6b.lane +lane=popt0" in closure.reasons[0]
    assert "seg6b pin" not in closure.reasons[0]


def test_a_control_that_contradicts_itself_holds_everything():
    runs = both("c01", FASTER)
    runs[4] = replace(runs[4], digests=COLLAPSED)
    closure = closed(sweep(closure=RULE), runs)
    assert closure.decision == "HOLD"
    assert "the control's own rows differ" in closure.reasons[0]


def test_overrides_and_the_time_of_the_last_run_are_kept():
    closure = closed(sweep(), rounds("c01", FASTER), ("UNLOCK_X is missing; overridden: why",))
    assert closure.overrides == ("UNLOCK_X is missing; overridden: why",)
    assert closure.generated_utc == "2026-01-01T00:05:00Z"
    assert closed(sweep(), []).generated_utc == sweep().created_utc


def asked(plan, runs, **more):
    closure = closed(plan, runs, **more)
    return next_rounds(plan, [slot_of(run) for run in runs], closure)


def test_what_comes_next():
    plan = sweep()
    assert asked(plan, []) == {"c01": (1, 5)}
    assert asked(plan, rounds("c01", MIXED[:3])) == {"c01": (1, 5)}
    assert asked(plan, rounds("c01", MIXED)) == {"c01": (1, 8)}
    assert asked(plan, rounds("c01", (*MIXED, 1.0, 0.9, 1.1))) == {"c01": (1, 12)}
    assert asked(plan, rounds("c01", (0.9, 1.1) * 6)) == {}
    assert asked(plan, rounds("c01", SLOWER)) == {}


def test_a_provisional_winner_gets_as_long_a_second_set():
    plan = sweep()
    slow_to_settle = (0.90, 1.02, 0.93, 0.98, 0.92, 0.90, 0.91, 0.92)
    assert asked(plan, rounds("c01", FASTER)) == {"c01": (2, 5)}
    assert asked(plan, rounds("c01", slow_to_settle)) == {"c01": (2, 8)}
    assert asked(plan, rounds("c01", FASTER) + rounds("c01", FASTER[:2], 2)) == {"c01": (2, 5)}
    assert asked(plan, both("c01", FASTER)) == {}
    assert asked(plan, rounds("c01", FASTER) + rounds("c01", MIXED, 2)) == {}
    assert asked(replace(plan, confirm=False), rounds("c01", FASTER)) == {}


def test_drifted_failed_and_red_arms_are_not_run_again():
    assert asked(sweep(), rounds("c01", FASTER[:1], digests=COLLAPSED)) == {}
    assert asked(sweep(), rounds("c01", MIXED[:2]), failed=[facts("c01", 1, 3)]) == {}
    assert asked(sweep(), rounds("c01", FASTER, control=400.0)) == {}


def test_each_arm_goes_its_own_way():
    plan = sweep(("c01", "c02", "c03"))
    runs = with_other(with_other(rounds("c01", FASTER), "c02", MIXED), "c03", SLOWER)
    assert asked(plan, runs) == {"c02": (1, 8)}
    assert asked(plan, with_other(runs, "c02", MIXED + (0.5,) * 7)) == {"c01": (2, 5)}


def test_the_closure_file_has_the_fields_of_the_build_plan():
    plain = closure_json(closed(sweep(closure=RULE), both("c01", FASTER)))
    assert (plain["phase"], plain["segment"], plain["lane"], plain["decision"]) == ("POPT.2", "6B", "POPT.2R2", "KEEP")
    for role in ("baseline", "candidate", "control"):
        assert plain[role]["required_checks_pass"] is True
        assert {"run_id", "seed", "manifest_fingerprint", "parameter_hash", "knobs", "required_check_results",
                "warn_metrics", "content_digests", "overall_status"} <= set(plain[role])  # fmt: skip
    assert plain["witness"] is None
    assert plain["state_elapsed_s"]["candidate"]["S4"] == pytest.approx(80.0)
    assert plain["state_elapsed_s"]["control"] == {"S4": 100.0, "S5": 10.0}
    assert plain["state_elapsed_s"]["baseline"]["S4"] == 104.0
    metrics = plain["metrics"]
    assert metrics["reduction_vs_baseline"] == pytest.approx(1 - 80.0 / 104.0)
    assert metrics["ratio_vs_control"]["n"] == 10
    assert (metrics["runtime_target_pass"], metrics["runtime_stretch_pass"]) == (True, True)
    assert (metrics["parity_counts_stable"], metrics["digests_equal"], metrics["non_regression_pass"]) == (True,) * 3
    assert [arm["arm"] for arm in plain["arms"]] == ["c01"]


def test_no_reduction_is_told_between_testbeds():
    base = facts("authority", 0, 0, testbed="another machine")
    plain = closure_json(closed(sweep(), rounds("c01", FASTER), baseline=base))
    assert plain["metrics"]["reduction_vs_baseline"] is None


def test_a_closure_file_of_an_empty_sweep():
    plain = closure_json(closed(sweep(authority=""), []))
    assert (plain["candidate"], plain["control"], plain["baseline"]) == (None, None, None)
    assert plain["decision"] == "HOLD"


@pytest.mark.parametrize(("lane", "phase"), [("POPT.2R2", "POPT.2"), ("P6", "P6"), ("M6B", "M6B")])
def test_phases(lane, phase):
    assert phase_of(lane) == phase


def test_elapsed_rows():
    rows = state_rows(closed(sweep(), rounds("c01", FASTER[:1])))
    assert len(COLUMNS) == len(rows[0])
    assert [row[1:6] for row in rows[:3]] == [
        ("authority", 0, 0, "S3", "linked"),
        ("authority", 0, 0, "S4", "executed"),
        ("authority", 0, 0, "S5", "executed"),
    ]
    lanes = (1.0, 76.0, 0.0, 2.0, 1.0, *[""] * 5)
    assert rows[-2] == (run_id("c01", 1, 1), "c01", 1, 1, "S4", "executed", 80.0, 80.0, *lanes)

"""T1..T4 and T22 on rows counted by hand: 200 flows a cell."""

from __future__ import annotations

from types import SimpleNamespace

import polars as pl
import pytest

from seg6b.gates.collisions import matches, overlapping_pairs
from seg6b.policy.truth import Ordered

TRUTH = "campaign fraud_pattern_type overlay_anomaly_any pattern_source truth_rule_id truth_subtype fraud_label is_fraud_truth n"
LEGIT = [False, "NONE", False, "HEURISTIC_ONLY", "RULE_NONE_NO_OVERLAY", "NONE", "LEGIT", False]
ABUSE = [False, "NONE", True, "HEURISTIC_ONLY", "RULE_OVERLAY_ANOMALY_NO_CAMPAIGN", "FRIENDLY_FRAUD", "ABUSE", True]
WRONG = [False, "NONE", False, "HEURISTIC_ONLY", "RULE_NONE_NO_OVERLAY", "FRIENDLY_FRAUD", "ABUSE", True]
ATO = [True, "ATO", False, "CAMPAIGN", "RULE_ATO", "ATO", "FRAUD", True]
SPARED = [True, "ATO", False, "CAMPAIGN", "RULE_ATO", "NONE", "LEGIT", False]
COLLATERAL = [False, "NONE", False, "COLLATERAL", "COLLATERAL_SAME_ACCOUNT_WINDOW", "NONE", "LEGIT", False]


@pytest.fixture
def judged(tables, board, make):
    """Status of a gate at (B, B+), and its value, for counts of rows in each cell."""

    def run(gate, *counted):
        tables["S4"]["truth"] = make(TRUTH, [[*row, n] for row, n in counted])
        result = board(tables).gates[gate]
        return result.value, result.b.value, result.bplus.value

    return run


@pytest.mark.parametrize(
    ("legit", "value", "b", "bplus"),
    [(98, 0.02, "PASS", "PASS"), (99, 0.01, "FAIL", "FAIL"), (70, 0.30, "PASS", "PASS"), (69, 0.31, "FAIL", "FAIL")],
)
def test_t2_band(judged, legit, value, b, bplus):
    assert judged("T2", (LEGIT, legit), (ABUSE, 100 - legit)) == (pytest.approx(value), b, bplus)


def test_t1_needs_one_legit_row(judged):
    assert judged("T1", (LEGIT, 1), (ABUSE, 99))[1:] == ("PASS", "PASS")
    assert judged("T1", (ABUSE, 100)) == (0.0, "FAIL", "FAIL")


@pytest.mark.parametrize(
    ("wrong", "b", "bplus"),
    [(0, "PASS", "PASS"), (5, "PASS", "PASS"), (6, "PASS", "FAIL"), (10, "PASS", "FAIL"), (11, "FAIL", "FAIL")],
)
def test_t3_counts_untouched_rows_that_are_not_legit(judged, wrong, b, bplus):
    assert judged("T3", (LEGIT, 1000 - wrong), (WRONG, wrong), (ABUSE, 90)) == (1 - wrong / 1000, b, bplus)


def test_t3_leaves_out_what_a_collateral_rule_decided(judged):
    wrong_by_draw = [*COLLATERAL[:5], "ATO", "FRAUD", True]
    assert judged("T3", (LEGIT, 90), (wrong_by_draw, 10)) == (1.0, "PASS", "PASS")


def test_t3_refuses_too_small_a_denominator(judged):
    assert judged("T3", (LEGIT, 85), (COLLATERAL, 15))[1] == "PASS"
    assert judged("T3", (LEGIT, 84), (COLLATERAL, 16))[1:] == ("FAIL", "FAIL")


@pytest.mark.parametrize(
    ("spared", "b", "bplus"), [(5, "PASS", "PASS"), (6, "PASS", "FAIL"), (10, "PASS", "FAIL"), (11, "FAIL", "FAIL")]
)
def test_t4_counts_campaign_rows_that_are_not_legit(judged, spared, b, bplus):
    assert judged("T4", (LEGIT, 9000), (ATO, 1000 - spared), (SPARED, spared)) == (1 - spared / 1000, b, bplus)


def test_t4_without_campaigns_is_insufficient(judged):
    assert judged("T4", (LEGIT, 100), (ABUSE, 5)) == (None, "INSUFFICIENT", "INSUFFICIENT")


def test_a_flag_that_contradicts_its_label_fails_t1(judged):
    assert judged("T1", (LEGIT, 99), ([*LEGIT[:7], True], 1))[1:] == ("FAIL", "FAIL")


@pytest.mark.parametrize("gate", ["T1", "T2", "T3", "T4", "T22"])
def test_unknown_and_null_labels_fail(tables, board, gate):
    for label in ("MAYBE", None):
        rows = tables["S4"]["truth"].with_columns(fraud_label=pl.lit(label, pl.String))
        result = board({**tables, "S4": {**tables["S4"], "truth": rows}}).gates[gate]
        assert result.b == "FAIL"
        assert "fraud_label" in result.detail["reason"]


def test_t22_counts_rows_that_record_another_rule(judged):
    elsewhere = [*LEGIT[:4], "RULE_OVERLAY_ANOMALY_NO_CAMPAIGN", "FRIENDLY_FRAUD", "ABUSE", True]
    assert judged("T22", (LEGIT, 9), (elsewhere, 2)) == (128.0, "FAIL", "FAIL")
    assert judged("T22", (LEGIT, 9), (COLLATERAL, 2)) == (0.0, "PASS", "PASS")


def test_t22_counts_rows_without_a_rule(judged):
    assert judged("T22", (LEGIT, 9), ([True, "NONE", *LEGIT[2:]], 1)) == (64.0, "FAIL", "FAIL")


def test_t22_counts_the_overlap_of_a_reduced_key(tables, board, policies, lean_pack):
    lean = SimpleNamespace(**{**vars(policies), "truth": lean_pack("truth")})
    result = board(tables, policies=lean).gates["T22"]
    assert result.detail["overlapping_pairs"] == 1
    assert result.detail["rows_with_several_rules"] == 195 * 64
    assert result.b == "FAIL"


def test_overlaps_that_a_pack_would_refuse_are_found(policies):
    twin = policies.truth.overlay_flags[0].model_copy(update={"rule_id": "POSTURE_MULE_OVERRIDE", "anomaly": None})
    broken = Ordered.model_construct(**{**dict(policies.truth), "overlay_flags": [*policies.truth.overlay_flags, twin]})
    assert overlapping_pairs(broken) == [("RULE_OVERLAY_ANOMALY_NO_CAMPAIGN", "POSTURE_MULE_OVERRIDE")]


def test_every_possible_flow_has_exactly_one_rule(policies):
    patterns = ("NONE", *(r.pattern for r in policies.truth.direct_campaign))
    for pattern in patterns:
        for anomaly in (False, True):
            assert len(matches(policies.truth, (pattern, anomaly, pattern != "NONE"))) == 1
            assert matches(policies.truth, (pattern, anomaly, pattern == "NONE")) == []

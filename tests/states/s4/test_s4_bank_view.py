from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from seg6b.datasets import vocabulary as v
from seg6b.states.s4_labels.bank_view import _flat_rules, _rules
from seg6b.states.s4_labels.counts import draw_keys, new_counts
from seg6b.states.s4_labels.delays import delay_laws
from seg6b.states.s4_labels.flows import NEVER, flow_arrays
from seg6b.states.s4_labels.odds import Odds, amount_factor, graded_odds
from seg6b.states.s4_labels.outcomes import Outcomes, draw_outcomes
from seg6b.states.s4_labels.truth import Truth

LEGIT, FRAUD, ABUSE = range(3)
NONE, ATO = v.TRUTH_SUBTYPES.index("NONE"), v.TRUTH_SUBTYPES.index("ATO")


def truth_of(size, label=FRAUD, subtype=ATO):
    return Truth(*(np.full(size, code, np.uint8) for code in (label, subtype, 0, 0)))


@pytest.fixture
def desk(made, context):
    """`desk(flows)`: arrays, keys and counts of hand-made flows."""

    def lay(flows, seed=42):
        anchor, _ = made.frames(flows)
        return flow_arrays(anchor), draw_keys(context(seed=seed).draws), new_counts()

    return lay


@pytest.fixture
def outcomes_of(desk, pack):
    """`outcomes_of(flows, detect=1, …)`: outcomes under odds that are the same for all flows."""

    def run(flows, auth="APPROVE", variant="full", at_auth=None, **odds):
        arrays, keys, counts = desk(flows)
        size = arrays.flow_id.size
        policy = pack("bank_view")
        if at_auth is not None:
            rates = {s: r.model_copy(update={"at_auth": at_auth}) for s, r in policy.subtypes.items()}
            policy = policy.model_copy(update={"subtypes": rates})
        chances = [np.full(size, float(odds.get(name, 0.0))) for name in ("detect", "dispute", "chargeback")]
        dealt = Odds(np.full(size, v.AUTH_DECISIONS.index(auth), np.uint8), *chances)
        delays = delay_laws(pack("delay", variant))
        return draw_outcomes(arrays, truth_of(size), dealt, policy, delays, keys=keys, counts=counts), arrays, counts

    return run


@pytest.mark.parametrize(
    ("flow", "decision"),
    [
        ({"baseline_outcome": "AUTH_DECLINED", "clear": None}, {"DECLINE"}),
        ({"tactic_ids": 64, "clear": None}, {"DECLINE"}),
        ({"tactic_ids": 1 | 64}, {"DECLINE"}),
        ({"tactic_ids": 1 | 32}, {"APPROVE", "REVIEW"}),
        ({"branch_trace": 1}, {"APPROVE", "REVIEW", "CHALLENGE"}),
        ({"flow_type_id": "CARD_AUTH_STEPUP_CLEAR"}, {"APPROVE", "REVIEW", "CHALLENGE"}),
        ({"branch_trace": 2 | 8}, {"APPROVE", "REVIEW"}),
    ],
    ids=["s2_decline", "tactic", "tactic_among_others", "other_tactics", "step_up", "step_up_type", "other_branches"],
)
def test_decisions_say_what_events_say(labelled, flow, decision):
    view = labelled([flow | {"at": float(i), "instrument_id": i + 1} for i in range(2000)]).flow_bank_view
    assert set(view["auth_decision"].cast(pl.String)) == decision


def test_shares_of_decisions_are_the_packs(labelled):
    flows = [{"at": float(i), "branch_trace": i % 2, "instrument_id": i + 1} for i in range(40_000)]
    view = labelled(flows).flow_bank_view.with_columns(stepped=pl.Series([i % 2 == 1 for i in range(40_000)]))
    shares = view.group_by("stepped", "auth_decision").len()
    found = {(s, str(d)): n / 20_000 for s, d, n in shares.rows()}
    factor = 0.9  # amount at its scale, class consumer_daytime, no border
    assert found[(False, "REVIEW")] == pytest.approx(0.02 * factor, abs=0.004)
    assert found[(True, "REVIEW")] == pytest.approx(0.02 * factor, abs=0.004)
    assert found[(True, "CHALLENGE")] == pytest.approx(0.15, abs=0.01)


@pytest.mark.parametrize(
    ("relative", "expected"), [(0.0, 0.6), (0.1, 0.6), (0.55, 0.75), (1.0, 0.9), (2.0, 1.1), (8.0, 1.8), (1e9, 1.8)]
)
def test_amount_factor_is_linear_between_knots(pack, relative, expected):
    knots = pack("bank_view").amount.knots
    at, factor = (np.array([getattr(k, name) for k in knots]) for name in ("at", "factor"))
    assert amount_factor(relative, at, factor) == pytest.approx(expected)


def test_odds_are_rate_times_class_times_amount_times_border(desk, pack):
    flows = [
        {"merchant_class": "fuel_convenience", "amount_minor": 4500, "party_country_iso": "FR"},
        {"merchant_class": "__UNK__", "amount_minor": 1500},
        {"merchant_class": "online_bursty", "amount_minor": 10**6, "party_country_iso": "FR"},
    ]
    arrays, keys, counts = desk(flows)
    odds = graded_odds(arrays, truth_of(3), pack("bank_view"), keys, counts)
    assert odds.detect == pytest.approx([0.98, 0.35 * 0.9, 0.98])
    assert odds.dispute == pytest.approx([0.98, 0.45 * 0.9, 0.98])
    assert odds.chargeback == pytest.approx([0.50 * 1.45, 0.50, 0.98])
    legit = graded_odds(arrays, truth_of(3, LEGIT, NONE), pack("bank_view"), keys, counts)
    assert legit.detect == pytest.approx([0.002 * 1.30 * 1.3 * 1.4, 0.002 * 0.9, 0.002 * 3.3 * 1.8 * 1.4])
    assert legit.dispute == pytest.approx([0.002 * 1.55 * 1.3 * 1.2, 0.002 * 0.9, 0.002 * 3.0 * 1.8 * 1.2])


@pytest.mark.parametrize(
    ("flow", "disputable"),
    [
        ({}, True),
        ({"clear": None}, True),
        ({"clear": None, "reversal": 500.0}, False),
        ({"clear": None, "baseline_outcome": "AUTH_DECLINED"}, False),
        ({"clear": None, "tactic_ids": 64}, False),
    ],
    ids=["cleared", "not_cleared", "reversed", "declined", "declined_by_campaign"],
)
def test_only_moved_money_is_disputed(desk, pack, flow, disputable):
    arrays, keys, counts = desk([flow])
    odds = graded_odds(arrays, truth_of(1), pack("bank_view"), keys, counts)
    assert (odds.dispute[0] > 0) == disputable


def test_detection_at_authorisation_hangs_on_the_response(outcomes_of, made):
    seen, _, counts = outcomes_of([{"response": 2.5}], detect=1.0, at_auth=1.0)
    assert seen.detected_at[0] == seen.opened_at[0] == made.at(2.5)
    assert seen.detection_ms[0] == -1
    assert counts.sum() == 0


def test_detection_after_authorisation_is_a_delay_from_the_response(outcomes_of, made):
    seen, _, counts = outcomes_of([{"at": float(i), "response": 2.5} for i in range(2000)], detect=1.0, at_auth=0.0)
    assert np.array_equal(seen.detected_at, [made.at(i + 2.5) for i in range(2000)] + seen.detection_ms * 1000)
    assert (seen.detection_ms == 300_000).mean() == pytest.approx(0.30, abs=0.05)
    assert seen.detection_ms.min() >= 120_000
    assert counts.sum() == 2000


@pytest.mark.parametrize(("clear", "anchor"), [(3000.0, 3000.0), (None, 1.0)], ids=["clearing", "response"])
def test_a_dispute_hangs_on_the_clearing_else_the_response(outcomes_of, made, clear, anchor):
    seen, _, _ = outcomes_of([{"clear": clear}], dispute=1.0)
    assert seen.disputed[0]
    assert seen.disputed_at[0] == made.at(anchor) + seen.dispute_ms[0] * 1000 == seen.opened_at[0]
    assert seen.dispute_ms[0] >= 3_600_000
    assert seen.charged_back_at[0] == NEVER
    assert seen.chargeback_type[0] == -1


def test_a_chargeback_hangs_on_the_dispute(outcomes_of):
    seen, _, counts = outcomes_of([{"at": float(i)} for i in range(4000)], dispute=1.0, chargeback=1.0)
    assert np.array_equal(seen.charged_back_at, seen.disputed_at + seen.chargeback_ms * 1000)
    assert seen.chargeback_ms.min() >= 86_400_000
    types = np.bincount(seen.chargeback_type, minlength=3) / 4000
    assert types == pytest.approx([0.7, 0.2, 0.1], abs=0.03)
    outcomes = np.bincount(seen.chargeback_outcome, minlength=4)[1:] / 4000
    assert outcomes == pytest.approx([0.75, 0.15, 0.10], abs=0.03)
    assert counts.sum() == 4 * 4000


@pytest.mark.parametrize(
    ("auth", "odds", "opened"),
    [
        ("APPROVE", {}, None),
        ("DECLINE", {}, None),
        ("REVIEW", {}, 1.0),
        ("CHALLENGE", {}, 1.0),
        ("REVIEW", {"dispute": 1.0}, 1.0),
    ],
)
def test_a_case_opens_with_a_review_a_challenge_or_what_comes_first(outcomes_of, made, auth, odds, opened):
    seen, _, _ = outcomes_of([{}], auth=auth, **odds)
    assert seen.opened_at[0] == (NEVER if opened is None else made.at(opened))


def test_the_earlier_of_detection_and_dispute_opens(outcomes_of):
    seen, _, _ = outcomes_of([{"at": float(i)} for i in range(500)], detect=1.0, dispute=1.0, at_auth=0.0)
    assert np.array_equal(seen.opened_at, np.minimum(seen.detected_at, seen.disputed_at))
    assert (seen.disputed_at < seen.detected_at).any()


def test_minimum_counts_everything_from_the_flow_and_draws_nothing(outcomes_of, made):
    seen, _, counts = outcomes_of([{"at": 50.0}], variant="lean", detect=1.0, dispute=1.0, chargeback=0.0, at_auth=1.0)
    assert seen.detected_at[0] == made.at(51.0)
    assert seen.disputed_at[0] == made.at(50.0 + 3600)
    assert seen.opened_at[0] == made.at(50.0)
    assert counts.sum() == 0


def outcome(label, *, opened=True, detected=False, disputed=False, chargeback="NO_CHARGEBACK"):
    """One flow's truth and outcomes, of which only what the labels look at is filled."""
    names = v.DETECTION_OUTCOMES.index("DETECTED_POST_AUTH" if detected else "NOT_DETECTED")
    seen = {name: np.full(1, NEVER, np.int64) for name in Outcomes._fields}
    seen |= {
        "detection": np.array([names], np.uint8),
        "disputed": np.array([disputed]),
        "chargeback_outcome": np.array([v.CHARGEBACK_OUTCOMES.index(chargeback)], np.uint8),
        "opened_at": np.array([0 if opened else NEVER], np.int64),
    }
    return truth_of(1, label), Outcomes(**seen)


CASES = {
    "lost": (
        FRAUD,
        {"disputed": True, "detected": True, "chargeback": "BANK_LOSS"},
        "CHARGEBACK_LOSS",
        "CHARGEBACK_LOSS",
    ),
    "lost_legit": (LEGIT, {"disputed": True, "chargeback": "BANK_LOSS"}, "CHARGEBACK_LOSS", "CHARGEBACK_LOSS"),
    "won_before_detected": (
        ABUSE,
        {"disputed": True, "detected": True, "chargeback": "BANK_WIN"},
        "DISPUTE_WON_OR_PARTIAL",
        "DISPUTE_WON_OR_PARTIAL",
    ),
    "partial": (
        FRAUD,
        {"disputed": True, "chargeback": "PARTIAL"},
        "DISPUTE_WON_OR_PARTIAL",
        "DISPUTE_WON_OR_PARTIAL",
    ),
    "detected": (FRAUD, {"detected": True}, "FRAUD_DETECTED", "FRAUD_DETECTED"),
    "detected_and_disputed": (ABUSE, {"detected": True, "disputed": True}, "FRAUD_DETECTED", "FRAUD_DETECTED"),
    "false_positive": (LEGIT, {"detected": True}, "LEGIT_FALSE_POSITIVE", "LEGIT_DEFAULT"),
    "disputed_only": (ABUSE, {"disputed": True}, "DISPUTE_WITHOUT_CHARGEBACK", "FALL_THROUGH"),
    "reviewed_only": (FRAUD, {}, "REVIEWED_ONLY", "FALL_THROUGH"),
    "legit_disputed": (LEGIT, {"disputed": True}, "LEGIT_CASE_CLEARED", "LEGIT_DEFAULT"),
    "legit_reviewed": (LEGIT, {}, "LEGIT_CASE_CLEARED", "LEGIT_DEFAULT"),
    "undetected_fraud": (FRAUD, {"opened": False}, "NO_CASE", "NO_CASE"),
    "legit_untouched": (LEGIT, {"opened": False}, "NO_CASE", "LEGIT_DEFAULT"),
}


@pytest.mark.parametrize(("label", "seen", "settled", "published"), CASES.values(), ids=CASES)
def test_label_rules(label, seen, settled, published):
    truth, outcomes = outcome(label, **seen)
    assert v.BANK_LABEL_RULES[_rules(truth, outcomes)[0]] == settled
    assert v.BANK_LABEL_RULES[_flat_rules(truth, outcomes)[0]] == published


RULE_LABELS = {
    "CHARGEBACK_LOSS": ("CHARGEBACK_WRITTEN_OFF", True),
    "DISPUTE_WON_OR_PARTIAL": ("CUSTOMER_DISPUTE_REJECTED", False),
    "FRAUD_DETECTED": ("BANK_CONFIRMED_FRAUD", True),
    "LEGIT_FALSE_POSITIVE": ("BANK_CONFIRMED_FRAUD", True),
    "DISPUTE_WITHOUT_CHARGEBACK": ("CUSTOMER_DISPUTE_REJECTED", False),
    "REVIEWED_ONLY": ("BANK_CONFIRMED_LEGIT", False),
    "LEGIT_CASE_CLEARED": ("BANK_CONFIRMED_LEGIT", False),
    "NO_CASE": ("NO_CASE_OPENED", False),
}


def test_each_rule_gives_its_label_and_verdict(labelled, made):
    view = labelled(made.many(20_000)).flow_bank_view
    rows = view.select("bank_label_rule_id", "bank_label", "is_fraud_bank_view").unique()
    assert {str(r): (str(b), f) for r, b, f in rows.rows()} == RULE_LABELS


def test_undetected_fraud_and_untouched_legit_share_a_label(labelled, made):
    done = labelled(made.many(20_000))
    silent = done.flow_bank_view["bank_label"] == "NO_CASE_OPENED"
    assert done.flow_truth_labels.filter(silent)["fraud_label"].n_unique() == 3
    assert (silent == done.flow_bank_view["case_opened_ts"].is_null()).all()


def test_a_flat_view_declines_card_testing_on_its_channels_only(labelled):
    tested = {"fraud_pattern_type": "CARD_TESTING", "campaign_id": "c1"}
    flows = [tested | {"channel_group": c, "at": float(i)} for i, c in enumerate(("ECOM", "POS", "HYBRID", "ATM"))]
    view = labelled(flows, "lean").flow_bank_view
    assert view["auth_decision"].cast(pl.String).to_list()[:3] == ["DECLINE"] * 3


def test_published_delays_are_the_drawn_ones(labelled, made):
    view = labelled(made.many(5000)).flow_bank_view
    charged = view.filter(pl.col("chargeback_ts").is_not_null())
    took = (charged["chargeback_ts"] - charged["dispute_ts"]).dt.total_milliseconds()
    assert (took == (charged["chargeback_delay_s"] * 1000).round()).all()
    at_auth = view.filter(pl.col("detection_outcome") == "DETECTED_AT_AUTH")
    assert at_auth["detection_delay_s"].null_count() == at_auth.height > 0

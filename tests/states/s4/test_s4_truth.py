from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from seg6b.errors import ContractBroken
from seg6b.states.s4_labels.campaign_map.strategies import CHOICES
from seg6b.states.s4_labels.counts import draw_keys, new_counts
from seg6b.states.s4_labels.flows import flow_arrays
from seg6b.states.s4_labels.truth import label_truth

HOUR = 3600.0


def certain(pack, probability=1.0, share=0.5):
    """The full pack with a collateral rule that always (or never) holds."""
    full = pack("truth")
    near = full.collateral.model_copy(update={"probability": probability})
    posture = full.posture.model_copy(update={"share": share})
    return full.model_copy(update={"collateral": near, "posture": posture})


@pytest.mark.parametrize(
    ("pattern", "label"),
    [
        ("CARD_TESTING", "FRAUD"),
        ("ATO", "FRAUD"),
        ("REFUND_ABUSE", "ABUSE"),
        ("MERCHANT_COLLUSION", "FRAUD"),
        ("BONUS_ABUSE", "ABUSE"),
        ("PROMO_FRAUD", "ABUSE"),
    ],
)
def test_a_campaign_decides_by_its_type(labelled, pattern, label):
    row = labelled([{"fraud_pattern_type": pattern, "campaign_id": "c1"}]).flow_truth_labels.row(0, named=True)
    assert (row["fraud_label"], row["truth_subtype"]) == (label, pattern)
    assert (row["pattern_source"], row["truth_rule_id"]) == ("CAMPAIGN", f"RULE_{pattern}")
    assert row["is_fraud_truth"]
    assert row["campaign_id"] == "c1"
    assert row["label_policy_id"] == "truth.ordered_stages"


def test_an_anomaly_is_friendly_fraud_by_heuristic(labelled):
    row = labelled([{"overlay_anomaly_any": True}]).flow_truth_labels.row(0, named=True)
    assert (row["fraud_label"], row["truth_subtype"]) == ("ABUSE", "FRIENDLY_FRAUD")
    assert (row["pattern_source"], row["truth_rule_id"]) == ("HEURISTIC_ONLY", "RULE_OVERLAY_ANOMALY_NO_CAMPAIGN")


def test_an_untouched_flow_is_legit_by_default(labelled):
    row = labelled([{}]).flow_truth_labels.row(0, named=True)
    assert (row["fraud_label"], row["truth_subtype"], row["is_fraud_truth"]) == ("LEGIT", "NONE", False)
    assert (row["pattern_source"], row["truth_rule_id"]) == ("HEURISTIC_ONLY", "RULE_NONE_NO_OVERLAY")


@pytest.mark.parametrize("kind", ["CARD_TESTING", "ATO"])
@pytest.mark.parametrize(
    ("offset", "near"), [(4 * HOUR, True), (-4 * HOUR, True), (4 * HOUR + 1e-3, False), (-4 * HOUR - 1e-3, False)]
)
def test_collateral_is_two_sided_and_ends_with_its_window(labelled, pack, kind, offset, near):
    flows = [{"at": 50_000.0, "fraud_pattern_type": kind, "campaign_id": "c1"}, {"at": 50_000.0 + offset}]
    row = labelled(flows, truth=certain(pack)).flow_truth_labels.row(1, named=True)
    assert (row["truth_rule_id"] == "COLLATERAL_SAME_ACCOUNT_WINDOW") == near
    assert (row["fraud_label"], row["truth_subtype"]) == (("FRAUD", "ATO") if near else ("LEGIT", "NONE"))
    assert row["pattern_source"] == ("COLLATERAL" if near else "HEURISTIC_ONLY")


@pytest.mark.parametrize("other", [{"account_id": 11}, {"fraud_pattern_type": "REFUND_ABUSE"}], ids=["account", "type"])
def test_collateral_needs_the_same_account_and_a_triggering_type(labelled, pack, other):
    trigger = {"fraud_pattern_type": "ATO", "campaign_id": "c1"} | other
    row = labelled([trigger, {"at": 10.0}], truth=certain(pack)).flow_truth_labels.row(1, named=True)
    assert row["truth_rule_id"] == "RULE_NONE_NO_OVERLAY"


def test_collateral_that_says_legit_stays_collateral(labelled, pack):
    flows = [{"fraud_pattern_type": "ATO", "campaign_id": "c1"}, {"at": 10.0}]
    row = labelled(flows, truth=certain(pack, probability=0.0)).flow_truth_labels.row(1, named=True)
    assert (row["fraud_label"], row["truth_subtype"], row["pattern_source"]) == ("LEGIT", "NONE", "COLLATERAL")
    assert row["truth_rule_id"] == "COLLATERAL_SAME_ACCOUNT_WINDOW"


def test_precedence_campaign_then_anomaly_then_collateral_then_posture(labelled, pack):
    flows = [
        {"fraud_pattern_type": "ATO", "campaign_id": "c1", "party_fraud_role": "MULE"},
        {"at": 1.0, "fraud_pattern_type": "PROMO_FRAUD", "campaign_id": "c2", "party_fraud_role": "MULE"},
        {"at": 2.0, "overlay_anomaly_any": True, "party_fraud_role": "MULE"},
        {"at": 3.0, "party_fraud_role": "MULE"},
        {"at": 100_000.0, "party_fraud_role": "MULE"},
    ]
    rules = labelled(flows, truth=certain(pack)).flow_truth_labels["truth_rule_id"].to_list()
    assert rules == [
        "RULE_ATO",
        "RULE_PROMO_FRAUD",
        "RULE_OVERLAY_ANOMALY_NO_CAMPAIGN",
        "COLLATERAL_SAME_ACCOUNT_WINDOW",
        "POSTURE_MULE_OVERRIDE",
    ]


@pytest.mark.parametrize(
    ("role", "concerned"),
    [("MULE", True), ("ASSOCIATE", True), ("ORGANISER", True), ("CLEAN", False), ("SYNTHETIC_ID", False)],
)
def test_posture_concerns_three_roles(labelled, role, concerned):
    row = labelled([{"party_fraud_role": role}]).flow_truth_labels.row(0, named=True)
    assert (row["truth_rule_id"] == "POSTURE_MULE_OVERRIDE") == concerned
    assert row["pattern_source"] == ("COLLATERAL" if concerned else "HEURISTIC_ONLY")


def test_posture_draws_its_share_of_a_party(labelled):
    flows = [{"at": float(i), "instrument_id": i + 1, "party_fraud_role": "MULE"} for i in range(4000)]
    truth = labelled(flows).flow_truth_labels
    assert truth["truth_rule_id"].unique().to_list() == ["POSTURE_MULE_OVERRIDE"]
    drawn = truth.filter(pl.col("fraud_label") == "ABUSE")
    assert drawn["truth_subtype"].unique().to_list() == ["MULE_ACTIVITY"]
    assert drawn.height / 4000 == pytest.approx(0.25, abs=4 * (0.25 * 0.75 / 4000) ** 0.5)


def test_collateral_draws_a_fifth(labelled):
    flows = [
        {"fraud_pattern_type": "ATO", "campaign_id": "c1"},
        *({"at": float(i), "instrument_id": i} for i in range(1, 4001)),
    ]
    truth = labelled(flows).flow_truth_labels[1:]
    assert truth["pattern_source"].unique().to_list() == ["COLLATERAL"]
    assert truth["is_fraud_truth"].mean() == pytest.approx(0.20, abs=4 * (0.2 * 0.8 / 4000) ** 0.5)


@pytest.mark.parametrize(("collateral", "posture"), [(False, True), (True, False), (False, False)])
def test_a_switched_off_rule_gives_way_to_the_next(labelled, pack, collateral, posture):
    flows = [{"fraud_pattern_type": "ATO", "campaign_id": "c1"}, {"at": 5.0, "party_fraud_role": "MULE"}]
    done = labelled(flows, truth=certain(pack), collateral=collateral, posture=posture)
    expected = "COLLATERAL_SAME_ACCOUNT_WINDOW" if collateral else "POSTURE_MULE_OVERRIDE" if posture else None
    assert done.flow_truth_labels["truth_rule_id"][1] == (expected or "RULE_NONE_NO_OVERLAY")


def test_another_party_between_does_not_hide_an_account(labelled, pack):
    flows = [
        {"party_id": 1, "fraud_pattern_type": "ATO", "campaign_id": "c1"},
        {"party_id": 1, "at": 9.0},
        {"party_id": 2, "account_id": 20, "at": 9.0},
    ]
    rules = labelled(flows, truth=certain(pack)).flow_truth_labels["truth_rule_id"].to_list()
    assert rules[1:] == ["COLLATERAL_SAME_ACCOUNT_WINDOW", "RULE_NONE_NO_OVERLAY"]


@pytest.mark.parametrize(
    "flow", [{"campaign_id": "c1"}, {"fraud_pattern_type": "ATO"}], ids=["without_pattern", "without_campaign"]
)
def test_campaign_and_pattern_must_agree(labelled, flow):
    with pytest.raises(ContractBroken, match=r"E_S4_CAMPAIGN_PATTERN: campaign and pattern disagree .*flow_id 1000"):
        labelled([flow])


@pytest.mark.parametrize("campaign_map", CHOICES.values(), ids=CHOICES)
def test_a_flow_that_no_rule_names_is_refused(campaign_map, made, pack, context):
    anchor, _ = made.frames([{"fraud_pattern_type": "ATO", "campaign_id": "c1"}])
    full = pack("truth")
    holed = full.model_copy(update={"direct_campaign": full.direct_campaign[:1]})
    with pytest.raises(ContractBroken, match=r"E_S4_FLOW_WITHOUT_LABEL: no truth rule holds .*pattern ATO"):
        label_truth(
            flow_arrays(anchor),
            holed,
            draw_keys(context().draws),
            new_counts(),
            campaign_map=campaign_map,
            collateral=True,
            posture=True,
        )


def test_a_flow_without_response_is_refused(made):
    anchor, _ = made.frames([{}, {}])
    holed = anchor.with_columns(auth_response_ts=pl.lit(None, anchor.schema["auth_response_ts"]))
    with pytest.raises(ContractBroken, match=r"E_S4_ANCHOR_MISSING: no AUTH_RESPONSE .*2 flows"):
        flow_arrays(holed)


def test_a_reduced_key_takes_the_last_rule_of_a_pattern(labelled):
    flows = [
        {},
        {"at": 1.0, "overlay_anomaly_any": True},
        {"at": 2.0, "fraud_pattern_type": "ATO", "campaign_id": "c1"},
    ]
    truth = labelled(flows, "lean").flow_truth_labels
    assert truth["fraud_label"].to_list() == ["ABUSE", "ABUSE", "FRAUD"]
    assert truth["truth_subtype"].to_list() == ["FRIENDLY_FRAUD", "FRIENDLY_FRAUD", "ATO"]
    assert truth["label_policy_id"][0] == "truth.reduced_key"


def test_a_reduced_key_maps_an_unnamed_pattern_to_legit(labelled, pack):
    lean = pack("truth", "lean")
    short = lean.model_copy(update={"rules": [r for r in lean.rules if r.pattern != "ATO"]})
    truth = labelled([{"fraud_pattern_type": "ATO", "campaign_id": "c1"}], "lean", truth=short).flow_truth_labels
    assert truth["fraud_label"].to_list() == ["LEGIT"]


def test_truth_of_a_flow_does_not_depend_on_others_draws(labelled):
    flows = [{"at": float(i), "party_fraud_role": "MULE"} for i in range(50)]
    whole = labelled(flows).flow_truth_labels["is_fraud_truth"].to_numpy()
    half = labelled([f | {"flow_id": 1000 + i} for i, f in enumerate(flows)][::2]).flow_truth_labels
    assert np.array_equal(whole[::2], half["is_fraud_truth"].to_numpy())

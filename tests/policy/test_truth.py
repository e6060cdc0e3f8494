from __future__ import annotations

import json
from pathlib import Path
from typing import get_args

import pytest
import yaml
from pydantic import TypeAdapter, ValidationError

from seg6b.datasets import vocabulary as v
from seg6b.policy import truth

CONF = Path(__file__).resolve().parents[2] / "conf" / "policy" / "truth"


def plain(variant="full"):
    return yaml.safe_load((CONF / f"{variant}.yaml").read_text())


def load(pack):
    return TypeAdapter(truth.Model).validate_json(json.dumps(pack))


def test_variants_are_what_their_names_say():
    assert load(plain("full")).kind == "ordered_stages"
    assert load(plain("lean")).kind == "reduced_key"


@pytest.mark.parametrize(
    ("literal", "vocabulary"),
    [
        (truth.Pattern, v.PATTERNS),
        (truth.CampaignType, v.CAMPAIGN_TYPES),
        (truth.Subtype, v.TRUTH_SUBTYPES),
        (truth.TruthLabel, v.TRUTH_LABELS),
        (truth.RuleId, v.TRUTH_RULES),
        (truth.PartyRole, v.PARTY_FRAUD_ROLES),
    ],
    ids=["pattern", "campaign", "subtype", "label", "rule", "role"],
)
def test_vocabularies_are_the_contracts(literal, vocabulary):
    assert set(get_args(literal)) == set(vocabulary)


def test_full_has_one_rule_for_each_key_and_no_overlap():
    model = load(plain())
    assert truth.overlapping_pairs(model) == []
    assert truth.matching_rules(model, "NONE", anomaly=False) == ["RULE_NONE_NO_OVERLAY"]
    assert truth.matching_rules(model, "NONE", anomaly=True) == ["RULE_OVERLAY_ANOMALY_NO_CAMPAIGN"]
    assert truth.matching_rules(model, "ATO", anomaly=True) == ["RULE_ATO"]


def test_a_reduced_key_lets_the_second_none_rule_collide():
    model = load(plain("lean"))
    assert truth.overlapping_pairs(model) == [("RULE_NONE_NO_OVERLAY", "RULE_OVERLAY_ANOMALY_NO_CAMPAIGN")]
    assert len(truth.matching_rules(model, "NONE", anomaly=False)) == 2


def edited(change):
    pack = plain()
    change(pack)
    return pack


def same_pattern_twice(pack):
    pack["direct_campaign"][1]["pattern"] = "CARD_TESTING"


def anomaly_left_open(pack):
    pack["overlay_flags"].append(pack["overlay_flags"][0] | {"rule_id": "RULE_NONE_NO_OVERLAY", "anomaly": None})
    pack["default"]["rule_id"] = "RULE_PROMO_FRAUD"
    pack["direct_campaign"].pop()


def no_rule_for_ato(pack):
    del pack["direct_campaign"][1]


def none_among_campaigns(pack):
    pack["direct_campaign"][0]["pattern"] = "NONE"


def campaign_among_overlays(pack):
    pack["overlay_flags"][0]["pattern"] = "ATO"


def rule_twice(pack):
    pack["posture"]["rule_id"] = "COLLATERAL_SAME_ACCOUNT_WINDOW"


def legit_campaign(pack):
    pack["direct_campaign"][0] |= {"label": "LEGIT", "subtype": "NONE"}


def legit_with_subtype(pack):
    pack["default"]["subtype"] = "ATO"


def fraud_by_default(pack):
    pack["default"] |= {"label": "FRAUD", "subtype": "ATO"}


def unbounded_share(pack):
    pack["posture"]["share"] = 0.9


def unknown_pattern(pack):
    pack["direct_campaign"][0]["pattern"] = "PHISHING"


def unknown_key(pack):
    pack["stages"] = []


def probability_above_one(pack):
    pack["collateral"]["probability"] = 1.5


def no_window(pack):
    pack["collateral"]["window_s"] = 0


def role_twice(pack):
    pack["posture"]["roles"] = ["MULE", "MULE"]


def no_triggers(pack):
    pack["collateral"]["campaign_types"] = []


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (same_pattern_twice, r"rules of one stage overlap: RULE_CARD_TESTING and RULE_ATO"),
        (anomaly_left_open, r"rules of one stage overlap: RULE_OVERLAY_ANOMALY_NO_CAMPAIGN and RULE_NONE_NO_OVERLAY"),
        (no_rule_for_ato, r"pattern ATO with anomaly False matches 0 direct rules, not one"),
        (none_among_campaigns, r"RULE_CARD_TESTING stands in the wrong stage for pattern NONE"),
        (campaign_among_overlays, r"stands in the wrong stage for pattern ATO"),
        (rule_twice, r"rule ids repeat: COLLATERAL_SAME_ACCOUNT_WINDOW"),
        (legit_campaign, r"campaign, collateral and posture rules must say FRAUD or ABUSE"),
        (legit_with_subtype, r"label LEGIT does not go with subtype ATO"),
        (fraud_by_default, r"the default RULE_NONE_NO_OVERLAY must say LEGIT"),
        (unbounded_share, r"less than or equal to 0.5"),
        (unknown_pattern, r"direct_campaign.0.pattern"),
        (unknown_key, r"Extra inputs are not permitted"),
        (probability_above_one, r"less than or equal to 1"),
        (no_window, r"greater than or equal to 1"),
        (role_twice, r"roles repeat: MULE"),
        (no_triggers, r"at least 1 item"),
    ],
    ids=lambda p: p.__name__ if callable(p) else "",
)
def test_refusals(change, message):
    with pytest.raises(ValidationError, match=message):
        load(edited(change))

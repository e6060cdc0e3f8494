"""Pack `campaign`: what loads, what is refused, and in which words."""

import copy
import json
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
import yaml
from pydantic import TypeAdapter, ValidationError

from seg6b.datasets import vocabulary as v
from seg6b.policy import activation, campaign

FOLDER = Path(__file__).resolve().parents[2] / "conf" / "policy" / "campaign"
VARIANTS = sorted(path.stem for path in FOLDER.glob("*.yaml"))


def plain(variant="bplus"):
    return yaml.safe_load((FOLDER / f"{variant}.yaml").read_text())


def load(data):
    return TypeAdapter(campaign.Model).validate_json(json.dumps(data))


def changed(**changes):
    data = copy.deepcopy(plain())
    for key, value in changes.items():
        *parents, last = (int(k) if k.isdigit() else k for k in key.split("__"))
        at = data
        for parent in parents:
            at = at[parent]
        if value is ...:
            del at[last]
        else:
            at[last] = value
    return data


@pytest.mark.parametrize("variant", VARIANTS)
def test_variants_load(variant):
    assert load(plain(variant)).policy_id == "campaign"


@pytest.mark.parametrize("variant", ["full", "bplus"])
def test_six_templates_of_six_types_and_six_sure_instances(variant):
    pack = load(plain(variant))
    assert [t.campaign_type for t in pack.templates] == list(v.CAMPAIGN_TYPES)
    assert sum(t.activation.floor for t in pack.templates) >= 6
    assert len({t.target for t in pack.templates}) == 5
    assert len({t.fraud_family for t in pack.templates}) >= 3


def test_the_tuned_pack_draws_no_activation():
    assert sum(t.activation.draws for t in load(plain("bplus")).templates) == 0
    assert sum(t.activation.draws for t in load(plain("full")).templates) == 5


@pytest.mark.parametrize(
    ("name", "vocabulary"),
    [
        ("CampaignType", v.CAMPAIGN_TYPES), ("TargetKind", v.TARGET_KINDS), ("Channel", v.CHANNELS),
        ("FlowType", v.FLOW_TYPES), ("PartyType", v.PARTY_TYPES), ("PartyRole", v.PARTY_FRAUD_ROLES),
        ("MerchantRole", v.MERCHANT_FRAUD_ROLES), ("IpGroup", v.IP_GROUPS),
    ],
)  # fmt: skip
def test_names_are_those_of_the_contract(name, vocabulary):
    assert get_args(getattr(campaign, name)) == vocabulary


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"templates__0__filter": "F_NOBODY"}, "templates name unknown filters .'F_NOBODY'"),
        ({"templates__1__filter": "F_ECOM_CARDLIKE"}, "no template uses the filters .'F_ACCOUNT_DIGITAL'"),
        ({"templates__1__template_id": "T_CARD_TESTING_BURST"}, "template_id repeats"),
        ({"templates__0__template_id": "card testing"}, "should match pattern"),
        ({"templates__0__flows_per_entity": ...}, "flows_per_entity belongs to entity targets exactly"),
        ({"templates__2__flows_per_entity": 3}, "flows_per_entity belongs to entity targets exactly"),
        ({"templates__3__merchant_flows_per_million": ...}, "merchant_flows_per_million belongs to MERCHANT"),
        ({"templates__4__target_event": ...}, "target_event belongs to EVENT targets exactly"),
        ({"templates__0__channels": ["ECOM", "ECOM"]}, "channels repeats a value"),
        ({"templates__0__channels": ["mixed"]}, "Input should be 'ECOM'"),
        ({"templates__0__channels": []}, "at least 1 item"),
        ({"templates__0__burstiness": 0.0}, "greater than 0"),
        ({"templates__0__quota__rate_per_million": 0.0}, "greater than 0"),
        ({"templates__0__quota__floor": 0}, "greater than or equal to 1"),
        ({"templates__0__quota__floor": 200_000}, "floor 200000, guard 100000"),
        ({"templates__0__activation__count": 60}, "up to 66 instances, guard 50"),
        ({"guards__min_instances": 9}, "only 8 instances are sure, guard 9"),
        ({"templates__3__schedule__n_windows": 14}, "14 windows span 92 days, a world has 90"),
        ({"templates__3__schedule__days": 8}, "windows of 8.* overlap"),
        ({"templates__3__schedule__every_days": 20}, "8 windows span 141 days, a world has 90"),
        ({"guards__max_windows": 7}, "8 windows an instance, guard 7"),
        ({"templates__0__schedule__mode": "SOMETIMES"}, "does not match any of the expected tags"),
        (
            {"filters__F_MERCHANT_RISK__weight__coefficients": {"PARTY_RISK": 0.3}},
            "a MERCHANT target cannot be weighed",
        ),
        ({"filters__F_ACCOUNT_DIGITAL__weight__coefficients": {"CROSS_BORDER": 0.3}}, "cannot be weighed by"),
        ({"filters__F_ACCOUNT_DIGITAL__weight__coefficients": {}}, "at least 1 item"),
        ({"filters__F_ACCOUNT_DIGITAL__party_roles": []}, "at least 1 item"),
        ({"cohort__classes__outside": 0.0}, "greater than 0"),
        ({"cohort__hours__members": 24}, "less than or equal to 23"),
        ({"typo": 1}, "Extra inputs are not permitted"),
    ],
)
def test_refusals(change, words):
    with pytest.raises(ValidationError, match=words):
        load(changed(**change))


@pytest.mark.parametrize(
    ("law", "words"),
    [
        ({"mode": "POISSON_V1", "rate": 1.0, "floor": 3, "max_instances": 3}, "floor 3 must be below max_instances 3"),
        ({"mode": "POISSON_V1", "rate": 0.0, "floor": 0, "max_instances": 3}, "greater than 0"),
        ({"mode": "CATEGORICAL_V1", "counts": [0, 1], "probs": [0.5, 0.4]}, "sums to 0.9, not to 1"),
        ({"mode": "CATEGORICAL_V1", "counts": [0, 1, 2], "probs": [0.5, 0.5]}, "3 counts but 2 probabilities"),
        ({"mode": "CATEGORICAL_V1", "counts": [1, 0], "probs": [0.5, 0.5]}, "counts must ascend"),
    ],
)
def test_activation_refusals(law, words):
    with pytest.raises(ValidationError, match=words):
        load(changed(templates__0__activation=law))


def test_poisson_counts_follow_the_law():
    law = activation.Poisson(mode="POISSON_V1", rate=1.0, floor=1, max_instances=3)
    counts = np.bincount([law.instances(u) for u in (np.arange(10_000) + 0.5) / 10_000], minlength=4) / 10_000
    assert counts == pytest.approx([0.0, 0.7358, 0.1839, 0.0803], abs=2e-4)
    assert law.expected == pytest.approx((counts * np.arange(4)).sum(), abs=5e-4)


def test_categorical_counts_follow_the_law():
    law = activation.Categorical(mode="CATEGORICAL_V1", counts=[0, 1, 4], probs=[0.4, 0.4, 0.2])
    assert [law.instances(u) for u in (0.0001, 0.39, 0.41, 0.79, 0.81, 0.9999)] == [0, 0, 1, 1, 4, 4]
    assert law.expected == pytest.approx(1.2)
    assert (law.floor, law.max_instances, law.draws) == (0, 4, 1)


def test_a_quota_is_a_floor_and_a_share_of_the_rate():
    quota = campaign.Quota(rate_per_million=900.0, floor=20)
    assert [quota.targets(n, 2.0) for n in (0, 1_000_000, 2_000_000)] == [20, 470, 920]

import json
from copy import deepcopy
from pathlib import Path

import pytest
import yaml
from pydantic import TypeAdapter, ValidationError

from seg6b.datasets import vocabulary as v
from seg6b.policy import flow_shape

CONF = Path(__file__).resolve().parents[2] / "conf" / "policy" / "flow_shape"
FULL = yaml.safe_load((CONF / "full.yaml").read_text())


def load(plain):
    return TypeAdapter(flow_shape.Model).validate_json(json.dumps(plain))


def changed(path, value):
    plain = deepcopy(FULL)
    *parents, last = path.split(".")
    at = plain
    for parent in parents:
        at = at[parent]
    if value is None:
        del at[last]
    else:
        at[last] = value
    return plain


@pytest.mark.parametrize("path", sorted(CONF.glob("*.yaml")), ids=lambda p: p.stem)
def test_variants_load(path):
    assert load(yaml.safe_load(path.read_text())).policy_id == "flow_shape"


def test_names_are_those_of_the_contract():
    assert flow_shape.CHANNELS == v.CHANNELS
    assert flow_shape.FLOW_TYPES == v.FLOW_TYPES
    assert flow_shape.EventType.__args__ == (
        "AUTH_REQUEST", "STEP_UP_CHALLENGE", "STEP_UP_COMPLETE", "AUTH_RESPONSE", "CLEARING", "REFUND", "REVERSAL",
    )  # fmt: skip
    assert set(flow_shape.EventType.__args__) == set(v.EVENT_TYPES)
    assert set(flow_shape.Outcome.__args__) == set(v.OUTCOMES)


TYPE = "flow_types.CARD_AUTH_CLEAR"
REFUSALS = {
    "unknown key": ("retries", 1, "Extra inputs are not permitted"),
    "missing key": ("branches", None, "Field required"),
    "another version": ("policy_version", "v2", "Input should be 'v1'"),
    "counts and probabilities differ in number": ("flows_per_cluster.probs", [0.9, 0.1], "3 counts but 2 probabilities"),
    "probabilities of counts": ("flows_per_cluster.probs", [0.7, 0.18, 0.04], "sums to 0.92, not to 1"),
    "an impossible count": ("flows_per_cluster.counts", [0, 1, 2], "greater than or equal to 1"),
    "counts out of order": ("flows_per_cluster.counts", [2, 1, 3], "must ascend"),
    "a count that never happens": ("flows_per_cluster.probs", [0.8, 0.2, 0.0], "greater than 0"),
    "a channel without types": ("types_by_channel.ATM", None, "no flow types for channel ATM"),
    "an unknown channel": ("types_by_channel.PHONE", {"CARD_AUTH_CLEAR": 1.0}, "Input should be 'ECOM'"),
    "shares of a channel": ("types_by_channel.POS.CARD_AUTH_CLEAR", 0.8, "flow types of POS sums to 0.9"),
    "an unknown type": ("types_by_channel.POS.CASHBACK", 0.1, "Input should be 'CARD_AUTH_CLEAR'"),
    "a type that is not defined": (
        "flow_types.BANK_TRANSFER", None, "flow type BANK_TRANSFER is drawn but not defined"
    ),
    "a type of another channel": (
        f"{TYPE}.channels", ["ECOM", "POS"], "lists channels ['ECOM', 'POS'] but is drawn by ['ECOM', 'HYBRID', 'POS']"
    ),
    "an empty template": (f"{TYPE}.template", [], "at least 1 item"),
    "an event outside the vocabulary": (f"{TYPE}.template", ["AUTH_REQUEST", "CAPTURE"], "Input should be"),
    "a template out of order": (
        f"{TYPE}.template", ["AUTH_RESPONSE", "AUTH_REQUEST", "CLEARING"], "is not AUTH_REQUEST, then perhaps"
    ),
    "half a step-up": (
        f"{TYPE}.template", ["AUTH_REQUEST", "STEP_UP_CHALLENGE", "AUTH_RESPONSE", "CLEARING"], "STEP_UP_CHALLENGE and"
    ),
    "settled without clearing": (f"{TYPE}.template", ["AUTH_REQUEST", "AUTH_RESPONSE"], "needs CLEARING"),
    "declined with clearing": (f"{TYPE}.outcome", "AUTH_DECLINED", "forbids CLEARING"),
    "a branch on a type that forbids it": (f"{TYPE}.allows_refund", False, "branch refund lists"),
    "a branch that nobody takes": ("flow_types.ATM_WITHDRAWAL.allows_refund", True, "but flow types allow it for"),
    "a refund of nothing": ("flow_types.CARD_AUTH_DECLINE.allows_refund", True, "neither refunded nor reversed"),
    "a step-up that the template has": (
        "flow_types.CARD_AUTH_STEPUP_CLEAR.allows_step_up", False, "so allows_step_up must be true"
    ),
    "a second step-up": (
        "branches.step_up.flow_types", ["CARD_AUTH_CLEAR", "CARD_AUTH_STEPUP_CLEAR"], "branch step_up lists"
    ),
    "a probability above 1": ("branches.reversal.probability", 1.5, "less than or equal to 1"),
    "a probability as text": ("branches.reversal.probability", "0.1", "valid number"),
}  # fmt: skip


@pytest.mark.parametrize(("path", "value", "message"), REFUSALS.values(), ids=REFUSALS)
def test_refusals(path, value, message):
    with pytest.raises(ValidationError) as refused:
        load(changed(path, value))
    assert message in str(refused.value)


def test_branches_apply_to_their_types_alone():
    pack = load(FULL)
    assert pack.branch_probability("refund", "CARD_AUTH_STEPUP_CLEAR") == 0.02
    assert pack.branch_probability("reversal", "CARD_AUTH_STEPUP_CLEAR") == 0.0
    assert load(yaml.safe_load((CONF / "lean.yaml").read_text())).branch_probability("refund", "CARD_AUTH_CLEAR") == 0.0

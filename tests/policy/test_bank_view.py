from __future__ import annotations

import json
from pathlib import Path
from typing import get_args

import pytest
import yaml
from pydantic import TypeAdapter, ValidationError

from seg6b.datasets import vocabulary as v
from seg6b.policy import bank_view

CONF = Path(__file__).resolve().parents[2] / "conf" / "policy" / "bank_view"
VARIANTS = sorted(path.stem for path in CONF.glob("*.yaml"))


def plain(variant="full"):
    return yaml.safe_load((CONF / f"{variant}.yaml").read_text())


def load(pack):
    return TypeAdapter(bank_view.Model).validate_json(json.dumps(pack))


@pytest.mark.parametrize("variant", VARIANTS)
def test_variants_load(variant):
    assert load(plain(variant)).kind == ("flat" if variant == "lean" else "graded")


@pytest.mark.parametrize(
    ("literal", "vocabulary"),
    [
        (bank_view.MerchantClass, [c for c in v.CLASSES if c != v.UNKNOWN]),
        (bank_view.AmountFamily, v.AMOUNT_FAMILIES),
        (bank_view.Channel, v.CHANNELS),
    ],
    ids=["class", "family", "channel"],
)
def test_vocabularies_are_the_contracts(literal, vocabulary):
    assert list(get_args(literal)) == list(vocabulary)


def test_the_fields_of_mixes_are_the_contracts():
    assert tuple(bank_view.ChargebackTypes.model_fields) == v.CHARGEBACK_TYPES
    assert ("NO_CHARGEBACK", *bank_view.ChargebackOutcomes.model_fields) == v.CHARGEBACK_OUTCOMES
    assert tuple(bank_view.FlatDecision.model_fields) == ("APPROVE", "REVIEW", "CHALLENGE", "DECLINE")


def test_holes_of_the_published_table_are_closed_as_settled():
    rates = load(plain()).subtypes
    assert rates["BONUS_ABUSE"] == rates["PROMO_FRAUD"] == rates["REFUND_ABUSE"]
    assert rates["MULE_ACTIVITY"] == rates["MERCHANT_COLLUSION"]


def test_lean_keeps_the_holes():
    assert "MULE_ACTIVITY" not in load(plain("lean")).subtypes


def edited(path, value):
    pack = plain()
    node = pack
    for step in path[:-1]:
        node = node[step]
    if value is None:
        del node[path[-1]]
    else:
        node[path[-1]] = value
    return pack


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (("auth", "plain", "REVIEW"), 0.3, r"auth.plain sums to 1.28"),
        (("auth", "step_up", "CHALLENGE"), 0.5, r"auth.step_up sums to"),
        (("subtypes", "ATO"), None, r"subtypes lacks ATO"),
        (("subtypes", "ATO", "detect"), 0.99, r"rates of ATO exceed the ceiling 0.98"),
        (("subtypes", "PHISHING"), {}, r"subtypes.PHISHING"),
        (("classes", "fuel_convenience"), None, r"classes lacks fuel_convenience"),
        (("classes", "fuel_convenience", "detect"), 0.0, r"greater than 0"),
        (("amount", "scale_minor", "TRANSFER"), None, r"amount.scale_minor lacks TRANSFER"),
        (("amount", "knots", 1, "factor"), 0.1, r"the amount factor falls from 0.\d+ to 0.1: it must be monotone"),
        (("amount", "knots", 1, "at"), 0.0, r"knots must ascend"),
        (("chargeback_types", "OTHER"), 0.5, r"chargeback types sums to 1.4"),
        (("chargeback_outcomes", "LEGIT", "PARTIAL"), 0.5, r"chargeback outcomes sums to"),
        (("chargeback_outcomes", "ABUSE"), None, r"chargeback_outcomes lacks ABUSE"),
        (("windows", "case_event_s"), 0, r"greater than or equal to 1"),
        (("cross_border", "dispute"), -1.0, r"greater than 0"),
        (("kind",), "round", r"does not match any of the expected tags"),
        (("policy_version",), "v2", r"Input should be 'v1'"),
    ],
    ids=lambda p: ".".join(map(str, p)) if isinstance(p, tuple) else "",
)
def test_refusals(path, value, message):
    with pytest.raises(ValidationError, match=message):
        load(edited(path, value))

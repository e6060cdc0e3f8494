"""Pack `prior`: published values, completeness, fit with the attachment pack."""

import json
from copy import deepcopy
from pathlib import Path

import pytest
import yaml
from pydantic import TypeAdapter, ValidationError

from seg6b.datasets.vocabulary import IP_GROUPS, SEGMENTS
from seg6b.policy import attachment, prior

CONF = Path(__file__).resolve().parents[2] / "conf" / "policy"


def plain(pack="prior", variant="full"):
    return yaml.safe_load((CONF / pack / f"{variant}.yaml").read_text())


def load(data, module=prior):
    return TypeAdapter(module.Model).validate_json(json.dumps(data))


def test_published_values():
    pack = load(plain())
    assert (pack.p_home["BUSINESS_ECOM_NATIVE"].ECOM, pack.p_home["RETAIL_RETIRED"].ATM) == (0.65, 0.98)
    assert pack.account["RETAIL"]["POS"] == {"DEPOSIT": 0.70, "CREDIT_REVOLVING": 0.25}
    assert pack.instrument["OTHER"]["BANK_RAIL"]["BANK_HANDLE"] == 0.77
    assert pack.ip["BUSINESS"]["ATM"]["PUBLIC_SHARED"] == 0.35
    assert (pack.primary_device["BUSINESS"].ECOM, pack.terminal["ATM"]) == (0.88, 0.97)


def test_vocabularies_are_those_of_the_contract():
    assert prior.SEGMENTS == SEGMENTS
    assert prior.IP_GROUPS == IP_GROUPS


def test_lean_knows_no_segment():
    assert load(plain(variant="lean")).kind == "flat"


def test_full_fits_full():
    assert prior.mismatches(load(plain("attachment"), attachment), load(plain())) == []


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (lambda a: a["account_classes"]["ECOM"].append("SETTLEMENT"), "prior.account.RETAIL.ECOM has weights for"),
        (lambda a: a["account_classes"].update(POS=["DEPOSIT"]), "prior.account.OTHER.POS has weights for"),
        (lambda a: a["account_classes"]["ATM"].append("SETTLEMENT"), "prior.account.RETAIL.ATM has weights for []"),
        (lambda a: a.update(card_like=["CARD_PHYSICAL"]), "prior.instrument.BUSINESS.ECOM"),
        (lambda a: a.update(instrument_optional=[]), "prior.instrument.RETAIL.BANK_RAIL"),
    ],
)
def test_packs_that_do_not_fit_are_named(change, fault):
    other = plain("attachment")
    change(other)
    assert any(fault in text for text in prior.mismatches(load(other, attachment), load(plain())))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda d: d["p_home"].pop("RETAIL_VALUE"), "p_home must have exactly"),
        (lambda d: d["p_home"].update(RETAIL_GOLD=d["p_home"]["RETAIL_VALUE"]), "Input should be"),
        (lambda d: d["p_home"]["RETAIL_VALUE"].update(ECOM=1.0), "less than 1"),
        (lambda d: d["p_home"]["RETAIL_VALUE"].pop("ECOM"), "Field required"),
        (lambda d: d["account"]["RETAIL"]["ECOM"].update(DEPOSIT=0.0), "greater than 0"),
        (lambda d: d["account"].pop("OTHER"), "account must have exactly"),
        (lambda d: d["instrument"]["RETAIL"].pop("ATM"), "instrument.RETAIL must have exactly"),
        (lambda d: d["ip"]["OTHER"]["POS"].pop("RESIDENTIAL"), "ip.OTHER.POS must have exactly"),
        (lambda d: d["terminal"].pop("HYBRID"), "terminal must have exactly"),
        (lambda d: d["terminal"].update(ECOM=0.5), "Input should be"),
        (lambda d: d["primary_device"]["RETAIL"].update(ECOM=0.0), "greater than 0"),
    ],
)
def test_refusals(change, words):
    data = deepcopy(plain())
    change(data)
    with pytest.raises(ValidationError, match=words):
        load(data)

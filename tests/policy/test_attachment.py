"""Pack `attachment`: variants and refusals."""

import json
from copy import deepcopy
from pathlib import Path

import pytest
import yaml
from pydantic import TypeAdapter, ValidationError

from seg6b.policy import attachment

CONF = Path(__file__).resolve().parents[2] / "conf" / "policy" / "attachment"


def plain(variant="full"):
    return yaml.safe_load((CONF / f"{variant}.yaml").read_text())


def load(data):
    return TypeAdapter(attachment.Model).validate_json(json.dumps(data))


def broken(change):
    data = deepcopy(plain())
    change(data)
    return data


def test_variants():
    assert load(plain()).kind == "pooled"
    assert load(plain("lean")).channel == "ECOM"


def test_kinds_that_serve_a_channel():
    pack = load(plain())
    assert pack.kinds_of("ECOM") == ("CARD_PHYSICAL", "CARD_VIRTUAL", "WALLET_TOKEN")
    assert pack.kinds_of("BANK_RAIL") == attachment.KINDS


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda d: d.update(extra=1), "Extra inputs"),
        (lambda d: d.pop("card_like"), "Field required"),
        (lambda d: d.update(kind="random"), "tag"),
        (lambda d: d.update(policy_version="v2"), "v1"),
        (lambda d: d.update(proxy_share_cap=0.0), "greater than 0"),
        (lambda d: d.update(proxy_share_cap="0.1"), "valid number"),
        (lambda d: d.update(card_like=[]), "at least 1"),
        (lambda d: d.update(card_like=["CARD_PHYSICAL", "CARD_PHYSICAL"]), "repeats an entry"),
        (lambda d: d.update(instrument_optional=["ECOM"]), "only BANK_RAIL"),
        (lambda d: d["account_classes"].pop("ATM"), "exactly the entries"),
        (lambda d: d["account_classes"].update(ATM=[]), "account_classes.ATM .* is empty"),
        (lambda d: d["account_classes"].update(ATM=["GOLD"]), "Input should be"),
        (lambda d: d["account_classes"].update(KIOSK=["DEPOSIT"]), "Input should be"),
        (lambda d: d["ip_role_weights"].pop("RECENT_LOGIN_IP"), "exactly the entries"),
        (lambda d: d["ip_role_weights"].update(RECENT_LOGIN_IP=0.0), "greater than 0"),
        (lambda d: d["party_weight"].update(holdings_log=-0.1), "greater than or equal to 0"),
        (lambda d: d["channel"].update(bank_rail_mcc=[6011]), "name a code twice"),
        (lambda d: d["channel"].update(atm_mcc=[]), "at least 1"),
    ],
)
def test_refusals(change, words):
    with pytest.raises(ValidationError, match=words):
        load(broken(change))

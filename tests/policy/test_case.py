from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from pydantic import TypeAdapter, ValidationError

from seg6b.policy import case, delay

CONF = Path(__file__).resolve().parents[2] / "conf" / "policy"
DAY_S = 86_400


def plain(variant="full", pack="case"):
    return yaml.safe_load((CONF / pack / f"{variant}.yaml").read_text())


def load(pack, model=case.Model):
    return TypeAdapter(model).validate_json(json.dumps(pack))


def test_variants_are_what_their_names_say():
    assert load(plain()).kind == "grouped"
    assert load(plain("lean")).kind == "unordered"


def test_no_case_can_outgrow_its_span():
    pack, delays = load(plain()), load(plain(pack="delay"), delay.Model)
    flow = 50_400
    longest = pack.member_span_s + flow + pack.decision.max + sum(delays.law(m).max for m in delay.DELAY_MODELS[1:])
    assert longest < pack.guards.span_s == 240 * DAY_S


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"key_precedence": ["INSTRUMENT", "ACCOUNT"]}, r"must order all of INSTRUMENT, ACCOUNT, PARTY, MERCHANT"),
        ({"key_precedence": ["INSTRUMENT", "MERCHANT", "ACCOUNT", "PARTY"]}, r"MERCHANT must come last"),
        ({"key_precedence": ["INSTRUMENT", "INSTRUMENT", "PARTY", "MERCHANT"]}, r"must order all of"),
        ({"window_s": 604_800}, r"reopen_gap_s 604800 must exceed window_s 604800"),
        ({"member_span_s": 1000}, r"member_span_s 1000 is below window_s 259200"),
        ({"member_span_s": 20_736_000}, r"guards.span_s 20736000 leaves no room"),
        ({"window_s": 0}, r"greater than or equal to 1"),
        ({"splitting": True}, r"Extra inputs are not permitted"),
    ],
)
def test_refusals(change, message):
    with pytest.raises(ValidationError, match=message):
        load(plain() | change)


def test_six_events_must_fit():
    pack = plain()
    pack["guards"]["events_per_case"] = 5
    with pytest.raises(ValidationError, match=r"events_per_case"):
        load(pack)

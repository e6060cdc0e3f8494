"""Pack `session`: variants and refusals."""

import json
from pathlib import Path

import pytest
import yaml
from pydantic import TypeAdapter, ValidationError

from seg6b.policy import session

CONF = Path(__file__).resolve().parents[2] / "conf" / "policy" / "session"


def plain(variant="full"):
    return yaml.safe_load((CONF / f"{variant}.yaml").read_text())


def load(data):
    return TypeAdapter(session.Model).validate_json(json.dumps(data))


def test_variants():
    assert (load(plain("lean")).kind, load(plain("lean")).bucket_s) == ("bucket", 1_200)
    assert load(plain("historical")).kind == "day"


def test_the_thresholds_lie_within_half_an_hour_and_six_hours():
    pack = load(plain())
    assert 1_800 <= pack.hard_timeout_s < pack.hard_break_s <= 21_600
    assert pack.max_duration_s <= 43_200


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"hard_timeout_s": 12_600}, "must be below hard_break_s"),
        ({"hard_timeout_s": -1}, "greater than or equal to 0"),
        ({"max_duration_s": 3_600}, "must hold a gap"),
        ({"max_arrivals": 801}, "above the guard 800"),
        ({"max_arrivals": 0}, "greater than or equal to 1"),
        ({"break_on_day_boundary": "no"}, "valid boolean"),
        ({"bucket_s": 1_200}, "Extra inputs"),
        ({"kind": "drift"}, "tag"),
    ],
)
def test_refusals(change, words):
    with pytest.raises(ValidationError, match=words):
        load(plain() | change)

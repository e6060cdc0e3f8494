"""Pack `activity`: variants and refusals."""

import json
from copy import deepcopy
from pathlib import Path

import pytest
import yaml
from pydantic import TypeAdapter, ValidationError

from seg6b.draws.quantile import lookup
from seg6b.policy import activity

CONF = Path(__file__).resolve().parents[2] / "conf" / "policy" / "activity"


def plain(variant="full"):
    return yaml.safe_load((CONF / f"{variant}.yaml").read_text())


def load(data):
    return TypeAdapter(activity.Model).validate_json(json.dumps(data))


def test_lean_is_always_awake():
    assert load(plain("lean")).kind == "always"


def test_rates_have_a_heavy_tail():
    pack = load(plain())
    table = pack.rate.sampler().table
    assert pack.draws_rate
    assert lookup(table, 0.99) / lookup(table, 0.5) > 3.0


def test_a_single_rate_draws_nothing():
    one = plain() | {"rate": {"min": 1.0, "max": 1.0, "atom_mass": 1.0, "atoms": {"values": [1.0], "probs": [1.0]}}}
    assert not load(one).draws_rate


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda d: d["rate"].update(min=0.0), "rate of 0"),
        (lambda d: d["rate"].update(min=20.0), "must be below max"),
        (lambda d: d["rate"]["tail"].update(sigma=0.0), "greater than 0"),
        (lambda d: d.update(block_s=0), "greater than or equal to 1"),
        (lambda d: d.update(block_s=10.5), "valid integer"),
        (lambda d: d.update(awake_one_in=1), "greater than or equal to 2"),
        (lambda d: d.update(boost=1.0), "greater than 1"),
        (lambda d: d.update(cells_per_party=0.0), "greater than 0"),
        (lambda d: d.update(awake_share=0.1), "Extra inputs"),
    ],
)
def test_refusals(change, words):
    data = deepcopy(plain())
    change(data)
    with pytest.raises(ValidationError, match=words):
        load(data)

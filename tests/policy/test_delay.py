from __future__ import annotations

import json
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
import yaml
from pydantic import TypeAdapter, ValidationError

from seg6b.datasets import vocabulary as v
from seg6b.policy import delay

CONF = Path(__file__).resolve().parents[2] / "conf" / "policy" / "delay"


def plain(variant="full"):
    return yaml.safe_load((CONF / f"{variant}.yaml").read_text())


def load(pack):
    return TypeAdapter(delay.Model).validate_json(json.dumps(pack))


def test_models_are_the_contracts():
    assert get_args(delay.DelayModel) == v.DELAY_MODELS == delay.DELAY_MODELS


@pytest.mark.parametrize(
    ("model", "median", "p95"),
    [
        ("DETECTION_DELAY_V1", 13_437, 113_379),
        ("DISPUTE_DELAY_V1", 120_572, 624_592),
        ("CHARGEBACK_DELAY_V1", 818_071, 2_710_771),
        ("CASE_CLOSE_DELAY_V1", 221_494, 704_910),
    ],
)
def test_full_laws_have_the_stated_quantiles(model, median, p95):
    cdf = load(plain()).law(model).sampler().cdf
    assert cdf(np.array([median, p95], float)) == pytest.approx([0.5, 0.95], abs=0.01)


@pytest.mark.parametrize("model", v.DELAY_MODELS)
def test_no_mass_piles_up_on_a_bound(model):
    law = load(plain()).law(model)
    low, high = law.sampler().cdf(np.array([law.min * 1.001, law.max * 0.999]))
    assert low < 1e-3
    assert high > 1 - 1e-3


def test_lean_is_the_minimum_and_draws_nothing():
    pack = load(plain("lean"))
    assert pack.kind == "minimum"
    assert all(delay.is_constant(pack.law(m)) for m in v.DELAY_MODELS)
    assert [pack.law(m).atoms.values[0] for m in v.DELAY_MODELS] == [1, 3600, 86400, 3600]


def test_full_draws_every_model():
    assert not any(delay.is_constant(load(plain()).law(m)) for m in v.DELAY_MODELS)


@pytest.mark.parametrize(
    ("model", "change", "message"),
    [
        ("DETECTION_DELAY_V1", {"min": 0}, r"a minimum of 0.0 s is below the millisecond grid"),
        ("DETECTION_DELAY_V1", {"min": 301}, r"atoms \[300.0\] lie outside \[301.0, 1209600.0\]"),
        ("DETECTION_DELAY_V1", {"atom_mass": 0.0}, r"atoms and a positive atom_mass belong together"),
        ("DISPUTE_DELAY_V1", {"min": 4_000_000}, r"must be below max"),
        ("CHARGEBACK_DELAY_V1", {"tail": {"law": "WEIBULL"}}, r"CHARGEBACK_DELAY_V1.tail"),
        ("CASE_CLOSE_DELAY_V1", {"cap": 1}, r"Extra inputs are not permitted"),
    ],
)
def test_refusals(model, change, message):
    pack = plain()
    pack["models"][model] |= change
    with pytest.raises(ValidationError, match=message):
        load(pack)


def test_a_missing_model_is_refused():
    pack = plain()
    del pack["models"]["DISPUTE_DELAY_V1"]
    with pytest.raises(ValidationError, match=r"DISPUTE_DELAY_V1"):
        load(pack)


def test_minimum_refuses_a_law():
    pack = plain("lean")
    pack["models"]["DISPUTE_DELAY_V1"] = plain()["models"]["DISPUTE_DELAY_V1"]
    with pytest.raises(ValidationError, match=r"DISPUTE_DELAY_V1 must be a single point under kind minimum"):
        load(pack)

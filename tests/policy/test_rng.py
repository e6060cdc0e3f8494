from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from pydantic import TypeAdapter, ValidationError

from seg6b.policy.rng import Model

CONF = Path(__file__).resolve().parents[2] / "conf" / "policy" / "rng"


def load(variant="full", **changes):
    value = yaml.safe_load((CONF / f"{variant}.yaml").read_text()) | changes
    return TypeAdapter(Model).validate_json(json.dumps(value))


def family(**changes):
    decision = {"keys": ["flow_id"], "always": False} | changes
    return {"flow_shape": {"module": "S2", "decisions": {"FLOW_TYPE": decision}}}


def test_both_variants_load():
    assert load().kind == "counted"
    assert load("lean").modules == ["S1", "S2", "S3", "S4"]


@pytest.mark.parametrize(
    "families",
    [
        {},
        {"flow_shape": {"module": "S2", "decisions": {}}},
        {"flow_shape": {"module": "S9", "decisions": family()["flow_shape"]["decisions"]}},
        family(keys=[]),
        family(keys=["run_id"]),
        family(keys=["parameter_hash"]),
        family(draws=2),
        family(always="yes"),
    ],
    ids=["no family", "no decision", "module", "no key", "run id", "policy hash", "unknown", "type"],
)
def test_a_wrong_register_is_refused(families):
    with pytest.raises(ValidationError):
        load(families=families)


@pytest.mark.parametrize("modules", [[], ["S1", "S1"], ["S0"]], ids=["none", "twice", "unknown"])
def test_a_wrong_list_of_modules_is_refused(modules):
    with pytest.raises(ValidationError):
        load("lean", modules=modules)

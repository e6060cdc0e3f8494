from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from pydantic import TypeAdapter, ValidationError

from seg6b.policy.validation import REQUIRED_CHECKS, WARN_CHECKS, Model

CONF = Path(__file__).resolve().parents[2] / "conf" / "policy" / "validation"


def plain(variant="full"):
    return yaml.safe_load((CONF / f"{variant}.yaml").read_text())


def load(value):
    return TypeAdapter(Model).validate_json(json.dumps(value))


def test_the_full_pack_demands_everything():
    pack = load(plain())
    assert tuple(pack.required) == REQUIRED_CHECKS
    assert tuple(pack.warn) == WARN_CHECKS


@pytest.mark.parametrize("check", REQUIRED_CHECKS)
def test_a_fail_closed_pack_cannot_drop_a_check(check):
    value = plain()
    value["required"].remove(check)
    with pytest.raises(ValidationError, match=f"missing: {check}"):
        load(value)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"required": ["REQ_OTHER"]}, "Input should be"),
        ({"required": ["REQ_PK_UNIQUENESS"] * 2}, "repeats a check"),
        ({"warn_still_pass_max_fraction": 1.5}, "less than or equal to 1"),
        ({"issue_rows_max": 20_001}, "less than or equal to 20000"),
        ({"audit_cells": 65}, "less than or equal to 64"),
        ({"audit_cells": 0}, "greater than or equal to 1"),
        ({"seal_on": "PASS_OR_WARN"}, "Input should be 'PASS'"),
        ({"critical_level": "A"}, "Input should be 'B' or 'BPLUS'"),
        ({"note": "x"}, "not permitted"),
    ],
    ids=["unknown", "repeat", "share", "issues", "cells", "none", "seal", "level", "key"],
)
def test_a_wrong_value_is_refused(change, message):
    with pytest.raises(ValidationError, match=message):
        load(plain() | change)


def test_a_corridor_must_not_be_upside_down():
    value = plain()
    value["corridors"]["bank_view"]["false_positive"] = {"low": 0.02, "high": 0.0005}
    with pytest.raises(ValidationError, match=r"low 0\.02 is above high"):
        load(value)


@pytest.mark.parametrize(
    "check", ["REQ_CRITICAL_TRUTH_REALISM", "REQ_CRITICAL_CASE_TIMELINE", "REQ_GUARDRAILS", "REQ_LINK_INTEGRITY"]
)
def test_a_warn_only_pack_cannot_demand_what_it_has_no_thresholds_for(check):
    value = plain("lean")
    value["required"].append(check)
    with pytest.raises(ValidationError, match=f"no thresholds for {check}"):
        load(value)

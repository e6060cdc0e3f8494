from __future__ import annotations

import copy
import json
from pathlib import Path

import pytest
import yaml
from pydantic import TypeAdapter, ValidationError

from seg6b.errors import InputRefused
from seg6b.policy.behaviour import UNLIMITED, Model, require_scope

CONF = Path(__file__).resolve().parents[2] / "conf" / "policy" / "behaviour"
SWITCHES = (
    "stochastic_boundary", "multi_flow_sessions", "step_ups", "refunds", "reversals", "clearing_jitter", "overlay",
    "anomaly_overlay", "collateral", "posture",
)  # fmt: skip


def plain(variant="full"):
    return yaml.safe_load((CONF / f"{variant}.yaml").read_text())


def load(value):
    return TypeAdapter(Model).validate_json(json.dumps(value))


def with_scope(**scope):
    value = copy.deepcopy(plain())
    value["scope"] |= scope
    return value


def test_the_full_pack_has_every_feature_on():
    pack = load(plain())
    assert all(getattr(pack, switch) for switch in SWITCHES)
    assert (pack.max_flows_per_session, pack.max_events_per_flow) == (8, 12)


def test_the_lean_pack_has_campaigns_alone_and_no_guards():
    pack = load(plain("lean"))
    assert [switch for switch in SWITCHES if getattr(pack, switch)] == ["overlay"]
    assert pack.guards is None
    assert pack.max_flows_per_session == pack.max_events_per_flow == UNLIMITED


@pytest.mark.parametrize(
    ("scope", "message"),
    [
        ({"seed_allowlist": [1, 2], "seed_blocklist": [2]}, "both allowed and blocked"),
        ({"seed_allowlist": [1], "seed_blocklist": [2]}, "block list must be empty"),
        ({"scenario_id_allowlist": []}, "at least 1 item"),
        ({"seed_allowlist": [1, 1]}, "repeats"),
        ({"seed_denylist": []}, "not permitted"),
        ({"seed_allowlist": ["1"]}, "valid integer"),
    ],
    ids=["overlap", "both", "empty", "repeat", "unknown", "type"],
)
def test_a_scope_that_contradicts_itself_is_refused(scope, message):
    with pytest.raises(ValidationError, match=message):
        load(with_scope(**scope))


@pytest.mark.parametrize("guard", sorted(plain()["guards"]))
def test_a_guard_of_nothing_is_refused(guard):
    value = plain()
    value["guards"][guard] = 0
    with pytest.raises(ValidationError):
        load(value)


def test_a_switch_must_be_stated():
    value = plain()
    del value["posture"]
    with pytest.raises(ValidationError, match="posture"):
        load(value)


def test_what_is_in_scope_runs():
    require_scope(load(plain()), "baseline_v1", 42)
    require_scope(load(with_scope(seed_allowlist=[7])), "baseline_v1", 7)


@pytest.mark.parametrize(
    ("scope", "scenario", "seed", "reason"),
    [
        ({}, "stress_v1", 42, "scenario stress_v1 is not in"),
        ({"seed_allowlist": [7]}, "baseline_v1", 42, "not in the allow list"),
        ({"seed_blocklist": [42]}, "baseline_v1", 42, "in the block list"),
    ],
    ids=["scenario", "not allowed", "blocked"],
)
def test_what_is_out_of_scope_is_refused(scope, scenario, seed, reason):
    with pytest.raises(InputRefused, match=f"E_SCOPE_REFUSED.*{reason}"):
        require_scope(load(with_scope(**scope)), scenario, seed)

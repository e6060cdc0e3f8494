"""Pack `overlay`: what loads, what is refused, and in which words."""

import copy
import json
from pathlib import Path
from typing import get_args

import pytest
import yaml
from pydantic import TypeAdapter, ValidationError

from seg6b.datasets import vocabulary as v
from seg6b.policy import overlay
from seg6b.policy.laws import Bounded

FOLDER = Path(__file__).resolve().parents[2] / "conf" / "policy" / "overlay"
FLAT = {"min": 1.0, "max": 2.0, "atom_mass": 1.0, "atoms": {"values": [1.5], "probs": [1.0]}}


def plain(variant="full"):
    return yaml.safe_load((FOLDER / f"{variant}.yaml").read_text())


def load(data):
    return TypeAdapter(overlay.Model).validate_json(json.dumps(data))


def changed(data, **changes):
    data = copy.deepcopy(data)
    for key, value in changes.items():
        *parents, last = (int(k) if k.isdigit() else k for k in key.split("__"))
        at = data
        for parent in parents:
            at = at[parent]
        if value is ...:
            del at[last]
        else:
            at[last] = value
    return data


@pytest.mark.parametrize("variant", sorted(path.stem for path in FOLDER.glob("*.yaml")))
def test_variants_load(variant):
    assert load(plain(variant)).policy_id == "overlay"


def test_names_are_those_of_the_contract():
    assert (*get_args(overlay.Tactic), "CAMPAIGN_DECLINE") == v.TACTICS
    assert (*overlay.KNOWN_CLASSES, v.UNKNOWN) == v.CLASSES
    assert overlay.PARTY_ROLES == v.PARTY_FRAUD_ROLES
    assert overlay.RISK_TIERS == v.RISK_TIERS


def test_every_campaign_type_has_its_published_mix():
    mix = {k: {c.tactic: c.prob for c in choices} for k, choices in load(plain()).mix.items()}
    assert set(mix) == set(v.CAMPAIGN_TYPES)
    assert mix["CARD_TESTING"] == {"IP_SWAP_ANON": 0.5, "BURST_TIMING": 0.3, "AMOUNT_UPSHIFT": 0.2}
    assert mix["REFUND_ABUSE"] == {"AMOUNT_UPSHIFT": 0.6, "SUPPRESS_CLEARING": 0.4}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"mix__ATO__0__prob": 0.5}, "mix of ATO sums to 1.05, not to 1"),
        ({"mix__ATO__0__tactic": "IP_SWAP_ANON"}, "two or more different tactics"),
        ({"mix__ATO": [{"tactic": "IP_SWAP_ANON", "prob": 1.0}]}, "two or more different tactics"),
        ({"mix__ATO__0__tactic": "TELEPORT"}, "Input should be 'AMOUNT_UPSHIFT'"),
        ({"mix__PIRACY": []}, "Input should be 'CARD_TESTING'"),
        ({"mix__MERCHANT_COLLUSION__0__tactic": "BURST_TIMING"}, "no mix reaches the tactics .'SITE_SHIFT'"),
        ({"mix__CARD_TESTING": ...}, "decline names CARD_TESTING, which has no mix"),
        ({"tactics__amount_upshift__factor__max": 4.5}, "amounts may grow 4.5 times, guard 4"),
        ({"guards__max_time_factor": 0.5}, "gaps may grow 0.7 times, guard 0.5"),
        ({"tactics__amount_upshift__factor__min": 0.9}, "amount_upshift must not lower amounts"),
        ({"tactics__burst_timing__factor__max": 1.2}, "burst_timing must shorten gaps"),
        ({"tactics__burst_timing__factor__min": 0.9}, "min 0.9 must be below max 0.7"),
        ({"swap_pools__floor": 1}, "greater than or equal to 2"),
        ({"tactics__site_shift__channels": []}, "at least 1 item"),
        ({"guards__max_mutations_per_flow": 3}, "less than or equal to 2"),
        ({"second_tactic": 1.0}, "less than 1"),
        ({"decline__share": 0.0}, "greater than 0"),
        ({"probes__fewest": 5}, "fewest 5 must be below most 5"),
        ({"probes__amount_minor__min": 0}, "amount_minor must lie inside"),
        ({"probes__response_s__max": 50}, "answered, after at least 1 ms, before the next one starts"),
        ({"anomaly__base__online_24h": ...}, "no figure for .'online_24h'"),
        ({"anomaly__role_factors__MULE": ..., "anomaly__tier_factors__LOW": ...}, "no figure for .'MULE', 'LOW'"),
        ({"anomaly__amount_factors__0": 1.2}, "amount_factors must not fall"),
        ({"anomaly__amount_factors": [1.0, 1.0]}, "3 amount_edges need one factor more, got 2"),
        ({"anomaly__amount_edges": [10, 10, 20]}, "amount_edges must ascend"),
        ({"anomaly__max_probability": 1.0}, "less than 1"),
        ({"anomaly__base__online_24h": 1.2}, "less than or equal to 1"),
        ({"typo": 1}, "Extra inputs are not permitted"),
    ],
)
def test_refusals(change, words):
    with pytest.raises(ValidationError, match=words):
        load(changed(plain(), **change))


def test_lean_refuses_an_empty_range():
    with pytest.raises(ValidationError, match=r"min_factor 3.5 is not below max_factor 3.5"):
        load(changed(plain("lean"), min_factor=3.5))


def test_a_law_with_one_outcome_does_not_vary():
    assert not overlay.varies(Bounded.model_validate(FLAT))
    assert overlay.varies(load(plain()).tactics.burst_timing.factor)


def test_a_pool_grows_with_the_quota():
    pools = load(plain()).swap_pools
    assert [pools.members(q) for q in (1, 9, 10, 100)] == [3, 3, 4, 13]


def test_the_longest_run_of_probes():
    assert load(plain()).probes.span_s == 5 * 600

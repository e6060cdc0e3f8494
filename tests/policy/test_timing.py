import json
from copy import deepcopy
from pathlib import Path

import numpy as np
import pytest
import yaml
from pydantic import TypeAdapter, ValidationError

from seg6b.datasets.vocabulary import OFFSET_MODELS
from seg6b.draws.quantile import lookup
from seg6b.policy import timing

CONF = Path(__file__).resolve().parents[2] / "conf" / "policy" / "timing"


def plain(variant):
    return yaml.safe_load((CONF / f"{variant}.yaml").read_text())


def load(data):
    return TypeAdapter(timing.Model).validate_json(json.dumps(data))


def test_models_are_those_of_the_contract():
    assert OFFSET_MODELS[1:] == timing.MODEL_IDS


@pytest.mark.parametrize(
    ("variant", "model", "median", "p99"),
    [
        ("full", "auth_response", 0.72, 70.0),
        ("historical", "auth_response", 3.0, 49.0),
        ("full", "step_up_start", 1.05, None),
        ("full", "step_up_complete", 3.67, None),
        ("full", "auth_to_clear", 2518.0, 9958.0),
        ("full", "atm_auth_to_clear", 710.0, 3404.0),
        ("full", "clear_to_refund", 5690.0, None),
        ("full", "auth_to_reversal", 347.0, 2303.0),
    ],
)
def test_laws_have_the_published_quantiles(variant, model, median, p99):
    table = load(plain(variant)).sampler(model).table
    assert lookup(table, 0.5) == pytest.approx(median, rel=0.04)
    if p99 is not None:
        assert lookup(table, 0.99) == pytest.approx(p99, rel=0.03)


def test_laws_are_truncated_not_clipped():
    sampler = load(plain("full")).sampler("auth_response")
    ends = sampler.cdf(np.array([0.0199, 0.0200001, 179.999, 180.0]))
    assert ends[0] == 0.0
    assert ends[1] < 1e-3
    assert 1.0 - 1e-4 < ends[2] < ends[3] == 1.0


def test_the_guard_is_the_reach_of_the_laws():
    pack = load(plain("full"))
    assert pack.offsets.reach_s() == pack.flow_guard_s == 50_400.0


def test_unknown_models_have_no_sampler():
    with pytest.raises(KeyError, match="no offset model retry_gap"):
        load(plain("full")).sampler("retry_gap")


CHANGES = {
    "a rule for every event": ("offsets.auth_to_reversal", None, "Field required"),
    "no rule for an event that does not exist": ("offsets.retry", {"min": 0.0, "max": 1.0}, "Extra inputs"),
    "a guard below the reach": ("flow_guard_s", 50_399.0, "a flow may last 50400 s by its laws"),
    "a reach above the guard": ("offsets.clear_to_refund.max", 28_801.0, "more than flow_guard_s 50400"),
    "min above max": ("offsets.step_up_start.min", 61.0, "must be below max"),
    "a negative min": ("offsets.step_up_start.min", -1.0, "greater than or equal to 0"),
    "no spread": ("offsets.step_up_start.tail.sigma", 0.0, "greater than 0"),
    "no scale": ("offsets.auth_to_clear.tail.theta", 0.0, "greater than 0"),
    "no shape": ("offsets.auth_to_clear.tail.k", -2.0, "greater than 0"),
    "no rate": ("offsets.auth_to_reversal.tail.rate", 0.0, "greater than 0"),
    "a law that is not known": ("offsets.auth_to_clear.tail.law", "WEIBULL_V1", "does not match any"),
    "a law out of its bounds": ("offsets.step_up_start.tail.mu", 40.0, "the tail has no mass inside"),
}


@pytest.mark.parametrize(("path", "value", "message"), CHANGES.values(), ids=CHANGES)
def test_refusals(path, value, message):
    data = deepcopy(plain("full"))
    *parents, last = path.split(".")
    at = data
    for parent in parents:
        at = at[parent]
    if value is None:
        del at[last]
    else:
        at[last] = value
    with pytest.raises(ValidationError) as refused:
        load(data)
    assert message in str(refused.value)


def test_mixture_weights_sum_to_one():
    data = plain("full")
    data["offsets"]["auth_response"]["tail"]["components"][1]["weight"] = 0.05
    with pytest.raises(ValidationError, match=r"mixture weights sums to 1\.02"):
        load(data)


def test_zero_latency_states_nothing_else():
    assert isinstance(load(plain("lean")), timing.ZeroLatency)
    with pytest.raises(ValidationError, match="Extra inputs"):
        load(plain("lean") | {"flow_guard_s": 1.0})

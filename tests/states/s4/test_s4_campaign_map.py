"""Every strategy of `s4.campaign_map` finds the same rules, costs what its docstring says, and the trap is none of them."""

from __future__ import annotations

import tracemalloc
from types import SimpleNamespace
from typing import get_args

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seg6b.datasets.digest import content_digest
from seg6b.datasets.tables import OUTPUTS
from seg6b.datasets.vocabulary import NONE, PATTERNS, TRUTH_RULES
from seg6b.policy.truth import matching_rules
from seg6b.settings import schema
from seg6b.settings.knobs import CampaignMap, StateKnobs
from seg6b.states.s4_labels import truth
from seg6b.states.s4_labels.campaign_map.contract import direct_rules, find_rules
from seg6b.states.s4_labels.campaign_map.strategies import CHOICES, STRATEGIES
from tests.states.s4.executed import executed
from tests.states.s4.odd import FRAUD, ODD

TRAP = "trap_lost_none"
EVERY = [(at, anomaly) for at in range(len(PATTERNS)) for anomaly in (False, True)]


def flows_of(keys):
    """Flows by (pattern, anomaly), with what a strategy may look at."""
    return SimpleNamespace(
        flow_id=np.arange(len(keys)),
        pattern=np.array([pattern for pattern, _ in keys], np.int32),
        anomaly=np.array([anomaly for _, anomaly in keys], np.bool_),
    )


def test_the_knob_names_every_strategy_and_the_trap_apart():
    assert [*STRATEGIES, TRAP] == list(CHOICES) == list(get_args(CampaignMap)) == [e.value for e in schema.CampaignMap]
    assert len(set(CHOICES.values())) == len(CHOICES)
    assert StateKnobs().campaign_map in STRATEGIES
    assert "no strategy" in schema.CampaignMap.__doc__


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("variant", ["full", "lean"])
def test_each_pattern_has_the_rule_that_holds_for_it(strategy, variant, pack):
    policy = pack("truth", variant)
    found = find_rules(STRATEGIES[strategy], flows_of(EVERY), direct_rules(policy))
    assert [TRUTH_RULES[code] for code in found] == [
        matching_rules(policy, PATTERNS[at], anomaly=anomaly)[-1] for at, anomaly in EVERY
    ]


@given(
    st.lists(st.sampled_from(EVERY), max_size=50),
    st.lists(st.integers(0, len(TRUTH_RULES) - 1), min_size=14, max_size=14),
)
def test_any_table_is_applied_alike(keys, codes):
    table = np.array(codes, np.int32).reshape(-1, 2)
    expected = [table[at, int(anomaly)] for at, anomaly in keys]
    for strategy in STRATEGIES.values():
        found = find_rules(strategy, flows_of(keys), table)
        assert found.tolist() == expected
        assert (found.dtype, found.flags.writeable, found.flags.c_contiguous) == (np.int32, False, True)


def digests_of(labelled, flows, **knobs):
    done = labelled(flows, knobs=StateKnobs(**knobs))
    return {name: content_digest(frame) for name, frame in done.frames.items()}, done.draws.table("draws").rows()


@pytest.mark.parametrize("odd", [*ODD, "varied"])
def test_odd_worlds_are_labelled_alike(odd, labelled, made):
    flows = made.many(1200) if odd == "varied" else made.order(*made.frames(ODD[odd]))
    expected = digests_of(labelled, flows)
    for strategy in STRATEGIES:
        for event_labels in ("fused", "recompute"):
            assert digests_of(labelled, flows, campaign_map=strategy, event_labels=event_labels) == expected


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_the_same_is_published_whatever_the_cut(strategy, made, tmp_path, roomy):
    flows = made.many(300, parties=12)
    ways = [
        ("lookup", {}),
        (strategy, {"batch_rows": 1}),
        (strategy, {"batch_rows": 97, "threads": 2, "cuts": (0.2, 0.6)}),
    ]
    outputs = [
        executed(flows, tmp_path / str(k), roomy, campaign_map=name, **way) for k, (name, way) in enumerate(ways)
    ]
    digests = [[out.datasets[d.name].digest for d in OUTPUTS["S4"]] for out in outputs]
    assert digests == [digests[0]] * 3


def test_no_strategy_compiles_a_kernel_anew(labelled, made):
    """A timed repeat is a new process: what it compiled would be charged to its strategy."""
    flows = made.many(100)
    labelled(flows)
    before = truth._decide.signatures
    for strategy in CHOICES:
        labelled(flows, knobs=StateKnobs(campaign_map=strategy))
    assert truth._decide.signatures == before


def cost_of(strategy, flows, table):
    """Rows and bytes that were joined, branches of conditional expressions, NumPy's bytes at the peak; a flow."""
    seen = {"rows": 0, "bytes": 0, "branches": 0}
    join, when = pl.DataFrame.join, pl.when

    def joined(frame, other, **how):
        found = join(frame, other, **how)
        seen["rows"] += found.height
        seen["bytes"] += found.estimated_size()
        return found

    def branch(*condition):
        seen["branches"] += 1
        return when(*condition)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pl.DataFrame, "join", joined)
        patch.setattr(pl, "when", branch)
        tracemalloc.start()
        strategy(flows, table)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    size = flows.pattern.size
    return seen["rows"] / size, round(seen["bytes"] / size), seen["branches"], round(peak / size)


def test_costs_are_as_the_docstrings_say(pack):
    flows = flows_of(EVERY * 5000)
    found = {name: cost_of(strategy, flows, direct_rules(pack("truth"))) for name, strategy in CHOICES.items()}
    assert found == {
        "join": (1, 12, 1, 0),
        "expression": (0, 0, 6 + 1, 0),
        "lookup": (0, 0, 0, 16),
        TRAP: (0, 0, 6, 0),
    }


def test_the_trap_is_silent_and_loses_what_the_overlay_made_fraud(labelled, made):
    flows = [FRAUD, *({"party_id": 2 + i, "at": 60.0 * i, "overlay_anomaly_any": i % 2 == 0} for i in range(6))]
    sound, trapped = (
        labelled(made.order(*made.frames(flows)), knobs=StateKnobs(campaign_map=name)).flow_truth_labels.sort("flow_id")
        for name in ("expression", TRAP)
    )
    assert sound["is_fraud_truth"].to_list() == [True, *[True, False] * 3]
    assert trapped["is_fraud_truth"].to_list() == [True, *[False] * 6]
    assert trapped["truth_rule_id"].cast(pl.String).to_list() == ["RULE_ATO", *["RULE_NONE_NO_OVERLAY"] * 6]


@pytest.mark.parametrize(("variant", "most"), [("full", 0.9), ("lean", 0.5)])
def test_the_trap_does_less_work(variant, most, labelled, made):
    """What made lane 2T look faster: cases that were never opened."""
    flows = made.many(3000)
    sound, trapped = (
        labelled(flows, variant, knobs=StateKnobs(campaign_map=name)).case_timeline.height
        for name in ("expression", TRAP)
    )
    assert trapped < most * sound


def test_the_trap_errs_on_flows_of_no_campaign_alone(pack):
    table = direct_rules(pack("truth"))
    flows = flows_of(EVERY)
    wrong = find_rules(CHOICES[TRAP], flows, table) != find_rules(STRATEGIES["expression"], flows, table)
    assert [EVERY[at] for at in np.flatnonzero(wrong)] == [(PATTERNS.index(NONE), True)]

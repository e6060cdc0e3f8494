"""Each gate falls when the published rows it watches are damaged, and takes down no gate that it should not."""

from __future__ import annotations

import dataclasses

import polars as pl
import pytest

from seg6b.gates.encoding import to_json
from seg6b.gates.result import Status
from seg6b.policy.truth import Ordered
from tests.oracle import damage as d

# damage: (gates that must fall, gates that may move along, for the same rows say the same thing twice)
FALLS = {
    "one flag contradicts its label": (d.contradict_one_flag, {"T1"}, set()),
    "nothing is LEGIT": (d.label_everything_abuse, {"T1", "T2", "T3"}, set()),
    "only campaigns are fraud": (d.clear_all_but_campaigns, {"T2"}, set()),
    "some untouched flows are ABUSE": (d.label_some_untouched_abuse, {"T3"}, set()),
    "some campaign flows are LEGIT": (d.clear_some_campaign_flows, {"T4"}, set()),
    "labels forget the class": (d.forget_classes, {"T5", "T7"}, set()),
    "fraud is cheap": (d.make_fraud_cheap, {"T6"}, set()),
    "bank fraud forgets the class": (d.hand_view_to_neighbour, {"T7"}, set()),
    "one gap runs backward": (d.turn_one_gap_back, {"T8", "T10"}, set()),
    "cases step by the hour": (d.step_cases_by_the_hour, {"T9"}, set()),
    "nineteen prices": (d.price_in_nineteen_tags, {"T11"}, {"X5"}),
    "no tail of amounts": (d.flatten_amounts, {"T12"}, {"X5"}),
    "eight amounts hold nine tenths": (d.crowd_onto_eight_amounts, {"T13"}, {"X5"}),
    "answers come late": (d.answer_nine_seconds_later, {"T14"}, set()),
    "no answer is slow": (d.answer_within_twenty_seconds, {"T15"}, set()),
    "some answers take no time": (d.answer_some_at_once, {"T16"}, {"T14"}),
    "campaigns hit any class": (d.scatter_campaigns_over("merchant_class"), {"T17"}, set()),
    "campaigns hit any zone": (d.scatter_campaigns_over("tzid_primary"), {"T18"}, set()),
    "a session an arrival": (d.split_sessions, {"T19"}, set()),
    "nothing is shared": (d.share_nothing, {"T20"}, set()),
    "points and minimum delays": (d.draw_points_and_minimum_delays, {"T21"}, set()),
    "arrivals come at any time": (d.deal_arrival_times, {"X1"}, set()),
    "nobody keeps hours": (d.deal_local_times, {"X2"}, set()),
    "tests are spread over the weeks": (d.deal_flow_times, {"X3"}, set()),
    "amounts forget the party": (d.deal_amounts, {"X5"}, set()),
    "a rule that does not hold": (d.record_another_rule, {"T22"}, set()),
}


@pytest.fixture(scope="session")
def before(default_published):
    board = default_published.score()
    assert to_json(board) == to_json(default_published.published)
    return board


def test_rows_read_back_score_as_published(default_published, before):
    again = default_published.score(
        {name: default_published.frames[name] for name in (d.ARRIVALS, d.FLOWS, d.OVERLAID, d.BANK)}
    )
    assert to_json(again) == to_json(before)


def test_every_gate_has_its_damage():
    assert set().union(*(falls for _, falls, _ in FALLS.values())) == (
        {f"T{i}" for i in range(1, 23)} | {"X1", "X2", "X3", "X5"}
    )


@pytest.mark.parametrize("what", FALLS)
def test_damaged_rows_fail_their_gate(default_published, before, what):
    damage, falls, may_move = FALLS[what]
    assert {g: before.gates[g].b for g in falls} == dict.fromkeys(falls, Status.PASS)
    after = default_published.score(damage(default_published.frames))
    levels = {g: (after.gates[g].b, after.gates[g].bplus) for g in after.gates}
    moved = {g for g in levels if levels[g] != (before.gates[g].b, before.gates[g].bplus)}
    assert {g: levels[g][0] for g in falls} == dict.fromkeys(falls, Status.FAIL)
    assert moved - falls <= may_move, {g: (after.gates[g].value, after.gates[g].detail) for g in moved}


def test_an_unknown_bank_label_fails_what_reads_it(default_published, before):
    bank = default_published.frames[d.BANK]
    wider = pl.Enum([*bank.schema["bank_label"].categories, "MAYBE"])
    odd = pl.when(pl.int_range(pl.len()) == 0).then(pl.lit("MAYBE")).otherwise(pl.col("bank_label").cast(pl.String))
    after = default_published.score({d.BANK: bank.with_columns(bank_label=odd.cast(wider))})
    fallen = {g for g in after.gates if after.gates[g].b is Status.FAIL and before.gates[g].b is Status.PASS}
    assert fallen == {"T5", "T6", "T7"}
    assert "MAYBE" in after.gates["T5"].detail["reason"]


def test_overlapping_truth_rules_fail_t22_alone(default_published, before):
    truth = default_published.policies.truth
    twin = truth.overlay_flags[0].model_copy(update={"rule_id": "RULE_PROMO_FRAUD"})
    overlapping = Ordered.model_construct(**{**dict(truth), "overlay_flags": [*truth.overlay_flags, twin]})
    policies = dataclasses.replace(default_published.policies, truth=overlapping)
    after = default_published.score(policies=policies)
    fallen = {g for g in after.gates if after.gates[g].b is Status.FAIL and before.gates[g].b is Status.PASS}
    assert fallen == {"T22"}
    assert after.gates["T22"].detail["overlapping_pairs"] == 1

"""The board as a whole: all gates, verdicts, what moves with what, and the JSON they are published in."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import polars as pl
import pytest
import yaml

from seg6b.datasets import vocabulary as v
from seg6b.evidence.tables import Evidence, Measure
from seg6b.gates.damage import DAMAGES, damaged
from seg6b.gates.encoding import from_json, to_json
from seg6b.gates.evaluate import GATES, evaluate
from seg6b.gates.record import Baseline
from seg6b.gates.result import Status, Verdict
from seg6b.gates.thresholds import GATE_IDS, load_thresholds
from seg6b.shards.cells import CELLS

ROOT = Path(__file__).parents[2]
V2 = load_thresholds(yaml.safe_load((ROOT / "conf" / "gates" / "v2.yaml").read_text()))
LANES = ROOT / "lanes"


def statuses(board):
    return {gate_id: (r.b, r.bplus) for gate_id, r in board.gates.items()}


def test_the_example_passes_everything_at_bplus(tables, board):
    made = board(tables)
    assert {g: r.detail.get("reason") for g, r in made.gates.items() if r.bplus is not Status.PASS} == {}
    assert (made.verdict, made.phase_decision) == (Verdict.PASS_BPLUS, "UNLOCK_P1")


def test_a_design_factor_draws_the_interval_and_a_lower_bound_to_the_value(tables, board):
    whole = board(tables)
    factors = {"T1": 0.5, "T5": 1.5, "T17": 0.25}
    made = board(tables, thresholds=V2.model_copy(update={"design_factors": factors}))
    for gate_id, before in whole.gates.items():
        after, factor = made.gates[gate_id], factors.get(gate_id, 1.0)
        assert after.value == before.value
        if before.ci95 is not None:
            nearer = tuple(before.value + factor * (end - before.value) for end in before.ci95)
            assert after.ci95 == pytest.approx(nearer)
    moved = made.gates["T17"].ci95[0] - whole.gates["T17"].ci95[0]
    assert moved > 0
    assert made.gates["T17"].b_margin - whole.gates["T17"].b_margin == pytest.approx(moved)
    assert made.gates["T1"].b_margin == whole.gates["T1"].b_margin


def test_gates_are_t1_to_t22_in_order():
    assert [g.gate_id for g in GATES] == sorted(GATE_IDS, key=lambda g: int(g[1:]))


def test_a_stretch_gate_costs_bplus_and_a_hard_gate_costs_b(tables, board, make):
    tables["S1"]["sessions"] = make("arrival_count n", [[1, 90], [2, 10]])
    stretch = board(tables)
    assert (stretch.verdict, stretch.phase_decision) == (Verdict.PASS_B, "UNLOCK_P1")
    tables["S4"]["case_gaps"] = make("gap_s negative n", [[-1, True, 1], [7, False, 9]])
    hard = board(tables)
    assert (hard.verdict, hard.phase_decision) == (Verdict.FAIL_REALISM, "HOLD_REMEDIATE")


def test_insufficient_is_not_passed(tables, board):
    tables["S3"]["campaign_flows"] = tables["S3"]["campaign_flows"].filter(pl.col("cell") == 0)
    assert board(tables).verdict is Verdict.PASS_B
    tables["S4"]["case_gaps"] = tables["S4"]["case_gaps"].clear()
    assert board(tables).verdict is Verdict.FAIL_REALISM


NEEDS = {
    ("S1", "sessions"): {"T19"},
    ("S1", "devices"): {"T20"},
    ("S1", "linked_entities"): {"T20"},
    ("S2", "amounts"): {"T11", "T12", "T13", "T21"},
    ("S2", "latency"): {"T14", "T15", "T16", "T21"},
    ("S2", "offsets"): {"T21"},
    ("S3", "campaign_flows"): {"T17", "T18"},
    ("S4", "truth"): {"T1", "T2", "T3", "T4", "T22"},
    ("S4", "bank"): {"T5", "T7"},
    ("S4", "bank_amounts"): {"T6"},
    ("S4", "case_gaps"): {"T8", "T9", "T21"},
    ("S4", "case_spans"): {"T9", "T10", "T21"},
    ("S4", "delays"): {"T21"},
}


@pytest.mark.parametrize("place", NEEDS, ids=".".join)
def test_missing_evidence_is_insufficient_for_its_gates_and_no_others(tables, board, place):
    before = statuses(board(tables))
    state, name = place
    del tables[state][name]
    after = board(tables)
    moved = {g for g, s in statuses(after).items() if s != before[g]}
    assert moved == NEEDS[place]
    assert {after.gates[g].b for g in moved} == {Status.INSUFFICIENT}
    assert all(name in after.gates[g].detail["reason"] for g in moved)


def test_a_state_without_evidence_is_insufficient(tables, board):
    del tables["S4"]
    made = board(tables)
    assert {made.gates[g].b for g in ("T1", "T5", "T8", "T21", "T22")} == {Status.INSUFFICIENT}
    assert all(line.b in (Status.INSUFFICIENT, Status.PASS) for line in made.statistics)


def flag_one_row(frame):
    """One cell's LEGIT rows become ABUSE, consistently."""
    hit = (pl.col("fraud_label") == "LEGIT") & (pl.col("pattern_source") == "HEURISTIC_ONLY") & (pl.col("cell") < 2)
    label = pl.when(hit).then(pl.lit("ABUSE")).otherwise("fraud_label").cast(pl.Enum(["LEGIT", "FRAUD", "ABUSE"]))
    return frame.with_columns(fraud_label=label, is_fraud_truth=pl.col("is_fraud_truth") | hit)


DAMAGE = {
    "untouched rows labelled ABUSE": ("S4", "truth", flag_one_row, {"T3"}),
    "campaign rows lost": ("S4", "truth", lambda f: f.filter(~pl.col("campaign")), {"T4"}),
    "labels independent of class": (
        "S4",
        "bank",
        lambda f: f.with_columns(n=pl.when("is_fraud_bank_view").then(11).when(pl.col("n") > 0).then(89).otherwise(0)),
        {"T5", "T7"},
    ),
    "fraud is cheap": ("S4", "bank_amounts", lambda f: f.with_columns(amount_minor=4000 - pl.col("amount_minor")), {"T6"}),
    "one gap runs backward": ("S4", "case_gaps", lambda f: f.with_columns(negative=(pl.col("cell") == 5) & (pl.col("gap_s") == 100)), {"T8"}),
    "closed after an hour": ("S4", "case_spans", lambda f: f.with_columns(duration_s=pl.lit(3600)), {"T9"}),
    "one case runs backward": ("S4", "case_spans", lambda f: f.with_columns(non_monotone=(pl.col("cell") == 5) & pl.col("has_gap")), {"T10"}),
    "a median of 9 s": ("S2", "latency", lambda f: f.with_columns(latency_us=pl.col("latency_us") + 9_000_000), {"T14"}),
    "nothing slow": ("S2", "latency", lambda f: f.with_columns(latency_us=pl.min_horizontal("latency_us", 2_000_000)), {"T15"}),
    "one session an arrival": ("S1", "sessions", lambda f: f.with_columns(arrival_count=pl.lit(1)), {"T19"}),
    "nothing shared": ("S1", "devices", lambda f: f.with_columns(party_max=pl.col("party_min")), {"T20"}),
    "one class": ("S3", "campaign_flows", lambda f: f.with_columns(merchant_class=pl.lit("office_hours")), {"T17"}),
    "one zone": ("S3", "campaign_flows", lambda f: f.with_columns(tzid_primary=pl.lit("UTC")), {"T18"}),
}  # fmt: skip


@pytest.mark.parametrize("damage", DAMAGE)
def test_damage_moves_its_gate_and_no_other(tables, board, damage):
    state, name, change, expected = DAMAGE[damage]
    before = statuses(board(tables))
    tables[state][name] = change(tables[state][name])
    after = board(tables)
    moved = {g for g, s in statuses(after).items() if s != before[g]}
    assert moved == expected, {g: (after.gates[g].value, after.gates[g].detail) for g in moved ^ expected}


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda d: d.gate_id)
def test_a_named_damage_fells_its_gate_and_no_other(tables, damage, policies):
    found = {
        state: Evidence({n: (Measure(n, ("cell",)), f) for n, f in named.items()})
        for state, named in (tables | {"S1": tables["S1"] | {"hour_of_week": weeks()}}).items()
    }
    before, after = (evaluate(e, policies, V2, "0" * 32, 42) for e in (found, damaged(found, damage)))
    fell = {g for g, r in after.gates.items() if before.gates[g].bplus is Status.PASS is not r.bplus}
    assert fell == {damage.gate_id}


def test_every_gate_has_something_that_makes_it_fall():
    due = yaml.safe_load((LANES / "ablation.yaml").read_text())["lane"]["closure"]["falls"]
    assert sorted([*due, *(d.gate_id for d in DAMAGES)]) == sorted((*GATE_IDS, *V2.behaviour))


def weeks():
    """Three classes that are busy at different hours."""
    rows = [
        (cell, v.CLASSES[k], hour, 5 + 40 * (hour % 24 // 8 == k))
        for cell in range(CELLS)
        for k in range(3)
        for hour in range(168)
    ]
    return pl.DataFrame(
        rows,
        schema={"cell": pl.UInt8, "merchant_class": pl.Enum(v.CLASSES), "hour": pl.Int32, "n": pl.Int64},
        orient="row",
    )


def test_json_says_what_the_design_asks_for(tables, board):
    data = json.loads(to_json(board(tables)))
    assert list(data) == [
        "run_id",
        "seed",
        "gate_file",
        "gate_file_digest",
        "verdict",
        "phase_decision",
        "gates",
        "statistics",
    ]
    assert set(data["gates"]["T5"]) >= {"value", "raw", "ci95", "b", "bplus", "severity", "class", "owner", "n"}
    assert (data["gates"]["T17"]["class"], data["gates"]["T5"]["class"]) == ("stretch", "hard")
    assert data["gates"]["T21"]["ci95"] is None
    assert len(data["gates"]["T5"]["ci95"]) == 2


def test_json_comes_back_as_the_same_board(tables, board):
    text = to_json(board(tables, baseline=Baseline(0.2, "ab" * 32)))
    assert to_json(from_json(text)) == text
    assert "NaN" not in text


def test_rows_and_codes_in_another_order_give_the_same_json(tables, board):
    want = to_json(board(tables))
    shuffled = {
        s: {n: f.sample(fraction=1.0, shuffle=True, seed=3) for n, f in named.items()} for s, named in tables.items()
    }
    ids = sorted(shuffled["S3"]["campaign_flows"]["campaign_id"].unique(), reverse=True)
    flows = shuffled["S3"]["campaign_flows"].with_columns(pl.col("campaign_id").cast(pl.Enum(ids)))
    shuffled["S3"]["campaign_flows"] = flows
    assert to_json(board(shuffled)) == want


def test_keys_of_a_policy_in_another_order_give_the_same_json(tables, board, policies):
    shape, view = policies.flow_shape, policies.bank_view
    turned = {
        "flow_shape": shape.model_copy(update={"types_by_channel": dict(reversed(shape.types_by_channel.items()))}),
        "bank_view": view.model_copy(update={"chargeback_outcomes": dict(reversed(view.chargeback_outcomes.items()))}),
    }
    assert to_json(board(tables, policies=SimpleNamespace(**{**vars(policies), **turned}))) == to_json(board(tables))

"""The lean packs give the D+ baseline: its published shares and its published faults, by their causes."""

from __future__ import annotations

import polars as pl
import pytest

SIZE = 60_000
# shares that follow from the lean rates of FRIENDLY_FRAUD alone (spec: gates.md §7, datasets-detail.md §6)
SHARES = {
    "CHARGEBACK_WRITTEN_OFF": 0.55 * 0.40 * 0.35,
    "CUSTOMER_DISPUTE_REJECTED": 0.55 * 0.40 * 0.65,
    "BANK_CONFIRMED_FRAUD": 0.10 * (1 - 0.55 * 0.40),
    "NO_CASE_OPENED": 0.702,
}


@pytest.fixture(scope="module")
def dplus(labelled, made):
    flows = [
        {"flow_id": 1 + i, "party_id": 1 + i // 100, "at": 120.0 * i, "instrument_id": 1 + i // 100}
        for i in range(SIZE)
    ]
    return labelled(made.order(*made.frames(flows)), "lean")


def near(share, n=SIZE):
    """Within four standard errors."""
    return pytest.approx(share, abs=4 * (share * (1 - share) / n) ** 0.5)


def test_truth_collapses(dplus):
    assert dplus.flow_truth_labels["fraud_label"].unique().to_list() == ["ABUSE"]
    assert dplus.flow_truth_labels["truth_subtype"].unique().to_list() == ["FRIENDLY_FRAUD"]


@pytest.mark.parametrize(("label", "share"), SHARES.items())
def test_bank_labels(dplus, label, share):
    assert (dplus.flow_bank_view["bank_label"] == label).mean() == near(share)


def test_bank_fraud_disputes_detections_chargebacks(dplus):
    view = dplus.flow_bank_view
    assert view["is_fraud_bank_view"].mean() == near(0.155)
    disputed = view["dispute_outcome"] == "DISPUTE_FILED"
    assert disputed.mean() == near(0.5500)
    assert (view["detection_outcome"] != "NOT_DETECTED").mean() == near(0.1000)
    charged = (view["chargeback_outcome"] != "NO_CHARGEBACK").sum()
    assert charged / disputed.sum() == near(0.4000, disputed.sum())


def test_cases_are_one_a_flow_and_three_flows_of_five_have_one(dplus):
    cases = dplus.case_timeline["case_id"].n_unique()
    assert cases == dplus.case_flows.height
    assert cases / SIZE == near(1 - 0.9 * 0.45 * 0.97)
    assert (dplus.case_timeline["case_id"] == dplus.case_timeline["flow_id"]).all()


def test_slots_are_fixed_and_have_holes(dplus):
    slots = dplus.case_timeline.select("case_event_type", "case_event_seq").unique().sort("case_event_seq")
    assert slots["case_event_seq"].to_list() == [0, 1, 2, 3, 4, 5]
    assert (slots["case_event_type"].to_physical() == slots["case_event_seq"]).all()


def gaps(dplus):
    timeline = dplus.case_timeline.sort("case_id", "case_event_seq")
    return timeline.with_columns(gap=pl.col("ts_utc").diff().over("case_id").dt.total_seconds()).drop_nulls("gap")


def test_every_chargeback_case_has_one_negative_gap(dplus):
    told = gaps(dplus)
    negative = told.filter(pl.col("gap") < 0)
    assert negative["gap"].unique().to_list() == [3600 - 86_401]
    charged = (dplus.flow_bank_view["chargeback_outcome"] != "NO_CHARGEBACK").sum()
    assert negative.height == charged == negative["case_id"].n_unique()
    cases = dplus.case_timeline["case_id"].n_unique()
    assert negative.height / told.height == pytest.approx(0.1297, abs=0.004)  # T8
    assert negative.height / cases == pytest.approx(0.3625, abs=0.01)  # T10


def test_spikes_of_gaps_and_durations(dplus):
    told = gaps(dplus)
    spikes = told["gap"].is_in([3600, 86_400, 86_401]).mean()
    assert spikes == pytest.approx(0.2988, abs=0.01)
    spans = dplus.case_timeline.group_by("case_id").agg(
        s=(pl.col("ts_utc").max() - pl.col("ts_utc").min()).dt.total_seconds()
    )
    assert set(spans["s"].unique()) <= {3600, 86_401}


def test_published_delays_are_the_minima(dplus):
    view = dplus.flow_bank_view
    for name, minimum in (("detection", 1), ("dispute", 3600), ("chargeback", 86_400), ("close", 3600)):
        assert view[f"{name}_delay_s"].drop_nulls().unique().to_list() == [float(minimum)]

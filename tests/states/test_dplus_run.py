"""A run of D+ on the default world: the shares that the baseline published, and why they are what they are.

Outside campaigns every flow is FRIENDLY_FRAUD, so its rates are the run's (spec: gates.md §7, datasets-detail.md §6).
"""

from __future__ import annotations

import json

import polars as pl
import pytest

from seg6b.datasets.parts import read_parts
from seg6b.datasets.tables import (
    BANK_VIEW,
    CASE_FLOWS,
    CASES,
    EVENTS,
    FLOWS,
    FLOWS_WITH_FRAUD,
    SESSION_ARRIVALS,
    SESSIONS,
)

DISPUTE, DETECT, CHARGEBACK = 0.55, 0.10, 0.40
NO_CASE_OPENED = 0.702
BANK_FRAUD = 0.155
CASE = 1 - (1 - DETECT) * (1 - DISPUTE) * 0.97  # 3 % of flows are reviewed or challenged at authorisation
KEY = ("party_id", "device_id", "merchant_id", "channel_group")


@pytest.fixture(scope="module")
def rows(dplus_run):
    """`rows(dataset, "column", …)`: columns of a published dataset."""

    def read(dataset, *columns):
        folder = dplus_run / "data" / "layer3" / "6B" / dataset.name
        return read_parts(sorted(folder.rglob("*.parquet")), columns)

    return read


@pytest.fixture(scope="module")
def untouched(rows):
    """The bank's view of flows outside campaigns."""
    view = rows(
        BANK_VIEW, "flow_id", "bank_label", "is_fraud_bank_view", "detection_outcome", "dispute_outcome",
        "chargeback_outcome", "case_opened_ts",
    )  # fmt: skip
    campaign = rows(FLOWS_WITH_FRAUD, "flow_id", "campaign_id").filter(pl.col("campaign_id").is_not_null())
    return view.join(campaign, on="flow_id", how="anti").select(
        disputed=pl.col("dispute_outcome") == "DISPUTE_FILED",
        detected=pl.col("detection_outcome") != "NOT_DETECTED",
        charged=pl.col("chargeback_outcome") != "NO_CHARGEBACK",
        bank_fraud="is_fraud_bank_view",
        unopened=pl.col("bank_label") == "NO_CASE_OPENED",
        opened=pl.col("case_opened_ts").is_not_null(),
    )


@pytest.mark.parametrize(
    ("part", "whole", "share"),
    [
        ("disputed", None, DISPUTE),
        ("detected", None, DETECT),
        ("charged", "disputed", CHARGEBACK),
        ("bank_fraud", None, BANK_FRAUD),
        ("unopened", None, NO_CASE_OPENED),
        ("opened", None, CASE),
        ("charged", "opened", DISPUTE * CHARGEBACK / CASE),
    ],
)
def test_shares_over_flows_outside_campaigns(untouched, part, whole, share):
    among = untouched if whole is None else untouched.filter(whole)
    assert among.height > 100_000
    assert among[part].mean() == pytest.approx(share, abs=4 * (share * (1 - share) / among.height) ** 0.5)


def test_cases_with_a_chargeback_are_the_backward_ones(rows, dplus_run):
    kinds = rows(CASES, "case_id", "case_event_type")
    charged = kinds.filter(pl.col("case_event_type") == "CHARGEBACK_INITIATED")["case_id"].n_unique()
    backward = json.loads((dplus_run / "gates.json").read_text())["gates"]["T10"]["value"]
    assert charged / kinds["case_id"].n_unique() == pytest.approx(backward, rel=1e-12)


def test_a_case_a_flow(rows):
    cases = rows(CASE_FLOWS, "case_id", "flow_id")
    assert cases["case_id"].n_unique() == cases["flow_id"].n_unique() == cases.height


def test_sessions_are_clock_buckets(rows):
    arrivals = rows(SESSION_ARRIVALS, *KEY, "ts_utc", "session_id").with_columns(
        bucket=pl.col("ts_utc").dt.epoch("s") // 1200
    )
    buckets = arrivals.select(*KEY, "bucket").unique()
    assert buckets.height == arrivals["session_id"].n_unique() == rows(SESSIONS, "session_id").height
    assert arrivals.select(*KEY, "bucket", "session_id").unique().height == buckets.height


@pytest.mark.parametrize("dataset", [FLOWS, FLOWS_WITH_FRAUD], ids=lambda d: d.name)
def test_a_flow_has_two_events(rows, dataset):
    assert rows(dataset, "n_events")["n_events"].unique().to_list() == [2]


def test_an_arrival_is_a_flow_and_two_events(rows):
    flows = rows(FLOWS, "flow_id").height
    events = rows(EVENTS, "flow_id").group_by("flow_id").len()
    assert flows == rows(SESSION_ARRIVALS, "party_id").height == events.height
    assert events["len"].unique().to_list() == [2]

"""The session index: counts, spans, dominant entities."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seg6b.states.s1_attach.boundaries import Cut, Visits
from seg6b.states.s1_attach.index import most_frequent, session_index
from seg6b.states.s1_attach.published import Chosen

from .conftest import START


def index_of(starts, *, ts, device, account, instrument, merchant, ip, channel):
    ids = {name: np.array(values, np.int64) for name, values in {
        "device_id": device, "account_id": account, "instrument_id": instrument, "merchant_id": merchant, "ip_id": ip,
    }.items()}  # fmt: skip
    size = len(ts)
    base = int(START.timestamp()) * 1_000_000
    visits = Visits(
        np.full(size, 3, np.int64), base + np.array(ts, np.int64) * 1_000_000, ids["merchant_id"],
        np.arange(1, size + 1, dtype=np.int64), ids["device_id"], np.array(channel, np.uint8), np.zeros(size, np.uint8),
    )  # fmt: skip
    sessions = len(starts) - 1
    cut = Cut(np.arange(size), np.array(starts), np.zeros(sessions, np.int8), np.arange(1, sessions + 1))
    chosen = Chosen(ids["account_id"], ids["instrument_id"], ids["device_id"], ids["ip_id"])
    return session_index(cut, visits, chosen)


def test_a_session_of_three_and_one_alone():
    found = index_of(
        [0, 3, 4], ts=[0, 30, 90, 500], device=[8, 7, 7, 1], account=[20, 10, 30, 2], instrument=[0, 0, 5, 0],
        merchant=[40, 40, 50, 60], ip=[3, 2, 2, 9], channel=[0, 4, 0, 3],
    )  # fmt: skip
    three, alone = found.rows(named=True)
    assert three["arrival_count"] == 3
    assert three["session_end_utc"] - three["session_start_utc"] == timedelta(seconds=90)
    assert (three["duration_s"], three["mean_gap_s"]) == (90.0, 45.0)
    assert (three["device_id"], three["merchant_id"], three["primary_ip_id"]) == (7, 40, 2)
    assert three["account_id"] == 10, "ties go to the smallest id"
    assert three["instrument_id"] == 5, "nulls do not count"
    assert (three["channel_set"], three["merchant_set_size"]) == (0b10001, 2)
    assert (alone["duration_s"], alone["mean_gap_s"], alone["instrument_id"]) == (0.0, None, None)
    assert (alone["channel_set"], alone["merchant_set_size"]) == (0b1000, 1)


@given(values=st.lists(st.integers(0, 9), min_size=1, max_size=70))
@settings(max_examples=150, deadline=None)
def test_the_most_frequent_value(values):
    best, distinct = most_frequent(np.arange(len(values)), np.array(values, np.int64))
    positive = [v for v in values if v > 0]
    assert distinct == len(set(positive))
    wanted = min((-positive.count(v), v) for v in positive)[1] if positive else 0
    assert best == wanted


def test_index_and_arrivals_agree(zoo_outcome):
    arrivals, sessions = zoo_outcome.arrivals, zoo_outcome.sessions
    by = arrivals.group_by("session_id").agg(
        n=pl.len(), start=pl.col("ts_utc").min(), end=pl.col("ts_utc").max(), merchants=pl.col("merchant_id").n_unique(),
        parties=pl.col("party_id").n_unique(),
    )  # fmt: skip
    both = sessions.join(by, on="session_id", how="full", coalesce=True)
    assert both.height == sessions.height == by.height
    assert (both["arrival_count"] == both["n"]).all()
    assert (both["session_start_utc"] == both["start"]).all()
    assert (both["session_end_utc"] == both["end"]).all()
    assert (both["merchant_set_size"] == both["merchants"]).all()
    assert (both["parties"] == 1).all()
    assert both["duration_s"].to_list() == pytest.approx((both["end"] - both["start"]).dt.total_seconds().to_list())


def test_dominant_entities_by_a_plain_count(zoo_outcome):
    for key, column in (("device_id", "device_id"), ("ip_id", "primary_ip_id"), ("merchant_id", "merchant_id")):
        counts = (
            zoo_outcome.arrivals.group_by("session_id", key)
            .len()
            .sort("session_id", "len", key, descending=[False, True, False])
        )
        first = counts.group_by("session_id", maintain_order=True).first().select("session_id", wanted=key)
        both = zoo_outcome.sessions.join(first, on="session_id")
        assert (both[column] == both["wanted"]).all()

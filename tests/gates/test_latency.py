"""T14..T16 on latencies in microseconds."""

from __future__ import annotations

import polars as pl
import pytest

LATENCY = "step_up latency_us n"


@pytest.fixture
def judged(tables, board, make):
    def run(gate, counts, flows=100):
        tables["S2"]["latency"] = make(LATENCY, [[step_up, us, n] for us, n, step_up in counts])
        tables["S2"]["flow_types"] = make("channel_group flow_type_id n", [["ECOM", "CARD_AUTH_CLEAR", flows]])
        return board(tables).gates[gate]

    return run


@pytest.mark.parametrize(
    ("us", "b", "bplus"),
    [(299_999, "FAIL", "FAIL"), (300_000, "PASS", "FAIL"), (499_999, "PASS", "FAIL"), (500_000, "PASS", "PASS"),
     (5_000_000, "PASS", "PASS"), (5_000_001, "PASS", "FAIL"), (8_000_000, "PASS", "FAIL"), (8_000_001, "FAIL", "FAIL")],
)  # fmt: skip
def test_t14_band_in_seconds(judged, us, b, bplus):
    result = judged("T14", [(us, 100, False)])
    assert (result.value, result.b, result.bplus) == (us / 1e6, b, bplus)


@pytest.mark.parametrize(
    ("us", "b", "bplus"),
    [
        (30_000_000, "FAIL", "FAIL"),
        (30_000_001, "PASS", "FAIL"),
        (45_000_000, "PASS", "FAIL"),
        (45_000_001, "PASS", "PASS"),
    ],
)
def test_t15_is_strictly_above(judged, us, b, bplus):
    result = judged("T15", [(500_000, 90, False), (us, 10, False)])
    assert (result.value, result.b, result.bplus) == (us / 1e6, b, bplus)


@pytest.mark.parametrize(
    ("zeros", "b", "bplus"), [(5, "PASS", "PASS"), (6, "PASS", "FAIL"), (20, "PASS", "FAIL"), (21, "FAIL", "FAIL")]
)
def test_t16_counts_exact_zeros_in_microseconds(judged, zeros, b, bplus):
    result = judged("T16", [(0, zeros, False), (400, 100 - zeros, False)])
    assert (result.value, result.b, result.bplus) == (zeros / 100, b, bplus)


def test_all_flows_are_gated_and_those_without_step_up_are_shown(judged):
    result = judged("T14", [(1_000_000, 40, False), (9_000_000, 60, True)])
    assert (result.value, result.detail["without_step_up"], result.b) == (9.0, 1.0, "FAIL")


def test_a_flow_without_its_pair_fails(judged):
    result = judged("T14", [(1_000_000, 100, False)], flows=101)
    assert (result.b, result.detail["reason"]) == ("FAIL", "64 flows have no request and response")


@pytest.mark.parametrize("gate", ["T14", "T15", "T16"])
def test_no_pair_is_insufficient_and_null_fails(tables, board, gate):
    latency = tables["S2"]["latency"]
    tables["S2"]["latency"] = latency.clear()
    assert board(tables).gates[gate].b == "INSUFFICIENT"
    tables["S2"]["latency"] = latency.with_columns(latency_us=pl.when(pl.col("cell") > 0).then("latency_us"))
    assert board(tables).gates[gate].b == "FAIL"

import numpy as np
import polars as pl
import pytest

from seg6b.datasets.frames import micros_of

POINTS = [199, 499, 999, 1499, 1999, 2999, 4999, 9999]


@pytest.fixture(scope="module")
def lean(bench, crowd):
    return bench.in_memory(crowd, bench.policies("lean"))


def test_every_arrival_is_a_flow_of_one_type(lean, crowd):
    flows = lean.flows
    assert flows.height == crowd.height
    assert flows.select(
        pl.col("flow_type_id", "baseline_outcome", "flow_plan_rule_id").cast(pl.String)
    ).unique().rows() == [("CARD_AUTH_CLEAR", "AUTH_SETTLED", "ONE_PER_ARRIVAL")]
    assert set(flows["n_arrivals"]) == {1}
    assert set(flows["branch_trace"]) == {0}
    for _, numbers in flows.head(500).group_by("session_id"):
        assert len(set(numbers["flow_index_within_session"])) == numbers.height


def test_two_events_at_the_time_of_the_arrival(lean):
    assert set(lean.flows["n_events"]) == {2}
    kinds = lean.events["event_type"].cast(pl.String)
    assert kinds.to_list() == ["AUTH_REQUEST", "AUTH_RESPONSE"] * lean.flows.height
    assert np.array_equal(micros_of(lean.events["ts_utc"]), np.repeat(micros_of(lean.flows["ts_utc"]), 2))
    assert lean.events["latency_us"].max() == 0
    assert lean.flows["clear_ts"].null_count() == lean.flows.height


def test_eight_amounts_whatever_the_channel(lean):
    flows = lean.flows
    assert sorted(flows["amount_minor"].unique()) == POINTS
    assert flows["amount_family"].cast(pl.String).unique().to_list() == ["PURCHASE"]
    shares = flows["amount_minor"].value_counts()["count"].to_numpy() / flows.height
    assert shares == pytest.approx([1 / 8] * 8, abs=4 * np.sqrt(7 / 64 / flows.height))
    assert flows["amount_minor"].mean() / 100 == pytest.approx(28.986, abs=0.8)


def test_lean_is_allowed_to_stand_still(lean):
    checks = lean.evidence.table("flow_checks")
    assert checks["bad"].sum() == 0
    assert "time_strict" not in checks["check"].cast(pl.String).to_list()
    assert lean.evidence.table("offsets").height == 0
    assert lean.evidence.table("latency")["latency_us"].unique().to_list() == [0]


def test_lean_runs_as_a_state(bench, crowd, lean, tmp_path):
    output = bench.on_disk(crowd, bench.policies("lean"), tmp_path, parts=5, threads=2, batch_rows=2_000)
    assert {name: d.digest.rows for name, d in output.datasets.items()} == {
        "s2_flow_anchor_baseline_6B": lean.flows.height,
        "s2_event_stream_baseline_6B": lean.events.height,
    }

import numpy as np
import polars as pl
import pytest

from seg6b.datasets.frames import micros_of
from seg6b.draws.uniform import Draws
from seg6b.errors import ContractBroken
from seg6b.states.s2_flows.arrays import timing_arrays
from seg6b.stats.distance import ks_beyond_noise, ks_distance

ANCHORS = {
    "STEP_UP_CHALLENGE": "AUTH_REQUEST",
    "STEP_UP_COMPLETE": "STEP_UP_CHALLENGE",
    "CLEARING": "AUTH_REQUEST",
    "REFUND": "CLEARING",
    "REVERSAL": "AUTH_REQUEST",
}
BUSY = {f"branches.{name}.probability": p for name, p in (("step_up", 0.5), ("refund", 0.5), ("reversal", 0.3))}


@pytest.fixture(scope="module")
def busy(bench, crowd):
    """The crowd with many branches."""
    return bench.in_memory(crowd, bench.policies(flow_shape=BUSY))


def with_times(result):
    """Events with their own time, that of the event before and that of their anchor, all in microseconds."""
    events = result.events.select("flow_id", "event_seq", kind=pl.col("event_type").cast(pl.String), ts="ts_utc")
    events = events.with_columns(ts=pl.Series(micros_of(events["ts"])), latency=result.events["latency_us"])
    before = pl.col("ts").shift(1).over("flow_id", order_by="event_seq")
    anchor = pl.col("kind").replace_strict(ANCHORS, default=None)
    named = events.select("flow_id", anchor="kind", anchor_ts="ts")
    joined = events.with_columns(before=before, anchor=anchor).join(named, on=["flow_id", "anchor"], how="left")
    return joined.with_columns(anchor_ts=pl.coalesce("anchor_ts", "before"))


def test_a_time_is_anchor_plus_offset_but_after_the_event_before(busy):
    events = with_times(busy).filter(pl.col("event_seq") > 0)
    expected = np.maximum(events["anchor_ts"] + events["latency"], events["before"] + 1000)
    assert np.array_equal(events["ts"].to_numpy(), expected)
    assert (events["ts"] > events["before"]).all()
    assert set(events["kind"]) == {*ANCHORS, "AUTH_RESPONSE"}


def test_offsets_lie_on_the_millisecond_grid_and_requests_have_none(busy):
    assert (busy.events["latency_us"] % 1000 == 0).all()
    first = busy.events.filter(pl.col("event_seq") == 0)
    assert first["latency_us"].max() == 0
    assert first["offset_model_id"].cast(pl.String).unique().to_list() == ["NONE"]
    requests = first.join(busy.flows, on="flow_id", suffix="_of_flow")
    assert (requests["ts_utc"] == requests["ts_utc_of_flow"]).all()


def test_an_offset_shorter_than_the_event_before_it_is_published_as_drawn(bench):
    late = {
        "flow_guard_s": 60_000.0,
        "offsets.auth_response": {"min": 179.0, "max": 180.0, "tail": {"law": "EXPONENTIAL_V1", "rate": 0.01}},
    }
    soon = {"offsets.auth_to_clear": {"min": 60.0, "max": 61.0, "tail": {"law": "EXPONENTIAL_V1", "rate": 0.01}}}
    frame = bench.arrivals([(1, i, 5, i, "ECOM") for i in range(50)])
    result = bench.in_memory(frame, bench.policies(timing=late | soon))
    clearing = with_times(result).filter((pl.col("kind") == "CLEARING") & (pl.col("latency") < 61_000_000))
    assert clearing.height > 20
    assert (clearing["ts"] == clearing["before"] + 1000).all()


def test_flow_stamps_are_the_times_of_the_events(busy):
    for kind, stamp in (
        ("AUTH_RESPONSE", "auth_response_ts"),
        ("CLEARING", "clear_ts"),
        ("REFUND", "refund_ts"),
        ("REVERSAL", "reversal_ts"),
    ):
        events = busy.events.filter(pl.col("event_type") == kind).select("flow_id", "ts_utc")
        flows = busy.flows.select("flow_id", stamp).drop_nulls().rename({stamp: "ts_utc"})
        assert events.equals(flows)


@pytest.mark.parametrize("variant", ["full", "historical"])
@pytest.mark.parametrize(
    "model",
    [
        "auth_response",
        "step_up_start",
        "step_up_complete",
        "auth_to_clear",
        "atm_auth_to_clear",
        "clear_to_refund",
        "auth_to_reversal",
    ],
)
def test_offsets_follow_their_truncated_law(bench, crowd, variant, model):
    policy = bench.policies(timing=variant, flow_shape=BUSY)
    result = bench.in_memory(crowd, policy)
    drawn = result.events.filter(pl.col("offset_model_id") == model)["latency_us"].to_numpy() / 1e6
    values, n = np.unique(drawn, return_counts=True)
    assert drawn.size > 300
    assert ks_beyond_noise(ks_distance(values, n, policy.timing.sampler(model).cdf, 0.0005), drawn.size) <= 0.01
    law = policy.timing.offsets.law(model)
    assert law.min <= values.min() <= values.max() <= law.max


def test_fifty_thousand_responses_follow_their_law(bench):
    frame = bench.arrivals([(s % 500, s, 5, s, "BANK_RAIL") for s in range(50_000)])
    policy = bench.policies()
    values, n = np.unique(bench.in_memory(frame, policy).events["latency_us"].to_numpy() / 1e6, return_counts=True)
    distance = ks_distance(values[1:], n[1:], policy.timing.sampler("auth_response").cdf, 0.0005)
    assert distance < 1.36 / np.sqrt(50_000)


def test_latency_passes_its_gates_with_margin(ordinary):
    latency = micros_of(ordinary.flows["auth_response_ts"]) - micros_of(ordinary.flows["ts_utc"])
    assert 0.5 <= np.median(latency) / 1e6 <= 5.0
    assert np.quantile(latency, 0.99) / 1e6 > 45.0
    assert latency.min() > 0


def test_atms_clear_by_their_own_law(ordinary):
    joined = ordinary.events.filter(pl.col("event_type") == "CLEARING").join(
        ordinary.flows.select("flow_id", "channel_group"), on="flow_id"
    )
    pairs = joined.select(pl.col("channel_group", "offset_model_id").cast(pl.String)).unique().rows()
    assert {model for channel, model in pairs if channel == "ATM"} == {"atm_auth_to_clear"}
    assert {model for channel, model in pairs if channel != "ATM"} == {"auth_to_clear"}


def test_a_flow_beyond_the_guard_is_refused(bench, monkeypatch):
    from seg6b.states.s2_flows import state

    short = lambda pack: timing_arrays(pack)._replace(guard_us=60_000_000)  # noqa: E731
    monkeypatch.setattr(state, "timing_arrays", short)
    frame = bench.arrivals([(1, i, 5, i, "ECOM") for i in range(20)])
    with pytest.raises(ContractBroken, match="E_S2_FLOW_SPAN: a flow lasts longer than the guard") as refused:
        bench.in_memory(frame, bench.policies())
    assert "flow_id" in refused.value.where
    assert refused.value.value.endswith(" flows")


def test_standing_still_is_refused_where_time_must_pass(bench, monkeypatch):
    from seg6b.states.s2_flows import state

    still = lambda pack: timing_arrays(pack)._replace(step_us=-(10**12))  # noqa: E731
    monkeypatch.setattr(state, "timing_arrays", still)
    soon = {"offsets.auth_to_clear": {"min": 0.001, "max": 0.002, "tail": {"law": "EXPONENTIAL_V1", "rate": 1.0}}}
    frame = bench.arrivals([(1, i, 5, i, "ECOM") for i in range(20)])
    with pytest.raises(ContractBroken, match="E_S2_TIMES_NOT_INCREASING: an event is not after the one before it"):
        bench.in_memory(frame, bench.policies(timing=soon))


def test_another_seed_draws_other_times(bench, crowd):
    first, second = (bench.in_memory(crowd.head(500), bench.policies(), seed=s) for s in (42, 7))
    assert first.flows["flow_id"][0] != second.flows["flow_id"][0]
    assert Draws("f" * 64, 42, "baseline_v1").key("event_timing", "CLEARING") != Draws("f" * 64, 7, "baseline_v1").key(
        "event_timing", "CLEARING"
    )

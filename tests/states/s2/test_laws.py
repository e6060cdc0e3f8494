"""What holds for any sessions: digests that no knob can move, and the shape of every flow."""

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from seg6b.datasets.digest import content_digest
from seg6b.datasets.frames import micros_of
from seg6b.datasets.tables import EVENTS, FLOWS
from seg6b.datasets.vocabulary import CHANNELS

QUICK = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def digests(output):
    return {d.name: str(output.datasets[d.name].digest) for d in (FLOWS, EVENTS)}


def tables(output):
    return {name: frame for name, (_, frame) in output.evidence().tables.items()}


@pytest.fixture(scope="module")
def reference(bench, crowd, tmp_path_factory):
    policy = bench.policies(amount="bplus")
    return bench.on_disk(crowd, policy, tmp_path_factory.mktemp("reference"))


@pytest.mark.parametrize(
    ("parts", "threads", "batch_rows"), [(1, 1, 1_000), (7, 2, 3_777), (16, 2, 500_000), (64, 1, 150)]
)
def test_no_knob_moves_a_row_or_a_count(bench, crowd, reference, tmp_path, parts, threads, batch_rows):
    policy = bench.policies(amount="bplus")
    other = bench.on_disk(crowd, policy, tmp_path, parts=parts, threads=threads, batch_rows=batch_rows)
    assert digests(other) == digests(reference)
    here, there = tables(other), tables(reference)
    assert here.keys() == there.keys()
    for name, frame in here.items():
        assert frame.equals(there[name]), name


def test_memory_and_disk_agree(reference, ordinary):
    assert digests(reference) == {
        FLOWS.name: str(content_digest(ordinary.flows)),
        EVENTS.name: str(content_digest(ordinary.events)),
    }


def test_rows_keep_the_order_of_parties_and_times(ordinary):
    party, ts = ordinary.flows["party_id"].to_numpy(), micros_of(ordinary.flows["ts_utc"])
    arrivals = ordinary.arrivals["party_id"].to_numpy()
    assert party[np.flatnonzero(np.diff(party, prepend=0))].tolist() == list(dict.fromkeys(arrivals.tolist()))
    same = party[1:] == party[:-1]
    assert np.all(ts[1:][same] >= ts[:-1][same])
    assert np.array_equal(
        np.repeat(ordinary.flows["flow_id"].to_numpy(), ordinary.flows["n_events"].to_numpy()),
        ordinary.events["flow_id"].to_numpy(),
    )


def check(result):
    """Everything that must hold of any result."""
    flows, events = result.flows, result.events
    assert flows["n_arrivals"].sum() == result.arrivals.height
    held = dict(result.arrivals.group_by("session_id").len().rows())
    assert dict(flows.group_by("session_id").agg(pl.col("n_arrivals").sum()).rows()) == held
    anchors = flows.select("merchant_id", "arrival_seq", "session_id", "party_id", "channel_group", "ts_utc")
    assert anchors.join(result.arrivals, on=anchors.columns, how="semi").height == flows.height
    assert anchors.select("merchant_id", "arrival_seq").is_unique().all()
    assert flows["flow_id"].is_unique().all()
    for _, numbers in flows.group_by("session_id"):
        assert sorted(numbers["flow_index_within_session"]) == list(range(numbers.height))
    for (flow_id,), rows in events.group_by("flow_id", maintain_order=True):
        kinds = rows["event_type"].cast(pl.String).to_list()
        times, amounts = micros_of(rows["ts_utc"]), rows["amount_minor"].to_numpy()
        assert rows["event_seq"].to_list() == list(range(rows.height))
        assert np.all(np.diff(times) >= 1000)
        assert times[-1] - times[0] <= 50_400_000_000
        undone = np.isin(kinds, ["REFUND", "REVERSAL"])
        assert np.all(np.where(undone, -amounts, amounts) >= 1)
        assert np.all(np.abs(amounts) <= 250_000_000)
        assert flows.filter(pl.col("flow_id") == flow_id)["n_events"].to_list() == [rows.height]
        assert kinds.count("REVERSAL") + kinds.count("CLEARING") <= 1
    assert flows["n_events"].sum() == events.height
    assert result.evidence.table("flow_checks")["bad"].sum() == 0


arrival = st.tuples(
    st.integers(1, 4), st.integers(0, 3), st.integers(1, 3), st.integers(0, 400), st.sampled_from(CHANNELS)
)


@QUICK
@given(st.lists(arrival, min_size=1, max_size=30), st.integers(0, 3))
def test_any_sessions_become_lawful_flows(bench, drawn, variant):
    rows = [(party, party * 10 + session, merchant, t, channel) for party, session, merchant, t, channel in drawn]
    many = {f"branches.{name}.probability": 0.5 for name in ("step_up", "refund", "reversal")}
    policy = [
        bench.policies(),
        bench.policies(amount="bplus"),
        bench.policies(timing="historical", flow_shape=many),
        bench.policies(behaviour={"guards.max_flows_per_session": 2}, flow_shape=many),
    ][variant]
    check(bench.in_memory(bench.arrivals(rows), policy))


@QUICK
@given(st.permutations(range(12)))
def test_the_order_of_equal_times_does_not_matter(bench, order):
    rows = [(1, 10, 1 + i % 3, 5, "ECOM") for i in range(12)]
    frame = bench.arrivals(rows)
    shuffled = bench.in_memory(frame[list(order)], bench.policies())
    assert shuffled.flows.equals(bench.in_memory(frame, bench.policies()).flows)

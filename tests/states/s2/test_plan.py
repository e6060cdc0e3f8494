import polars as pl
import pytest

from seg6b.errors import ContractBroken


@pytest.fixture
def always(bench):
    """Packs under which every cluster wants `n` flows, and a session may have `most`."""

    def build(n, most=8):
        return bench.policies(
            flow_shape={"flows_per_cluster.counts": [n], "flows_per_cluster.probs": [1.0]},
            behaviour={"guards.max_flows_per_session": most},
        )

    return build


def planned(result):
    """Anchor, number, arrivals and rule of each flow, by session and number."""
    columns = ("session_id", "flow_index_within_session", "arrival_seq", "n_arrivals", "flow_plan_rule_id")
    rows = result.flows.sort("session_id", "flow_index_within_session").select(columns)
    return rows.with_columns(pl.col("flow_plan_rule_id").cast(pl.String)).rows()


def test_one_arrival_is_one_flow_whatever_is_wanted(bench, always):
    frame = bench.arrivals([(1, 10, 5, 0, "ECOM")])
    assert planned(bench.in_memory(frame, always(3))) == [(10, 0, 0, 1, "SINGLE_ARRIVAL")]


def test_arrivals_are_dealt_in_turn_and_the_first_is_the_anchor(bench, always):
    frame = bench.arrivals([(1, 10, 5, t, "ECOM") for t in range(5)])
    assert planned(bench.in_memory(frame, always(2))) == [(10, 0, 0, 3, "CLUSTERED"), (10, 1, 1, 2, "CLUSTERED")]
    assert planned(bench.in_memory(frame, always(1))) == [(10, 0, 0, 5, "CLUSTERED")]


def test_a_cluster_makes_no_more_flows_than_it_has_arrivals(bench, always):
    frame = bench.arrivals([(1, 10, 5, t, "ECOM") for t in range(2)])
    assert planned(bench.in_memory(frame, always(3))) == [(10, 0, 0, 1, "CLUSTERED"), (10, 1, 1, 1, "CLUSTERED")]


def test_clusters_are_of_one_merchant_and_one_channel(bench, always):
    rows = [(1, 10, 5, 0, "ECOM"), (1, 10, 6, 1, "ECOM"), (1, 10, 5, 2, "POS"), (1, 10, 6, 3, "ECOM")]
    assert planned(bench.in_memory(bench.arrivals(rows), always(1))) == [
        (10, 0, 0, 1, "SINGLE_ARRIVAL"),
        (10, 1, 1, 2, "CLUSTERED"),
        (10, 2, 2, 1, "SINGLE_ARRIVAL"),
    ]


def test_flows_are_numbered_in_order_of_their_anchors(bench, always):
    rows = [(1, 10, 5, 0, "ECOM"), (1, 10, 6, 1, "ECOM"), (1, 10, 5, 2, "ECOM"), (1, 10, 6, 3, "ECOM")]
    assert [
        (number, anchor) for _, number, anchor, _, _ in planned(bench.in_memory(bench.arrivals(rows), always(2)))
    ] == [
        (0, 0),
        (1, 1),
        (2, 2),
        (3, 3),
    ]


def test_equal_times_are_ordered_by_merchant_then_number(bench, always):
    rows = [(1, 10, 7, 5, "ECOM"), (1, 10, 6, 5, "ECOM"), (1, 10, 6, 5, "ECOM")]
    result = bench.in_memory(bench.arrivals(rows), always(1))
    assert result.flows.select("merchant_id", "arrival_seq").rows() == [(6, 1), (7, 0)]


def test_sessions_of_a_party_may_interleave(bench, always):
    rows = [(1, 10, 5, 0, "ECOM"), (1, 20, 5, 1, "ECOM"), (1, 10, 5, 2, "ECOM"), (1, 20, 5, 3, "ECOM")]
    result = bench.in_memory(bench.arrivals(rows), always(1))
    assert planned(result) == [(10, 0, 0, 2, "CLUSTERED"), (20, 0, 1, 2, "CLUSTERED")]


def test_the_guard_deals_the_rest_to_the_flows_that_stay(bench, always):
    rows = [(1, 10, m, t, "ECOM") for t, m in enumerate((1, 2, 3, 4, 3, 4, 4))]
    assert planned(bench.in_memory(bench.arrivals(rows), always(1, most=2))) == [
        (10, 0, 0, 3, "CLAMPED"),
        (10, 1, 1, 4, "CLAMPED"),
    ]


def test_the_guard_prefers_the_first_flow_of_the_cluster(bench, always):
    rows = [(1, 10, m, t, "ECOM") for t, m in enumerate((1, 2, 2, 2))]
    assert planned(bench.in_memory(bench.arrivals(rows), always(3, most=2))) == [
        (10, 0, 0, 1, "SINGLE_ARRIVAL"),
        (10, 1, 1, 3, "CLAMPED"),
    ]


def test_without_multi_flow_sessions_a_cluster_is_one_flow(bench):
    frame = bench.arrivals([(1, 10, 5, t, "ECOM") for t in range(6)])
    result = bench.in_memory(frame, bench.policies(behaviour={"multi_flow_sessions": False}))
    assert planned(result) == [(10, 0, 0, 6, "CLUSTERED")]
    assert "FLOWS_PER_SESSION" not in result.evidence.table("draws")["decision"].to_list()


def test_the_number_of_flows_follows_the_policy(bench):
    frame = bench.arrivals([(s % 50, s, 5, 10 * s + t, "ECOM") for s in range(4000) for t in range(4)])
    flows = bench.in_memory(frame, bench.policies()).flows.group_by("session_id").len()
    shares = [flows.filter(pl.col("len") == n).height / 4000 for n in (1, 2, 3)]
    assert shares == pytest.approx([0.78, 0.18, 0.04], abs=0.02)


def test_a_session_of_two_parties_is_refused(bench, always):
    frame = bench.arrivals([(1, 10, 5, 0, "ECOM"), (2, 10, 5, 1, "ECOM")])
    with pytest.raises(ContractBroken, match="E_S2_SESSION_SPLIT: a session holds arrivals of two parties"):
        bench.in_memory(frame, always(1))


def test_flow_ids_are_those_of_session_and_number(bench, always):
    rows = [(1, 10, 5, 0, "ECOM"), (1, 10, 6, 60, "POS")]
    ids = [bench.in_memory(bench.arrivals(r), always(1)).flows["flow_id"].to_list() for r in (rows, rows[:1])]
    assert ids[0][0] == ids[1][0]
    assert len(set(ids[0])) == 2
    assert min(ids[0]) > 0

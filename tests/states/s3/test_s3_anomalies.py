"""The anomaly overlay: settled purchases outside campaigns, by class, amount, role and tier."""

import polars as pl
import pytest


@pytest.fixture
def rate(bench, tmp_path):
    """Share of anomalies among 4,000 equal flows."""

    def of(n=4000, changes=None, **same):
        specs = [{"party": 1 + i % 60, "at": 1900.0 * i, **same} for i in range(n)]
        policy = bench.policies(switches=(False, True), overlay_changes=changes)
        result = bench.overlaid(bench.flows(specs), policy, tmp_path)
        return result.flows["overlay_anomaly_any"].mean()

    return of


FLAT = {f"anomaly.tier_factors.{t}": 1.0 for t in ("LOW", "STANDARD", "ELEVATED", "HIGH")} | {
    f"anomaly.amount_factors.{i}": 1.0 for i in range(4)
}


@pytest.mark.parametrize("name", ["consumer_daytime", "online_24h", "online_bursty"])
def test_the_base_rate_is_that_of_the_class(bench, rate, name):
    base = bench.plain("overlay", "full")["anomaly"]["base"][name]
    assert rate(changes=FLAT, **{"class": name}) == pytest.approx(base, abs=4 * (base / 4000) ** 0.5)


def test_higher_amounts_and_riskier_roles_are_more_likely(rate):
    high = {"anomaly.max_probability": 0.9}
    low = rate(changes=high, amount=500)
    assert rate(changes=high, amount=2000) > low
    assert rate(changes=high, amount=50_000) > 2 * low
    assert rate(changes=high, amount=500, role="SYNTHETIC_ID") > 1.4 * low


def test_the_ceiling_holds(rate):
    assert rate(changes={"anomaly.base.online_24h": 0.9, "anomaly.max_probability": 0.1}) == pytest.approx(
        0.1, abs=0.02
    )


@pytest.mark.parametrize(
    "same",
    [{"type": "CARD_AUTH_DECLINE"}, {"reversal": True}, {"channel": "ATM", "type": "ATM_WITHDRAWAL"}],
    ids=["declined", "reversed", "cash"],
)
def test_only_settled_purchases_can_be_anomalous(rate, same):
    assert rate(changes={"anomaly.base.online_24h": 0.9}, **same) == 0


def test_an_unknown_class_is_taken_for_the_least_prone(rate):
    assert rate(changes=FLAT, **{"class": "__UNK__"}) == pytest.approx(0.012, abs=0.006)


def test_campaign_flows_are_never_anomalies(ordinary):
    assert not ordinary.flows.filter("fraud_flag")["overlay_anomaly_any"].any()


def test_an_anomaly_marks_its_request_and_nothing_else(ordinary):
    marked = ordinary.flows.filter("overlay_anomaly_any")
    events = ordinary.events.filter(pl.col("flow_id").is_in(marked["flow_id"].implode()))
    assert events.filter("is_fraud_event")["event_type"].unique().to_list() == ["AUTH_REQUEST"]
    assert not events["fraud_flag"].any()
    assert marked["origin_type"].unique().to_list() == ["BASELINE_FLOW"]
    assert marked["origin_flow_id"].null_count() == marked.height

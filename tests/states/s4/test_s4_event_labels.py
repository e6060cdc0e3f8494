from __future__ import annotations

import polars as pl
import pytest

from seg6b.errors import ContractBroken

CAMPAIGN = {"campaign_id": "c1", "fraud_pattern_type": "REFUND_ABUSE"}


def roles(done):
    return done.event_labels["truth_event_role"].cast(pl.String).to_list()


def test_events_of_a_legit_flow_are_context(labelled):
    done = labelled([{}])
    assert roles(done) == ["LEGIT_CONTEXT"] * 3
    assert not done.event_labels["is_fraud_event_truth"].any()
    assert not done.event_labels["is_fraud_truth"].any()


def test_what_the_overlay_made_is_the_primary_action(labelled):
    done = labelled([CAMPAIGN | {"overlaid": ("CLEARING",)}])
    assert roles(done) == ["SUPPORTING_EVENT", "SUPPORTING_EVENT", "PRIMARY_FRAUD_ACTION"]
    assert done.event_labels["is_fraud_event_truth"].to_list() == [False, False, True]


def test_the_request_is_the_primary_action_where_the_overlay_made_none(labelled):
    done = labelled([{"overlay_anomaly_any": True}])
    assert roles(done) == ["PRIMARY_FRAUD_ACTION", "SUPPORTING_EVENT", "SUPPORTING_EVENT"]


def test_flow_labels_reach_every_event(labelled, made):
    done = labelled(made.many(5000))
    flow = done.flow_truth_labels.select("flow_id", "is_fraud_truth").join(
        done.flow_bank_view.select("flow_id", "is_fraud_bank_view", "bank_label", "case_opened_ts"), on="flow_id"
    )
    joined = done.event_labels.join(flow, on="flow_id", maintain_order="left")
    assert joined.height == done.event_labels.height
    for name in ("is_fraud_truth", "is_fraud_bank_view"):
        assert (joined[name] == joined[f"{name}_right"]).all()
    in_case = joined["case_opened_ts"].is_not_null()
    assert (joined["bank_event_label"].is_not_null() == in_case).all()
    held = joined.filter(in_case)
    assert (held["bank_event_label"] == held["bank_label"]).all()


def test_keys_are_the_events(labelled, made):
    anchor, follower = made.many(2000)
    done = labelled((anchor, follower))
    assert done.event_labels.select("flow_id", "event_seq").equals(follower.select("flow_id", "event_seq"))


def near(events, stamp, window_s):
    gap = (events["ts_utc"] - events[stamp]).dt.total_microseconds().abs()
    return (gap <= window_s * 1_000_000).fill_null(value=False)


def test_windows_mark_events_near_the_stamps(labelled, made):
    anchor, follower = made.many(8000)
    done = labelled((anchor, follower))
    stamps = ["case_opened_ts", "detection_ts", "dispute_ts", "chargeback_ts", "case_closed_ts"]
    events = follower.join(done.flow_bank_view.select("flow_id", *stamps), on="flow_id", maintain_order="left")
    detection = near(events, "detection_ts", 60)
    case = near(events, stamps[0], 300)
    for stamp in stamps[1:]:
        case = case | near(events, stamp, 300)
    assert detection.sum() > 100
    assert case.sum() > detection.sum()
    assert (done.event_labels["is_detection_action"] == detection).all()
    assert (done.event_labels["is_case_event"] == case).all()


def test_an_event_of_another_flow_is_refused(labelled, made):
    anchor, follower = made.frames([{}, {"at": 9.0}])
    torn = follower.with_columns(flow_id=follower["flow_id"].replace(1001, 5555))
    with pytest.raises(
        ContractBroken, match=r"E_S4_EVENT_WITHOUT_FLOW_LABEL: .*flow_id 5555.*an event of another flow"
    ):
        labelled((anchor, torn))


@pytest.mark.parametrize(("rows", "words"), [(slice(0, 5), "1 too few"), (slice(0, 6), "1 too many")])
def test_events_too_few_or_too_many_are_refused(labelled, made, rows, words):
    anchor, follower = made.frames([{}, {"at": 9.0}])
    counted = anchor if "few" in words else anchor.with_columns(n_events=pl.Series([3, 2], dtype=pl.Int32))
    with pytest.raises(ContractBroken, match=rf"E_S4_EVENT_WITHOUT_FLOW_LABEL: events do not follow .*{words}"):
        labelled((counted, follower[rows]))

"""Rows of the tiny world, seed 42: digests that change only with a line in docs/decisions.md."""

import pytest

GOLDEN = {
    "bplus": {
        "s1_arrival_entities_6B": "20000:cef76722cb7244cd",
        "s1_session_index_6B": "12615:93169c045f4733ff",
        "s2_event_stream_baseline_6B": "48795:68bd816df2af4bfc",
        "s2_flow_anchor_baseline_6B": "16070:87c6e65abd676f9a",
        "s3_campaign_catalogue_6B": "8:9df2ee2493750326",
        "s3_event_stream_with_fraud_6B": "48868:230f2f1ceead509e",
        "s3_flow_anchor_with_fraud_6B": "16156:849a1b5f4d0cd5e4",
        "s4_case_flows_6B": "1368:fe531d2d8a7842ab",
        "s4_case_timeline_6B": "3556:5b7b1e8be3f0af97",
        "s4_event_labels_6B": "48868:fa54610b865658e8",
        "s4_flow_bank_view_6B": "16156:7b251f83de21bcd3",
        "s4_flow_truth_labels_6B": "16156:60ebb1972fef2e0a",
    },
    "dplus": {
        "s1_arrival_entities_6B": "20000:04fa6b94ccd812c2",
        "s1_session_index_6B": "19994:5a6a7052f7fe611c",
        "s2_event_stream_baseline_6B": "40000:4b315502ae058792",
        "s2_flow_anchor_baseline_6B": "20000:43ca6ff5eb8a035b",
        "s3_campaign_catalogue_6B": "6:1eab54ff14c5da73",
        "s3_event_stream_with_fraud_6B": "40000:6944d25b08513b02",
        "s3_flow_anchor_with_fraud_6B": "20000:9fe6daaedb4cc752",
        "s4_case_flows_6B": "12119:0e9c7b3ce6ebbd2e",
        "s4_case_timeline_6B": "45842:00949b018e804f35",
        "s4_event_labels_6B": "40000:8152c12a3d8322a5",
        "s4_flow_bank_view_6B": "20000:ddeaffd021b355ab",
        "s4_flow_truth_labels_6B": "20000:794ec7280dd191a4",
    },
}


@pytest.mark.parametrize("posture", sorted(GOLDEN))
def test_rows_are_the_recorded_ones(candidate, posture):
    outcome = candidate("world=tiny", f"posture={posture}")
    assert {n: d.digest for s in outcome.states.values() for n, d in s.datasets.items()} == GOLDEN[posture]

"""The published tables of Segment 6B, contract `6B.v2`.

Rows of S1..S3 tables lie in party order (the routing hash of the party, then time), so that every state can
cut them into whole parties; the order is no part of the contract and no digest sees it.
"""

from __future__ import annotations

from typing import Final

from seg6b.datasets import vocabulary as v
from seg6b.datasets.column import Column, Dataset, Kind, column, enum

CONTRACT_VERSION: Final = "6B.v2"

SESSION_ARRIVALS: Final = Dataset(
    "s1_arrival_entities_6B",
    ("merchant_id", "arrival_seq"),
    (
        column("merchant_id", Kind.ID),
        column("arrival_seq", Kind.INT),
        column("ts_utc", Kind.UTC),
        column("party_id", Kind.ID),
        column("account_id", Kind.ID),
        column("instrument_id", Kind.ID, "null only on BANK_RAIL", null=True),
        column("device_id", Kind.ID),
        column("ip_id", Kind.ID),
        column("session_id", Kind.ID),
        enum("channel_group", v.CHANNELS),
        column("zone_representation", Kind.WORLD),
        column("bucket_index", Kind.SMALL),
        column("tzid_primary", Kind.WORLD),
        column("ts_local_primary", Kind.LOCAL),
        column("is_virtual", Kind.BOOL),
        column("site_id", Kind.ID, null=True),
        column("edge_id", Kind.ID, null=True),
        column("routing_universe_hash", Kind.WORLD, null=True),
        enum("merchant_class", v.CLASSES),
        column("merchant_country_iso", Kind.WORLD),
        column("merchant_currency", Kind.WORLD),
        enum("party_segment_id", v.SEGMENTS),
        column("party_country_iso", Kind.WORLD),
        enum("party_fraud_role", v.PARTY_FRAUD_ROLES),
        column("is_cross_border", Kind.BOOL, "merchant country differs from party country"),
        enum("attach_rule_id", v.ATTACH_RULES),
        column("attach_score", Kind.REAL, "normalised weight of the chosen party in its pool"),
        enum("attach_rng_family", v.ATTACH_FAMILIES),
    ),
    "one arrival, with its entities and session",
)
SESSIONS: Final = Dataset(
    "s1_session_index_6B",
    ("session_id",),
    (
        column("session_id", Kind.ID),
        column("arrival_count", Kind.INT),
        column("session_start_utc", Kind.UTC),
        column("session_end_utc", Kind.UTC),
        column("party_id", Kind.ID, "dominant by arrivals, ties to the smaller id; likewise the next five"),
        column("device_id", Kind.ID),
        column("account_id", Kind.ID),
        column("instrument_id", Kind.ID, "null where no arrival has one", null=True),
        column("merchant_id", Kind.ID),
        column("primary_ip_id", Kind.ID),
        column("channel_set", Kind.SMALL, "bit set over the channel vocabulary"),
        column("merchant_set_size", Kind.INT),
        column("duration_s", Kind.REAL),
        column("mean_gap_s", Kind.REAL, "null for a single arrival", null=True),
        enum("boundary_reason", v.SESSION_BOUNDARIES, "why the session started where it did"),
    ),
    "one session",
)

_FLOW: Final[tuple[Column, ...]] = (
    column("flow_id", Kind.ID),
    column("session_id", Kind.ID),
    column("flow_index_within_session", Kind.SMALL, "from 0"),
    column("n_arrivals", Kind.SMALL),
    column("merchant_id", Kind.ID, "of the anchor arrival, like all that follows"),
    column("arrival_seq", Kind.INT),
    column("party_id", Kind.ID),
    column("account_id", Kind.ID),
    column("instrument_id", Kind.ID, null=True),
    column("device_id", Kind.ID),
    column("ip_id", Kind.ID),
    column("ts_utc", Kind.UTC, "time of AUTH_REQUEST"),
    enum("flow_type_id", v.FLOW_TYPES),
    enum("baseline_outcome", v.OUTCOMES),
    enum("channel_group", v.CHANNELS),
    column("currency_iso", Kind.WORLD),
    column("amount_minor", Kind.INT, "authorised amount, minor units"),
    column("auth_amount_minor", Kind.INT),
    column("clear_amount_minor", Kind.INT, null=True),
    column("refund_amount_minor", Kind.INT, "negative", null=True),
    column("reversal_amount_minor", Kind.INT, "negative", null=True),
    column("auth_response_ts", Kind.UTC, null=True),
    column("clear_ts", Kind.UTC, null=True),
    column("refund_ts", Kind.UTC, null=True),
    column("reversal_ts", Kind.UTC, null=True),
    column("n_events", Kind.SMALL),
    enum("merchant_class", v.CLASSES),
    column("merchant_country_iso", Kind.WORLD),
    column("party_country_iso", Kind.WORLD),
    enum("party_segment_id", v.SEGMENTS),
    enum("party_fraud_role", v.PARTY_FRAUD_ROLES),
    column("is_cross_border", Kind.BOOL),
    column("tzid_primary", Kind.WORLD),
    column("is_virtual", Kind.BOOL),
    column("site_id", Kind.ID, null=True),
    column("edge_id", Kind.ID, null=True),
    enum("amount_family", v.AMOUNT_FAMILIES),
    enum("amount_branch", v.AMOUNT_BRANCHES),
    enum("flow_plan_rule_id", v.FLOW_PLAN_RULES, "CLAMPED: took arrivals of flows beyond the guard"),
    column(
        "branch_trace",
        Kind.SMALL,
        "bit set: 1 step-up, 2 refund, 4 partial refund, 8 reversal, 16 declined, 32 a branch dropped by the guard",
    ),
)
FLOWS: Final = Dataset("s2_flow_anchor_baseline_6B", ("flow_id",), _FLOW, "one baseline flow")

_EVENT: Final[tuple[Column, ...]] = (
    column("flow_id", Kind.ID),
    column("event_seq", Kind.SMALL, "contiguous from 0"),
    enum("event_type", v.EVENT_TYPES),
    column("ts_utc", Kind.UTC),
    column("amount_minor", Kind.INT, "REFUND and REVERSAL negative"),
    column("currency_iso", Kind.WORLD),
    enum("response_code", v.RESPONSE_CODES, "on AUTH_RESPONSE", null=True),
    enum("offset_model_id", v.OFFSET_MODELS, "the law that timed the event; NONE for AUTH_REQUEST"),
    column("latency_us", Kind.INT, "offset drawn from its law, before any maximum; 0 for AUTH_REQUEST"),
    column("session_id", Kind.ID),
)
EVENTS: Final = Dataset("s2_event_stream_baseline_6B", ("flow_id", "event_seq"), _EVENT, "one event of a flow")

CAMPAIGNS: Final = Dataset(
    "s3_campaign_catalogue_6B",
    ("campaign_id",),
    (
        column("campaign_id", Kind.WORLD, "64 lower hex"),
        column("campaign_label", Kind.WORLD, "template id"),
        column("fraud_rate", Kind.REAL, "realised campaign flows / all S3 flows"),
        enum("campaign_type", v.CAMPAIGN_TYPES),
        column("fraud_family", Kind.WORLD),
        column("template_id", Kind.WORLD),
        column("instance_index", Kind.SMALL),
        enum("target_kind", v.TARGET_KINDS),
        column("filters_id", Kind.WORLD),
        enum("schedule_mode", v.SCHEDULE_MODES),
        column("window_start_utc", Kind.UTC, "envelope of all windows"),
        column("window_end_utc", Kind.UTC),
        column("n_windows", Kind.SMALL),
        column("quota", Kind.INT, "targets wanted"),
        column("domain_size", Kind.INT, "eligible targets"),
        column("target_entity_count", Kind.INT, "distinct targets among the tagged flows, probes left out"),
        column("target_flow_count", Kind.INT, "tagged flows, probes included"),
        column("target_event_count", Kind.INT, "their events"),
        enum("status", v.CAMPAIGN_STATUS),
    ),
    "one campaign instance",
)
FLOWS_WITH_FRAUD: Final = Dataset(
    "s3_flow_anchor_with_fraud_6B",
    ("flow_id",),
    (
        *_FLOW,
        column("fraud_flag", Kind.BOOL, "campaign_id is not null"),
        column("campaign_id", Kind.WORLD, null=True),
        enum("fraud_pattern_type", v.PATTERNS),
        column("overlay_anomaly_any", Kind.BOOL),
        enum("origin_type", v.ORIGINS),
        column(
            "origin_flow_id",
            Kind.ID,
            "of a mutated flow the S2 flow, of a pure fraud flow the flow it probes from; null on untouched flows",
            null=True,
        ),
        column("tactic_ids", Kind.SMALL, "bit set over the tactics"),
        column("mutation_axes", Kind.SMALL, "bit set over the mutation axes"),
        column("amount_factor", Kind.REAL, null=True),
        column("time_factor", Kind.REAL, null=True),
        column("swapped_device_id", Kind.ID, "the device before the swap", null=True),
        column("swapped_ip_id", Kind.ID, "the IP before the swap", null=True),
        column("amount_modified_flag", Kind.BOOL),
        column("timing_modified_flag", Kind.BOOL),
        column("identity_swap_flag", Kind.BOOL),
        column("routing_anomaly_flag", Kind.BOOL),
        column("structure_modified_flag", Kind.BOOL),
    ),
    "one flow after the overlay",
)
EVENTS_WITH_FRAUD: Final = Dataset(
    "s3_event_stream_with_fraud_6B",
    ("flow_id", "event_seq"),
    (
        *_EVENT,
        column("fraud_flag", Kind.BOOL),
        column("campaign_id", Kind.WORLD, null=True),
        enum("fraud_pattern_type", v.PATTERNS),
        column("is_fraud_event", Kind.BOOL, "the primary action of a campaign or an anomaly"),
        column("origin_flow_id", Kind.ID, "as on the flow", null=True),
        column("origin_event_seq", Kind.SMALL, "event_seq in S2; null for an inserted event", null=True),
    ),
    "one event after the overlay",
)
TRUTH: Final = Dataset(
    "s4_flow_truth_labels_6B",
    ("flow_id",),
    (
        column("flow_id", Kind.ID),
        column("is_fraud_truth", Kind.BOOL),
        enum("fraud_label", v.TRUTH_LABELS),
        enum("truth_subtype", v.TRUTH_SUBTYPES),
        enum("pattern_source", v.PATTERN_SOURCES),
        enum("truth_rule_id", v.TRUTH_RULES),
        column("label_policy_id", Kind.WORLD, "policy id and variant kind of the truth pack"),
        column("campaign_id", Kind.WORLD, null=True),
    ),
    "one flow",
)
BANK_VIEW: Final = Dataset(
    "s4_flow_bank_view_6B",
    ("flow_id",),
    (
        column("flow_id", Kind.ID),
        column("is_fraud_bank_view", Kind.BOOL),
        enum("bank_label", v.BANK_LABELS),
        enum("auth_decision", v.AUTH_DECISIONS),
        enum("detection_outcome", v.DETECTION_OUTCOMES),
        enum("dispute_outcome", v.DISPUTE_OUTCOMES),
        enum("chargeback_type", v.CHARGEBACK_TYPES, null=True),
        enum("chargeback_outcome", v.CHARGEBACK_OUTCOMES),
        column("detection_ts", Kind.UTC, "the response where detected at authorisation", null=True),
        column("dispute_ts", Kind.UTC, null=True),
        column("chargeback_ts", Kind.UTC, "start of the chargeback", null=True),
        column("case_opened_ts", Kind.UTC, "the flow's own reason; its case opens at the first of them", null=True),
        column("case_closed_ts", Kind.UTC, "of the case that the flow is in", null=True),
        column("detection_delay_s", Kind.REAL, "as drawn, from the response; null at authorisation", null=True),
        column("dispute_delay_s", Kind.REAL, "as drawn, from the clearing, else the response", null=True),
        column("chargeback_delay_s", Kind.REAL, "as drawn, from the dispute", null=True),
        column("close_delay_s", Kind.REAL, "as drawn a case, from its last event", null=True),
        enum("bank_label_rule_id", v.BANK_LABEL_RULES),
        enum("merchant_class", v.CLASSES),
    ),
    "one flow",
)
EVENT_LABELS: Final = Dataset(
    "s4_event_labels_6B",
    ("flow_id", "event_seq"),
    (
        column("flow_id", Kind.ID),
        column("event_seq", Kind.SMALL),
        column("is_fraud_truth", Kind.BOOL, "of the flow"),
        column("is_fraud_bank_view", Kind.BOOL, "of the flow"),
        column("is_fraud_event_truth", Kind.BOOL, "a primary fraud action"),
        enum("truth_event_role", v.EVENT_ROLES),
        column("is_detection_action", Kind.BOOL, "within the window of the flow's detection"),
        column("is_case_event", Kind.BOOL, "within the window of a stamp of the flow's case"),
        enum("bank_event_label", v.BANK_LABELS, "label of the flow, where a case exists", null=True),
    ),
    "one event",
)
CASES: Final = Dataset(
    "s4_case_timeline_6B",
    ("case_id", "case_event_seq"),
    (
        column("case_id", Kind.ID),
        column("case_event_seq", Kind.SMALL, "contiguous from 0"),
        column("flow_id", Kind.ID, "the flow whose stamp set the event"),
        enum("case_event_type", v.CASE_EVENT_TYPES),
        column("ts_utc", Kind.UTC),
        enum("case_key_type", v.CASE_KEY_TYPES),
        column("case_key", Kind.ID),
        enum("case_type", v.CASE_TYPES, "what the case came to"),
        column("n_flows", Kind.SMALL, "members"),
        column("reopened", Kind.BOOL, "follows an earlier case of its key within the reopening gap"),
        enum("delay_model_id", v.DELAY_MODELS, "the law behind the stamp", null=True),
    ),
    "one case event",
)
CASE_FLOWS: Final = Dataset(
    "s4_case_flows_6B",
    ("case_id", "flow_id"),
    (column("case_id", Kind.ID), column("flow_id", Kind.ID)),
    "one case and member flow",
)

OUTPUTS: Final = {
    "S1": (SESSION_ARRIVALS, SESSIONS),
    "S2": (FLOWS, EVENTS),
    "S3": (CAMPAIGNS, FLOWS_WITH_FRAUD, EVENTS_WITH_FRAUD),
    "S4": (TRUTH, BANK_VIEW, EVENT_LABELS, CASES, CASE_FLOWS),
}

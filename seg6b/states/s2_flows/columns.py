"""The tables of S2 from the arrays of a batch: columns of the contract, in the order of the plan."""

from __future__ import annotations

from typing import Final

import numpy as np
import polars as pl

from seg6b.datasets import vocabulary as v
from seg6b.datasets.frames import categories_of, codes_of, dictionary, nullable, utc
from seg6b.evidence.row_arrays import I64
from seg6b.states.s2_flows.events import NEVER, Events
from seg6b.states.s2_flows.flows import Flows
from seg6b.states.s2_flows.plan import Plan

_REQUEST: Final = v.EVENT_TYPES.index("AUTH_REQUEST")
_RESPONSE: Final = v.EVENT_TYPES.index("AUTH_RESPONSE")
_CLEARING: Final = v.EVENT_TYPES.index("CLEARING")
_REFUND: Final = v.EVENT_TYPES.index("REFUND")
_REVERSAL: Final = v.EVENT_TYPES.index("REVERSAL")
CARRIED: Final = (
    "session_id",
    "merchant_id",
    "arrival_seq",
    "party_id",
    "account_id",
    "instrument_id",
    "device_id",
    "ip_id",
    "ts_utc",
    "channel_group",
    "merchant_class",
    "merchant_country_iso",
    "party_country_iso",
    "party_segment_id",
    "party_fraud_role",
    "is_cross_border",
    "tzid_primary",
    "is_virtual",
    "site_id",
    "edge_id",
)


def flow_frame(anchors: pl.DataFrame, plan: Plan, flows: Flows, events: Events) -> pl.DataFrame:
    """Rows of `s2_flow_anchor_baseline_6B`; `anchors` are the anchor arrivals of the plan."""
    auth = pl.Series(flows.amounts[_REQUEST])
    return anchors.select(CARRIED, currency_iso="merchant_currency").with_columns(
        flow_id=pl.Series(flows.flow_id),
        flow_index_within_session=pl.Series(plan.number),
        n_arrivals=pl.Series(plan.arrivals),
        flow_type_id=dictionary(flows.flow_type, v.FLOW_TYPES),
        baseline_outcome=dictionary(flows.outcome, v.OUTCOMES),
        amount_minor=auth,
        auth_amount_minor=auth,
        clear_amount_minor=_present(flows.amounts[_CLEARING], 0),
        refund_amount_minor=_present(flows.amounts[_REFUND], 0),
        reversal_amount_minor=_present(flows.amounts[_REVERSAL], 0),
        auth_response_ts=utc(events.stamps[_RESPONSE]),
        clear_ts=_moments(events.stamps[_CLEARING]),
        refund_ts=_moments(events.stamps[_REFUND]),
        reversal_ts=_moments(events.stamps[_REVERSAL]),
        n_events=pl.Series(flows.n_events),
        amount_family=dictionary(flows.family, v.AMOUNT_FAMILIES),
        amount_branch=dictionary(flows.branch, v.AMOUNT_BRANCHES),
        flow_plan_rule_id=dictionary(plan.rule, v.FLOW_PLAN_RULES),
        branch_trace=pl.Series(flows.trace),
    )


def event_frame(flows: pl.DataFrame, events: Events) -> pl.DataFrame:
    """Rows of `s2_event_stream_baseline_6B`; `flows` are the rows of `flow_frame`."""
    currency = codes_of(flows["currency_iso"])
    return pl.DataFrame(
        {
            "flow_id": flows["flow_id"].to_numpy()[events.flow],
            "event_seq": events.seq,
            "event_type": dictionary(events.kind, v.EVENT_TYPES),
            "ts_utc": utc(events.ts),
            "amount_minor": events.amount,
            "currency_iso": dictionary(currency[events.flow], categories_of(flows["currency_iso"])),
            "response_code": dictionary(events.response, v.RESPONSE_CODES),
            "offset_model_id": dictionary(events.model, v.OFFSET_MODELS),
            "latency_us": events.latency,
            "session_id": flows["session_id"].to_numpy()[events.flow],
        }
    )


def _present(values: I64, absent: int) -> pl.Series:
    return nullable(values, np.equal(values, absent))


def _moments(values: I64) -> pl.Series:
    return utc(values, np.equal(values, NEVER))

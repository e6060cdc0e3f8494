"""From arrays to the published rows of truth and bank view."""

from __future__ import annotations

import numpy as np
import polars as pl

from seg6b.datasets.frames import dictionary, nullable, utc
from seg6b.datasets.tables import BANK_VIEW, TRUTH
from seg6b.datasets.vocabulary import (
    AUTH_DECISIONS,
    BANK_LABEL_RULES,
    BANK_LABELS,
    CHARGEBACK_OUTCOMES,
    CHARGEBACK_TYPES,
    DETECTION_OUTCOMES,
    DISPUTE_OUTCOMES,
    PATTERN_SOURCES,
    TRUTH_LABELS,
    TRUTH_RULES,
    TRUTH_SUBTYPES,
)
from seg6b.states.s4_labels.bank_view import View, bank_fraud
from seg6b.states.s4_labels.flows import I64, NEVER
from seg6b.states.s4_labels.truth import LEGIT, Truth


def truth_rows(frame: pl.DataFrame, truth: Truth, policy_id: str) -> pl.DataFrame:
    """One row a flow, in row order."""
    return pl.DataFrame(
        {
            "flow_id": frame["flow_id"],
            "is_fraud_truth": truth.label != LEGIT,
            "fraud_label": dictionary(truth.label, TRUTH_LABELS),
            "truth_subtype": dictionary(truth.subtype, TRUTH_SUBTYPES),
            "pattern_source": dictionary(truth.source, PATTERN_SOURCES),
            "truth_rule_id": dictionary(truth.rule, TRUTH_RULES),
            "label_policy_id": dictionary(np.zeros(truth.label.size, np.uint8), [policy_id]),
            "campaign_id": frame["campaign_id"],
        }
    ).select(TRUTH.names)


def bank_rows(frame: pl.DataFrame, view: View, *, closed_at: I64, close_ms: I64) -> pl.DataFrame:
    """One row a flow, in row order; `closed_at` and `close_ms` belong to the flow's case."""
    seen = view.outcomes
    return pl.DataFrame(
        {
            "flow_id": frame["flow_id"],
            "is_fraud_bank_view": bank_fraud(view),
            "bank_label": dictionary(view.label, BANK_LABELS),
            "auth_decision": dictionary(view.auth, AUTH_DECISIONS),
            "detection_outcome": dictionary(seen.detection, DETECTION_OUTCOMES),
            "dispute_outcome": dictionary(seen.disputed.view(np.uint8), DISPUTE_OUTCOMES),
            "chargeback_type": dictionary(seen.chargeback_type, CHARGEBACK_TYPES),
            "chargeback_outcome": dictionary(seen.chargeback_outcome, CHARGEBACK_OUTCOMES),
            "detection_ts": _stamp(seen.detected_at),
            "dispute_ts": _stamp(seen.disputed_at),
            "chargeback_ts": _stamp(seen.charged_back_at),
            "case_opened_ts": _stamp(seen.opened_at),
            "case_closed_ts": _stamp(closed_at),
            "detection_delay_s": _seconds(seen.detection_ms),
            "dispute_delay_s": _seconds(seen.dispute_ms),
            "chargeback_delay_s": _seconds(seen.chargeback_ms),
            "close_delay_s": _seconds(close_ms),
            "bank_label_rule_id": dictionary(view.rule, BANK_LABEL_RULES),
            "merchant_class": frame["merchant_class"],
        }
    ).select(BANK_VIEW.names)


def _stamp(micros: I64) -> pl.Series:
    return utc(micros, micros == NEVER)


def _seconds(millis: I64) -> pl.Series:
    return nullable(millis / 1000.0, millis < 0)

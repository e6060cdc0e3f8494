"""Worlds that are odd in one way each, as dictionaries of flows."""

from __future__ import annotations

FRAUD = {"campaign_id": "c1", "fraud_pattern_type": "ATO"}
ODD = {
    "no_flow": [],
    "one_flow": [{}],
    "one_party": [{"at": 900.0 * i, "amount_minor": 900 * i + 1} for i in range(60)],
    "one_merchant": [{"party_id": 1 + i % 9, "account_id": 10 + i % 9, "at": 60.0 * i} for i in range(60)],
    "no_campaign": [{"party_id": 1 + i, "overlay_anomaly_any": i % 3 == 0} for i in range(60)],
    "all_campaigns": [FRAUD | {"party_id": 1 + i % 7, "at": 60.0 * i, "overlaid": ("CLEARING",)} for i in range(60)],
    "requests_alone": [{"party_id": 1 + i, "clear": None} for i in range(20)],
}

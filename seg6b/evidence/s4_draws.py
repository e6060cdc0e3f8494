"""The decisions of S4 that draw: family and decision of each, by a fixed number."""

from __future__ import annotations

from typing import Final

COLLATERAL: Final = 0
POSTURE: Final = 1
AUTH_DECISION: Final = 2
DETECT: Final = 3
AT_AUTH: Final = 4
DETECT_DELAY: Final = 5
DISPUTE: Final = 6
DISPUTE_DELAY: Final = 7
CHARGEBACK: Final = 8
CHARGEBACK_TYPE: Final = 9
CHARGEBACK_OUTCOME: Final = 10
CHARGEBACK_DELAY: Final = 11
CLOSE_DELAY: Final = 12
DECISION_DELAY: Final = 13

S4_DECISIONS: Final[tuple[tuple[str, str], ...]] = (
    ("truth_label_ambiguity", "collateral"),
    ("truth_label_ambiguity", "posture"),
    ("detection_delay", "auth_decision"),
    ("detection_delay", "detect_flag"),
    ("detection_delay", "detect_at_auth_flag"),
    ("detection_delay", "detect_delay"),
    ("dispute_delay", "dispute_flag"),
    ("dispute_delay", "dispute_delay"),
    ("chargeback_delay", "chargeback_flag"),
    ("chargeback_delay", "chargeback_type"),
    ("chargeback_delay", "chargeback_outcome"),
    ("chargeback_delay", "chargeback_delay"),
    ("case_timeline", "case_close_delay"),
    ("case_timeline", "chargeback_decision_delay"),
)

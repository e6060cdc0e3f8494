"""The decisions of S2 that draw: family and decision of each, by a fixed number."""

from __future__ import annotations

from typing import Final

FLOW_COUNT: Final = 0
FLOW_TYPE: Final = 1
STEP_UP: Final = 2
REFUND: Final = 3
REVERSAL: Final = 4
AUTH_KIND: Final = 5
AUTH_VALUE: Final = 6
PARTY_HABIT: Final = 7
CLEARING_FACTOR: Final = 8
REFUND_KIND: Final = 9
REFUND_FRACTION: Final = 10
RESPONSE_TIME: Final = 11
CHALLENGE_TIME: Final = 12
COMPLETE_TIME: Final = 13
CLEARING_TIME: Final = 14
REFUND_TIME: Final = 15
REVERSAL_TIME: Final = 16

S2_DECISIONS: Final[tuple[tuple[str, str], ...]] = (
    ("flow_shape", "FLOWS_PER_SESSION"),
    ("flow_shape", "FLOW_TYPE"),
    ("flow_shape", "BRANCH_STEP_UP"),
    ("flow_shape", "BRANCH_REFUND"),
    ("flow_shape", "BRANCH_REVERSAL"),
    ("amount_draw", "AUTH_KIND"),
    ("amount_draw", "AUTH_VALUE"),
    ("amount_draw", "PARTY_HABIT"),
    ("amount_draw", "CLEARING_FACTOR"),
    ("amount_draw", "REFUND_KIND"),
    ("amount_draw", "REFUND_FRACTION"),
    ("event_timing", "AUTH_RESPONSE"),
    ("event_timing", "STEP_UP_CHALLENGE"),
    ("event_timing", "STEP_UP_COMPLETE"),
    ("event_timing", "CLEARING"),
    ("event_timing", "REFUND"),
    ("event_timing", "REVERSAL"),
)

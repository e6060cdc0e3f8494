"""What the columns of a flow say together: settled, declined, stepped up, open to a dispute.

S3 and S4 act on these facts and their evidence counts them, so they are stated once.
"""

from __future__ import annotations

from typing import Final

import polars as pl

from seg6b.datasets.vocabulary import TACTICS

_DECLINE_BIT: Final = 1 << TACTICS.index("CAMPAIGN_DECLINE")
_STEP_UP_BIT: Final = 1

DECLINED: Final = (pl.col("baseline_outcome") == "AUTH_DECLINED") | ((pl.col("tactic_ids") & _DECLINE_BIT) != 0)
"""Declined at authorisation: S2's outcome, or a campaign tactic that removed what followed."""

STEP_UP: Final = ((pl.col("branch_trace") & _STEP_UP_BIT) != 0) | (pl.col("flow_type_id") == "CARD_AUTH_STEPUP_CLEAR")
"""The customer was asked for a second factor."""

SETTLED: Final = (pl.col("baseline_outcome") == "AUTH_SETTLED") & pl.col("reversal_ts").is_null()
"""A card payment that was approved and not taken back, whether or not its clearing was published."""

DISPUTABLE: Final = ~DECLINED & pl.col("reversal_ts").is_null()
"""Money moved and stayed moved, so that a customer has something to dispute."""

"""Pack `session`: where the arrivals of a party are cut into sessions.

`gap` is the law. `bucket` (fixed clock buckets on a narrow key, as D+ ran) and `day` (UTC days of a party, as the
historical B run) are kept for comparison: both cut at edges of the clock and may join what lies far apart.
"""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from seg6b.policy.base import Count, Pack


class Gap(Pack):
    """Sessions of a party, cut by gaps: up to the time-out arrivals join, from the break on they split.

    Between the two a gap splits with chance `(gap - timeout) / (break - timeout)`; without the stochastic boundary
    it always splits. Caps force a split whatever the gap.

    Attributes:
        hard_timeout_s: longest gap that always joins, seconds.
        hard_break_s: shortest gap that always splits, seconds.
        break_on_day_boundary: whether midnight UTC splits.
        max_arrivals: most arrivals of a session.
        max_duration_s: longest time from first to last arrival, seconds.
        max_session_arrivals: guard: a larger session is a failure.
    """

    policy_id: Literal["session"]
    kind: Literal["gap"]
    hard_timeout_s: Annotated[int, Field(ge=0)]
    hard_break_s: Count
    break_on_day_boundary: bool
    max_arrivals: Count
    max_duration_s: Count
    max_session_arrivals: Count

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.hard_timeout_s >= self.hard_break_s:
            message = f"hard_timeout_s {self.hard_timeout_s} must be below hard_break_s {self.hard_break_s}"
            raise ValueError(message)
        if self.hard_break_s > self.max_duration_s:
            message = f"max_duration_s {self.max_duration_s} must hold a gap of hard_break_s {self.hard_break_s}"
            raise ValueError(message)
        if self.max_arrivals > self.max_session_arrivals:
            message = f"max_arrivals {self.max_arrivals} is above the guard {self.max_session_arrivals}"
            raise ValueError(message)
        return self


class Bucket(Pack):
    """Fixed clock buckets on (party, device, merchant, channel); no gap is looked at.

    Attributes:
        bucket_s: length of a bucket, seconds since the epoch.
        max_session_arrivals: guard: a larger session is a failure.
    """

    policy_id: Literal["session"]
    kind: Literal["bucket"]
    bucket_s: Count
    max_session_arrivals: Count


class Day(Pack):
    """UTC days of a party; no gap is looked at.

    Attributes:
        max_session_arrivals: guard: a larger session is a failure.
    """

    policy_id: Literal["session"]
    kind: Literal["day"]
    max_session_arrivals: Count


Model = Annotated[Gap | Bucket | Day, Field(discriminator="kind")]

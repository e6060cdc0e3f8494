"""Pack `case`: how involved flows are gathered into cases, and the guards of a case.

`grouped` gathers the flows of a key while the gap to the last member stays inside the window. `unordered` is what
D+ executed: one case a flow, events in fixed slots, whatever their times.
"""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from seg6b.policy.base import Count, Frozen, Pack
from seg6b.policy.laws import Bounded

CaseKey = Literal["INSTRUMENT", "ACCOUNT", "PARTY", "MERCHANT"]


class Guards(Frozen):
    """What a case may not exceed; exceeding any of them fails the state, nothing is clamped."""

    flows_per_case: Count
    events_per_case: Annotated[int, Field(ge=6)]
    span_s: Count
    cases_per_million_flows: Count


class Grouped(Pack):
    """Cases of several flows.

    Attributes:
        key_precedence: the first of these that a flow has is its case key.
        window_s: a flow joins while its gap to the last member is at most this.
        reopen_gap_s: a new case after a gap below this is marked reopened.
        member_span_s: a flow later than this after the first member starts a new case, so that no case grows for ever.
        decision: seconds from the chargeback to its decision.
        guards: limits.
    """

    policy_id: Literal["case"]
    kind: Literal["grouped"]
    key_precedence: list[CaseKey]
    window_s: Count
    reopen_gap_s: Count
    member_span_s: Count
    decision: Bounded
    guards: Guards

    @model_validator(mode="after")
    def _sound(self) -> Self:
        if sorted(self.key_precedence) != ["ACCOUNT", "INSTRUMENT", "MERCHANT", "PARTY"]:
            message = "key_precedence must order all of INSTRUMENT, ACCOUNT, PARTY, MERCHANT"
            raise ValueError(message)
        if self.key_precedence[3] != "MERCHANT":
            message = "MERCHANT must come last: every flow has one, and a case may not span parties"
            raise ValueError(message)
        if not self.window_s < self.reopen_gap_s:
            message = f"reopen_gap_s {self.reopen_gap_s} must exceed window_s {self.window_s}"
            raise ValueError(message)
        if self.member_span_s < self.window_s:
            message = f"member_span_s {self.member_span_s} is below window_s {self.window_s}"
            raise ValueError(message)
        if not self.member_span_s + self.decision.max < self.guards.span_s:
            message = f"guards.span_s {self.guards.span_s} leaves no room beside member_span_s and the decision"
            raise ValueError(message)
        return self


class Unordered(Pack):
    """One case a flow, event slots 0 to 5 with holes, times as they come."""

    policy_id: Literal["case"]
    kind: Literal["unordered"]


Model = Annotated[Grouped | Unordered, Field(discriminator="kind")]

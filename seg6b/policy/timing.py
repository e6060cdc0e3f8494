"""Pack `timing`: the laws of the offsets between the events of a flow, in seconds.

What an offset is counted from is settled and no policy: AUTH_RESPONSE from the event before it, STEP_UP_COMPLETE
from STEP_UP_CHALLENGE, REFUND from CLEARING, all others from AUTH_REQUEST; an event never comes sooner than
`STEP_MS` after the one before it.
"""

from __future__ import annotations

from typing import Annotated, Final, Literal, Self

from pydantic import Field, model_validator

from seg6b.policy.base import Frozen, Pack, Positive
from seg6b.policy.laws import Bounded, Sampler

STEP_MS: Final = 1


class Offsets(Frozen):
    """One law an offset model; each is truncated to its `[min, max]`.

    Attributes:
        auth_response: event before it → AUTH_RESPONSE.
        step_up_start: AUTH_REQUEST → STEP_UP_CHALLENGE.
        step_up_complete: STEP_UP_CHALLENGE → STEP_UP_COMPLETE.
        auth_to_clear: AUTH_REQUEST → CLEARING, all channels but ATM.
        atm_auth_to_clear: the same at ATMs.
        clear_to_refund: CLEARING → REFUND.
        auth_to_reversal: AUTH_REQUEST → REVERSAL.
    """

    auth_response: Bounded
    step_up_start: Bounded
    step_up_complete: Bounded
    auth_to_clear: Bounded
    atm_auth_to_clear: Bounded
    clear_to_refund: Bounded
    auth_to_reversal: Bounded

    def law(self, model_id: str) -> Bounded:
        """The law of one offset model."""
        if model_id not in type(self).model_fields:
            message = f"no offset model {model_id}"
            raise KeyError(message)
        law: Bounded = getattr(self, model_id)
        return law

    def reach_s(self) -> float:
        """The longest time from AUTH_REQUEST to the last event of a flow that the laws allow."""
        step = STEP_MS / 1000.0
        response = self.step_up_start.max + self.step_up_complete.max + self.auth_response.max
        clearing = max(self.auth_to_clear.max, self.atm_auth_to_clear.max, response + step)
        return max(clearing + self.clear_to_refund.max, self.auth_to_reversal.max)


class Timing(Pack):
    """Events at drawn offsets, strictly increasing.

    Attributes:
        flow_guard_s: no flow may last longer; S2 refuses its own rows if one does.
        offsets: the laws.
    """

    policy_id: Literal["timing"]
    kind: Literal["offsets"]
    flow_guard_s: Positive
    offsets: Offsets

    @model_validator(mode="after")
    def _within_guard(self) -> Self:
        reach = self.offsets.reach_s()
        if reach > self.flow_guard_s:
            message = f"a flow may last {reach:g} s by its laws, more than flow_guard_s {self.flow_guard_s:g}"
            raise ValueError(message)
        return self

    def sampler(self, model_id: str) -> Sampler:
        """The sampler of one offset model, in seconds; KeyError for an unknown one."""
        return self.offsets.law(model_id).sampler()


class ZeroLatency(Pack):
    """As D+ ran: all events of a flow at the arrival's time."""

    policy_id: Literal["timing"]
    kind: Literal["zero_latency"]


Model = Annotated[Timing | ZeroLatency, Field(discriminator="kind")]
MODEL_IDS: Final = tuple(Offsets.model_fields)

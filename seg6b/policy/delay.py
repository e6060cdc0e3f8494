"""Pack `delay`: how long detection, dispute, chargeback and closing take, in seconds.

`laws` anchors each delay on the step before it: detection on the authorisation response, dispute on the clearing
(else the response), chargeback on the dispute, closing on the last event of the case. `minimum` is what D+
executed: constants, all counted from the time of the flow.
"""

from __future__ import annotations

from typing import Annotated, Final, Literal, Self

from pydantic import Field, model_validator

from seg6b.policy.base import Count, Frozen, Pack
from seg6b.policy.laws import Bounded

DelayModel = Literal["DETECTION_DELAY_V1", "DISPUTE_DELAY_V1", "CHARGEBACK_DELAY_V1", "CASE_CLOSE_DELAY_V1"]
DELAY_MODELS: Final[tuple[DelayModel, ...]] = (
    "DETECTION_DELAY_V1",
    "DISPUTE_DELAY_V1",
    "CHARGEBACK_DELAY_V1",
    "CASE_CLOSE_DELAY_V1",
)

GRID_S = 0.001


class _Models(Frozen):
    """One bounded law a delay model; a law must leave room on the millisecond grid of the stamps."""

    DETECTION_DELAY_V1: Bounded
    DISPUTE_DELAY_V1: Bounded
    CHARGEBACK_DELAY_V1: Bounded
    CASE_CLOSE_DELAY_V1: Bounded

    @model_validator(mode="after")
    def _resolvable(self) -> Self:
        for name in DELAY_MODELS:
            law: Bounded = getattr(self, name)
            if law.min < GRID_S:
                message = f"{name}: a minimum of {law.min} s is below the millisecond grid"
                raise ValueError(message)
        return self


class Laws(Pack):
    """Delays drawn from bounded laws."""

    policy_id: Literal["delay"]
    kind: Literal["laws"]
    models: _Models

    def law(self, model: DelayModel) -> Bounded:
        """The law of one delay model."""
        law: Bounded = getattr(self.models, model)
        return law


class Minimum(Pack):
    """Constant delays from the time of the flow; closing may precede the decision."""

    policy_id: Literal["delay"]
    kind: Literal["minimum"]
    models: _Models
    decision_s: Count

    @model_validator(mode="after")
    def _constant(self) -> Self:
        for name in DELAY_MODELS:
            if not is_constant(self.law(name)):
                message = f"{name} must be a single point under kind minimum"
                raise ValueError(message)
        return self

    def law(self, model: DelayModel) -> Bounded:
        """The law of one delay model: all its mass on one point."""
        law: Bounded = getattr(self.models, model)
        return law


Model = Annotated[Laws | Minimum, Field(discriminator="kind")]


def is_constant(law: Bounded) -> bool:
    """Whether the law has a single outcome, so that nothing is drawn."""
    return law.tail is None and law.atoms is not None and len(law.atoms.values) == 1

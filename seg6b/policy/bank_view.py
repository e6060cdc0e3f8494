"""Pack `bank_view`: what the bank decides at authorisation, detects, is disputed about, and concludes.

`graded` conditions every probability on subtype, merchant class, amount and border crossing, and never
contradicts the flow's events. `flat` is what D+ executed: one table by subtype, the authorisation decision drawn
whatever the events say, and labels that fall through to NO_CASE_OPENED.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Final, Literal, Self

from pydantic import Field, model_validator

from seg6b.policy.base import Count, Frozen, NonNegative, Pack, Positive, Probability, sums_to_one
from seg6b.policy.truth import Subtype, TruthLabel

MerchantClass = Literal[
    "bills_utilities",
    "consumer_daytime",
    "evening_weekend",
    "fuel_convenience",
    "office_hours",
    "online_24h",
    "online_bursty",
    "travel_hospitality",
]
AmountFamily = Literal["PURCHASE", "CASH_WITHDRAWAL", "TRANSFER"]
Channel = Literal["ECOM", "POS", "ATM", "BANK_RAIL", "HYBRID"]

CLASSES: Final[tuple[MerchantClass, ...]] = (
    "bills_utilities",
    "consumer_daytime",
    "evening_weekend",
    "fuel_convenience",
    "office_hours",
    "online_24h",
    "online_bursty",
    "travel_hospitality",
)
SUBTYPES: Final[tuple[Subtype, ...]] = (
    "NONE",
    "CARD_TESTING",
    "ATO",
    "REFUND_ABUSE",
    "MERCHANT_COLLUSION",
    "PROMO_FRAUD",
    "BONUS_ABUSE",
    "FRIENDLY_FRAUD",
    "MULE_ACTIVITY",
)
FAMILIES: Final[tuple[AmountFamily, ...]] = ("PURCHASE", "CASH_WITHDRAWAL", "TRANSFER")
LABELS: Final[tuple[TruthLabel, ...]] = ("LEGIT", "FRAUD", "ABUSE")
CEILING: Final = 0.98
"""Nothing that the bank does is certain: no product of rate and factors exceeds this."""


class Rates(Frozen):
    """Probabilities of one truth subtype; `at_auth` given detection, `chargeback` given a dispute.

    For subtype NONE `detect` is the false alarm: a legitimate flow taken for fraud.
    """

    detect: Probability
    at_auth: Probability
    dispute: Probability
    chargeback: Probability


class ChargebackTypes(Frozen):
    """Mix of chargeback types."""

    UNAUTHORISED: Probability
    SERVICE_DISPUTE: Probability
    OTHER: Probability

    @model_validator(mode="after")
    def _sums(self) -> Self:
        sums_to_one([self.UNAUTHORISED, self.SERVICE_DISPUTE, self.OTHER], "chargeback types")
        return self


class ChargebackOutcomes(Frozen):
    """Mix of chargeback outcomes for one truth label."""

    BANK_LOSS: Probability
    BANK_WIN: Probability
    PARTIAL: Probability

    @model_validator(mode="after")
    def _sums(self) -> Self:
        sums_to_one([self.BANK_LOSS, self.BANK_WIN, self.PARTIAL], "chargeback outcomes")
        return self


class Windows(Frozen):
    """How near an event must lie to a detection, or to a stamp of its case, to be marked (seconds, two-sided)."""

    detection_action_s: Count
    case_event_s: Count


class PlainDecision(Frozen):
    """Authorisation decision of a flow that was neither declined nor stepped up."""

    APPROVE: Probability
    REVIEW: Probability

    @model_validator(mode="after")
    def _sums(self) -> Self:
        sums_to_one([self.APPROVE, self.REVIEW], "auth.plain")
        return self


class SteppedDecision(Frozen):
    """Authorisation decision of a flow with a step-up that was not declined."""

    APPROVE: Probability
    REVIEW: Probability
    CHALLENGE: Probability

    @model_validator(mode="after")
    def _sums(self) -> Self:
        sums_to_one([self.APPROVE, self.REVIEW, self.CHALLENGE], "auth.step_up")
        return self


class Authorisation(Frozen):
    """Decisions where the flow's events leave a choice: a declined flow is DECLINE, and no other flow is."""

    plain: PlainDecision
    step_up: SteppedDecision


class ClassFactors(Frozen):
    """Multipliers of one merchant class; merchants without a class have 1 throughout."""

    detect: Positive
    false_positive: Positive
    review: Positive
    dispute: Positive
    chargeback: Positive


class Knot(Frozen):
    """One point of the amount factor."""

    at: NonNegative
    factor: Positive


class AmountFactor(Frozen):
    """Multiplier of review, detection and dispute: linear between knots of amount / scale, constant outside them.

    Attributes:
        scale_minor: amount that counts as 1 in each amount family, minor units.
        knots: ascending in `at`, never descending in `factor`.
    """

    scale_minor: dict[AmountFamily, Count]
    knots: list[Knot] = Field(min_length=2)

    @model_validator(mode="after")
    def _monotone(self) -> Self:
        _all_present(self.scale_minor, FAMILIES, "amount.scale_minor")
        for left, right in zip(self.knots, self.knots[1:], strict=False):
            if not left.at < right.at:
                message = f"knots must ascend: {left.at} stands before {right.at}"
                raise ValueError(message)
            if left.factor > right.factor:
                message = f"the amount factor falls from {left.factor} to {right.factor}: it must be monotone"
                raise ValueError(message)
        return self


class CrossBorder(Frozen):
    """Multipliers of flows whose merchant and party countries differ."""

    suspicion: Positive
    dispute: Positive


class Graded(Pack):
    """The full bank view.

    detect = rate x class.detect x amount x border (NONE: class.false_positive), review likewise, dispute = rate x
    class.dispute x amount x border, chargeback = rate x class.chargeback; each at most `CEILING`.
    """

    policy_id: Literal["bank_view"]
    kind: Literal["graded"]
    auth: Authorisation
    subtypes: dict[Subtype, Rates]
    classes: dict[MerchantClass, ClassFactors]
    amount: AmountFactor
    cross_border: CrossBorder
    chargeback_types: ChargebackTypes
    chargeback_outcomes: dict[TruthLabel, ChargebackOutcomes]
    windows: Windows

    @model_validator(mode="after")
    def _complete(self) -> Self:
        _all_present(self.subtypes, SUBTYPES, "subtypes")
        _all_present(self.classes, CLASSES, "classes")
        _all_present(self.chargeback_outcomes, LABELS, "chargeback_outcomes")
        over = [name for name, rates in self.subtypes.items() if max(rates.detect, rates.dispute) > CEILING]
        if over:
            message = f"rates of {', '.join(over)} exceed the ceiling {CEILING}"
            raise ValueError(message)
        return self


class FlatDecision(Frozen):
    """Authorisation decision of any flow."""

    APPROVE: Probability
    REVIEW: Probability
    CHALLENGE: Probability
    DECLINE: Probability

    @model_validator(mode="after")
    def _sums(self) -> Self:
        sums_to_one([self.APPROVE, self.REVIEW, self.CHALLENGE, self.DECLINE], "auth")
        return self


class Flat(Pack):
    """The D+ bank view; a subtype without rates is never detected and never disputed."""

    policy_id: Literal["bank_view"]
    kind: Literal["flat"]
    auth: FlatDecision
    card_testing_declines: list[Channel]
    subtypes: dict[Subtype, Rates]
    chargeback_types: ChargebackTypes
    chargeback_outcomes: dict[TruthLabel, ChargebackOutcomes]
    windows: Windows

    @model_validator(mode="after")
    def _complete(self) -> Self:
        _all_present(self.chargeback_outcomes, LABELS, "chargeback_outcomes")
        return self


Model = Annotated[Graded | Flat, Field(discriminator="kind")]


def _all_present(given: Iterable[str], wanted: tuple[str, ...], what: str) -> None:
    missing = sorted(set(wanted) - set(given))
    if missing:
        message = f"{what} lacks {', '.join(missing)}"
        raise ValueError(message)

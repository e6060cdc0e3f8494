"""Pack `amount`: what flows are worth, in integer minor units of the merchant's currency."""

from __future__ import annotations

import math
from typing import Annotated, Final, Literal, Self, get_args

from pydantic import Field, model_validator

from seg6b.draws.quantile import significant
from seg6b.policy.base import Count, Frozen, Pack, Positive, Probability
from seg6b.policy.flow_shape import CHANNELS, Channel
from seg6b.policy.laws import Atoms, Bounded, Lognormal, Sampler, Smooth

FamilyId = Literal["PURCHASE", "CASH_WITHDRAWAL", "TRANSFER"]
ClassId = Literal[
    "bills_utilities", "consumer_daytime", "evening_weekend", "fuel_convenience", "office_hours", "online_24h",
    "online_bursty", "travel_hospitality",
]  # fmt: skip
SegmentId = Literal[
    "BUSINESS_CORPORATE", "BUSINESS_ECOM_NATIVE", "BUSINESS_LOCAL_SERVICE", "BUSINESS_MID_MARKET", "BUSINESS_MICRO",
    "BUSINESS_SME", "BUSINESS_SOLE_TRADER", "OTHER_NONPROFIT", "OTHER_PUBLIC_SECTOR", "RETAIL_AFFLUENT",
    "RETAIL_EARLY_CAREER", "RETAIL_FAMILY", "RETAIL_MASS_MARKET", "RETAIL_MATURE", "RETAIL_RETIRED",
    "RETAIL_STUDENT", "RETAIL_VALUE",
]  # fmt: skip
Shift = Annotated[float, Field(ge=-0.5, le=0.5)]

FAMILIES: Final[tuple[FamilyId, ...]] = get_args(FamilyId)
CLASSES: Final[tuple[ClassId, ...]] = get_args(ClassId)
SEGMENTS: Final[tuple[SegmentId, ...]] = get_args(SegmentId)
MIN_MINOR: Final = 1
MAX_MINOR: Final = 250_000_000
JITTER_LIMIT: Final = 0.01
HABIT_SPAN: Final = 3.0


class PricePoints(Frozen):
    """Equally likely prices that carry a share of the amounts.

    Attributes:
        mass: their total probability.
        values: minor units, ascending.
    """

    mass: Annotated[float, Field(gt=0.0, le=1.0)]
    values: list[Count] = Field(min_length=1)

    @model_validator(mode="after")
    def _ascending(self) -> Self:
        if sorted(set(self.values)) != self.values:
            message = "price points must ascend without repeats"
            raise ValueError(message)
        return self


class Family(Frozen):
    """The law of one amount family: price points or none, and a tail truncated to the bounds of an amount.

    Attributes:
        channels: channels whose flows draw from it.
        points: price points.
        tail: law of all other amounts, minor units.
    """

    channels: list[Channel] = Field(min_length=1)
    points: PricePoints | None = None
    tail: Smooth | None = None

    @model_validator(mode="after")
    def _lawful(self) -> Self:
        self.law()
        return self

    def law(self) -> Bounded:
        """The law as points and tail on the bounds of an amount."""
        points = self.points
        atoms = None
        if points is not None:
            share = 1.0 / len(points.values)
            atoms = Atoms(values=[float(v) for v in points.values], probs=[share] * len(points.values))
        mass = points.mass if points else 0.0
        return Bounded(min=float(MIN_MINOR), max=float(MAX_MINOR), atom_mass=mass, atoms=atoms, tail=self.tail)


class PartialRefund(Frozen):
    """Uniform fraction of the cleared amount that a partial refund returns."""

    low: Annotated[float, Field(gt=0.0, le=1.0)]
    high: Annotated[float, Field(gt=0.0, le=1.0)]

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if not self.low < self.high:
            message = f"low {self.low} must be below high {self.high}"
            raise ValueError(message)
        return self


class CrossEvents(Frozen):
    """How the amounts of one flow hang together; a reversal always undoes the authorised amount.

    Attributes:
        clearing_jitter: the cleared amount is auth * (1 + U(-j, j)).
        refund_full_probability: probability that a refund returns everything.
        partial_refund: the fraction otherwise.
    """

    clearing_jitter: Annotated[float, Field(ge=0.0, le=JITTER_LIMIT)]
    refund_full_probability: Probability
    partial_refund: PartialRefund


class Drawn(Pack):
    """What both drawn variants share.

    Attributes:
        families: law of each family.
        cross_events: clearing and refunds.
    """

    policy_id: Literal["amount"]
    families: dict[FamilyId, Family]
    cross_events: CrossEvents

    @model_validator(mode="after")
    def _partition(self) -> Self:
        missing = [f for f in FAMILIES if f not in self.families]
        held = [c for family in self.families.values() for c in family.channels]
        if missing:
            message = f"no law for families {missing}"
            raise ValueError(message)
        if sorted(held) != sorted(CHANNELS):
            message = f"families cover channels {sorted(held)}, not each of {sorted(CHANNELS)} once"
            raise ValueError(message)
        return self

    def family_of(self, channel: Channel) -> FamilyId:
        """The family of a channel."""
        return next(name for name, family in self.families.items() if channel in family.channels)

    def sampler(self, family: FamilyId) -> Sampler:
        """Points and tail of one family, before any shift, in minor units."""
        return self.families[family].law().sampler()

    def point_mass(self, family: FamilyId) -> float:
        """Probability of a price point."""
        points = self.families[family].points
        return points.mass if points else 0.0


class ByFamily(Drawn):
    """One law a family, whoever pays whom."""

    kind: Literal["by_family"]


class LocationShift(Frozen):
    """Shifts of the tail's location on the log scale; they add up. A merchant of unknown class is not shifted.

    Attributes:
        merchant_class: by class.
        party_segment: by segment.
    """

    merchant_class: dict[ClassId, Shift]
    party_segment: dict[SegmentId, Shift]

    @model_validator(mode="after")
    def _complete(self) -> Self:
        absent: list[str] = [c for c in CLASSES if c not in self.merchant_class]
        absent += [s for s in SEGMENTS if s not in self.party_segment]
        if absent:
            message = f"no shift for {absent}"
            raise ValueError(message)
        return self

    def factor(self, merchant_class: str, segment: SegmentId) -> float:
        """What a tail amount is multiplied by; a class without a shift of its own has none."""
        named = {str(name): shift for name, shift in self.merchant_class.items()}
        return significant(math.exp(named.get(merchant_class, 0.0) + self.party_segment[segment]))


class PartyHabit(Frozen):
    """A party spends more or less than others of its kind, always: a normal offset on the log scale, one a party.

    Attributes:
        sigma: its standard deviation; the offset is truncated to three of them.
    """

    sigma: Annotated[Positive, Field(le=1.0)]

    def law(self) -> Bounded:
        """Law of the factor on tail amounts."""
        span = math.exp(HABIT_SPAN * self.sigma)
        tail = Lognormal(law="LOGNORMAL_V1", mu=0.0, sigma=self.sigma)
        return Bounded(min=significant(1.0 / span), max=significant(span), tail=tail)


class Conditioned(Drawn):
    """By family, with the tail's location moved by merchant class, party segment and the party's own habit."""

    kind: Literal["conditioned"]
    location_shift: LocationShift
    party_habit: PartyHabit


class PointsByHash(Pack):
    """As D+ ran: each flow one of a few equally likely prices, whatever its channel.

    Attributes:
        points: minor units, ascending.
    """

    policy_id: Literal["amount"]
    kind: Literal["points_by_hash"]
    points: list[Count] = Field(min_length=1)

    @model_validator(mode="after")
    def _ascending(self) -> Self:
        if sorted(set(self.points)) != self.points:
            message = "points must ascend without repeats"
            raise ValueError(message)
        return self

    def family_of(self, channel: Channel) -> FamilyId:  # noqa: ARG002 - one family for all
        """Always PURCHASE."""
        return "PURCHASE"

    def sampler(self, family: FamilyId) -> Sampler:  # noqa: ARG002 - one family for all
        """The points alone."""
        points = PricePoints(mass=1.0, values=self.points)
        return Family(channels=list(CHANNELS), points=points).law().sampler()

    def point_mass(self, family: FamilyId) -> float:  # noqa: ARG002 - one family for all
        """Every amount is a point."""
        return 1.0


Model = Annotated[ByFamily | Conditioned | PointsByHash, Field(discriminator="kind")]

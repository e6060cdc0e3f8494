"""Pack `overlay`: what a campaign does to a flow, the probes of card testing, and the anomaly overlay.

`tactics` executes six tactics and the campaign decline, each on its own axis. `amount_only` is what D+ executed: a
uniform amount factor on every campaign flow, no other axis, no anomalies.
"""

from __future__ import annotations

from typing import Annotated, Final, Literal, Self

from pydantic import Field, model_validator

from seg6b.policy.base import Count, Frozen, Pack, Positive, Probability, sums_to_one
from seg6b.policy.campaign import CampaignType, Channel, FlowType, PartyRole
from seg6b.policy.laws import Bounded

Tactic = Literal[
    "AMOUNT_UPSHIFT", "IP_SWAP_ANON", "DEVICE_SWAP_SHARED", "SITE_SHIFT", "BURST_TIMING", "SUPPRESS_CLEARING"
]
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
RiskTier = Literal["LOW", "STANDARD", "ELEVATED", "HIGH"]

KNOWN_CLASSES: Final[tuple[MerchantClass, ...]] = (
    "bills_utilities",
    "consumer_daytime",
    "evening_weekend",
    "fuel_convenience",
    "office_hours",
    "online_24h",
    "online_bursty",
    "travel_hospitality",
)
PARTY_ROLES: Final[tuple[PartyRole, ...]] = ("CLEAN", "SYNTHETIC_ID", "MULE", "ASSOCIATE", "ORGANISER")
RISK_TIERS: Final[tuple[RiskTier, ...]] = ("LOW", "STANDARD", "ELEVATED", "HIGH")
LARGEST_AMOUNT: Final = 250_000_000


def varies(law: Bounded) -> bool:
    """Whether a law has more than one outcome; one that has not draws nothing."""
    return law.tail is not None or (law.atoms is not None and len(law.atoms.values) > 1)


class Reach(Frozen):
    """Where a tactic may be applied."""

    channels: list[Channel] = Field(min_length=1)
    flow_types: list[FlowType] = Field(min_length=1)


class Factor(Reach):
    """A tactic that multiplies amounts or gaps by one factor a flow."""

    factor: Bounded


class SwapPools(Frozen):
    """How many IPs or devices the operator of one campaign has: a floor, and one more for so many targets."""

    floor: Annotated[int, Field(ge=2)]
    targets_per_member: Count

    def members(self, quota: int) -> int:
        """Members wanted for a campaign of `quota` targets."""
        return self.floor + quota // self.targets_per_member


class Tactics(Frozen):
    """One tactic a field; the names are those of the published `tactic_ids`, in lower case."""

    amount_upshift: Factor
    ip_swap_anon: Reach
    device_swap_shared: Reach
    site_shift: Reach
    burst_timing: Factor
    suppress_clearing: Reach

    @model_validator(mode="after")
    def _directions(self) -> Self:
        if self.amount_upshift.factor.min < 1.0:
            message = f"amount_upshift must not lower amounts, its factor starts at {self.amount_upshift.factor.min}"
            raise ValueError(message)
        if not 0.0 < self.burst_timing.factor.min <= self.burst_timing.factor.max < 1.0:
            message = "burst_timing must shorten gaps: its factor must lie inside (0, 1)"
            raise ValueError(message)
        return self


class Choice(Frozen):
    """One tactic of a mix."""

    tactic: Tactic
    prob: Annotated[Probability, Field(gt=0.0)]


class Decline(Frozen):
    """The bank's answer to a campaign: this share of its settled flows is declined instead."""

    campaign_type: CampaignType
    share: Annotated[Probability, Field(gt=0.0)]


class Probes(Frozen):
    """Card testing probes: small authorisations on a target instrument around the flow that they probe from.

    Attributes:
        fewest: probes an instrument, at least.
        most: probes an instrument, at most; every count between is equally likely.
        gap_s: law of the seconds from one probe to the next and to the flow itself.
        amount_minor: law of the amount, minor units.
        decline_share: share of the probes that are declined.
        response_s: law of the seconds from request to response.
    """

    fewest: Count
    most: Count
    gap_s: Bounded
    amount_minor: Bounded
    decline_share: Annotated[float, Field(gt=0.0, lt=1.0)]
    response_s: Bounded

    @model_validator(mode="after")
    def _possible(self) -> Self:
        if self.fewest >= self.most:
            message = f"fewest {self.fewest} must be below most {self.most}"
            raise ValueError(message)
        if self.amount_minor.min < 1 or self.amount_minor.max > LARGEST_AMOUNT:
            message = f"amount_minor must lie inside [1, {LARGEST_AMOUNT}]"
            raise ValueError(message)
        if self.response_s.min < 0.001 or self.gap_s.min < self.response_s.max:
            message = "a probe must be answered, after at least 1 ms, before the next one starts"
            raise ValueError(message)
        return self

    @property
    def span_s(self) -> float:
        """The longest run of probes, seconds."""
        return self.most * self.gap_s.max


class Anomaly(Frozen):
    """Friendly fraud on settled purchases outside campaigns: p = base(class) x factors, at most `max_probability`.

    Attributes:
        channels: channels of flows that can be anomalous.
        base: probability by merchant class.
        amount_edges: amounts at which the factor rises, minor units, ascending.
        amount_factors: factor below the first edge, from each edge on; never falling.
        role_factors: factor by party role.
        tier_factors: factor by the party's risk tier.
        max_probability: ceiling.
    """

    channels: list[Channel] = Field(min_length=1)
    base: dict[MerchantClass, Annotated[Probability, Field(gt=0.0)]]
    amount_edges: list[Count] = Field(min_length=1)
    amount_factors: list[Positive] = Field(min_length=2)
    role_factors: dict[PartyRole, Positive]
    tier_factors: dict[RiskTier, Positive]
    max_probability: Annotated[float, Field(gt=0.0, lt=1.0)]

    @model_validator(mode="after")
    def _whole(self) -> Self:
        missing: list[str] = [c for c in KNOWN_CLASSES if c not in self.base]
        missing += [r for r in PARTY_ROLES if r not in self.role_factors]
        missing += [t for t in RISK_TIERS if t not in self.tier_factors]
        if missing:
            message = f"no figure for {missing}"
            raise ValueError(message)
        if sorted(set(self.amount_edges)) != self.amount_edges:
            message = "amount_edges must ascend without repeats"
            raise ValueError(message)
        if len(self.amount_factors) != len(self.amount_edges) + 1:
            message = f"{len(self.amount_edges)} amount_edges need one factor more, got {len(self.amount_factors)}"
            raise ValueError(message)
        if sorted(self.amount_factors) != self.amount_factors:
            message = "amount_factors must not fall: a higher amount is never less likely to be disputed"
            raise ValueError(message)
        return self


class OverlayGuards(Frozen):
    """Limits; a law that could exceed one is refused at load, counts are checked by the state."""

    max_mutations_per_flow: Annotated[int, Field(ge=1, le=2)]
    max_new_flows_per_million: Count
    max_amount_factor: Positive
    max_time_factor: Positive


class TacticsOverlay(Pack):
    """Six tactics, the campaign decline, probes and anomalies."""

    policy_id: Literal["overlay"]
    kind: Literal["tactics"]
    tactics: Tactics
    swap_pools: SwapPools
    mix: dict[CampaignType, list[Choice]] = Field(min_length=1)
    second_tactic: Annotated[float, Field(gt=0.0, lt=1.0)]
    decline: Decline
    probes: Probes
    anomaly: Anomaly
    guards: OverlayGuards

    @model_validator(mode="after")
    def _mixed(self) -> Self:
        for campaign_type, choices in self.mix.items():
            names = [c.tactic for c in choices]
            if len(names) < 2 or len(set(names)) != len(names):
                message = f"mix of {campaign_type} needs two or more different tactics"
                raise ValueError(message)
            sums_to_one([c.prob for c in choices], f"mix of {campaign_type}")
        reached = {c.tactic for choices in self.mix.values() for c in choices}
        if idle := sorted({name.upper() for name in Tactics.model_fields} - reached):
            message = f"no mix reaches the tactics {idle}"
            raise ValueError(message)
        if self.decline.campaign_type not in self.mix:
            message = f"decline names {self.decline.campaign_type}, which has no mix"
            raise ValueError(message)
        return self

    @model_validator(mode="after")
    def _guarded(self) -> Self:
        amount, time = self.tactics.amount_upshift.factor.max, self.tactics.burst_timing.factor.max
        if amount > self.guards.max_amount_factor:
            message = f"amounts may grow {amount} times, guard {self.guards.max_amount_factor}"
            raise ValueError(message)
        if time > self.guards.max_time_factor:
            message = f"gaps may grow {time} times, guard {self.guards.max_time_factor}"
            raise ValueError(message)
        return self


class AmountOnly(Pack):
    """Every campaign flow's amounts times a factor, uniform on `[min_factor, max_factor]`."""

    policy_id: Literal["overlay"]
    kind: Literal["amount_only"]
    min_factor: Positive
    max_factor: Positive

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.min_factor >= self.max_factor:
            message = f"min_factor {self.min_factor} is not below max_factor {self.max_factor}"
            raise ValueError(message)
        return self


Model = Annotated[TacticsOverlay | AmountOnly, Field(discriminator="kind")]

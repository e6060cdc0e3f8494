"""Pack `truth`: what a flow truly is, decided by stages of rules.

`ordered_stages` runs direct rules (campaign, then overlay flags), then the collateral and the posture override,
then the default. `reduced_key` is the map that the D+ baseline executed: keyed by the pattern alone, so that a
later rule silently replaces an earlier one of the same pattern.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import combinations, product
from typing import Annotated, Final, Literal, Self

from pydantic import Field, model_validator

from seg6b.policy.base import Count, Frozen, Pack, Probability

CampaignType = Literal["CARD_TESTING", "ATO", "REFUND_ABUSE", "MERCHANT_COLLUSION", "PROMO_FRAUD", "BONUS_ABUSE"]
Pattern = Literal["NONE", "CARD_TESTING", "ATO", "REFUND_ABUSE", "MERCHANT_COLLUSION", "PROMO_FRAUD", "BONUS_ABUSE"]
TruthLabel = Literal["LEGIT", "FRAUD", "ABUSE"]
Subtype = Literal[
    "NONE",
    "CARD_TESTING",
    "ATO",
    "REFUND_ABUSE",
    "MERCHANT_COLLUSION",
    "PROMO_FRAUD",
    "BONUS_ABUSE",
    "FRIENDLY_FRAUD",
    "MULE_ACTIVITY",
]
RuleId = Literal[
    "RULE_CARD_TESTING",
    "RULE_ATO",
    "RULE_REFUND_ABUSE",
    "RULE_MERCHANT_COLLUSION",
    "RULE_BONUS_ABUSE",
    "RULE_PROMO_FRAUD",
    "RULE_OVERLAY_ANOMALY_NO_CAMPAIGN",
    "COLLATERAL_SAME_ACCOUNT_WINDOW",
    "POSTURE_MULE_OVERRIDE",
    "RULE_NONE_NO_OVERLAY",
]
PartyRole = Literal["CLEAN", "SYNTHETIC_ID", "MULE", "ASSOCIATE", "ORGANISER"]

PATTERNS: Final[tuple[Pattern, ...]] = (
    "NONE",
    "CARD_TESTING",
    "ATO",
    "REFUND_ABUSE",
    "MERCHANT_COLLUSION",
    "PROMO_FRAUD",
    "BONUS_ABUSE",
)


class Verdict(Frozen):
    """A label with its subtype; `LEGIT` goes with `NONE` and with nothing else."""

    label: TruthLabel
    subtype: Subtype

    @model_validator(mode="after")
    def _coherent(self) -> Self:
        if (self.label == "LEGIT") != (self.subtype == "NONE"):
            message = f"label {self.label} does not go with subtype {self.subtype}"
            raise ValueError(message)
        return self


class Rule(Verdict):
    """A direct rule on what S3 recorded; `anomaly` null means either."""

    rule_id: RuleId
    pattern: Pattern
    anomaly: bool | None = None

    def holds(self, pattern: str, *, anomaly: bool) -> bool:
        """Whether the rule's condition holds for a flow of this pattern and anomaly flag."""
        return self.pattern == pattern and self.anomaly in (None, anomaly)


class Collateral(Verdict):
    """Flows of an account near a campaign flow of the same account: one draw, else LEGIT.

    The window is two-sided, `|flow - campaign flow| <= window_s`.
    """

    rule_id: RuleId
    campaign_types: list[CampaignType] = Field(min_length=1)
    window_s: Count
    probability: Probability

    @model_validator(mode="after")
    def _distinct(self) -> Self:
        _refuse_repeats(self.campaign_types, "campaign_types")
        return self


class Posture(Verdict):
    """Flows of parties with a fraud role: a drawn share of them, the rest LEGIT.

    The share is bounded, so that a party is never fraud through and through.
    """

    rule_id: RuleId
    roles: list[PartyRole] = Field(min_length=1)
    share: Annotated[float, Field(ge=0.0, le=0.5)]

    @model_validator(mode="after")
    def _distinct(self) -> Self:
        _refuse_repeats(self.roles, "roles")
        return self


class Ordered(Pack):
    """Rules in stages: the first stage with a match decides; inside a stage at most one rule can match."""

    policy_id: Literal["truth"]
    kind: Literal["ordered_stages"]
    direct_campaign: list[Rule]
    overlay_flags: list[Rule]
    collateral: Collateral
    posture: Posture
    default: Rule

    @model_validator(mode="after")
    def _sound(self) -> Self:
        _refuse_repeats([*(r.rule_id for r in self.rules), self.collateral.rule_id, self.posture.rule_id], "rule ids")
        for stage, none in ((self.direct_campaign, False), (self.overlay_flags, True), ([self.default], True)):
            for rule in stage:
                if (rule.pattern == "NONE") != none:
                    message = f"{rule.rule_id} stands in the wrong stage for pattern {rule.pattern}"
                    raise ValueError(message)
        _refuse_overlaps(overlapping_pairs(self))
        for pattern, anomaly in product(PATTERNS, (False, True)):
            found = matching_rules(self, pattern, anomaly=anomaly)
            if len(found) != 1:
                message = f"pattern {pattern} with anomaly {anomaly} matches {len(found)} direct rules, not one"
                raise ValueError(message)
        if self.default.label != "LEGIT":
            message = f"the default {self.default.rule_id} must say LEGIT"
            raise ValueError(message)
        if "LEGIT" in {self.collateral.label, self.posture.label, *(r.label for r in self.direct_campaign)}:
            message = "campaign, collateral and posture rules must say FRAUD or ABUSE"
            raise ValueError(message)
        return self

    @property
    def rules(self) -> tuple[Rule, ...]:
        """The direct rules in order of precedence, the default last."""
        return (*self.direct_campaign, *self.overlay_flags, self.default)

    @property
    def tiers(self) -> tuple[tuple[Rule, ...], ...]:
        """The direct rules by stage."""
        return tuple(self.direct_campaign), tuple(self.overlay_flags), (self.default,)


class ReducedKey(Pack):
    """A map from the pattern to a verdict: the last rule of a pattern wins, an unmapped pattern is LEGIT."""

    policy_id: Literal["truth"]
    kind: Literal["reduced_key"]
    rules: list[Rule] = Field(min_length=1)

    @model_validator(mode="after")
    def _distinct(self) -> Self:
        _refuse_repeats([rule.rule_id for rule in self.rules], "rule ids")
        return self

    @property
    def tiers(self) -> tuple[tuple[Rule, ...], ...]:
        """One tier: the map knows no precedence."""
        return (tuple(self.rules),)


Model = Annotated[Ordered | ReducedKey, Field(discriminator="kind")]


def overlapping_pairs(model: Ordered | ReducedKey) -> list[tuple[str, str]]:
    """Pairs of rules of one tier that can hold for the same flow: T22's static half.

    A reduced key sees the pattern alone, so two rules of one pattern always overlap there.
    """
    pairs: list[tuple[str, str]] = []
    for tier in model.tiers:
        for one, other in combinations(tier, 2):
            blind = model.kind == "reduced_key" or one.anomaly is None or other.anomaly is None
            if one.pattern == other.pattern and (blind or one.anomaly == other.anomaly):
                pairs.append((one.rule_id, other.rule_id))
    return pairs


def matching_rules(model: Ordered | ReducedKey, pattern: str, *, anomaly: bool) -> list[str]:
    """Direct rules that hold for a flow as the model keys them; T22 counts the rows that do not have exactly one.

    Of an ordered model only the first stage with a match counts; collateral and posture are overrides, not
    direct rules.
    """
    blind = model.kind == "reduced_key"
    for tier in model.tiers:
        found: list[str] = [
            r.rule_id for r in tier if r.pattern == pattern and (blind or r.holds(pattern, anomaly=anomaly))
        ]
        if found:
            return found
    return []


def _refuse_overlaps(pairs: list[tuple[str, str]]) -> None:
    if pairs:
        shown = ", ".join(f"{a} and {b}" for a, b in pairs)
        message = f"rules of one stage overlap: {shown}"
        raise ValueError(message)


def _refuse_repeats(values: Sequence[str], what: str) -> None:
    repeated = sorted(value for value, n in Counter(values).items() if n > 1)
    if repeated:
        message = f"{what} repeat: {', '.join(repeated)}"
        raise ValueError(message)

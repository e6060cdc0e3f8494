"""Pack `campaign`: which campaigns exist, when they run, whom they want, and how many targets they take.

`catalogue` states rates: targets per million flows of the template's domain, with a floor that protects small worlds
and a cap that protects large ones. `hash_targets` is what D+ executed: one instance a template, targets by a
threshold in whole parts per million over all flows, without windows, filters or cohorts.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Final, Literal, Self

from pydantic import Field, model_validator

from seg6b.policy.activation import Activation
from seg6b.policy.base import Count, Frozen, Pack, Positive, Probability

CampaignType = Literal["CARD_TESTING", "ATO", "REFUND_ABUSE", "MERCHANT_COLLUSION", "PROMO_FRAUD", "BONUS_ABUSE"]
TargetKind = Literal["INSTRUMENT", "ACCOUNT", "FLOW", "MERCHANT", "EVENT"]
Channel = Literal["ECOM", "POS", "ATM", "BANK_RAIL", "HYBRID"]
FlowType = Literal["CARD_AUTH_CLEAR", "CARD_AUTH_DECLINE", "CARD_AUTH_STEPUP_CLEAR", "BANK_TRANSFER", "ATM_WITHDRAWAL"]
TargetEvent = Literal["AUTH_REQUEST", "CLEARING"]
PartyType = Literal["RETAIL", "BUSINESS", "OTHER"]
PartyRole = Literal["CLEAN", "SYNTHETIC_ID", "MULE", "ASSOCIATE", "ORGANISER"]
MerchantRole = Literal["NORMAL", "HIGH_RISK_MCC", "MSB", "COLLUSIVE"]
IpGroup = Literal["RESIDENTIAL", "MOBILE_CARRIER", "PUBLIC_SHARED", "HOSTING_DATACENTRE", "ANONYMIZER_PROXY"]
Feature = Literal["PARTY_RISK", "HIGH_RISK_DEVICE", "MERCHANT_RISK", "CROSS_BORDER"]

HORIZON_DAYS: Final = 90
Days = Annotated[float, Field(gt=0.0, le=HORIZON_DAYS)]
ENTITY_KINDS: Final = ("INSTRUMENT", "ACCOUNT", "MERCHANT")
MERCHANT_FEATURES: Final = ("MERCHANT_RISK", "CROSS_BORDER")


class FullScenario(Frozen):
    """One window: the whole horizon."""

    mode: Literal["FULL_SCENARIO"]

    @property
    def n_windows(self) -> int:
        """Windows of an instance."""
        return 1


class FixedWindow(Frozen):
    """One window of `days`, at an offset drawn inside the horizon."""

    mode: Literal["FIXED_WINDOW_V1"]
    days: Days

    @property
    def n_windows(self) -> int:
        """Windows of an instance."""
        return 1


class MultiWindow(Frozen):
    """`n_windows` windows of `days`, one every `every_days`, the first at a drawn offset."""

    mode: Literal["MULTI_WINDOW_V1"]
    days: Days
    every_days: Days
    n_windows: Annotated[int, Field(ge=2)]

    @model_validator(mode="after")
    def _apart(self) -> Self:
        if self.days > self.every_days:
            message = f"windows of {self.days} days overlap when one starts every {self.every_days} days"
            raise ValueError(message)
        if (span := self.days + self.every_days * (self.n_windows - 1)) > HORIZON_DAYS:
            message = f"{self.n_windows} windows span {span:g} days, a world has {HORIZON_DAYS}"
            raise ValueError(message)
        return self


Schedule = Annotated[FullScenario | FixedWindow | MultiWindow, Field(discriminator="mode")]


class Quota(Frozen):
    """Targets of the template: a `floor` for each instance, and `rate_per_million` of the domain among all instances.

    The domain is made of flows, or of merchants where merchants are the target.
    """

    rate_per_million: Positive
    floor: Count

    def targets(self, domain: int, instances: float) -> int:
        """Targets that one of so many expected instances wants in a domain of this size."""
        return self.floor + int(self.rate_per_million * domain / 1e6 / instances + 0.5)


class Uniform(Frozen):
    """Every eligible target alike."""

    mode: Literal["UNIFORM"]


class LinearScore(Frozen):
    """Weight = sum of coefficient x feature, at least `min`; tiers count 0 to 3, flags 0 or 1, cross-border a share."""

    mode: Literal["LINEAR_SCORE_V1"]
    coefficients: dict[Feature, Positive] = Field(min_length=1)
    min: Positive


class Filter(Frozen):
    """Who is eligible; a null list asks nothing. `weight` says how much an eligible target is wanted."""

    party_types: list[PartyType] | None = Field(min_length=1)
    party_roles: list[PartyRole] | None = Field(min_length=1)
    merchant_roles: list[MerchantRole] | None = Field(min_length=1)
    ip_groups: list[IpGroup] | None = Field(min_length=1)
    weight: Annotated[Uniform | LinearScore, Field(discriminator="mode")]


class Template(Frozen):
    """One template of the catalogue.

    Attributes:
        template_id: name, also the campaign label.
        campaign_type: fraud pattern of its flows.
        fraud_family: family, as published in the catalogue.
        target: what is drawn: flows, events of flows, or entities whose flows are hit.
        target_event: the event that an EVENT campaign is after.
        activation: how many instances there are.
        schedule: their windows.
        burstiness: this share of the quota falls into a fifth of each window; null spreads it evenly.
        quota: targets of an instance.
        flows_per_entity: entity targets only: flows of one entity that are hit at most, times its linear score.
        merchant_flows_per_million: merchants only, since they grow with the world: so many more per million flows.
        filter: name of a filter.
        channels: channels of eligible flows.
        flow_types: types of eligible flows.
    """

    template_id: Annotated[str, Field(pattern=r"^T_[A-Z0-9_]+$")]
    campaign_type: CampaignType
    fraud_family: Annotated[str, Field(pattern=r"^[A-Z0-9_]+$")]
    target: TargetKind
    target_event: TargetEvent | None = None
    activation: Activation
    schedule: Schedule
    burstiness: Annotated[Probability, Field(gt=0.0)] | None = None
    quota: Quota
    flows_per_entity: Count | None = None
    merchant_flows_per_million: Positive | None = None
    filter: str
    channels: list[Channel] = Field(min_length=1)
    flow_types: list[FlowType] = Field(min_length=1)

    @model_validator(mode="after")
    def _coherent(self) -> Self:
        if (self.target in ENTITY_KINDS) != (self.flows_per_entity is not None):
            message = f"flows_per_entity belongs to entity targets exactly; the target is {self.target}"
            raise ValueError(message)
        if (self.target == "MERCHANT") != (self.merchant_flows_per_million is not None):
            message = f"merchant_flows_per_million belongs to MERCHANT targets exactly; the target is {self.target}"
            raise ValueError(message)
        if (self.target == "EVENT") != (self.target_event is not None):
            message = f"target_event belongs to EVENT targets exactly; the target is {self.target}"
            raise ValueError(message)
        for name, values in (("channels", self.channels), ("flow_types", self.flow_types)):
            if len(set(values)) != len(values):
                message = f"{name} repeats a value"
                raise ValueError(message)
        return self

    def entity_flows(self, domain_flows: int) -> int:
        """Flows of one target entity that are hit at most, where the domain holds `domain_flows` flows."""
        return (self.flows_per_entity or 1) + int((self.merchant_flows_per_million or 0.0) * domain_flows / 1e6 + 0.5)


class Stratum(Frozen):
    """One dimension of a cohort: `members` of its values are preferred, all others weigh `outside`."""

    members: Count
    outside: Annotated[float, Field(gt=0.0, lt=1.0)]


class Hours(Stratum):
    """A block of `members` consecutive hours of the UTC day."""

    members: Annotated[int, Field(ge=1, le=23)]


class Cohort(Frozen):
    """What an instance prefers; each dimension is drawn once an instance from the values its windows really hold."""

    classes: Stratum
    merchant_countries: Stratum
    party_countries: Stratum
    zones: Stratum
    hours: Hours


class Guards(Frozen):
    """Limits; the state fails where a run would exceed one. No instance wants more than its guard."""

    min_instances: Count
    max_instances: Count
    max_windows: Count
    max_targets_per_instance: Count
    max_targets_per_million: Count


class Catalogue(Pack):
    """Campaigns as rates, with windows, filters, cohorts and weighted targeting."""

    policy_id: Literal["campaign"]
    kind: Literal["catalogue"]
    templates: list[Template] = Field(min_length=1)
    filters: dict[str, Filter] = Field(min_length=1)
    cohort: Cohort
    guards: Guards

    @model_validator(mode="after")
    def _referenced(self) -> Self:
        _unique([t.template_id for t in self.templates])
        used = {t.filter for t in self.templates}
        if unknown := sorted(used - set(self.filters)):
            message = f"templates name unknown filters {unknown}"
            raise ValueError(message)
        if idle := sorted(set(self.filters) - used):
            message = f"no template uses the filters {idle}"
            raise ValueError(message)
        for template in self.templates:
            _weigh(template, self.filters[template.filter])
        return self

    @model_validator(mode="after")
    def _guarded(self) -> Self:
        most = sum(t.activation.max_instances for t in self.templates)
        least = sum(t.activation.floor for t in self.templates)
        windows = max(t.schedule.n_windows for t in self.templates)
        floor = max(t.quota.floor for t in self.templates)
        checks = (
            (most <= self.guards.max_instances, f"up to {most} instances, guard {self.guards.max_instances}"),
            (least >= self.guards.min_instances, f"only {least} instances are sure, guard {self.guards.min_instances}"),
            (windows <= self.guards.max_windows, f"{windows} windows an instance, guard {self.guards.max_windows}"),
            (
                floor <= self.guards.max_targets_per_instance,
                f"floor {floor}, guard {self.guards.max_targets_per_instance}",
            ),
        )
        if broken := [text for holds, text in checks if not holds]:
            raise ValueError("; ".join(broken))
        return self


class HashTemplate(Frozen):
    """A template as D+ executed it: `targets` at the authority's scale, spread over all flows."""

    template_id: Annotated[str, Field(pattern=r"^T_[A-Z0-9_]+$")]
    campaign_type: CampaignType
    fraud_family: Annotated[str, Field(pattern=r"^[A-Z0-9_]+$")]
    target: TargetKind
    targets: Count


class HashTargets(Pack):
    """The D+ catalogue; its thresholds are truncated to whole parts per million, so that a small quota vanishes."""

    policy_id: Literal["campaign"]
    kind: Literal["hash_targets"]
    authority_flows: Count
    templates: list[HashTemplate] = Field(min_length=1)

    @model_validator(mode="after")
    def _distinct(self) -> Self:
        _unique([t.template_id for t in self.templates])
        return self

    def threshold_ppm(self, template: HashTemplate) -> int:
        """Parts per million of all flows that the template takes."""
        return template.targets * 1_000_000 // self.authority_flows


def _unique(ids: Sequence[str]) -> None:
    if len(set(ids)) != len(ids):
        message = "template_id repeats"
        raise ValueError(message)


def _weigh(template: Template, chosen: Filter) -> None:
    if isinstance(chosen.weight, Uniform):
        return
    merchant = template.target == "MERCHANT"
    wrong = [f for f in chosen.weight.coefficients if merchant != (f in MERCHANT_FEATURES)]
    if wrong:
        message = f"{template.template_id}: a {template.target} target cannot be weighed by {wrong}"
        raise ValueError(message)


Model = Annotated[Catalogue | HashTargets, Field(discriminator="kind")]

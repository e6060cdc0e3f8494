"""What the policies promise, as numbers that a realised mix or sample is compared with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from seg6b.datasets import vocabulary as v
from seg6b.policy.amount import FamilyId
from seg6b.policy.campaign import HashTargets
from seg6b.policy.delay import DelayModel
from seg6b.policy.flow_shape import Clustered
from seg6b.policy.laws import Bounded
from seg6b.policy.packs import Policies
from seg6b.policy.timing import Timing
from seg6b.policy.truth import Ordered

Mix = dict[str, float]


def point_mass(policies: Policies, family: str) -> float:
    """Probability that an amount of the family is a price point."""
    return policies.amount.point_mass(cast("FamilyId", family))


def offset_law(policies: Policies, model: str) -> Bounded | None:
    """Law of an offset in seconds; None where the pack draws none."""
    return policies.timing.offsets.law(model) if isinstance(policies.timing, Timing) else None


def delay_law(policies: Policies, model: str) -> Bounded:
    """Law of a delay in seconds."""
    return policies.delay.law(cast("DelayModel", model))


def flow_types(policies: Policies) -> Mapping[str, Mix]:
    """Distribution of the flow type, by channel."""
    shape = policies.flow_shape
    if isinstance(shape, Clustered):
        return {channel: {str(t): p for t, p in types.items()} for channel, types in shape.types_by_channel.items()}
    return {channel: {shape.flow_type: 1.0} for channel in v.CHANNELS}


def truth_labels(policies: Policies, rule_rows: Mapping[str, int]) -> Mix:
    """Expected rows of each truth label, given how many rows each rule decided.

    A direct rule says one label; a collateral or posture rule draws its own label or LEGIT.
    """
    truth = policies.truth
    out = dict.fromkeys(v.TRUTH_LABELS, 0.0)
    chances: dict[str, tuple[str, float]] = {rule.rule_id: (rule.label, 1.0) for tier in truth.tiers for rule in tier}
    if isinstance(truth, Ordered):
        chances[truth.collateral.rule_id] = (truth.collateral.label, truth.collateral.probability)
        chances[truth.posture.rule_id] = (truth.posture.label, truth.posture.share)
    for rule, rows in rule_rows.items():
        label, chance = chances.get(rule, ("LEGIT", 1.0))
        out[label] += rows * chance
        out["LEGIT"] += rows * (1.0 - chance)
    return out


def target_kinds(policies: Policies) -> Mapping[str, str]:
    """What a campaign of each type draws: instruments, accounts, merchants, flows or events; always flows by hash."""
    campaign = policies.campaign
    if isinstance(campaign, HashTargets):
        return {template.campaign_type: "FLOW" for template in campaign.templates}
    return {template.campaign_type: template.target for template in campaign.templates}


def chargeback_types(policies: Policies) -> Mix:
    """Distribution of the chargeback type."""
    return {str(k): float(p) for k, p in policies.bank_view.chargeback_types.model_dump().items()}


def chargeback_outcomes(policies: Policies, label: str) -> Mix:
    """Distribution of the chargeback outcome for flows of one truth label."""
    mixes = {str(k): mix for k, mix in policies.bank_view.chargeback_outcomes.items()}
    return {str(k): float(p) for k, p in mixes[label].model_dump().items()} if label in mixes else {}

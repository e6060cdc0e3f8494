"""Truth: one label a flow, by the stages of the truth pack.

Direct rules are found by a strategy of `campaign_map/`. A flow that only the default claims is first offered to the
collateral rule, then to the posture rule; each is one draw a flow.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from seg6b.datasets.frames import Mask
from seg6b.datasets.vocabulary import (
    PARTY_FRAUD_ROLES,
    PATTERN_SOURCES,
    PATTERNS,
    TRUTH_LABELS,
    TRUTH_RULES,
    TRUTH_SUBTYPES,
)
from seg6b.draws.compiled import kernel
from seg6b.evidence.s4_draws import COLLATERAL, POSTURE
from seg6b.policy import truth as pack
from seg6b.states.s4_labels.campaign_map.contract import Strategy, direct_rules, find_rules
from seg6b.states.s4_labels.counts import Counts, Keys, happens
from seg6b.states.s4_labels.flows import I32, I64, Flows

U8 = npt.NDArray[np.uint8]

MICROS: Final = 1_000_000
LEGIT: Final = TRUTH_LABELS.index("LEGIT")


class Truth(NamedTuple):
    """Codes of label, subtype, source and rule of each flow, all of shape (n,)."""

    label: U8
    subtype: U8
    source: U8
    rule: U8


class Verdicts(NamedTuple):
    """What rules say.

    Attributes:
        label: label code by rule.
        subtype: subtype code by rule.
        default: code of the rule that gives way to the overrides, -1 if none does.
    """

    label: I32
    subtype: I32
    default: int


class Override(NamedTuple):
    """One override: whom it concerns (by pattern or by party role), and the probability that it holds."""

    on: bool
    concerns: Mask
    rule: int
    window_us: int
    probability: float


def label_truth(
    flows: Flows,
    policy: pack.Ordered | pack.ReducedKey,
    keys: Keys,
    counts: Counts,
    *,
    campaign_map: Strategy,
    collateral: bool,
    posture: bool,
) -> Truth:
    """Truth of each flow, in row order.

    Args:
        flows: whole parties.
        policy: the truth pack.
        keys: draw keys of S4's decisions; one draw a flow that an override decides.
        counts: gains the draws made.
        campaign_map: finds the direct rules.
        collateral: whether the collateral rule is switched on.
        posture: whether the posture rule is switched on.

    Raises:
        ContractBroken: `E_S4_FLOW_WITHOUT_LABEL` where no rule holds.
    """
    out = Truth(*(np.empty(flows.flow_id.size, np.uint8) for _ in Truth._fields))
    direct = find_rules(campaign_map, flows, direct_rules(policy))
    overrides = _overrides(policy, collateral=collateral, posture=posture)
    _decide(flows, direct, _verdicts(policy), overrides, keys, out, counts)
    return out


def _verdicts(policy: pack.Ordered | pack.ReducedKey) -> Verdicts:
    label = np.zeros(len(TRUTH_RULES), np.int32)
    subtype = np.zeros(len(TRUTH_RULES), np.int32)
    every: list[pack.Rule | pack.Collateral | pack.Posture] = [rule for tier in policy.tiers for rule in tier]
    if isinstance(policy, pack.Ordered):
        every += [policy.collateral, policy.posture]
    for rule in every:
        code = TRUTH_RULES.index(rule.rule_id)
        label[code] = TRUTH_LABELS.index(rule.label)
        subtype[code] = TRUTH_SUBTYPES.index(rule.subtype)
    default = TRUTH_RULES.index(policy.default.rule_id) if isinstance(policy, pack.Ordered) else -1
    return Verdicts(label, subtype, default)


def _overrides(policy: pack.Ordered | pack.ReducedKey, *, collateral: bool, posture: bool) -> tuple[Override, Override]:
    if not isinstance(policy, pack.Ordered):
        nobody = np.zeros(len(PATTERNS), np.bool_)
        off = Override(on=False, concerns=nobody, rule=0, window_us=0, probability=0.0)
        return off, off
    near, role = policy.collateral, policy.posture
    return (
        Override(
            collateral,
            np.array([p in near.campaign_types for p in PATTERNS]),
            TRUTH_RULES.index(near.rule_id),
            near.window_s * MICROS,
            near.probability,
        ),
        Override(
            posture,
            np.array([r in role.roles for r in PARTY_FRAUD_ROLES]),
            TRUTH_RULES.index(role.rule_id),
            0,
            role.share,
        ),
    )


_CAMPAIGN: Final = PATTERN_SOURCES.index("CAMPAIGN")
_COLLATERAL: Final = PATTERN_SOURCES.index("COLLATERAL")
_HEURISTIC: Final = PATTERN_SOURCES.index("HEURISTIC_ONLY")


@kernel
def _decide(
    flows: Flows,
    direct: I32,
    rules: Verdicts,
    overrides: tuple[Override, Override],
    keys: Keys,
    out: Truth,
    counts: Counts,
) -> None:
    """Fill `out` party by party."""
    near, posture = overrides
    size = flows.flow_id.size
    found = np.empty(size, np.int64)
    start = 0
    while start < size:
        stop, triggers = start, 0
        while stop < size and flows.party_id[stop] == flows.party_id[start]:
            if near.on and near.concerns[flows.pattern[stop]]:
                found[triggers] = stop
                triggers += 1
            stop += 1
        for i in range(start, stop):
            rule = direct[i]
            source = _CAMPAIGN if flows.pattern[i] != 0 else _HEURISTIC
            holds = True
            if rule == rules.default:
                if triggers > 0 and _is_near(flows.account_id, flows.ts, i, found[:triggers], near.window_us):
                    rule, source = near.rule, _COLLATERAL
                    holds = happens(flows.entity[i], keys, COLLATERAL, near.probability, counts[flows.cell[i]])
                elif posture.on and posture.concerns[flows.role[i]]:
                    rule, source = posture.rule, _COLLATERAL
                    holds = happens(flows.entity[i], keys, POSTURE, posture.probability, counts[flows.cell[i]])
            out.rule[i] = rule
            out.source[i] = source
            out.label[i] = rules.label[rule] if holds else 0
            out.subtype[i] = rules.subtype[rule] if holds else 0
        start = stop


@kernel
def _is_near(account: I64, ts: I64, row: int, triggers: I64, window_us: int) -> bool:
    """Whether a trigger of the same account lies within the window, on either side."""
    for at in triggers:  # noqa: SIM110 - a generator does not compile
        if account[at] == account[row] and abs(ts[at] - ts[row]) <= window_us:
            return True
    return False

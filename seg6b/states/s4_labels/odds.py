"""Odds: the authorisation decision of each flow, and how likely detection, dispute and chargeback are.

Graded by subtype, merchant class, amount and border. The decision never contradicts the flow's events: DECLINE exactly
where the flow was declined, CHALLENGE only after a step-up.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from seg6b.datasets.vocabulary import AMOUNT_FAMILIES, AUTH_DECISIONS, CLASSES, TRUTH_SUBTYPES, UNKNOWN
from seg6b.draws.compiled import kernel
from seg6b.draws.quantile import F64
from seg6b.evidence.s4_draws import AUTH_DECISION
from seg6b.policy import bank_view as pack
from seg6b.states.s4_labels.counts import Counts, Keys, uniform
from seg6b.states.s4_labels.flows import Flows
from seg6b.states.s4_labels.truth import LEGIT, U8, Truth

APPROVE: Final = AUTH_DECISIONS.index("APPROVE")
DECLINE: Final = AUTH_DECISIONS.index("DECLINE")
REVIEW: Final = AUTH_DECISIONS.index("REVIEW")
CHALLENGE: Final = AUTH_DECISIONS.index("CHALLENGE")
_FACTORS: Final = ("detect", "false_positive", "review", "dispute", "chargeback")
_BY_DETECT, _BY_FALSE_POSITIVE, _BY_REVIEW, _BY_DISPUTE, _BY_CHARGEBACK = range(len(_FACTORS))


class Odds(NamedTuple):
    """Of each flow, shape (n,): code of the decision, and three probabilities (chargeback given a dispute)."""

    auth: U8
    detect: F64
    dispute: F64
    chargeback: F64


class Grades(NamedTuple):
    """The graded pack as arrays.

    Attributes:
        detect: rate by subtype.
        dispute: rate by subtype.
        chargeback: rate by subtype.
        factors: by class and by what they multiply (`_FACTORS`); 1 for merchants without a class.
        scale: amount that counts as 1, by family.
        knots_at: amounts of the amount factor, in scales.
        knots_factor: its values.
        suspicion_abroad: factor of review and detection across a border.
        dispute_abroad: factor of disputes across a border.
        ceiling: no probability exceeds it.
        review: review share without and with a step-up.
        challenge: challenge share with a step-up.
    """

    detect: F64
    dispute: F64
    chargeback: F64
    factors: F64
    scale: F64
    knots_at: F64
    knots_factor: F64
    suspicion_abroad: float
    dispute_abroad: float
    ceiling: float
    review: F64
    challenge: float


def new_odds(size: int) -> Odds:
    """Room for the odds of `size` flows."""
    return Odds(np.empty(size, np.uint8), np.empty(size), np.empty(size), np.empty(size))


def graded_odds(flows: Flows, truth: Truth, policy: pack.Graded, keys: Keys, counts: Counts) -> Odds:
    """Odds of each flow under a graded pack; decisions are drawn, and counted, by flow."""
    odds = new_odds(flows.flow_id.size)
    _grade(flows, truth, grades(policy), keys, odds, counts)
    return odds


def grades(policy: pack.Graded) -> Grades:
    """The pack as arrays, in vocabulary order."""
    plain, stepped = policy.auth.plain, policy.auth.step_up
    scale: dict[str, int] = dict(policy.amount.scale_minor.items())
    return Grades(
        rates_of(policy, "detect"),
        rates_of(policy, "dispute"),
        rates_of(policy, "chargeback"),
        np.array([_factors(policy, name) for name in CLASSES]),
        scale=np.array([float(scale[family]) for family in AMOUNT_FAMILIES]),
        knots_at=np.array([knot.at for knot in policy.amount.knots]),
        knots_factor=np.array([knot.factor for knot in policy.amount.knots]),
        suspicion_abroad=policy.cross_border.suspicion,
        dispute_abroad=policy.cross_border.dispute,
        ceiling=pack.CEILING,
        review=np.array([plain.REVIEW, stepped.REVIEW]),
        challenge=stepped.CHALLENGE,
    )


def rates_of(policy: pack.Graded | pack.Flat, rate: str) -> F64:
    """One rate of each truth subtype in vocabulary order; zero for a subtype without rates."""
    rates: dict[str, pack.Rates] = dict(policy.subtypes.items())
    return np.array([getattr(rates[s], rate) if s in rates else 0.0 for s in TRUTH_SUBTYPES])


def _factors(policy: pack.Graded, merchant_class: str) -> list[float]:
    factors: dict[str, pack.ClassFactors] = dict(policy.classes.items())
    return [1.0 if merchant_class == UNKNOWN else getattr(factors[merchant_class], name) for name in _FACTORS]


@kernel
def _grade(flows: Flows, truth: Truth, grades: Grades, keys: Keys, odds: Odds, counts: Counts) -> None:
    """Fill the odds, flow by flow."""
    for i in range(flows.flow_id.size):
        subtype, factors = truth.subtype[i], grades.factors[flows.merchant_class[i]]
        weight = amount_factor(flows.amount[i] / grades.scale[flows.family[i]], grades.knots_at, grades.knots_factor)
        abroad = flows.cross_border[i]
        suspicion = weight * (grades.suspicion_abroad if abroad else 1.0)
        stepped = flows.step_up[i]
        if flows.declined[i]:
            odds.auth[i] = DECLINE
        else:
            challenge = grades.challenge if stepped else 0.0
            review = min(grades.review[np.int64(stepped)] * suspicion * factors[_BY_REVIEW], grades.ceiling)
            odds.auth[i] = _authorise(flows.entity[i], challenge, review, keys, counts[flows.cell[i]])
        factor = factors[_BY_FALSE_POSITIVE] if truth.label[i] == LEGIT else factors[_BY_DETECT]
        odds.detect[i] = min(grades.ceiling, grades.detect[subtype] * factor * suspicion)
        trouble = factors[_BY_DISPUTE] * weight * (grades.dispute_abroad if abroad else 1.0)
        odds.dispute[i] = min(grades.ceiling, grades.dispute[subtype] * trouble) if flows.disputable[i] else 0.0
        odds.chargeback[i] = min(grades.ceiling, grades.chargeback[subtype] * factors[_BY_CHARGEBACK])


@kernel
def amount_factor(relative: float, at: F64, factor: F64) -> float:
    """Linear between the knots, constant outside them."""
    if relative <= at[0]:
        return float(factor[0])
    for k in range(1, at.size):
        if relative <= at[k]:
            t = (relative - at[k - 1]) / (at[k] - at[k - 1])
            return float(factor[k - 1] + t * (factor[k] - factor[k - 1]))
    return float(factor[at.size - 1])


@kernel
def _authorise(entity: np.uint64, challenge: float, review: float, keys: Keys, tally: npt.NDArray[np.int64]) -> int:
    """A draw between challenge, review and approval; none where only one is possible."""
    if challenge >= 1.0:
        return CHALLENGE
    if challenge <= 0.0 and review <= 0.0:
        return APPROVE
    u = uniform(entity, keys, AUTH_DECISION, tally)
    if u < challenge:
        return CHALLENGE
    return REVIEW if u < challenge + review else APPROVE

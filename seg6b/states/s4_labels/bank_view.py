"""The bank's view of a flow: its decision, what it came to, and the label the bank concludes with.

Labels follow the settled order, first match: chargeback lost; dispute won or settled; detected (fraud confirmed, or a
legitimate flow taken for fraud); no case; legitimate flow whose case found nothing; dispute without a chargeback;
only reviewed. The flat pack keeps the published list, which ends before it has named every case.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from seg6b.datasets.frames import Mask
from seg6b.datasets.vocabulary import BANK_LABEL_RULES, BANK_LABELS
from seg6b.policy import bank_view as pack
from seg6b.states.s4_labels.counts import Counts, Keys
from seg6b.states.s4_labels.delays import Delays
from seg6b.states.s4_labels.flat_odds import flat_odds
from seg6b.states.s4_labels.flows import NEVER, Flows
from seg6b.states.s4_labels.odds import graded_odds
from seg6b.states.s4_labels.outcomes import BANK_LOSS, NO_CHARGEBACK, NOT_DETECTED, Outcomes, draw_outcomes
from seg6b.states.s4_labels.truth import LEGIT, U8, Truth

_FRAUD_LABELS: Final = ("BANK_CONFIRMED_FRAUD", "CHARGEBACK_WRITTEN_OFF")
_LABEL_OF: Final = {
    "CHARGEBACK_LOSS": "CHARGEBACK_WRITTEN_OFF",
    "DISPUTE_WON_OR_PARTIAL": "CUSTOMER_DISPUTE_REJECTED",
    "FRAUD_DETECTED": "BANK_CONFIRMED_FRAUD",
    "LEGIT_FALSE_POSITIVE": "BANK_CONFIRMED_FRAUD",
    "DISPUTE_WITHOUT_CHARGEBACK": "CUSTOMER_DISPUTE_REJECTED",
    "REVIEWED_ONLY": "BANK_CONFIRMED_LEGIT",
    "LEGIT_CASE_CLEARED": "BANK_CONFIRMED_LEGIT",
    "NO_CASE": "NO_CASE_OPENED",
    "LEGIT_DEFAULT": "BANK_CONFIRMED_LEGIT",
    "FALL_THROUGH": "NO_CASE_OPENED",
}


class View(NamedTuple):
    """Of each flow, shape (n,): code of the decision, the outcomes, codes of label and of the rule behind it."""

    auth: U8
    outcomes: Outcomes
    label: U8
    rule: U8


def view_flows(
    flows: Flows, truth: Truth, policy: pack.Graded | pack.Flat, delays: Delays, keys: Keys, counts: Counts
) -> View:
    """The bank's view of each flow, in row order.

    Args:
        flows: the flows.
        truth: their truth.
        policy: the bank view pack.
        delays: laws of the delay pack.
        keys: draw keys of S4's decisions; every draw is keyed by flow.
        counts: gains the draws made.
    """
    if isinstance(policy, pack.Graded):
        odds = graded_odds(flows, truth, policy, keys, counts)
    else:
        odds = flat_odds(flows, truth, policy, keys, counts)
    outcomes = draw_outcomes(flows, truth, odds, policy, delays, keys=keys, counts=counts)
    rule = _rules(truth, outcomes) if isinstance(policy, pack.Graded) else _flat_rules(truth, outcomes)
    labels = np.array([BANK_LABELS.index(_LABEL_OF[name]) for name in BANK_LABEL_RULES], np.uint8)
    return View(odds.auth, outcomes, labels[rule], rule)


def bank_fraud(view: View) -> Mask:
    """Whether the bank holds each flow for fraud."""
    held = np.array([label in _FRAUD_LABELS for label in BANK_LABELS])
    return held[view.label]


def _rules(truth: Truth, outcomes: Outcomes) -> U8:
    """The settled order; only flows with a case need more than a look."""
    out = np.full(truth.label.size, BANK_LABEL_RULES.index("NO_CASE"), np.uint8)
    held = np.flatnonzero(outcomes.opened_at != NEVER)
    legit = truth.label[held] == LEGIT
    lost, settled, detected = _signs(outcomes, held)
    disputed = outcomes.disputed[held]
    out[held] = _first(
        (lost, "CHARGEBACK_LOSS"),
        (settled, "DISPUTE_WON_OR_PARTIAL"),
        (detected & ~legit, "FRAUD_DETECTED"),
        (detected, "LEGIT_FALSE_POSITIVE"),
        (legit, "LEGIT_CASE_CLEARED"),
        (disputed, "DISPUTE_WITHOUT_CHARGEBACK"),
        default="REVIEWED_ONLY",
    )
    return out


def _flat_rules(truth: Truth, outcomes: Outcomes) -> U8:
    """The published list: what no rule names falls through."""
    lost, settled, detected = _signs(outcomes, np.arange(truth.label.size))
    return _first(
        (lost, "CHARGEBACK_LOSS"),
        (settled, "DISPUTE_WON_OR_PARTIAL"),
        (truth.label == LEGIT, "LEGIT_DEFAULT"),
        (detected, "FRAUD_DETECTED"),
        (outcomes.opened_at == NEVER, "NO_CASE"),
        default="FALL_THROUGH",
    )


def _signs(outcomes: Outcomes, rows: npt.NDArray[np.intp]) -> tuple[Mask, Mask, Mask]:
    """Chargeback lost; chargeback won or settled; detected."""
    ended = outcomes.chargeback_outcome[rows]
    lost = ended == BANK_LOSS
    return lost, (ended != NO_CHARGEBACK) & ~lost, outcomes.detection[rows] != NOT_DETECTED


def _first(*rules: tuple[Mask, str], default: str) -> U8:
    """Code of the first rule that holds."""
    codes = [BANK_LABEL_RULES.index(name) for _, name in rules]
    return np.select([holds for holds, _ in rules], codes, BANK_LABEL_RULES.index(default)).astype(np.uint8)

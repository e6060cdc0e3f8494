"""The flat odds of the D+ baseline: one rate a subtype, the decision drawn whatever the events say."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np

from seg6b.datasets.frames import Mask
from seg6b.datasets.vocabulary import AUTH_DECISIONS, CHANNELS, PATTERNS
from seg6b.draws.choice import pick
from seg6b.draws.compiled import kernel
from seg6b.draws.quantile import F64
from seg6b.evidence.s4_draws import AUTH_DECISION
from seg6b.policy import bank_view as pack
from seg6b.states.s4_labels.counts import Counts, Keys, uniform
from seg6b.states.s4_labels.flows import Flows
from seg6b.states.s4_labels.odds import DECLINE, Odds, new_odds, rates_of
from seg6b.states.s4_labels.outcomes import cumulative
from seg6b.states.s4_labels.truth import Truth

_CARD_TESTING: Final = PATTERNS.index("CARD_TESTING")


class Decisions(NamedTuple):
    """Cumulative decisions, whether there is a choice, and the channels on which card testing is declined."""

    cum: F64
    drawn: bool
    declines: Mask


def flat_odds(flows: Flows, truth: Truth, policy: pack.Flat, keys: Keys, counts: Counts) -> Odds:
    """Odds of each flow under a flat pack; decisions are drawn, and counted, by flow."""
    odds = new_odds(flows.flow_id.size)
    odds.detect[:] = rates_of(policy, "detect")[truth.subtype]
    odds.dispute[:] = rates_of(policy, "dispute")[truth.subtype]
    odds.chargeback[:] = rates_of(policy, "chargeback")[truth.subtype]
    mix = np.array([getattr(policy.auth, name) for name in AUTH_DECISIONS])
    declines = np.array([channel in policy.card_testing_declines for channel in CHANNELS])
    _decide(flows, Decisions(cumulative(mix), bool((mix > 0).sum() > 1), declines), keys, odds, counts)
    return odds


@kernel
def _decide(flows: Flows, decisions: Decisions, keys: Keys, odds: Odds, counts: Counts) -> None:
    for i in range(flows.flow_id.size):
        if flows.pattern[i] == _CARD_TESTING and decisions.declines[flows.channel[i]]:
            odds.auth[i] = DECLINE
        else:
            tally = counts[flows.cell[i]]
            u = uniform(flows.entity[i], keys, AUTH_DECISION, tally) if decisions.drawn else 0.5
            odds.auth[i] = pick(decisions.cum, u)

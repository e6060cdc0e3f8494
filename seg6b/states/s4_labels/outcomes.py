"""Outcomes: what the odds became. Detection, dispute and chargeback of each flow, with their stamps.

Every decision is one draw a flow. A detection hangs on the AUTH_RESPONSE, a dispute on the CLEARING (else the
response), a chargeback on the dispute; a case opens at the first of them, or at the response of a flow that was
reviewed or challenged.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from seg6b.datasets.frames import Mask
from seg6b.datasets.vocabulary import CHARGEBACK_OUTCOMES, CHARGEBACK_TYPES, DETECTION_OUTCOMES
from seg6b.draws.choice import pick
from seg6b.draws.compiled import kernel
from seg6b.draws.quantile import F64, significant
from seg6b.evidence.s4_draws import (
    AT_AUTH,
    CHARGEBACK,
    CHARGEBACK_DELAY,
    CHARGEBACK_OUTCOME,
    CHARGEBACK_TYPE,
    DETECT,
    DETECT_DELAY,
    DISPUTE,
    DISPUTE_DELAY,
)
from seg6b.policy import bank_view as pack
from seg6b.states.s4_labels.counts import Counts, Keys, happens, uniform
from seg6b.states.s4_labels.delays import Delays, delay_ms
from seg6b.states.s4_labels.flows import I64, NEVER, Flows
from seg6b.states.s4_labels.odds import CHALLENGE, REVIEW, Odds, rates_of
from seg6b.states.s4_labels.truth import U8, Truth

DETECTED_AT_AUTH: Final = DETECTION_OUTCOMES.index("DETECTED_AT_AUTH")
DETECTED_POST_AUTH: Final = DETECTION_OUTCOMES.index("DETECTED_POST_AUTH")
NOT_DETECTED: Final = DETECTION_OUTCOMES.index("NOT_DETECTED")
NO_CHARGEBACK: Final = CHARGEBACK_OUTCOMES.index("NO_CHARGEBACK")
BANK_LOSS: Final = CHARGEBACK_OUTCOMES.index("BANK_LOSS")
_OUTCOMES: Final = CHARGEBACK_OUTCOMES[BANK_LOSS:]
_MILLI: Final = 1000


class Outcomes(NamedTuple):
    """Of each flow, shape (n,); stamps in microseconds, `NEVER` where nothing happened; delays -1 where none applied.

    Attributes:
        detection: code of the outcome.
        disputed: whether a dispute was filed.
        chargeback_type: code, -1 without a chargeback.
        chargeback_outcome: code.
        detected_at: stamp.
        disputed_at: stamp.
        charged_back_at: stamp of the chargeback's start.
        opened_at: the flow's own reason for a case.
        detection_ms: delay as drawn.
        dispute_ms: likewise.
        chargeback_ms: likewise.
    """

    detection: U8
    disputed: Mask
    chargeback_type: npt.NDArray[np.int8]
    chargeback_outcome: U8
    detected_at: I64
    disputed_at: I64
    charged_back_at: I64
    opened_at: I64
    detection_ms: I64
    dispute_ms: I64
    chargeback_ms: I64


class Aftermath(NamedTuple):
    """What follows a detection or a dispute.

    Attributes:
        at_auth: P(at authorisation | detected) by subtype.
        type_cum: cumulative chargeback types.
        outcome_cum: cumulative chargeback outcomes by truth label.
        type_drawn: whether the type has more than one outcome.
        outcome_drawn: the same by truth label.
    """

    at_auth: F64
    type_cum: F64
    outcome_cum: F64
    type_drawn: bool
    outcome_drawn: Mask


def draw_outcomes(
    flows: Flows,
    truth: Truth,
    odds: Odds,
    policy: pack.Graded | pack.Flat,
    delays: Delays,
    *,
    keys: Keys,
    counts: Counts,
) -> Outcomes:
    """What happened to each flow, in row order; `counts` gains the draws made."""
    size = flows.flow_id.size
    out = Outcomes(
        np.full(size, NOT_DETECTED, np.uint8),
        np.zeros(size, np.bool_),
        np.full(size, -1, np.int8),
        np.full(size, NO_CHARGEBACK, np.uint8),
        *(np.full(size, NEVER, np.int64) for _ in range(4)),
        *(np.full(size, -1, np.int64) for _ in range(3)),
    )
    _draw(flows, truth, odds, _aftermath(policy), delays, keys, out, counts)
    return out


def _aftermath(policy: pack.Graded | pack.Flat) -> Aftermath:
    types = np.array([getattr(policy.chargeback_types, name) for name in CHARGEBACK_TYPES])
    mixes = [policy.chargeback_outcomes[label] for label in pack.LABELS]
    outcomes = np.array([[getattr(mix, name) for name in _OUTCOMES] for mix in mixes])
    return Aftermath(
        rates_of(policy, "at_auth"),
        cumulative(types),
        np.array([cumulative(row) for row in outcomes]),
        bool((types > 0).sum() > 1),
        (outcomes > 0).sum(axis=1) > 1,
    )


def cumulative(probs: F64) -> F64:
    """Cumulative probabilities rounded to nine digits, the last exactly 1."""
    total = np.array([significant(p) for p in np.cumsum(probs)])
    total[-1] = 1.0
    return total


@kernel
def _draw(
    flows: Flows, truth: Truth, odds: Odds, after: Aftermath, delays: Delays, keys: Keys, out: Outcomes, counts: Counts
) -> None:
    """Fill the outcomes, flow by flow."""
    for i in range(flows.flow_id.size):
        entity, tally = flows.entity[i], counts[flows.cell[i]]
        if happens(entity, keys, DETECT, odds.detect[i], tally):
            at_auth = happens(entity, keys, AT_AUTH, after.at_auth[truth.subtype[i]], tally)
            out.detection[i] = DETECTED_AT_AUTH if at_auth else DETECTED_POST_AUTH
            out.detected_at[i] = flows.ts[i] if delays.from_flow else flows.response[i]
            if delays.from_flow or not at_auth:
                out.detection_ms[i] = delay_ms(delays.detection, entity, keys, DETECT_DELAY, tally)
                out.detected_at[i] += out.detection_ms[i] * _MILLI
        if happens(entity, keys, DISPUTE, odds.dispute[i], tally):
            out.disputed[i] = True
            out.dispute_ms[i] = delay_ms(delays.dispute, entity, keys, DISPUTE_DELAY, tally)
            anchor = flows.clear[i] if flows.clear[i] != NEVER else flows.response[i]
            out.disputed_at[i] = (flows.ts[i] if delays.from_flow else anchor) + out.dispute_ms[i] * _MILLI
            if happens(entity, keys, CHARGEBACK, odds.chargeback[i], tally):
                label = truth.label[i]
                u = uniform(entity, keys, CHARGEBACK_TYPE, tally) if after.type_drawn else 0.5
                out.chargeback_type[i] = pick(after.type_cum, u)
                u = uniform(entity, keys, CHARGEBACK_OUTCOME, tally) if after.outcome_drawn[label] else 0.5
                out.chargeback_outcome[i] = BANK_LOSS + pick(after.outcome_cum[label], u)
                out.chargeback_ms[i] = delay_ms(delays.chargeback, entity, keys, CHARGEBACK_DELAY, tally)
                anchor = flows.ts[i] if delays.from_flow else out.disputed_at[i]
                out.charged_back_at[i] = anchor + out.chargeback_ms[i] * _MILLI
        asked = odds.auth[i] == REVIEW or odds.auth[i] == CHALLENGE
        opened = _earlier(out.detected_at[i], out.disputed_at[i])
        opened = _earlier(opened, flows.response[i] if asked else NEVER)
        out.opened_at[i] = flows.ts[i] if opened != NEVER and delays.from_flow else opened


@kernel
def _earlier(one: int, other: int) -> int:
    """The earlier of two stamps, either of which may be `NEVER`."""
    if one == NEVER:
        return other
    return one if other == NEVER else min(one, other)

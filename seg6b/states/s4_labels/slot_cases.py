"""Cases as the D+ baseline made them: one a flow, six fixed event slots with holes, times as they come.

Under constant delays everything counts from the time of the flow; under drawn ones a case closes, and a chargeback
is decided, a drawn delay after it opened, as the first policy text had it.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from seg6b.datasets.vocabulary import CASE_KEY_TYPES, DELAY_MODELS
from seg6b.evidence.s4_draws import CLOSE_DELAY
from seg6b.states.s4_labels.case_book import (
    CHARGEBACK,
    CLOSED,
    DECISION,
    DETECTION,
    DISPUTE,
    MILLI,
    OPENED,
    STEPS,
    CaseBook,
    case_types,
)
from seg6b.states.s4_labels.counts import Counts, Keys
from seg6b.states.s4_labels.delays import Delays, delays_by_id
from seg6b.states.s4_labels.flows import NEVER, Flows
from seg6b.states.s4_labels.outcomes import Outcomes

_FLOW: Final = CASE_KEY_TYPES.index("FLOW")


def open_slots(flows: Flows, outcomes: Outcomes, delays: Delays, keys: Keys, counts: Counts) -> CaseBook:
    """One case a flow that opened one; its id is the flow's."""
    rows = np.flatnonzero(outcomes.opened_at != NEVER)
    flow_id, opened, charged = flows.flow_id[rows], outcomes.opened_at[rows], outcomes.charged_back_at[rows]
    close_ms = delays_by_id(flow_id, flows.cell[rows], delays.close, keys, CLOSE_DELAY, counts)
    closed = opened + close_ms * MILLI
    decided = flows.ts[rows] + delays.decision_ms * MILLI if delays.from_flow else closed
    stamp = np.empty((rows.size, STEPS), np.int64)
    stamp[:, OPENED] = opened
    stamp[:, DETECTION] = outcomes.detected_at[rows]
    stamp[:, DISPUTE] = outcomes.disputed_at[rows]
    stamp[:, CHARGEBACK] = charged
    stamp[:, DECISION] = np.where(charged != NEVER, decided, NEVER)
    stamp[:, CLOSED] = closed
    law = np.full(STEPS, -1, np.int32)
    law[[DETECTION, DISPUTE, CHARGEBACK, CLOSED]] = np.arange(len(DELAY_MODELS))
    return CaseBook(
        row=rows,
        case_of=np.arange(rows.size),
        case_id=flow_id,
        key_type=np.full(rows.size, _FLOW, np.int32),
        key=flow_id,
        case_type=case_types(stamp),
        n_flows=np.ones(rows.size, np.int32),
        reopened=np.zeros(rows.size, np.bool_),
        close_ms=close_ms,
        stamp=stamp,
        by_row=np.repeat(rows[:, None], STEPS, axis=1),
        law=np.repeat(law[None, :], rows.size, axis=0),
        slots=True,
    )

"""Strategy `recompute`: each event is labelled by evaluating truth and bank view of its flow anew, event by event.

What POPT.2 set out from: no flow label is passed on. Flow columns are spread to event grain, the truth and bank view
kernels run on them, and the stamps of the case are looked up at the same grain.

Costs one scan of the events and one of the flows; no join, since events follow their flows and spreading is an index;
no sort; and truth and bank view evaluated once an event, beside the once a flow that every strategy pays: k times the
work for a flow of k events, k squared where truth looks for triggers near it. Memory: 19 flow columns and 17 of labels
and outcomes at event grain (200 B an event). Draws are functions of the flow, so they come out the same; they are not
counted again.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt
import polars as pl

from seg6b.datasets.frames import Mask, codes_of, dictionary, micros_of
from seg6b.datasets.vocabulary import EVENT_ROLES, EVENT_TYPES
from seg6b.states.s4_labels.bank_view import bank_fraud
from seg6b.states.s4_labels.event_labels.contract import LabelledFlows, case_labels, case_stamps, without_label
from seg6b.states.s4_labels.flows import I64, NEVER, Flows
from seg6b.states.s4_labels.truth import LEGIT, MICROS, U8

_PRIMARY: Final = EVENT_ROLES.index("PRIMARY_FRAUD_ACTION")
_SUPPORTING: Final = EVENT_ROLES.index("SUPPORTING_EVENT")
_CONTEXT: Final = EVENT_ROLES.index("LEGIT_CONTEXT")
_REQUEST: Final = EVENT_TYPES.index("AUTH_REQUEST")


def label(events: pl.DataFrame, labelled: LabelledFlows) -> pl.DataFrame:
    """Labels of each event; see `contract.Strategy`."""
    owner = np.repeat(np.arange(labelled.n_events.size), labelled.n_events)
    _require_own(events["flow_id"].to_numpy(), labelled.flows.flow_id[owner])
    truth, view = labelled.relabel(_spread(labelled.flows, owner))
    fraud, seen = truth.label != LEGIT, view.outcomes
    primary = fraud & _primary(events, owner, labelled.n_events.size)
    ts, held = micros_of(events["ts_utc"]), seen.opened_at != NEVER
    stamps = case_stamps(view, labelled.closed_at[owner]).values()
    windows = labelled.windows
    return pl.DataFrame(
        {
            "flow_id": events["flow_id"],
            "event_seq": events["event_seq"],
            "is_fraud_truth": fraud,
            "is_fraud_bank_view": bank_fraud(view),
            "is_fraud_event_truth": primary,
            "truth_event_role": dictionary(_roles(fraud, primary), EVENT_ROLES),
            "is_detection_action": held & _near(ts, seen.detected_at, windows.detection_action_s),
            "is_case_event": held & np.logical_or.reduce([_near(ts, at, windows.case_event_s) for at in stamps]),
            "bank_event_label": case_labels(view),
        }
    )


def _spread(flows: Flows, owner: I64) -> Flows:
    """The flows at event grain, columns writable or not as they were: a kernel is compiled once for each kind."""
    columns: tuple[npt.NDArray[Any], ...] = flows
    spread = [column[owner] for column in columns]
    for after, before in zip(spread, columns, strict=True):
        after.flags.writeable = before.flags.writeable
    return Flows._make(spread)


def _require_own(flow_id: I64, expected: I64) -> None:
    strays = np.flatnonzero(flow_id != expected)
    if strays.size:
        raise without_label(int(flow_id[strays[0]]), "an event of another flow")


def _primary(events: pl.DataFrame, owner: I64, size: int) -> Mask:
    """Which events are the primary action if their flow is fraud."""
    overlaid = events["is_fraud_event"].to_numpy()
    mutated = np.zeros(size, np.bool_)
    mutated[owner[overlaid]] = True
    return np.where(mutated[owner], overlaid, codes_of(events["event_type"]) == _REQUEST)


def _roles(fraud: Mask, primary: Mask) -> U8:
    return np.where(primary, _PRIMARY, np.where(fraud, _SUPPORTING, _CONTEXT)).astype(np.uint8)


def _near(ts: I64, stamp: I64, window_s: int) -> Mask:
    known = stamp != NEVER
    return known & (np.abs(ts - np.where(known, stamp, ts)) <= window_s * MICROS)

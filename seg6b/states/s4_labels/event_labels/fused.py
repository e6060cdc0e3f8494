"""Strategy `fused`: one compiled walk over flows and their events side by side.

Costs one scan of the events and one of the flows; no join, no sort, no flow column at event grain. Memory: the event
types as codes (4 B an event) and the seven label columns that it fills (10 B an event). It relies on events that follow
the order of their flows, and checks every event's id on the way.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
import polars as pl

from seg6b.datasets.frames import Mask, codes_of, dictionary, micros_of
from seg6b.datasets.vocabulary import BANK_LABELS, EVENT_ROLES, EVENT_TYPES
from seg6b.draws.compiled import kernel, read_only
from seg6b.states.s4_labels.event_labels.contract import LabelledFlows, without_label
from seg6b.states.s4_labels.flows import I32, I64, NEVER
from seg6b.states.s4_labels.truth import LEGIT, MICROS, U8

_PRIMARY: Final = EVENT_ROLES.index("PRIMARY_FRAUD_ACTION")
_SUPPORTING: Final = EVENT_ROLES.index("SUPPORTING_EVENT")
_CONTEXT: Final = EVENT_ROLES.index("LEGIT_CONTEXT")
_REQUEST: Final = EVENT_TYPES.index("AUTH_REQUEST")


class Events(NamedTuple):
    """Events in the order of their flows, shape (e,): flow, type, time, and whether the overlay made them."""

    flow_id: I64
    kind: I32
    ts: I64
    overlaid: Mask


class Labels(NamedTuple):
    """Labels of each event, shape (e,); `bank` is the flow's label code where a case exists, else -1."""

    fraud: Mask
    bank_fraud: Mask
    fraud_event: Mask
    role: U8
    detection: Mask
    case: Mask
    bank: I32


class Stamps(NamedTuple):
    """The bank's stamps of each flow, shape (n,), and the windows in microseconds."""

    opened_at: I64
    detected_at: I64
    disputed_at: I64
    charged_back_at: I64
    closed_at: I64
    detection_us: int
    case_us: int


class Marks(NamedTuple):
    """What events inherit from each flow, shape (n,): id, truth label, the bank's verdict and label code."""

    flow_id: I64
    truth: U8
    bank_fraud: Mask
    label: U8


def label(events: pl.DataFrame, labelled: LabelledFlows) -> pl.DataFrame:
    """Labels of each event; see `contract.Strategy`."""
    held = Events(
        read_only(events["flow_id"].to_numpy()),
        read_only(codes_of(events["event_type"])),
        read_only(micros_of(events["ts_utc"])),
        read_only(events["is_fraud_event"].to_numpy()),
    )
    size, view, windows = events.height, labelled.view, labelled.windows
    out = Labels(
        np.zeros(size, np.bool_),
        np.zeros(size, np.bool_),
        np.zeros(size, np.bool_),
        np.full(size, _CONTEXT, np.uint8),
        np.zeros(size, np.bool_),
        np.zeros(size, np.bool_),
        np.full(size, -1, np.int32),
    )
    stamps = Stamps(
        **labelled.stamps, detection_us=windows.detection_action_s * MICROS, case_us=windows.case_event_s * MICROS
    )
    marks = Marks(labelled.flows.flow_id, labelled.truth.label, labelled.held_for_fraud, view.label)
    stray = _label(held, read_only(labelled.n_events), marks, stamps, out)
    if stray >= 0:
        raise without_label(int(held.flow_id[stray]), "an event of another flow")
    return pl.DataFrame(
        {
            "flow_id": events["flow_id"],
            "event_seq": events["event_seq"],
            "is_fraud_truth": out.fraud,
            "is_fraud_bank_view": out.bank_fraud,
            "is_fraud_event_truth": out.fraud_event,
            "truth_event_role": dictionary(out.role, EVENT_ROLES),
            "is_detection_action": out.detection,
            "is_case_event": out.case,
            "bank_event_label": dictionary(out.bank, BANK_LABELS),
        }
    )


@kernel
def _label(events: Events, n_events: I32, marks: Marks, stamps: Stamps, out: Labels) -> int:
    """Fill the labels flow by flow; the first event that belongs to another flow, or -1."""
    start = 0
    for i in range(marks.flow_id.size):
        stop = start + n_events[i]
        for e in range(start, stop):
            if events.flow_id[e] != marks.flow_id[i]:
                return e
        if marks.truth[i] != LEGIT:
            out.fraud[start:stop] = True
            _assign_roles(
                events.overlaid[start:stop], events.kind[start:stop], out.fraud_event[start:stop], out.role[start:stop]
            )
        if marks.bank_fraud[i]:
            out.bank_fraud[start:stop] = True
        if stamps.opened_at[i] != NEVER:
            out.bank[start:stop] = marks.label[i]
            for e in range(start, stop):
                at = events.ts[e]
                out.detection[e] = _near(at, stamps.detected_at[i], stamps.detection_us)
                out.case[e] = (
                    _near(at, stamps.opened_at[i], stamps.case_us)
                    or _near(at, stamps.detected_at[i], stamps.case_us)
                    or _near(at, stamps.disputed_at[i], stamps.case_us)
                    or _near(at, stamps.charged_back_at[i], stamps.case_us)
                    or _near(at, stamps.closed_at[i], stamps.case_us)
                )
        start = stop
    return -1


@kernel
def _near(at: int, stamp: int, window_us: int) -> bool:
    return stamp != NEVER and abs(at - stamp) <= window_us


@kernel
def _assign_roles(overlaid: Mask, kind: I32, fraud_event: Mask, role: U8) -> None:
    """Primary action and supporting events of one flow."""
    made = overlaid.any()
    for e in range(kind.size):
        primary = overlaid[e] if made else kind[e] == _REQUEST
        fraud_event[e] = primary
        role[e] = _PRIMARY if primary else _SUPPORTING

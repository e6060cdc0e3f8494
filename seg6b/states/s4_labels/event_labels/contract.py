"""What every strategy is given, what it gives back, and how it refuses an event that no flow explains."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl

from seg6b.datasets.frames import Mask, dictionary
from seg6b.datasets.tables import EVENT_LABELS, EVENTS_WITH_FRAUD
from seg6b.datasets.vocabulary import BANK_LABELS
from seg6b.errors import ContractBroken
from seg6b.policy.bank_view import Windows
from seg6b.states.s4_labels.bank_view import View, bank_fraud
from seg6b.states.s4_labels.flows import I32, I64, NEVER, Flows
from seg6b.states.s4_labels.truth import LEGIT, Truth

STAMPS: Final = ("opened_at", "detected_at", "disputed_at", "charged_back_at", "closed_at")

Relabel = Callable[[Flows], tuple[Truth, View]]


@dataclass(frozen=True, slots=True)
class LabelledFlows:
    """The flows of a batch with all that is known of them once their cases are told; arrays of shape (n,).

    Attributes:
        flows: whole parties, ids unique.
        truth: their truth.
        view: their bank view.
        closed_at: when the case of each flow closed, `NEVER` without one.
        n_events: events of each flow.
        windows: windows of the bank view pack.
        relabel: truth and bank view of any rows of flows, from the policy anew; its draws are not counted.
    """

    flows: Flows
    truth: Truth
    view: View
    closed_at: I64
    n_events: I32
    windows: Windows
    relabel: Relabel

    @property
    def is_fraud(self) -> Mask:
        """Whether each flow is fraud in truth."""
        return self.truth.label != LEGIT

    @property
    def held_for_fraud(self) -> Mask:
        """Whether the bank holds each flow for fraud."""
        return bank_fraud(self.view)

    @property
    def case_label(self) -> pl.Series:
        """The bank's label of each flow with a case, null without one."""
        return case_labels(self.view)

    @property
    def stamps(self) -> dict[str, I64]:
        """Stamps of each flow's case by name, in microseconds; `NEVER` where nothing happened."""
        return case_stamps(self.view, self.closed_at)


Strategy = Callable[[pl.DataFrame, LabelledFlows], pl.DataFrame]
"""Events (`flow_id`, `event_seq`, `event_type`, `ts_utc`, `is_fraud_event`; flow by flow) to their label columns.

The result has one row an event, in the order of the events, with at least the columns of `s4_event_labels_6B`.
"""


def label_events(strategy: Strategy, events: pl.DataFrame, labelled: LabelledFlows) -> pl.DataFrame:
    """Rows of `s4_event_labels_6B`, in the order of the events, whatever the strategy.

    Raises:
        ContractBroken: `E_S4_EVENT_WITHOUT_FLOW_LABEL` where an event belongs to no flow of the batch, or where events
            are too few or too many.
    """
    strays = events.height - int(labelled.n_events.sum())
    if strays:
        last = events["flow_id"][-1] if events.height else None
        raise without_label(last, f"{abs(strays)} too {'many' if strays > 0 else 'few'}")
    return strategy(events, labelled).select(EVENT_LABELS.names)


def case_stamps(view: View, closed_at: I64) -> dict[str, I64]:
    """Stamps of each row's case by name, in microseconds; `NEVER` where nothing happened."""
    seen = view.outcomes
    told = (seen.opened_at, seen.detected_at, seen.disputed_at, seen.charged_back_at, closed_at)
    return dict(zip(STAMPS, told, strict=True))


def case_labels(view: View) -> pl.Series:
    """The bank's label of each row with a case, null without one."""
    return dictionary(np.where(view.outcomes.opened_at != NEVER, view.label.astype(np.int32), -1), BANK_LABELS)


def without_label(flow_id: int | None, value: str) -> ContractBroken:
    """The refusal of events that no flow label covers; `flow_id` is that of the first, None without any event."""
    return ContractBroken(
        "E_S4_EVENT_WITHOUT_FLOW_LABEL",
        "events do not follow their flows",
        f"{EVENTS_WITH_FRAUD.name}, flow_id {'none' if flow_id is None else flow_id}",
        value,
        "n_events of each flow, in the order of the flows",
        "Rerun S3.",
    )

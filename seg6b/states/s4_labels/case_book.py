"""The book of a batch's cases: members, events, and what a case may not be."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl

from seg6b.datasets.frames import Mask
from seg6b.datasets.tables import CASE_FLOWS, CASES
from seg6b.datasets.vocabulary import CASE_EVENT_TYPES, CASE_TYPES
from seg6b.errors import ContractBroken
from seg6b.policy.case import Guards
from seg6b.states.s4_labels.flows import I32, I64, NEVER

OPENED: Final = CASE_EVENT_TYPES.index("CASE_OPENED")
DETECTION: Final = CASE_EVENT_TYPES.index("DETECTION_EVENT_ATTACHED")
DISPUTE: Final = CASE_EVENT_TYPES.index("CUSTOMER_DISPUTE_FILED")
CHARGEBACK: Final = CASE_EVENT_TYPES.index("CHARGEBACK_INITIATED")
DECISION: Final = CASE_EVENT_TYPES.index("CHARGEBACK_DECISION")
CLOSED: Final = CASE_EVENT_TYPES.index("CASE_CLOSED")
STEPS: Final = len(CASE_EVENT_TYPES)
MICROS: Final = 1_000_000
MILLI: Final = 1000


@dataclass(frozen=True, slots=True)
class CaseBook:
    """Cases of one batch.

    Attributes:
        row: row of each member flow, shape (m,).
        case_of: index of its case, shape (m,), ascending.
        case_id: id of each case, shape (c,).
        key_type: code of the key's type, shape (c,).
        key: the key's value, shape (c,).
        case_type: code, shape (c,).
        n_flows: members, shape (c,).
        reopened: whether it follows an earlier case of its key closely, shape (c,).
        close_ms: delay of its closing, shape (c,).
        stamp: time of each step in microseconds, `NEVER` where it did not happen, shape (c, 6).
        by_row: row of the flow whose stamp set the step, shape (c, 6).
        law: code of the delay model behind the stamp, -1 for none, shape (c, 6).
        slots: whether events are numbered by step, with holes, instead of contiguously.
    """

    row: I64
    case_of: I64
    case_id: I64
    key_type: I32
    key: I64
    case_type: I32
    n_flows: I32
    reopened: Mask
    close_ms: I64
    stamp: I64
    by_row: I64
    law: I32
    slots: bool

    def spread(self, values: I64, size: int, missing: int) -> I64:
        """A value of each case, for each of `size` flows; `missing` for flows in no case."""
        out = np.full(size, missing, np.int64)
        out[self.row] = values[self.case_of]
        return out


def case_links(book: CaseBook, flow_id: I64) -> pl.DataFrame:
    """Rows of `s4_case_flows_6B`: the members of each case, cases as in the book."""
    links = pl.DataFrame({"case_id": book.case_id[book.case_of], "flow_id": flow_id[book.row]})
    return links.select(CASE_FLOWS.names)


def case_types(stamp: I64) -> I32:
    """What each case came to, as codes: a chargeback, else a dispute, else a detection, else review alone."""
    names = ("CHARGEBACK_CASE", "DISPUTE_CASE", "DETECTION_CASE")
    happened = [stamp[:, step] != NEVER for step in (CHARGEBACK, DISPUTE, DETECTION)]
    codes = [CASE_TYPES.index(name) for name in names]
    return np.select(happened, codes, CASE_TYPES.index("REVIEW_CASE")).astype(np.int32)


def check_book(book: CaseBook, guards: Guards) -> None:
    """Refuse a case that is not closed, runs backwards, or exceeds a guard.

    Raises:
        ContractBroken: `E_S4_CASE_NOT_CLOSED`, `E_S4_CASE_NOT_MONOTONE`, `E_S4_CASE_GUARD`, `E_S4_CASE_ID_DUPLICATE`.
    """
    happened = book.stamp != NEVER
    _refuse(book, ~(happened[:, OPENED] & happened[:, CLOSED]), "E_S4_CASE_NOT_CLOSED", "a case is not closed")
    running = np.maximum.accumulate(book.stamp, axis=1)
    _refuse(
        book,
        (happened & (book.stamp < running)).any(axis=1),
        "E_S4_CASE_NOT_MONOTONE",
        "events of a case run backwards",
    )
    refuse_duplicates(book.case_id)
    spans = -(-(book.stamp[:, CLOSED] - book.stamp[:, OPENED]) // MICROS)
    events = happened.sum(axis=1)
    for name, values, limit in (
        ("flows_per_case", book.n_flows, guards.flows_per_case),
        ("events_per_case", events, guards.events_per_case),
        ("span_s", spans, guards.span_s),
    ):
        over = values > limit
        if over.any():
            value = str(int(values[over].max()))
            _refuse(book, over, "E_S4_CASE_GUARD", f"a case exceeds guard {name}", value, f"at most {limit}")


def refuse_duplicates(case_id: I64) -> None:
    """Refuse two cases with one id."""
    ordered = np.sort(case_id)
    twice = ordered[1:][ordered[1:] == ordered[:-1]]
    if twice.size:
        raise ContractBroken(
            "E_S4_CASE_ID_DUPLICATE",
            "two cases have one id",
            f"{CASES.name}, case_id {int(twice[0])}",
            f"{twice.size} ids",
            "every id once",
        )


def _refuse(book: CaseBook, bad: Mask, code: str, what: str, value: str = "", expected: str = "0") -> None:
    if bad.any():
        first = int(book.case_id[int(np.argmax(bad))])
        raise ContractBroken(code, what, f"{CASES.name}, case_id {first}", value or f"{int(bad.sum())} cases", expected)

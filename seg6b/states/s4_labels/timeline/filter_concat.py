"""Strategy `filter_concat`: one filter of all cases for each type of event, concatenated and sorted (before POPT.2).

Costs six filters of all cases, each with number, flow, time and delay model of its step set beside it (47 B a case),
one concatenation of six frames, and one sort of all events by (case, number); no join. Memory: the columns of one step
(16 B an event in NumPy), and the rows with their case (48 B an event) twice while they are sorted.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import polars as pl

from seg6b.datasets.frames import Mask, dictionary, utc
from seg6b.datasets.vocabulary import CASE_EVENT_TYPES, DELAY_MODELS
from seg6b.states.s4_labels.case_book import STEPS, CaseBook
from seg6b.states.s4_labels.flows import I64, NEVER
from seg6b.states.s4_labels.timeline.contract import case_columns

_TYPE: Final = pl.Enum(CASE_EVENT_TYPES)


def tell(book: CaseBook, flow_id: I64) -> pl.DataFrame:
    """The timeline; see `contract.Strategy`."""
    cases, happened = case_columns(book).with_row_index("case"), book.stamp != NEVER
    pieces = [_events_of(step, cases, book, flow_id, happened) for step in range(STEPS)]
    return pl.concat(pieces).sort("case", "case_event_seq")


def _events_of(step: int, cases: pl.DataFrame, book: CaseBook, flow_id: I64, happened: Mask) -> pl.DataFrame:
    """The events of one type, in the order of the cases."""
    seq = np.full(cases.height, step) if book.slots else happened[:, :step].sum(axis=1)
    return cases.with_columns(
        case_event_seq=pl.Series(seq.astype(np.int32)),
        flow_id=pl.Series(flow_id[book.by_row[:, step]]),
        case_event_type=pl.lit(CASE_EVENT_TYPES[step], _TYPE),
        ts_utc=utc(book.stamp[:, step], ~happened[:, step]),
        delay_model_id=dictionary(book.law[:, step], DELAY_MODELS),
    ).filter(pl.col("ts_utc").is_not_null())

"""Strategy `long_form`: all events of all cases in one vectorised expansion (POPT.2, option 3 of POPT.2R).

The steps that happened, read row by row, are in the order of the timeline already; every column is gathered once, by
case or by (case, step).

Costs one scan of the stamps and one gather a column; no filter, no concatenation, no join, no sort. Memory: case, step,
number and gathered columns of all events at once (55 B an event in NumPy) beside the rows (44 B an event).
"""

from __future__ import annotations

import numpy as np
import polars as pl

from seg6b.datasets.frames import dictionary, utc
from seg6b.datasets.vocabulary import CASE_EVENT_TYPES, DELAY_MODELS
from seg6b.states.s4_labels.case_book import CaseBook
from seg6b.states.s4_labels.flows import I64, NEVER
from seg6b.states.s4_labels.timeline.contract import case_columns


def tell(book: CaseBook, flow_id: I64) -> pl.DataFrame:
    """The timeline; see `contract.Strategy`."""
    happened = book.stamp != NEVER
    case, step = np.nonzero(happened)
    seq = step if book.slots else (np.cumsum(happened, axis=1) - 1)[case, step]
    return case_columns(book)[case].with_columns(
        case_event_seq=pl.Series(seq.astype(np.int32)),
        flow_id=pl.Series(flow_id[book.by_row[case, step]]),
        case_event_type=dictionary(step, CASE_EVENT_TYPES),
        ts_utc=utc(book.stamp[case, step]),
        delay_model_id=dictionary(book.law[case, step], DELAY_MODELS),
    )

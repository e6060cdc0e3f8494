"""What every strategy is given and gives back, and the columns that say the same on every event of a case."""

from __future__ import annotations

from collections.abc import Callable

import polars as pl

from seg6b.datasets.frames import dictionary
from seg6b.datasets.tables import CASES
from seg6b.datasets.vocabulary import CASE_KEY_TYPES, CASE_TYPES
from seg6b.states.s4_labels.case_book import CaseBook
from seg6b.states.s4_labels.flows import I64

Strategy = Callable[[CaseBook, I64], pl.DataFrame]
"""The book and the id of each flow, shape (n,), to at least the columns of `s4_case_timeline_6B`.

The result has one row an event, ordered by case as in the book, then by step.
"""


def tell_cases(strategy: Strategy, book: CaseBook, flow_id: I64) -> pl.DataFrame:
    """Rows of `s4_case_timeline_6B`, in its column order, whatever the strategy."""
    return strategy(book, flow_id).select(CASES.names)


def case_columns(book: CaseBook) -> pl.DataFrame:
    """One row a case: id, key, type, members and whether it is reopened (22 B a case)."""
    return pl.DataFrame(
        {
            "case_id": book.case_id,
            "case_key_type": dictionary(book.key_type, CASE_KEY_TYPES),
            "case_key": book.key,
            "case_type": dictionary(book.case_type, CASE_TYPES),
            "n_flows": book.n_flows,
            "reopened": book.reopened,
        }
    )

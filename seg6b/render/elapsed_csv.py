"""Elapsed times of states as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable

from seg6b.scoring.state_csv import COLUMNS, Row


def elapsed_csv(rows: Iterable[Row]) -> str:
    """The rows below a line of column names."""
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows([COLUMNS, *rows])
    return out.getvalue()

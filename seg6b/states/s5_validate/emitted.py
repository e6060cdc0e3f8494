"""The checks that states made on their own rows: `flow_checks` of S2 and S3, `label_checks` of S4."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final, Literal

import polars as pl

from seg6b.evidence.laws import Finding
from seg6b.evidence.tables import Evidence

Subject = Literal["structure", "labels", "cases", "time", "horizon", "guards"]
_TABLES: Final = (("S2", "flow_checks"), ("S3", "flow_checks"), ("S4", "label_checks"))
_SUBJECTS: Final[Mapping[str, Subject]] = {
    "time_monotone": "time",
    "time_strict": "time",
    "case_monotone": "time",
    "case_numbered": "cases",
    "case_opens_first_closes_last": "cases",
    "case_closed": "cases",
    "case_stamps_of_members": "cases",
    "flow_in_one_case": "cases",
    "horizon": "horizon",
    "guard_span": "guards",
}


def subject_of(state: str, check: str) -> Subject:
    """What a check is about; whatever is not named is about structure, in S4 about labels."""
    return _SUBJECTS.get(check, "labels" if state == "S4" else "structure")


def broken(
    evidence: Mapping[str, Evidence], subject: Subject, states: tuple[str, ...] = ("S2", "S3", "S4")
) -> Iterator[Finding]:
    """A finding for each check about `subject` that a state failed in a cell."""
    for state, table in _TABLES:
        if state not in states:
            continue
        failed = evidence[state].table(table).filter(pl.col("bad") > 0)
        named = failed.with_columns(pl.col("check").cast(pl.String)).sort("check", "cell")
        for cell, check, bad in named.select("cell", "check", "bad").rows():
            if subject_of(state, check) == subject:
                yield Finding(f"{state}.{check}", f"{state} counted rows that break {check}", cell, {"rows": bad})


def checked(evidence: Mapping[str, Evidence], subject: Subject) -> dict[str, int]:
    """Rows that each check about `subject` looked at."""
    out: dict[str, int] = {}
    for state, table in _TABLES:
        counts = evidence[state].table(table).group_by(pl.col("check").cast(pl.String)).agg(pl.col("n").sum())
        for check, n in counts.sort("check").rows():
            if subject_of(state, check) == subject:
                out[f"{state}.{check}"] = n
    return out

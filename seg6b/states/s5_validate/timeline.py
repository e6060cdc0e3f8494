"""REQ_TIME_MONOTONE and REQ_SCENARIO_OOB: nothing runs back in time, nothing lies outside the horizon and its grace."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Final

import numpy as np
import polars as pl

from seg6b.evidence.laws import Finding, Ledger
from seg6b.policy.validation import FailClosed
from seg6b.states.s5_validate.check import Outcome, found
from seg6b.states.s5_validate.emitted import broken, checked
from seg6b.states.s5_validate.request import ValidationRequest

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_WITHIN: Final = ("arrival", "s2.auth_request", "s3.auth_request")
_FLOW: Final = ("s2.other", "s3.other")
_CASE: Final = ("s4.flow", "s4.case")


def time_monotone(request: ValidationRequest) -> Outcome:
    """Events of a flow, before and after the overlay, and of a case never run back; `warn_only` asks S2 alone."""
    if not isinstance(request.policy.validation, FailClosed):
        return found(broken(request.evidence, "time", ("S2",)), {}, {"states": ["S2"]})
    findings = [*broken(request.evidence, "time"), *_cases_back(request)]
    return found(findings, checked(request.evidence, "time"), {"states": ["S2", "S3", "S4"], "rows": 0})


def out_of_bounds(request: ValidationRequest, ledger: Ledger) -> Outcome:
    """Arrivals and requests lie within the horizon, other events within the flow grace, cases within theirs."""
    pack = request.policy.validation
    metrics = {stamp: int(ledger.spans[stamp][0].sum()) for stamp in sorted(ledger.spans)}
    if not isinstance(pack, FailClosed):
        return found((), metrics, {})
    start, end = _micros(request.world.start), _micros(request.world.end)
    flow_end = end + int(pack.bounds.flow_grace_s * 1_000_000)
    case_end = end + int(pack.bounds.case_grace_days * 86_400_000_000)
    findings = [
        *_outside(ledger, _WITHIN, start, end - 1),
        *_outside(ledger, _FLOW, start, flow_end),
        *_outside(ledger, _CASE, start, case_end),
        *broken(request.evidence, "horizon"),
    ]
    return found(findings, metrics, pack.bounds.model_dump(mode="json"))


def _outside(ledger: Ledger, stamps: tuple[str, ...], first: int, last: int) -> Iterator[Finding]:
    for stamp in stamps:
        n, low, high = ledger.spans.get(stamp, np.zeros((3, 1), np.int64))
        for cell in np.flatnonzero((n > 0) & ((low < first) | (high > last))):
            figures = {"first_us": int(low[cell]), "last_us": int(high[cell])}
            yield Finding("OOB", f"{stamp} outside its bounds", int(cell), figures)


def _cases_back(request: ValidationRequest) -> Iterator[Finding]:
    spans = request.evidence["S4"].table("case_spans").filter(pl.col("non_monotone"))
    for cell, n in spans.group_by("cell").agg(pl.col("n").sum()).sort("cell").rows():
        yield Finding("S4.case_spans", "cases whose events run back in time", cell, {"cases": n})


def _micros(moment: datetime) -> int:
    return (moment - _EPOCH) // _MICROSECOND

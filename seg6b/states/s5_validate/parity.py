"""REQ_FLOW_EVENT_PARITY, REQ_FLOW_LABEL_COVERAGE: the laws L1..L7 over all rows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from seg6b.datasets import tables as t
from seg6b.evidence import laws
from seg6b.evidence.laws import Finding, Ledger
from seg6b.policy.validation import FailClosed
from seg6b.states.s5_validate.check import Outcome, found
from seg6b.states.s5_validate.emitted import broken
from seg6b.states.s5_validate.request import ValidationRequest

_FLOWS, _EVENTS = t.FLOWS_WITH_FRAUD.name, t.EVENTS_WITH_FRAUD.name
_LABELLED: Final = (_FLOWS, t.TRUTH.name, t.BANK_VIEW.name, _EVENTS, t.EVENT_LABELS.name)


def flow_event_parity(request: ValidationRequest, ledger: Ledger) -> Outcome:
    """Arrivals, sessions, flows and events add up, with declared suppressions and inserts."""
    upstream = request.upstream
    findings = [
        *laws.arrivals_kept(ledger, upstream.arrivals, upstream.arrival_key_sum),
        *laws.sessions_cover(ledger),
        *laws.flows_cover(ledger),
        *laws.events_cover(ledger),
        *laws.flows_carried(ledger),
        *laws.events_carried(ledger),
        *broken(request.evidence, "structure"),
        *published_rows(request, ledger),
    ]
    had, kept = f"{t.EVENTS.name}:restructured", f"{_EVENTS}:restructured"
    metrics = {
        "arrivals": ledger.rows(t.SESSION_ARRIVALS.name),
        "sessions": ledger.rows(t.SESSIONS.name),
        "flows_s2": ledger.rows(t.FLOWS.name),
        "flows_s3": ledger.rows(_FLOWS),
        "events_s2": ledger.rows(t.EVENTS.name),
        "events_s3": ledger.rows(_EVENTS),
        "probe_flows": ledger.rows(f"{_FLOWS}:probe"),
        "probe_events": ledger.rows(f"{_EVENTS}:probe"),
        "events_suppressed": ledger.rows(had) - ledger.rows(kept),
        "events_inserted": ledger.rows(f"{_EVENTS}:inserted"),
    }
    return found(findings, metrics, {"mismatches": 0})


def label_coverage(request: ValidationRequest, ledger: Ledger) -> Outcome:
    """Every flow and event after the overlay has its labels, nothing else has, and no label contradicts an event.

    `warn_only` asks for the keys alone: the first baseline's labels do contradict each other.
    """
    findings = list(laws.labels_cover(ledger))
    if isinstance(request.policy.validation, FailClosed):
        findings += broken(request.evidence, "labels")
    return found(findings, {name: ledger.rows(name) for name in _LABELLED}, {"uncovered": 0})


def published_rows(request: ValidationRequest, ledger: Ledger) -> Iterator[Finding]:
    """The published parts hold as many rows as their states counted."""
    for name in laws.PRIMARY:
        held, counted = request.inputs[name].rows, ledger.rows(name)
        if held != counted:
            yield Finding("ROWS", f"rows of {name} are not those its state counted", None, {"rows": held, "n": counted})

"""The waves of the build plan: which gates each owns, and which plots tell most about it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Final

from seg6b.render.plots import campaigns, cases, flows, labels, sessions
from seg6b.render.sections import Draw


@dataclass(frozen=True, slots=True)
class Wave:
    """A wave.

    Attributes:
        phase: the phase that it is.
        name: what it is about, in words.
        gates: the gates that it owns (build plan, section 6).
        plots: what shows its work best: a title to go by where there is nothing to draw, and how to draw it.
    """

    phase: str
    name: str
    gates: tuple[str, ...]
    plots: tuple[tuple[str, Draw], ...] = ()


WAVES: Final = (
    Wave(
        "P1",
        "Truth, bank view, delays and cases",
        ("T1", "T2", "T3", "T4", "T5", "T6", "T7", "T8", "T9", "T10", "T21", "T22"),
        (
            ("Where fraud truth comes from", labels.truth_sources),
            ("Bank outcome by merchant class", labels.bank_by_class),
            ("Amounts by bank view", labels.amounts_by_bank_view),
            ("Gaps between case events", cases.case_gaps),
            ("Dispute delay", partial(cases.delay, "DISPUTE_DELAY_V1")),
        ),
    ),
    Wave(
        "P2",
        "Amounts and timing",
        ("T11", "T12", "T13", "T14", "T15", "T16"),
        (("Amounts by family", flows.amounts), ("Authorisation latency", flows.auth_latency)),
    ),
    Wave(
        "P3",
        "Campaign depth",
        ("T17", "T18", "X3", "X4"),
        (
            ("Campaigns by merchant class", campaigns.campaigns_by_class),
            ("Campaigns by time zone", campaigns.campaigns_by_zone),
        ),
    ),
    Wave(
        "P4",
        "Sessions and attachment",
        ("T19", "T20", "X1"),
        (
            ("Arrivals a session", sessions.arrivals_a_session),
            ("Session span", sessions.session_spans),
            ("Why a session starts", sessions.boundaries),
        ),
    ),
    Wave(
        "P6",
        "The push to B+, and behaviour",
        ("X2", "X5"),
        (
            ("Bank outcome by merchant class", labels.bank_by_class),
            ("Amounts by bank view", labels.amounts_by_bank_view),
            ("Amounts by family", flows.amounts),
        ),
    ),
)
FURTHER: Final = Wave("", "Further gates", ())
HARD_WAVES: Final = ("P1", "P2")  # T1..T16, T21, T22: those that a verdict of PASS_B speaks of


def wave_of(gate_id: str) -> Wave:
    """The wave that owns a gate; what no wave owns stands by itself.

    >>> wave_of("T21").phase, wave_of("X3").phase, wave_of("Y1").name
    ('P1', 'P6', 'Further gates')
    """
    return next((wave for wave in WAVES if gate_id in wave.gates), FURTHER)


def wave_in(phase: str) -> Wave | None:
    """The wave of a phase; None for a baseline."""
    return next((wave for wave in WAVES if wave.phase == phase), None)

"""The drill-downs of the board: which plots stand together, and which gates they explain."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from seg6b.errors import EvidenceMissing
from seg6b.render.data import BoardData
from seg6b.render.plots import campaigns, cases, flows, labels, runtime, sessions
from seg6b.render.plots.shape import Plot

Draw = Callable[[BoardData], Plot]


@dataclass(frozen=True, slots=True)
class Section:
    """A heading, the gates below it, and its plots with the titles they go by when there is nothing to draw."""

    name: str
    title: str
    gates: tuple[str, ...]
    plots: tuple[tuple[str, Draw], ...]


_DELAYS: Final = ("DETECTION_DELAY_V1", "DISPUTE_DELAY_V1", "CHARGEBACK_DELAY_V1", "CASE_CLOSE_DELAY_V1")

SECTIONS: Final = (
    Section(
        "labels",
        "Labels and bank view",
        ("T1", "T2", "T3", "T4", "T5", "T6", "T7", "T22"),
        (
            ("Bank outcome by merchant class", labels.bank_by_class),
            ("Where fraud truth comes from", labels.truth_sources),
            ("Amounts by bank view", labels.amounts_by_bank_view),
        ),
    ),
    Section(
        "cases",
        "Delays and cases",
        ("T8", "T9", "T10", "T21"),
        (
            *zip(_DELAYS, cases.delays(_DELAYS), strict=True),
            ("Gaps between case events", cases.case_gaps),
        ),
    ),
    Section(
        "flows",
        "Amounts and timing",
        ("T11", "T12", "T13", "T14", "T15", "T16"),
        (("Amounts by family", flows.amounts), ("Authorisation latency", flows.auth_latency)),
    ),
    Section(
        "campaigns",
        "Campaigns",
        ("T17", "T18"),
        (
            ("Campaigns by merchant class", campaigns.campaigns_by_class),
            ("Campaigns by time zone", campaigns.campaigns_by_zone),
            ("Campaign activity", campaigns.campaigns_by_day),
        ),
    ),
    Section(
        "sessions",
        "Sessions and rhythm",
        ("T19", "T20"),
        (
            ("Arrivals a session", sessions.arrivals_a_session),
            ("Session span", sessions.session_spans),
            ("Why a session starts", sessions.boundaries),
            ("Hour of week by class", sessions.hour_of_week),
        ),
    ),
)
RUNTIME: Final = Section("runtime", "Time and size", (), (("Time by state and lane", runtime.state_elapsed),))


def drawn(section: Section, data: BoardData) -> list[Plot]:
    """The plots of a section; one that lacks its evidence says so in its place."""
    return [drawn_plot(f"{section.name}-{k}", title, draw, data) for k, (title, draw) in enumerate(section.plots)]


def drawn_plot(name: str, title: str, draw: Draw, data: BoardData) -> Plot:
    """The plot that `draw` makes of `data`; without its evidence a card of this name that says what is missing."""
    try:
        return draw(data)
    except EvidenceMissing as missing:
        return Plot(name, title, f"Nothing to draw: {missing.what}.", {})

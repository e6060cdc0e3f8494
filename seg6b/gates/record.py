"""A gate: a record of what it is, and a pure function from a scene to a reading."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

import polars as pl

from seg6b.errors import EvidenceMissing
from seg6b.evidence.tables import Evidence
from seg6b.gates.thresholds import Thresholds
from seg6b.policy.packs import Policies
from seg6b.stats.jackknife import Interval

Made = TypeVar("Made")

HARD: Final = "hard"
STRETCH: Final = "stretch"
BEHAVIOUR: Final = "behaviour"
CRITICAL: Final = "CRITICAL"
HIGH: Final = "HIGH"
MED: Final = "MED"
LOWER_BOUND: Final = "lower 95 % bound"


@dataclass(frozen=True, slots=True)
class Baseline:
    """Attachment richness of a D+ run over the same world, and the digest of that run's receipt."""

    value: float
    digest: str


@dataclass(frozen=True, slots=True)
class Scene:
    """All that gates may look at.

    Attributes:
        evidence: merged evidence by state.
        policies: the packs the run executed.
        thresholds: the threshold file.
        baseline: recorded richness of a D+ run, if there is one.
        known: what was computed once and is needed again.
    """

    evidence: Mapping[str, Evidence]
    policies: Policies
    thresholds: Thresholds
    baseline: Baseline | None = None
    known: dict[str, Any] = field(default_factory=dict)

    def table(self, state: str, name: str) -> pl.DataFrame:
        """An evidence table; refuses what no state emitted."""
        if state not in self.evidence:
            raise EvidenceMissing("E_EVIDENCE_MISSING", "no evidence of this state", state, "", "S1..S4", "")
        return self.evidence[state].table(name)

    def once(self, name: str, make: Callable[[], Made]) -> Made:
        """What `make` gives, computed the first time `name` is asked for."""
        if name not in self.known:
            self.known[name] = make()
        made: Made = self.known[name]
        return made


@dataclass(frozen=True, slots=True)
class Reading:
    """What a gate measured, before any threshold.

    Attributes:
        value: the published value; None where nothing can be computed.
        n: observations behind it.
        raw: uncorrected value, where a correction exists.
        ci95: 95 % interval of `value`.
        gated: what the threshold is applied to, where it is not `value` (a lower bound, a count).
        parts: further figures that must clear their own floors.
        detail: further figures to publish.
        fault: why the gate fails whatever its value; empty if it does not.
        lacking: why there is too little to judge; empty if there is enough.
    """

    value: float | None
    n: int
    raw: float | None = None
    ci95: Interval | None = None
    gated: float | None = None
    parts: Mapping[str, float] = field(default_factory=dict)
    detail: Mapping[str, Any] = field(default_factory=dict)
    fault: str = ""
    lacking: str = ""


Read = Callable[[Scene], Reading]


@dataclass(frozen=True, slots=True)
class Gate:
    """One gate: identity, owners, how it reads a scene, and what of the reading its threshold is applied to."""

    gate_id: str
    title: str
    unit: str
    kind: str
    severity: str
    owner: tuple[str, ...]
    read: Read
    judged_on: str


def gate(
    gate_id: str,
    title: str,
    *,
    unit: str,
    owner: tuple[str, ...],
    severity: str,
    kind: str = HARD,
    judged_on: str = "",
) -> Callable[[Read], Gate]:
    """Turn a reading function into a `Gate`."""

    def record(read: Read) -> Gate:
        return Gate(gate_id, title, unit, kind, severity, owner, read, judged_on)

    return record

"""A check of S5: its result, the figures it rests on, and the issues it found."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from seg6b.errors import Seg6bError
from seg6b.evidence.laws import Finding


class Severity(StrEnum):
    """What a failing check does to the verdict."""

    REQUIRED = "REQUIRED"
    WARN_ONLY = "WARN_ONLY"


class Result(StrEnum):
    """Result of a check, and of a run."""

    PASS = "PASS"
    WARN = "WARN"
    FAIL = "FAIL"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a check found.

    Attributes:
        findings: what is wrong; empty means that it holds.
        metrics: figures, by name.
        thresholds: what the figures were held against.
    """

    findings: tuple[Finding, ...]
    metrics: Mapping[str, Any] = field(default_factory=dict)
    thresholds: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Check:
    """A check with its name and weight."""

    check_id: str
    severity: Severity
    outcome: Outcome

    @property
    def result(self) -> Result:
        """PASS, or what its severity makes of a finding."""
        if not self.outcome.findings:
            return Result.PASS
        return Result.FAIL if self.severity is Severity.REQUIRED else Result.WARN

    def record(self) -> dict[str, Any]:
        """The entry of the report."""
        return {
            "check_id": self.check_id,
            "severity": str(self.severity),
            "result": str(self.result),
            "metrics": {"findings": len(self.outcome.findings), **self.outcome.metrics},
            "thresholds": dict(self.outcome.thresholds),
        }


def look(check_id: str, severity: Severity, question: Callable[[], Outcome]) -> Check:
    """Ask; whatever stops the question on purpose (missing evidence, a damaged file) is its finding."""
    try:
        outcome = question()
    except Seg6bError as error:
        outcome = Outcome((Finding(error.code, str(error)),))
    return Check(check_id, severity, outcome)


def found(findings: Iterable[Finding], metrics: Mapping[str, Any], thresholds: Mapping[str, Any]) -> Outcome:
    """An outcome from any number of findings."""
    return Outcome(tuple(findings), metrics, thresholds)

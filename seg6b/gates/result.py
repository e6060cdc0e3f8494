"""What a gate says: a value with its interval, a status for each level, and the board they add up to."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class Status(StrEnum):
    """Status of a gate at one level; INSUFFICIENT counts as not passed everywhere."""

    PASS = "PASS"
    FAIL = "FAIL"
    INSUFFICIENT = "INSUFFICIENT"


class Verdict(StrEnum):
    """Verdict of one run."""

    PASS_BPLUS = "PASS_BPLUS"
    PASS_B = "PASS_B"
    FAIL_REALISM = "FAIL_REALISM"


def gate_order(gate_id: str) -> tuple[str, int]:
    """Where a gate stands on a board; any text has a place.

    >>> sorted(["T10", "X1", "T2"], key=gate_order)
    ['T2', 'T10', 'X1']
    """
    return re.sub(r"\d", "", gate_id), int(re.sub(r"\D", "", gate_id) or 0)


@dataclass(frozen=True, slots=True)
class GateResult:
    """One gate of one run.

    Attributes:
        gate_id: `T1` … `T22`.
        title: what is measured, in words.
        unit: unit of `value`.
        kind: `hard` or `stretch` (the build plan's classes; `class` in `gates.json`).
        severity: `CRITICAL`, `HIGH` or `MED` (the remediation report's).
        owner: states to reopen when it fails.
        value: the gated value; None where there is nothing to compute it from.
        raw: the uncorrected value where a correction exists, else `value`.
        ci95: 95 % interval of `value`; None where none exists.
        n: observations behind the value.
        b: status at B.
        bplus: status at B+.
        b_rule: the B threshold in words, such as `>= 0.05`.
        bplus_rule: the B+ threshold in words.
        b_margin: signed distance from the B threshold, positive inside; None where not defined.
        bplus_margin: the same for B+.
        detail: further figures, by name.
    """

    gate_id: str
    title: str
    unit: str
    kind: str
    severity: str
    owner: tuple[str, ...]
    value: float | None
    raw: float | None
    ci95: tuple[float, float] | None
    n: int
    b: Status
    bplus: Status
    b_rule: str
    bplus_rule: str
    b_margin: float | None = None
    bplus_margin: float | None = None
    detail: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class StatisticResult:
    """One line of the statistics layer.

    Attributes:
        name: surface, such as `delay.DISPUTE_DELAY_V1`.
        test: `association`, `jsd`, `ks` or `w1`.
        value: the gated statistic.
        b: status at B.
        bplus: status at B+.
        blocking: whether the promotion rule waits for it.
        n: observations behind it.
        detail: further figures (chi-square, p-value, limits).
    """

    name: str
    test: str
    value: float | None
    b: Status
    bplus: Status
    blocking: bool
    n: int
    detail: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class GateBoard:
    """All gates of one run.

    Attributes:
        run_id: the run.
        seed: its seed.
        gate_file: version of the threshold file.
        gates: results by gate id, in order.
        statistics: the statistics layer.
        verdict: verdict of the run.
        phase_decision: `UNLOCK_P1` or `HOLD_REMEDIATE`.
        gate_file_digest: SHA-256 of the threshold file's content.
    """

    run_id: str
    seed: int
    gate_file: str
    gates: Mapping[str, GateResult]
    statistics: tuple[StatisticResult, ...]
    verdict: Verdict
    phase_decision: str
    gate_file_digest: str = ""

"""What the remediation story is made of: the phases of the road, as they were decided, and the certifications."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from seg6b.gates.result import GateResult
from seg6b.render.data import BoardData
from seg6b.scoring.closure import BudgetFact


@dataclass(frozen=True, slots=True)
class StoryCandidate:
    """One variant that a phase tried.

    Attributes:
        name: its arm, such as `c02`.
        overrides: what makes it.
        decision: what became of it, such as `KEEP` or `REJECT`.
        reasons: why, in words; the first one leads.
    """

    name: str
    overrides: tuple[str, ...]
    decision: str
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class StoryPhase:
    """A baseline or a wave of remediation.

    Attributes:
        phase: `P0`, `P1`, …; a phase that was opened again may stand twice.
        lane: lane id.
        kind: `baseline` or `remediation`.
        title: what the wave is called.
        goal: what it was to reach.
        owner: the state it may change.
        alternatives: name of what was weighed, and why it was rejected, before anything ran.
        candidates: what was tried, in the order asked for; empty for a baseline.
        decision: by rule.
        marker: what stands in the ledger, such as `UNLOCK_P2` or `HOLD_P1_REOPEN`.
        reasons: why, in words.
        overrides: overrides of the phase law that it ran under, with their reasons.
        board: the run that stands after this phase; None where its data is gone.
        gates: gates of that run, in the order of its board; kept when the data is not.
        run_id: that run.
        budgets: runtime budgets of that run.
    """

    phase: str
    lane: str
    kind: str
    title: str
    goal: str
    owner: str
    alternatives: tuple[tuple[str, str], ...]
    candidates: tuple[StoryCandidate, ...]
    decision: str
    marker: str
    reasons: tuple[str, ...]
    overrides: tuple[str, ...]
    board: BoardData | None
    gates: Mapping[str, GateResult]
    run_id: str
    budgets: tuple[BudgetFact, ...]


@dataclass(frozen=True, slots=True)
class StoryCertification:
    """One policy on all required seeds.

    Attributes:
        phase: `P5`; it stands twice where B+ was certified after B.
        grade: `PASS_BPLUS_ROBUST`, `PASS_B` or `HOLD_REMEDIATE`.
        seeds: required seeds, in order.
        verdicts: verdict of each seed's run; a seed that is missing has none.
        values: gate → seed → value.
        passes: gate → seed → status at B+.
        cv: coefficient of variation across seeds by metric, such as `T5` or `T17.campaigns`.
        cv_max: the largest that B+ allows.
        blockers: what makes it HOLD_REMEDIATE whatever the gates say.
        budgets: runtime budgets, over the seeds.
        reasons: why it is not a better grade.
        passes_b: gate → seed → status at B; where it is empty, a seed's verdict speaks for the hard gates, and a
            stretch gate that is not at B+ counts as not at B.
    """

    phase: str
    grade: str
    seeds: tuple[int, ...]
    verdicts: Mapping[int, str]
    values: Mapping[str, Mapping[int, float | None]]
    passes: Mapping[str, Mapping[int, str]]
    cv: Mapping[str, float]
    cv_max: float
    blockers: tuple[str, ...]
    budgets: tuple[BudgetFact, ...]
    reasons: tuple[str, ...]
    passes_b: Mapping[str, Mapping[int, str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Story:
    """The whole road.

    Attributes:
        world: name of the world.
        arrivals: its size.
        seed: seed of the waves; certifications name their own.
        phases: in the order they were walked.
        generated_utc: RFC 3339; the time of the last run, so that telling again gives the same file.
        notes: lines that must stand on top.
    """

    world: str
    arrivals: int
    seed: int
    phases: tuple[StoryPhase | StoryCertification, ...]
    generated_utc: str
    notes: tuple[str, ...] = ()

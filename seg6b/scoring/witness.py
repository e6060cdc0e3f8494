"""The witness lane (POPT.4): two seeds and a replay at the authority's settings, from facts to one decision.

Source: build plan section 3.4 and POPT.4. The candidate lane must meet its target; states, witness lane and
certification lane must keep within their stretch. A lane that takes longer than its target is told.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from seg6b.scoring.arms import drifts_said
from seg6b.scoring.budgets import CANDIDATE, GREEN, overdraft, overdrawn
from seg6b.scoring.certification import CERTIFICATION, SeedRun, lane_budget, lane_budgets, over_target
from seg6b.scoring.closure import BudgetFact, Decision, RunFacts
from seg6b.scoring.drift import differing
from seg6b.scoring.facts import PASS, checks_pass, failed_checks
from seg6b.scoring.realism import WARN
from seg6b.scoring.replay import ReplayWitness
from seg6b.settings.job import Lane
from seg6b.settings.rules import OWNERS

MOST_SLOWER: Final = 0.15  # single timings of equal code lay 11 % apart in the build plan's own history


@dataclass(frozen=True, slots=True)
class Evidence:
    """All that the lane is judged by.

    Attributes:
        authority: facts of the pinned run.
        runs: a run for each seed, the authority's first, with everything that forbids to use it.
        again: facts of further runs of the authority's seed, its replay first.
        replay: what that says of the first run.
        budgets: runtime budgets, as plain data.
        arrivals: size of the world.
        certified: seeds that a certification runs.
    """

    authority: RunFacts
    runs: tuple[SeedRun, ...]
    again: tuple[RunFacts, ...]
    replay: ReplayWitness
    budgets: Mapping[str, Any]
    arrivals: int
    certified: int


@dataclass(frozen=True, slots=True)
class WitnessClosure:
    """The lane, judged.

    Attributes:
        lane: lane id.
        witness_id: 32 lower hex; equal settings, world, code and seeds have equal ids.
        decision: `KEEP` where the runtime posture may be frozen, else `HOLD`.
        marker: of the closing rule.
        reasons: why, in words; the first one leads.
        authority: facts of the pinned run.
        runs: facts of a run for each seed, the authority's first.
        again: facts of further runs of the authority's seed, its replay first.
        replay: what that says.
        slower: share by which the fastest run of the authority's seed was slower than the authority, S1..S5 together;
            negative where it was faster, None where their times may not be compared.
        budgets: states on their slowest seed, then the candidate, witness and certification lanes.
        certified: seeds that the certification lane was reckoned for.
        overrides: overrides of the phase law that the lane ran under.
        generated_utc: RFC 3339, of the last run.
    """

    lane: str
    witness_id: str
    decision: Decision
    marker: str
    reasons: tuple[str, ...]
    authority: RunFacts
    runs: tuple[RunFacts, ...]
    again: tuple[RunFacts, ...]
    replay: ReplayWitness
    slower: float | None
    budgets: tuple[BudgetFact, ...]
    certified: int
    overrides: tuple[str, ...]
    generated_utc: str

    @property
    def run(self) -> RunFacts:
        """The run of the authority's seed."""
        return self.runs[0]


def judge_witness(lane: Lane, witness_id: str, found: Evidence, overrides: Sequence[str] = ()) -> WitnessClosure:
    """The closure of a witness lane."""
    budgets = tuple(witness_budgets(found))
    against = (*_unfit(found), *_regressions(found), *_unkept(budgets))
    red = overdrawn(budgets)
    warned = [f"seed {r.seed}: S5 is WARN" for r in found.runs if r.facts.overall_status == WARN]
    told = (*over_target([b for b in budgets if b not in red]), *warned)
    return WitnessClosure(
        lane=lane.id,
        witness_id=witness_id,
        decision=Decision.HOLD if against else Decision.KEEP,
        marker=lane.closure.holds if against else lane.closure.unlocks,
        reasons=(*(against or (_borne_out(found, budgets),)), *(line for line in told if line not in against)),
        authority=found.authority,
        runs=tuple(run.facts for run in found.runs),
        again=found.again,
        replay=found.replay,
        slower=slower_than(found.authority, (found.runs[0].facts, *found.again)),
        budgets=budgets,
        certified=found.certified,
        overrides=tuple(overrides),
        generated_utc=max([found.replay.generated_utc, *(run.ended_utc for run in found.runs)]),
    )


def witness_budgets(found: Evidence) -> list[BudgetFact]:
    """States and the witness lane as measured; a certification as so many times the slowest seed."""
    runs = [run.facts for run in found.runs]
    measured = [b for b in lane_budgets(runs, found.budgets, found.arrivals) if b.name != CERTIFICATION]
    slowest = max(whole(run) for run in runs)
    states = [b for b in measured if b.name in found.budgets["states"]]
    return [
        *states,
        *lane_budget(CANDIDATE, [slowest], found.budgets, found.arrivals),
        *(b for b in measured if b not in states),
        *lane_budget(CERTIFICATION, [slowest] * found.certified, found.budgets, found.arrivals),
    ]


def slower_than(authority: RunFacts, runs: Sequence[RunFacts]) -> float | None:
    """Share by which the fastest of `runs` was slower than the authority, S1..S5 together.

    None between testbeds, and where the authority's time is in part another run's.
    """
    if any(run.testbed != authority.testbed for run in runs) or not set(OWNERS) <= set(authority.executed):
        return None
    return min(map(whole, runs)) / whole(authority) - 1.0


def whole(run: RunFacts) -> float:
    """Wall seconds of S1..S5."""
    return sum(run.elapsed_s[state] for state in OWNERS if state in run.elapsed_s)


def _unfit(found: Evidence) -> Iterator[str]:
    """Why the runs are no evidence, or their replay does not bear them out."""
    for run in found.runs:
        name = f"run {run.facts.run_id[:8]} (seed {run.seed})"
        yield from (f"{name}: {fault}" for fault in run.faults)
        linked = [state for state in OWNERS if state not in run.facts.executed]
        if linked:
            yield f"{name} did not execute {', '.join(linked)}: those are no times of its own"
        failed = failed_checks(run.facts)
        if not checks_pass(run.facts):
            yield f"{name}: required checks of S5 {'failed: ' + ', '.join(failed) if failed else 'left no report'}"
        elif run.facts.overall_status not in {PASS, WARN}:
            yield f"{name}: S5 is {run.facts.overall_status}"
    if not found.replay.identical:
        yield f"the replay differs: {'; '.join(found.replay.faults[:3])}"


def _regressions(found: Evidence) -> Iterator[str]:
    """In what the run of the authority's seed falls behind the authority."""
    run = found.runs[0].facts
    drifts = differing(run, found.authority)
    if drifts:
        yield f"rows are not the authority's: {drifts_said(drifts)}"
    fallen = [
        gate for gate, told in found.authority.gates.items()
        if told["b"] == PASS and run.gates.get(gate, {}).get("b") != PASS
    ]  # fmt: skip
    if fallen:
        yield f"gates that the authority passes at B have fallen: {', '.join(fallen)}"
    slower = slower_than(found.authority, (run, *found.again))
    if slower is None:
        yield "times cannot be held against the authority's: it is of another testbed, or linked a state"
    elif slower > MOST_SLOWER:
        yield f"S1 to S5 take {slower:.0%} longer than the authority's, more than {MOST_SLOWER:.0%} beside it"


def _unkept(budgets: Sequence[BudgetFact]) -> Iterator[str]:
    yield from map(overdraft, overdrawn(budgets))
    yield from over_target([b for b in budgets if b.name == CANDIDATE and b not in overdrawn(budgets)])
    if not any(b.name == CANDIDATE for b in budgets):
        yield "no budget is stated for the candidate lane"


def _borne_out(found: Evidence, budgets: Sequence[BudgetFact]) -> str:
    seeds = ", ".join(str(run.seed) for run in found.runs)
    green = sum(b.status == GREEN for b in budgets)
    return (
        f"seeds {seeds} keep their budgets, {green} of {len(budgets)} within the target; the replay is identical in "
        f"{len(found.replay.datasets)} datasets"
    )

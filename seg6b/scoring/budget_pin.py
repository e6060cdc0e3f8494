"""Budget pin: targets and stretches at the size of the authority's world, its gaps, and what each lane should bring."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from seg6b.scoring.budgets import CANDIDATE, budget_facts, status
from seg6b.scoring.closure import BudgetFact, RunFacts


@dataclass(frozen=True, slots=True)
class BudgetLine:
    """One budget, seconds.

    Attributes:
        name: `S1` … `S5`, or `candidate` for all of them together.
        elapsed_s: of the authority.
        target_s: scaled to its world.
        stretch_s: scaled to its world; beyond it is RED.
        gap_s: what is over the target; 0 within it.
        stretch_gap_s: what is over the stretch; 0 within it.
        at_floor: whether the target is the stated floor, because the world is small; such a GREEN says little.
        status: `GREEN`, `AMBER` or `RED`.
    """

    name: str
    elapsed_s: float
    target_s: float
    stretch_s: float
    gap_s: float
    stretch_gap_s: float
    at_floor: bool
    status: str


@dataclass(frozen=True, slots=True)
class GainStep:
    """What one lane should bring, if it closes with no more than its rule asks for.

    Attributes:
        lane: its id.
        state: whose time it recovers.
        min_reduction: share of that time that its closing rule asks for.
        expected_gain_s: seconds that are then gone.
        gap_s: seconds that the state is over its target before.
        candidate_after_s: candidate lane once this lane and those before it are closed.
        status_after: of the candidate lane then.
    """

    lane: str
    state: str
    min_reduction: float
    expected_gain_s: float
    gap_s: float
    candidate_after_s: float
    status_after: str


@dataclass(frozen=True, slots=True)
class BudgetPin:
    """The budgets that later lanes are held against.

    Attributes:
        arrivals: of the authority's world.
        budget_arrivals: size that the budgets are stated for.
        floor_s: below which no budget of a state scales.
        states: budgets of the states that the authority executed.
        candidate: all of them together; None where none was executed.
        ladder: lanes by expected gain, the largest first.
    """

    arrivals: int
    budget_arrivals: int
    floor_s: float
    states: tuple[BudgetLine, ...]
    candidate: BudgetLine | None
    ladder: tuple[GainStep, ...]

    @property
    def lines(self) -> tuple[BudgetLine, ...]:
        """Every budget, that of all states together at the end."""
        return (*self.states, *((self.candidate,) if self.candidate else ()))


def budget_pin(facts: RunFacts, plain: Mapping[str, Any], arrivals: int) -> BudgetPin:
    """Budgets of the states that a run executed, and the ladder of `conf/budgets`.

    Args:
        facts: of the authority.
        plain: `conf/budgets`, as plain data.
        arrivals: size of its world.
    """
    found = budget_facts([facts], plain, arrivals)
    floor = float(plain["floor_s"])
    states = tuple(_line(fact, floor) for fact in found if fact.name != CANDIDATE)
    together = next((_line(fact, floor * len(states)) for fact in found if fact.name == CANDIDATE), None)
    ladder = _ladder({line.name: line for line in states}, together, plain.get("ladder", ()))
    return BudgetPin(arrivals, int(plain["arrivals"]), floor, states, together, ladder)


def _line(fact: BudgetFact, floor_s: float) -> BudgetLine:
    return BudgetLine(
        name=fact.name,
        elapsed_s=fact.elapsed_s,
        target_s=fact.target_s,
        stretch_s=fact.stretch_s,
        gap_s=max(0.0, fact.elapsed_s - fact.target_s),
        stretch_gap_s=max(0.0, fact.elapsed_s - fact.stretch_s),
        at_floor=fact.target_s <= floor_s,
        status=fact.status,
    )


def _ladder(
    states: Mapping[str, BudgetLine], candidate: BudgetLine | None, lanes: Sequence[Mapping[str, Any]]
) -> tuple[GainStep, ...]:
    """Steps down from the authority's time; a lane whose state was not executed has none."""
    if candidate is None:
        return ()
    gains = [
        (states[lane["state"]].elapsed_s * lane["min_reduction"], lane) for lane in lanes if lane["state"] in states
    ]
    gains.sort(key=lambda step: -step[0])
    steps, left = [], candidate.elapsed_s
    for gain, lane in gains:
        left -= gain
        state = states[lane["state"]]
        after = status(left, candidate.target_s, candidate.stretch_s)
        steps.append(GainStep(lane["lane"], state.name, lane["min_reduction"], gain, state.gap_s, left, after))
    return tuple(steps)

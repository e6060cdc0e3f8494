"""Runtime budgets of the build plan: brought to the size of a world, and held against what was measured."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from statistics import median
from typing import Any, Final

from seg6b.scoring.closure import BudgetFact, RunFacts

GREEN: Final = "GREEN"
AMBER: Final = "AMBER"
RED: Final = "RED"
CANDIDATE: Final = "candidate"


def scaled(seconds: float, plain: Mapping[str, Any], arrivals: int, states: int = 1) -> float:
    """A limit at the authority's scale, in seconds for `arrivals`: linear, never below the floor of its states.

    >>> scaled(420.0, {"arrivals": 124_724_153, "floor_s": 2.0}, 62_362_077)
    210.0...
    >>> scaled(420.0, {"arrivals": 124_724_153, "floor_s": 2.0}, 20_000)
    2.0
    """
    return float(max(plain["floor_s"] * states, seconds * arrivals / plain["arrivals"]))


def status(elapsed_s: float, target_s: float, stretch_s: float) -> str:
    """`GREEN` within the target, `AMBER` within the stretch, else `RED`."""
    return GREEN if elapsed_s <= target_s else AMBER if elapsed_s <= stretch_s else RED


def budget_facts(runs: Sequence[RunFacts], plain: Mapping[str, Any], arrivals: int) -> tuple[BudgetFact, ...]:
    """Budgets of the states that all `runs` executed, then of the candidate lane: all of them together.

    Args:
        runs: runs of one arm; the median of each time counts.
        plain: `conf/budgets`, as plain data.
        arrivals: size of the world.
    """
    executed = [s for s in (runs[0].executed if runs else ()) if all(s in run.executed for run in runs)]
    states = [s for s in plain["states"] if s in executed]
    facts = []
    for state in states:
        limits = plain["states"][state]
        target, stretch = (scaled(limits[name], plain, arrivals) for name in ("target_s", "stretch_s"))
        facts.append(budget_fact(state, median(run.elapsed_s[state] for run in runs), target, stretch))
    lane = plain.get("lanes_min", {}).get(CANDIDATE)
    if lane and states:
        together = median(sum(run.elapsed_s[s] for s in states) for run in runs)
        target, stretch = (scaled(60.0 * lane[name], plain, arrivals, len(states)) for name in ("target", "stretch"))
        facts.append(budget_fact(CANDIDATE, together, target, stretch))
    return tuple(facts)


def overdrawn(budgets: Iterable[BudgetFact], name: str = "") -> tuple[BudgetFact, ...]:
    """Budgets that are RED: all of them, or that of one state."""
    return tuple(b for b in budgets if b.status == RED and name in {"", b.name})


def overdraft(budget: BudgetFact) -> str:
    """A RED budget in words."""
    return f"{budget.name} is RED: {budget.elapsed_s:.2f} s of {budget.stretch_s:.2f} s at most"


def budget_fact(name: str, elapsed_s: float, target_s: float, stretch_s: float) -> BudgetFact:
    """What was measured against one budget, seconds."""
    return BudgetFact(name, elapsed_s, target_s, stretch_s, status(elapsed_s, target_s, stretch_s))

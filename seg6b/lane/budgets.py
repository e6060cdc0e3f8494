"""Runtime budgets of the build plan, brought to the size of a run, as the boards show them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from seg6b.render.data import Budget
from seg6b.scoring.budgets import scaled


def scaled_budgets(plain: Mapping[str, Any], arrivals: int) -> tuple[Budget, ...]:
    """State budgets in seconds: linear in arrivals, never below the stated floor."""
    return tuple(
        Budget(state, scaled(limits["target_s"], plain, arrivals), scaled(limits["stretch_s"], plain, arrivals))
        for state, limits in plain["states"].items()
    )

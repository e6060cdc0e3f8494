"""Runtime budgets of the build plan, brought to the size of a run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from seg6b.render.data import Budget


def scaled_budgets(plain: Mapping[str, Any], arrivals: int) -> tuple[Budget, ...]:
    """State budgets in seconds: linear in arrivals, never below the stated floor."""
    share = arrivals / plain["arrivals"]
    floor = plain["floor_s"]
    return tuple(
        Budget(state, max(floor, limits["target_s"] * share), max(floor, limits["stretch_s"] * share))
        for state, limits in plain["states"].items()
    )

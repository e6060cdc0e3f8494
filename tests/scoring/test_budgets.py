"""Budgets by hand."""

from __future__ import annotations

import pytest

from seg6b.scoring.budgets import budget_facts, scaled, status
from tests.scoring.sweeps import BUDGETS, facts


@pytest.mark.parametrize(
    ("elapsed", "expected"), [(200.0, "GREEN"), (200.1, "AMBER"), (250.0, "AMBER"), (250.1, "RED")]
)
def test_green_amber_red(elapsed, expected):
    assert status(elapsed, 200.0, 250.0) == expected


def test_linear_in_arrivals_with_a_floor_for_each_state():
    assert scaled(200.0, BUDGETS, 2_000_000) == 400.0
    assert scaled(200.0, BUDGETS, 1000) == 1.0
    assert scaled(200.0, BUDGETS, 1000, states=3) == 3.0


def test_medians_of_executed_states_and_of_the_lane():
    runs = [facts(s4=s4, s5=s5) for s4, s5 in ((180.0, 21.0), (220.0, 21.0), (500.0, 22.0))]
    found = {b.name: (b.elapsed_s, b.target_s, b.stretch_s, b.status) for b in budget_facts(runs, BUDGETS, 1_000_000)}
    assert found == {
        "S4": (220.0, 200.0, 250.0, "AMBER"),
        "S5": (21.0, 20.0, 25.0, "AMBER"),
        "candidate": (241.0, 240.0, 300.0, "AMBER"),
    }


def test_what_was_linked_has_no_budget():
    assert [b.name for b in budget_facts([facts(executed=("S5",))], BUDGETS, 1_000_000)] == ["S5", "candidate"]
    assert budget_facts([], BUDGETS, 1_000_000) == ()

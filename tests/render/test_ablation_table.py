"""`ablation.md`, from arms made by hand."""

from __future__ import annotations

import pytest

from seg6b.gates.damage import DAMAGES
from seg6b.render.ablation_table import ablation_markdown
from seg6b.render.wording import ABSENT
from tests.render.ablations import entry, ran, table_of

FELL = entry("PASS", "FAIL")
DAMAGED = {d.gate_id: {d.gate_id: FELL} for d in DAMAGES}
AMOUNT = ran(
    "c01", ("policy/amount=lean",), {"T13": FELL, "T11": FELL, "T6": FELL}, ("s2_flow_anchor_baseline_6B", "s4_case_flows_6B")
)  # fmt: skip
VIEW = ran("c02", ("policy/bank_view=lean",), {"T7": FELL, "T5": FELL | {"b_after": "PASS"}})


def line(text, start):
    return next(row for row in text.splitlines() if row.startswith(f"| {start} |"))


def test_a_row_says_what_fell_who_owns_it_and_why():
    text = ablation_markdown(table_of(AMOUNT, VIEW, falls=["T5", "T7"], damages=DAMAGED))
    assert line(text, "amount") == (
        "| amount | S2 | S2 S4 | T6, T11, T13 | T6: S4; T11, T13: S2 "
        "| T6: S4 works on rows that S2 changed; T11, T13: S2 reads it | PASS |"
    )
    assert "T5 at B+, T7" in line(text, "bank_view")
    assert "Each of 5 gates falls; 8 falls, each with an owner that explains it." in text


def test_a_fall_that_no_owner_explains_is_flagged():
    text = ablation_markdown(table_of(ran("c01", ("policy/bank_view=lean",), {"T19": FELL})))
    assert "T19: **unexplained**" in line(text, "bank_view")
    assert "1 falls, **1 without an owner that explains it**" in text


def test_a_damage_that_fells_a_gate_before_it_is_flagged():
    text = ablation_markdown(table_of(damages=DAMAGED | {"T4": {"T4": FELL, "T19": FELL}}))
    assert line(text, DAMAGES[0].name).endswith("| S4 | T4, T19 | T4: S4; T19: S1, **unexplained** |")


def test_a_gate_that_nothing_fells_is_flagged():
    text = ablation_markdown(table_of(AMOUNT, falls=["T8", "T11"], damages=DAMAGED))
    assert "**Nothing makes T8 fall**" in text
    assert line(text, "T8") == f"| T8 | S4 | nothing | {ABSENT} | {ABSENT} |"


def test_every_gate_has_a_row_and_every_damage_too():
    text = ablation_markdown(table_of(damages=DAMAGED))
    assert all(line(text, f"T{k}") for k in range(1, 23))
    assert all(line(text, f"X{k}") for k in range(1, 6))
    assert [line(text, d.name).split(" | ")[2] for d in DAMAGES] == ["T4", "T12", "X2"]


@pytest.mark.parametrize("gates", [{}, {"T11": entry("PASS", "PASS")}], ids=["not run", "nothing fell"])
def test_an_arm_without_a_fall_says_why(gates):
    text = ablation_markdown(table_of(ran("c01", ("policy/rng=lean",), gates, (), ("it has not run yet",))))
    said, status = ("none", "PASS") if gates else ("not read: it has not run yet", ABSENT)
    assert line(text, "rng") == f"| rng | S5 | none | {said} | {ABSENT} | {ABSENT} | {status} |"

"""T8..T10 on gaps and spans counted by hand."""

from __future__ import annotations

import polars as pl
import pytest

GAPS, SPANS = "gap_s negative n", "duration_s has_gap non_monotone n"


def test_t8_and_t10_are_judged_on_counts_not_on_rounded_rates(tables, board, make):
    gaps = make(GAPS, [[60, False, 10_000_000]])
    tables["S4"]["case_gaps"] = pl.concat([gaps, make(GAPS, [[0, True, 1]], cells=1)])
    spans = make(SPANS, [[60, True, False, 10_000_000]])
    tables["S4"]["case_spans"] = pl.concat([spans, make(SPANS, [[60, True, True, 1]], cells=1)])
    made = board(tables).gates
    for gate, count in (("T8", "negative_gaps"), ("T10", "backward_cases")):
        assert (made[gate].b, made[gate].detail[count]) == ("FAIL", 1)
        assert made[gate].value == pytest.approx(1 / 640_000_001)
        assert made[gate].b_margin == -1


@pytest.mark.parametrize(
    ("on_spike", "b", "bplus"), [(25, "PASS", "PASS"), (26, "PASS", "FAIL"), (50, "PASS", "FAIL"), (51, "FAIL", "FAIL")]
)
def test_t9_takes_the_larger_of_gaps_and_durations(tables, board, make, on_spike, b, bplus):
    few, many = [[3600, False, 1], [7, False, 99]], [[86_400, False, on_spike], [7, False, 100 - on_spike]]
    tables["S4"]["case_gaps"] = make(GAPS, many)
    tables["S4"]["case_spans"] = make(SPANS, [[100, True, False, 100]])
    by_gaps = board(tables).gates["T9"]
    tables["S4"]["case_gaps"] = make(GAPS, few)
    tables["S4"]["case_spans"] = make(SPANS, [[86_401, True, False, on_spike], [7, True, False, 100 - on_spike]])
    by_spans = board(tables).gates["T9"]
    for result in (by_gaps, by_spans):
        assert (result.value, result.b, result.bplus) == (on_spike / 100, b, bplus)
    assert (by_spans.detail["gap_share"], by_spans.detail["duration_share"]) == (0.01, on_spike / 100)


def test_t9_leaves_out_durations_of_cases_without_a_gap(tables, board, make):
    tables["S4"]["case_spans"] = make(SPANS, [[3600, False, False, 90], [50, True, False, 10]])
    assert board(tables).gates["T9"].detail["duration_share"] == 0.0


def test_no_gaps_is_insufficient(tables, board, make):
    tables["S4"]["case_gaps"] = make(GAPS, [[0, False, 0]])
    tables["S4"]["case_spans"] = make(SPANS, [[0, False, False, 5]])
    made = board(tables).gates
    assert {made[g].b for g in ("T8", "T9", "T10")} == {"INSUFFICIENT"}
    assert {made[g].bplus for g in ("T8", "T9", "T10")} == {"INSUFFICIENT"}

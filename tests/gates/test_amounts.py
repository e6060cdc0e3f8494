"""T11..T13 on amounts counted by hand."""

from __future__ import annotations

import polars as pl
import pytest

AMOUNTS = "amount_family amount_branch amount_minor n"


@pytest.fixture
def judged(tables, board, make):
    def run(gate, counts):
        rows = [["PURCHASE", "TAIL", amount, n] for amount, n in counts]
        tables["S2"]["amounts"] = make(AMOUNTS, rows)
        result = board(tables).gates[gate]
        return result.value, result.b.value, result.bplus.value

    return run


@pytest.mark.parametrize(
    ("distinct", "b", "bplus"), [(19, "FAIL", "FAIL"), (20, "PASS", "FAIL"), (39, "PASS", "FAIL"), (40, "PASS", "PASS")]
)
def test_t11_counts_distinct_amounts(judged, distinct, b, bplus):
    assert judged("T11", [(100 + k, 3) for k in range(distinct)]) == (distinct, b, bplus)


@pytest.mark.parametrize(
    ("high", "b", "bplus"),
    [(2499, "FAIL", "FAIL"), (2500, "PASS", "FAIL"), (3499, "PASS", "FAIL"), (3500, "PASS", "PASS")],
)
def test_t12_is_the_ratio_of_linear_quantiles(judged, high, b, bplus):
    assert judged("T12", [(1000, 90), (high, 10)]) == (high / 1000, b, bplus)


@pytest.mark.parametrize(
    ("heavy", "b", "bplus"), [(70, "PASS", "PASS"), (71, "PASS", "FAIL"), (85, "PASS", "FAIL"), (86, "FAIL", "FAIL")]
)
def test_t13_is_the_share_of_the_eight_most_frequent(judged, heavy, b, bplus):
    top = [(1, heavy * 10 - 70), *((k, 10) for k in range(2, 9))]
    rest = [(100 + k, 1) for k in range(1000 - heavy * 10)]
    assert judged("T13", [*top, *rest]) == (heavy / 100, b, bplus)


def test_one_amount_in_two_families_is_one_amount(tables, board, make):
    rows = [[family, "TAIL", amount, 1] for family in ("PURCHASE", "TRANSFER") for amount in range(1, 21)]
    tables["S2"]["amounts"] = make(AMOUNTS, rows)
    assert board(tables).gates["T11"].value == 20


@pytest.mark.parametrize("gate", ["T11", "T12", "T13"])
def test_null_fails_and_nothing_is_insufficient(tables, board, gate):
    amounts = tables["S2"]["amounts"]
    null = amounts.with_columns(amount_minor=pl.when(pl.col("amount_minor") > 199).then("amount_minor"))
    tables["S2"]["amounts"] = null
    assert board(tables).gates[gate].b == "FAIL"
    tables["S2"]["amounts"] = amounts.clear()
    assert board(tables).gates[gate].b == "INSUFFICIENT"


def test_t12_fails_on_a_median_of_zero(judged):
    assert judged("T12", [(0, 90), (100, 10)]) == (None, "FAIL", "FAIL")

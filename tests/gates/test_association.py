"""T5..T7 on tables computed by hand."""

from __future__ import annotations

import math

import numpy as np
import polars as pl
import pytest

BANK = "merchant_class bank_label is_fraud_bank_view fraud_label chargeback_outcome chargeback_type n"
AMOUNTS = "amount_family bank_label is_fraud_bank_view amount_minor n"


def rows(*classes):
    """Two rows a class: flows that are bank fraud and flows that are not."""
    out = []
    for name, fraud, rest in classes:
        out.append([name, "BANK_CONFIRMED_FRAUD", True, "ABUSE", "NO_CHARGEBACK", "NONE", fraud])
        out.append([name, "NO_CASE_OPENED", False, "LEGIT", "NO_CHARGEBACK", "NONE", rest])
    return out


@pytest.fixture
def judged(tables, board, make):
    def run(gate, bank_rows, cells=64):
        tables["S4"]["bank"] = make(BANK, bank_rows, cells)
        return board(tables).gates[gate]

    return run


def test_t5_is_bergsmas_v(judged):
    result = judged("T5", rows(("office_hours", 10, 90), ("online_24h", 20, 80)))
    n, chi2 = 200 * 64, 64 * 200 * (10 * 80 - 20 * 90) ** 2 / (30 * 170 * 100 * 100)
    assert result.raw == pytest.approx(math.sqrt(chi2 / n))
    assert result.value == pytest.approx(math.sqrt((chi2 / n - 1 / (n - 1)) / (1 - 1 / (n - 1))))
    assert result.n == n


@pytest.mark.parametrize(("fraud", "b", "bplus"), [(106, "FAIL", "FAIL"), (112, "PASS", "FAIL"), (135, "PASS", "PASS")])
def test_t5_thresholds(judged, fraud, b, bplus):
    result = judged("T5", rows(("office_hours", 80, 920), ("online_24h", fraud, 1000 - fraud)))
    assert (result.b, result.bplus) == (b, bplus), result.value


def test_t5_without_profile_is_insufficient_and_collapse_fails(judged):
    assert judged("T5", rows(("__UNK__", 10, 90))).b == "INSUFFICIENT"
    assert judged("T5", rows(("office_hours", 10, 90))).b == "FAIL"
    assert judged("T5", rows(("office_hours", 0, 90), ("online_24h", 0, 80))).b == "FAIL"


def test_t5_keeps_unknown_merchants_as_a_class(judged):
    result = judged("T5", rows(("office_hours", 10, 90), ("online_24h", 20, 80), ("__UNK__", 25, 25)))
    assert result.detail["unknown_class_share"] == 0.2
    assert result.value > 0.3


def test_t7_is_the_spread_of_rates(judged):
    result = judged("T7", rows(("office_hours", 10, 90), ("online_24h", 25, 75), ("fuel_convenience", 20, 80)))
    assert result.value == pytest.approx(0.15)
    assert result.detail["rates"] == pytest.approx({"fuel_convenience": 0.2, "office_hours": 0.1, "online_24h": 0.25})


def test_t7_ignores_small_and_unknown_classes(judged):
    classes = rows(("office_hours", 10, 90), ("online_24h", 25, 75), ("__UNK__", 90, 10), ("travel_hospitality", 7, 0))
    result = judged("T7", classes)
    assert result.value == pytest.approx(0.15)
    assert result.detail["small_classes"] == ["travel_hospitality"]


def test_t7_takes_a_class_of_exactly_500_flows(judged):
    result = judged("T7", rows(("office_hours", 1, 9), ("online_24h", 2, 8)), cells=50)
    assert (result.value, result.b) == (pytest.approx(0.1), "PASS")
    assert judged("T7", rows(("office_hours", 1, 9), ("online_24h", 2, 8)), cells=49).b == "INSUFFICIENT"


def test_t7_is_gated_on_the_lower_bound(tables, board, make):
    even = make(BANK, rows(("office_hours", 0, 100), ("online_24h", 4, 96)))
    tables["S4"]["bank"] = even
    assert board(tables).gates["T7"].bplus == "FAIL"
    assert board(tables).gates["T7"].b == "PASS"
    bank_fraud = pl.col("is_fraud_bank_view") & (pl.col("merchant_class") == "online_24h")
    in_few_cells = pl.when(pl.col("cell") < 8).then(32).otherwise(0)
    tables["S4"]["bank"] = even.with_columns(n=pl.when(bank_fraud).then(in_few_cells).otherwise(pl.col("n")))
    uneven = board(tables).gates["T7"]
    assert uneven.value == pytest.approx(0.04, abs=1e-3)
    assert uneven.ci95[0] < 0.03
    assert uneven.b == "FAIL"


def test_t6_is_cohens_d_within_families(tables, board, make):
    sample = {
        ("PURCHASE", False): [100, 200, 300],
        ("PURCHASE", True): [200, 400],
        ("TRANSFER", False): [5000, 9000],
        ("TRANSFER", True): [9000, 9000],
    }
    label = {False: "NO_CASE_OPENED", True: "BANK_CONFIRMED_FRAUD"}
    tables["S4"]["bank_amounts"] = make(AMOUNTS, [[f, label[v], v, x, 1] for (f, v), xs in sample.items() for x in xs])
    result = board(tables).gates["T6"]
    groups = {False: [], True: []}
    for family in ("PURCHASE", "TRANSFER"):
        both = np.repeat([*sample[family, False], *sample[family, True]], 64).astype(float)
        for view in groups:
            groups[view] += [(x - both.mean()) / both.std(ddof=1) for x in np.repeat(sample[family, view], 64)]
    assert result.value == pytest.approx(d(groups[True], groups[False]))
    plain = {v: np.repeat([*sample["PURCHASE", v], *sample["TRANSFER", v]], 64) for v in groups}
    assert result.raw == pytest.approx(abs(d(plain[True], plain[False])))
    assert result.detail["log_d"] == pytest.approx(d(np.log(plain[True]), np.log(plain[False])))


def d(one, zero):
    pooled = ((len(one) - 1) * np.var(one, ddof=1) + (len(zero) - 1) * np.var(zero, ddof=1)) / (
        len(one) + len(zero) - 2
    )
    return (np.mean(one) - np.mean(zero)) / math.sqrt(pooled)


def test_t6_must_be_positive(tables, board):
    amounts = tables["S4"]["bank_amounts"]
    tables["S4"]["bank_amounts"] = amounts.with_columns(amount_minor=3000 - pl.col("amount_minor"))
    result = board(tables).gates["T6"]
    assert (result.b, result.raw) == ("FAIL", pytest.approx(-result.value))


def test_t6_fails_without_spread_or_without_bank_fraud(tables, board):
    amounts = tables["S4"]["bank_amounts"]
    for damaged in (amounts.with_columns(amount_minor=pl.lit(500)), amounts.filter(~pl.col("is_fraud_bank_view"))):
        tables["S4"]["bank_amounts"] = damaged
        assert board(tables).gates["T6"].b == "FAIL"


def test_an_amount_on_a_decile_edge_lies_below_it(tables, board, make):
    tables["S4"]["bank_amounts"] = make(
        AMOUNTS, [["PURCHASE", "NO_CASE_OPENED", False, 100, 5], ["PURCHASE", "BANK_CONFIRMED_FRAUD", True, 200, 5]]
    )
    assert board(tables).gates["T6"].detail["v_by_decile"] == pytest.approx(1.0, abs=1e-3)

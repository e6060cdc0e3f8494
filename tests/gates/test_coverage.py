"""T21: each branch is proven from counters, and each kind of evasion loses it."""

from __future__ import annotations

from types import SimpleNamespace

import polars as pl
import pytest


def proven(result):
    return {branch for branch in ("amount", "timing", "delay") if result.detail[branch]["proven"]}


def test_three_of_three(tables, board):
    result = board(tables).gates["T21"]
    assert (result.value, result.b, result.bplus, proven(result)) == (
        1.0,
        "PASS",
        "PASS",
        {"amount", "timing", "delay"},
    )
    assert result.detail["inferred"] == {"amount": True, "timing": True, "delay": True}


def scaled(frame, column, where, factor):
    return frame.with_columns(
        pl.when(where).then((pl.col(column) * factor).cast(pl.Int64)).otherwise(pl.col(column)).alias(column)
    )


EVASIONS = {
    "amounts: points alone": ("S2", "amounts", lambda f: f.with_columns(amount_branch=pl.lit("POINT")), "amount"),
    "amounts: tails alone": ("S2", "amounts", lambda f: f.with_columns(amount_branch=pl.lit("TAIL")), "amount"),
    "amounts: too many points": ("S2", "amounts", lambda f: scaled(f, "n", pl.col("amount_branch") == "POINT", 1.2), "amount"),
    "timing: one flow without an offset": ("S2", "offsets", lambda f: f.filter((pl.col("cell") > 0) | (pl.col("ms") > 100)), "timing"),
    "timing: 5 % slower": ("S2", "offsets", lambda f: scaled(f, "ms", pl.lit(True), 1.05), "timing"),
    "delay: a model without samples": ("S4", "delays", lambda f: f.filter(pl.col("model") != "CHARGEBACK_DELAY_V1"), "delay"),
    "delay: 10 % slower": ("S4", "delays", lambda f: scaled(f, "ms", pl.col("model") == "DISPUTE_DELAY_V1", 1.4), "delay"),
    "delay: mass on a bound": (
        "S4",
        "delays",
        lambda f: f.with_columns(ms=pl.when((pl.col("model") == "DISPUTE_DELAY_V1") & (pl.col("cell") < 5)).then(3_600_000).otherwise(pl.col("ms"))),
        "delay",
    ),
}  # fmt: skip


@pytest.mark.parametrize("evasion", EVASIONS)
def test_an_evasion_loses_its_branch_alone(tables, board, evasion):
    state, name, change, branch = EVASIONS[evasion]
    tables[state][name] = change(tables[state][name])
    result = board(tables).gates["T21"]
    assert proven(result) == {"amount", "timing", "delay"} - {branch}
    assert (result.value, result.b, result.bplus) == (2 / 3, "PASS", "FAIL")


def test_one_of_three_fails(tables, board):
    for evasion in ("amounts: tails alone", "timing: 5 % slower"):
        state, name, change, _ = EVASIONS[evasion]
        tables[state][name] = change(tables[state][name])
    result = board(tables).gates["T21"]
    assert (result.value, result.b) == (1 / 3, "FAIL")


def test_what_dplus_executed_proves_nothing(tables, board, policies, lean_pack):
    lean = SimpleNamespace(**{**vars(policies), **{name: lean_pack(name) for name in ("amount", "timing", "delay")}})
    tables["S2"]["amounts"] = tables["S2"]["amounts"].with_columns(amount_branch=pl.lit("POINT"))
    tables["S2"]["offsets"] = tables["S2"]["offsets"].clear()
    bounds = {
        "DETECTION_DELAY_V1": 1000,
        "DISPUTE_DELAY_V1": 3_600_000,
        "CHARGEBACK_DELAY_V1": 86_400_000,
        "CASE_CLOSE_DELAY_V1": 3_600_000,
    }
    tables["S4"]["delays"] = tables["S4"]["delays"].with_columns(
        ms=pl.col("model").cast(pl.String).replace_strict(bounds, return_dtype=pl.Int64)
    )
    assert board(tables, policies=lean).gates["T21"].value == 0.0


def test_an_unknown_model_fails(tables, board):
    tables["S4"]["delays"] = tables["S4"]["delays"].with_columns(
        model=pl.col("model").cast(pl.String).replace("DISPUTE_DELAY_V1", "OTHER")
    )
    result = board(tables).gates["T21"]
    assert (result.b, result.detail["reason"]) == ("FAIL", "model has unknown values ['OTHER']")

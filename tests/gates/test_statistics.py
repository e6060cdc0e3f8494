"""The statistics layer: each line against a mix or a sample made to order."""

from __future__ import annotations

from types import SimpleNamespace

import polars as pl
import pytest

BANK = "merchant_class bank_label is_fraud_bank_view fraud_label chargeback_outcome chargeback_type n"


def line(board, name, test):
    return next(s for s in board.statistics if (s.name, s.test) == (name, test))


def test_samples_from_the_laws_pass_at_bplus(tables, board):
    made = board(tables)
    assert {(s.name, s.test): s.value for s in made.statistics if s.bplus == "FAIL"} == {}
    assert {s.name for s in made.statistics if s.test == "ks"} >= {
        "auth_latency",
        "auth_to_clear",
        "delay.DISPUTE_DELAY_V1",
    }
    assert line(made, "flow_type_mix.ECOM", "jsd").value == 0.0


def test_only_class_blocks_among_the_associations(tables, board):
    blocking = {s.name: s.blocking for s in board(tables).statistics if s.test == "association"}
    assert blocking == {
        "bank_label.merchant_class": True,
        "bank_label.amount_decile": False,
        "bank_label.is_cross_border": False,
        "bank_label.corridor": False,
    }


def test_a_mix_that_is_not_the_policys_fails(tables, board, make):
    rows = [["ECOM", "CARD_AUTH_CLEAR", 100], ["ECOM", "CARD_AUTH_DECLINE", 100]]
    tables["S2"]["flow_types"] = make("channel_group flow_type_id n", rows)
    found = line(board(tables), "flow_type_mix.ECOM", "jsd")
    assert (found.b, found.detail["found"]["CARD_AUTH_DECLINE"], found.detail["target"]["CARD_AUTH_DECLINE"]) == (
        "FAIL",
        0.5,
        0.1,
    )


def test_truth_is_compared_with_what_its_rules_promise(tables, board):
    rows = tables["S4"]["truth"]
    drawn = (pl.col("truth_rule_id") == "COLLATERAL_SAME_ACCOUNT_WINDOW") & (pl.col("fraud_label") == "FRAUD")
    tables["S4"]["truth"] = rows.with_columns(n=pl.when(drawn).then(60).otherwise("n"))
    found = line(board(tables), "truth_mix", "jsd")
    total = 185 + 5 + 5 + 64
    assert found.detail["target"]["FRAUD"] == pytest.approx((5 + 64 * 0.2) / total)
    assert found.detail["found"]["FRAUD"] == pytest.approx(65 / total)
    assert found.b == "PASS"
    assert found.bplus == "FAIL"


def test_chargebacks_follow_type_and_outcome_by_label(tables, board, make):
    types = {"UNAUTHORISED": 70, "SERVICE_DISPUTE": 20, "OTHER": 10}
    rows = [
        ["online_24h", "NO_CASE_OPENED", False, "ABUSE", o, t, n * k]
        for t, n in types.items()
        for o, k in (("BANK_LOSS", 7), ("BANK_WIN", 11), ("PARTIAL", 2))
    ]
    tables["S4"]["bank"] = make(BANK, rows)
    made = board(tables)
    assert line(made, "chargeback_type_mix", "jsd").value == pytest.approx(0.0, abs=1e-12)
    assert line(made, "chargeback_outcome_mix", "jsd").value == pytest.approx(0.0, abs=1e-12)
    rows = tables["S4"]["bank"].with_columns(fraud_label=pl.lit("FRAUD"))
    tables["S4"]["bank"] = rows
    assert line(board(tables), "chargeback_outcome_mix", "jsd").b == "FAIL"


def test_campaigns_hit_what_their_quotas_ask_for(tables, board):
    found = line(board(tables), "campaign_type_mix", "jsd")
    assert (found.value, found.n) == (pytest.approx(0.0), 5 * 192 + 3)
    plan = tables["S3"]["campaign_plan"]
    tables["S3"]["campaign_plan"] = plan.with_columns(
        n=pl.when(pl.col("campaign_id") == "1" * 64).then(2000).otherwise("n")
    )
    assert line(board(tables), "campaign_type_mix", "jsd").b == "FAIL"


def test_a_campaign_without_flows_counts_against_its_mix(tables, board):
    plan = tables["S3"]["campaign_plan"]
    extra = plan.head(1).with_columns(campaign_id=pl.lit("9" * 64), n=pl.lit(500, pl.Int64))
    tables["S3"]["campaign_plan"] = pl.concat([plan, extra])
    found = line(board(tables), "campaign_type_mix", "jsd")
    assert (found.b, found.detail["found"]["without flows: 99999999"]) == ("FAIL", 0.0)


def test_few_samples_are_insufficient(tables, board):
    tables["S4"]["delays"] = tables["S4"]["delays"].filter(pl.col("cell") < 20)
    assert line(board(tables), "delay.DISPUTE_DELAY_V1", "ks").b == "INSUFFICIENT"


@pytest.mark.parametrize(("factor", "status"), [(1.0, "PASS"), (1.08, "PASS"), (1.3, "FAIL")])
def test_a_slower_delay_shows_in_ks_and_w1(tables, board, factor, status):
    slower = (pl.col("ms") * pl.when(pl.col("model") == "CASE_CLOSE_DELAY_V1").then(factor).otherwise(1.0)).cast(
        pl.Int64
    )
    tables["S4"]["delays"] = tables["S4"]["delays"].with_columns(ms=slower)
    made = board(tables)
    assert line(made, "delay.CASE_CLOSE_DELAY_V1", "ks").b == status
    w1 = line(made, "delay.CASE_CLOSE_DELAY_V1", "w1")
    assert w1.detail["w1_of_median"] == pytest.approx((factor - 1.0) * 276_000 / 221_494, abs=0.01)
    assert w1.value < w1.detail["w1_of_median"] - 0.03
    assert line(made, "delay.DISPUTE_DELAY_V1", "ks").b == "PASS"


def test_no_timing_law_fails_its_lines(tables, board, policies, lean_pack):
    lean = SimpleNamespace(**{**vars(policies), "timing": lean_pack("timing")})
    assert line(board(tables, policies=lean), "auth_latency", "ks").b == "FAIL"


def test_missing_evidence_is_insufficient(tables, board):
    del tables["S4"]["bank_geo"]
    found = line(board(tables), "bank_label.geography", "association")
    assert (found.b, found.detail["reason"]) == ("INSUFFICIENT", "no evidence table bank_geo")

"""T19 and T20 on sessions and entities counted by hand."""

from __future__ import annotations

from types import SimpleNamespace

import polars as pl
import pytest

from seg6b.gates.record import Baseline


@pytest.mark.parametrize(
    ("single", "b", "bplus"), [(75, "PASS", "PASS"), (76, "PASS", "FAIL"), (85, "PASS", "FAIL"), (86, "FAIL", "FAIL")]
)
def test_t19_is_the_share_of_single_arrivals(tables, board, make, single, b, bplus):
    tables["S1"]["sessions"] = make("arrival_count n", [[1, single], [3, 100 - single]])
    result = board(tables).gates["T19"]
    assert (result.value, result.b, result.bplus) == (single / 100, b, bplus)
    assert result.detail["mean_arrivals"] == pytest.approx((single + 3 * (100 - single)) / 100)


def test_t20_is_the_mean_of_three_shares(tables, board):
    result = board(tables).gates["T20"]
    assert (result.detail["devices"], result.detail["ips"], result.detail["accounts"]) == (0.3, 0.3, 0.2)
    assert result.value == pytest.approx(0.8 / 3)
    assert (result.detail["baseline"], result.detail["baseline_receipt"]) == (0.151206, "")


def test_an_entity_seen_in_two_cells_is_one_entity(tables, board):
    rows = [(0, 7, 1, 1), (1, 7, 2, 2), (2, 8, 5, 5), (3, 9, 6, 6)]
    schema = {"cell": pl.UInt8, "device_id": pl.Int64, "party_min": pl.Int64, "party_max": pl.Int64}
    tables["S1"]["devices"] = pl.DataFrame(rows, schema=schema, orient="row")
    assert board(tables).gates["T20"].detail["devices"] == pytest.approx(1 / 3)


def accounts_for(value):
    """Accounts that bring the mean of (0.3, 0.3, share) to `value`."""
    return [[1_000_000, round((3 * value - 0.6) * 1_000_000)]]


@pytest.mark.parametrize(
    ("value", "b", "bplus"),
    [(0.2199, "FAIL", "FAIL"), (0.22, "PASS", "FAIL"), (0.2499, "PASS", "FAIL"), (0.25, "PASS", "PASS")],
)
def test_t20_floors_are_uplifts_over_the_recorded_baseline(tables, board, make, value, b, bplus):
    tables["S1"]["accounts"] = make("n n_multi", accounts_for(value))
    result = board(tables, baseline=Baseline(0.199999999, "ab" * 32)).gates["T20"]
    assert (result.value, result.b, result.bplus) == (pytest.approx(value), b, bplus)
    assert result.detail["baseline_receipt"] == "ab" * 32
    assert result.b_rule == ">= 0.22"


def test_a_lean_attachment_is_the_baseline_and_no_uplift_over_itself(tables, board, policies, lean_pack):
    lean = SimpleNamespace(**{**vars(policies), "attachment": lean_pack("attachment")})
    alone = board(tables, policies=lean).gates["T20"]
    assert alone.detail["baseline"] == alone.value
    assert (alone.b, alone.bplus) == ("FAIL", "FAIL")
    recorded = board(tables, policies=lean, baseline=Baseline(0.1, "ab" * 32)).gates["T20"]
    assert (recorded.detail["baseline"], recorded.b) == (0.1, "PASS")


def test_nothing_to_share_is_insufficient(tables, board):
    for name in ("sessions", "devices"):
        tables["S1"][name] = tables["S1"][name].clear()
    made = board(tables).gates
    assert (made["T19"].b, made["T20"].b) == ("INSUFFICIENT", "INSUFFICIENT")

"""T17 and T18 on campaign flows laid out by hand."""

from __future__ import annotations

import math

import pytest

COLUMNS = "campaign_id campaign_type merchant_id merchant_class tzid_primary merchant_country_iso party_country_iso n"


@pytest.fixture
def judged(tables, board, make):
    def run(rows, cells=64):
        tables["S3"]["campaign_flows"] = make(COLUMNS, rows, cells)
        made = board(tables).gates
        return made["T17"], made["T18"]

    return run


def row(campaign, merchant_class, zone, n=1, merchant=1):
    return [campaign, "ATO", merchant, merchant_class, zone, "DE", "FR", n]


def spread(campaigns, per_campaign):
    """Campaign k takes `per_campaign` of eight classes and zones, starting at its own."""
    names = (
        "office_hours",
        "online_24h",
        "online_bursty",
        "fuel_convenience",
        "bills_utilities",
        "evening_weekend",
        "consumer_daytime",
        "travel_hospitality",
    )
    return [
        row(f"c{k}", names[(k + j) % 8], f"z{(k + j) % 8}", n=2, merchant=j)
        for k in range(campaigns)
        for j in range(per_campaign)
    ]


@pytest.mark.parametrize(
    ("campaigns", "touched", "t17", "t18"),
    [
        (6, 3, ("PASS", "PASS"), ("PASS", "PASS")),
        (5, 3, ("PASS", "FAIL"), ("PASS", "PASS")),
        (6, 2, ("PASS", "FAIL"), ("PASS", "FAIL")),
        (4, 2, ("PASS", "FAIL"), ("PASS", "FAIL")),
        (3, 3, ("FAIL", "FAIL"), ("FAIL", "FAIL")),
        (6, 1, ("FAIL", "FAIL"), ("FAIL", "FAIL")),
    ],
)
def test_all_parts_must_hold(judged, campaigns, touched, t17, t18):
    one, other = judged(spread(campaigns, touched))
    assert (one.b, one.bplus) == t17
    assert (other.b, other.bplus) == t18
    assert one.detail["campaigns"] == campaigns
    assert one.detail["median_classes"] == one.detail["median_merchants"] == touched


def test_v_is_corrected_and_raw_is_kept(judged):
    one, _ = judged(
        [
            row("a", "office_hours", "z", 6),
            row("a", "online_24h", "z", 4),
            row("b", "office_hours", "y", 4),
            row("b", "online_24h", "y", 6),
        ]
    )
    n, phi2 = 20 * 64, 0.04
    assert one.raw == pytest.approx(math.sqrt(phi2))
    assert one.value == pytest.approx(math.sqrt((phi2 - 1 / (n - 1)) / (1 - 1 / (n - 1))))


def test_no_differentiation_fails_although_raw_v_is_above_zero(judged):
    rows = [
        row(f"c{k}", c, f"z{j}")
        for k in range(6)
        for j, c in enumerate(("office_hours", "online_24h", "online_bursty"))
    ]
    one, other = judged(rows)
    assert (one.value, one.b) == (0.0, "FAIL")
    assert (other.value, other.b) == (0.0, "FAIL")


def test_the_lower_bound_decides(judged, tables, board):
    lean = [
        row(f"c{k}", c, c, 100 + 12 * ((k + j) % 3 == 0))
        for k in range(6)
        for j, c in enumerate(("office_hours", "online_24h", "online_bursty"))
    ]
    one, _ = judged(lean)
    assert one.value > 0.03
    assert one.b == "PASS"
    frame = tables["S3"]["campaign_flows"]
    tables["S3"]["campaign_flows"] = frame.with_columns(n=(frame["n"] - 100) * 8 * (frame["cell"] < 8).cast(int) + 100)
    uneven = board(tables).gates["T17"]
    assert uneven.ci95[0] < 0.03 < uneven.value
    assert uneven.b == "FAIL"


def test_without_any_campaign_there_is_too_little_to_judge(judged, tables, board):
    judged(spread(6, 3))
    tables["S3"]["campaign_flows"] = tables["S3"]["campaign_flows"].clear()
    gates = board(tables).gates
    assert [gates[g].b for g in ("T17", "T18")] == ["INSUFFICIENT"] * 2
    assert gates["T17"].ci95 is None


def test_one_campaign_that_aims_is_not_enough(judged):
    """Five campaigns spread alike and one on a class of its own: V hangs on that one, and its interval says so."""
    alike = [row(f"c{k}", c, c, 10) for k in range(5) for c in ("office_hours", "online_24h", "online_bursty")]
    one, other = judged([*alike, row("c5", "office_hours", "z", 30)])
    assert one.value > 0.2
    assert one.ci95[0] < 0.03
    assert (one.b, other.b) == ("FAIL", "FAIL")


def test_fewer_than_500_rows_are_insufficient(judged):
    assert [r.b for r in judged(spread(6, 3), cells=13)] == ["INSUFFICIENT"] * 2
    assert [r.b for r in judged(spread(6, 3), cells=14)] == ["PASS"] * 2


def test_collapse_fails(judged):
    one, other = judged([row(f"c{k}", "office_hours", "z", 5) for k in range(6)])
    assert (one.b, other.b) == ("FAIL", "FAIL")


def test_corridors_and_countries_are_shown(judged):
    rows = [["a", "ATO", 1, "office_hours", "z", "DE", "DE", 5], ["b", "ATO", 1, "online_24h", "y", "FR", "DE", 5]]
    _, other = judged(rows)
    assert other.detail["v_by_corridor_raw"] == pytest.approx(1.0)
    assert (other.detail["median_merchant_countries"], other.detail["cross_border_spread"]) == (1.0, 1.0)
    assert other.detail["v_by_type"] is None

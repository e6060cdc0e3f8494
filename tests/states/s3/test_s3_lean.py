"""The lean packs: hash targets in whole ppm of all flows, amounts raised uniformly, nothing else."""

import polars as pl
import pytest

TYPES = ("CARD_TESTING", "ATO", "REFUND_ABUSE", "MERCHANT_COLLUSION", "PROMO_FRAUD", "BONUS_ABUSE")


@pytest.fixture(scope="module")
def lean(bench, tmp_path_factory):
    """A thousand times the published shares, so that a small world shows them."""
    specs = bench.crowd(6000, parties=60)
    policy = bench.policies("lean", "lean", campaign_changes={"authority_flows": 124_724})
    return bench.overlaid(bench.flows(specs), policy, tmp_path_factory.mktemp("lean"))


def test_published_thresholds(bench):
    pack = bench.policies("lean", "lean").campaign
    assert [pack.threshold_ppm(t) for t in pack.templates] == [16, 2, 11, 0, 11, 19]


def test_targets_are_spread_over_all_flows(lean):
    share = {k: (lean.flows["fraud_pattern_type"] == k).mean() for k in TYPES}
    wanted = dict(zip(TYPES, (0.016, 0.0028, 0.0112, 0.0004, 0.0112, 0.0192), strict=True))
    assert share == pytest.approx(wanted, abs=0.006)
    assert "CARD_AUTH_DECLINE" in lean.hit["flow_type_id"].cast(pl.String).to_list()


def test_only_amounts_change(lean):
    hit = lean.hit
    assert hit["tactic_ids"].unique().to_list() == [1]
    assert hit["amount_factor"].is_between(1.05, 3.5).all()
    assert hit["amount_factor"].median() == pytest.approx(2.275, abs=0.25)
    origin = lean.base.join(hit.select("flow_id", factor="amount_factor"), on="flow_id").sort("flow_id")
    wanted = (origin["auth_amount_minor"].cast(pl.Float64) * origin["factor"]).round(mode="half_to_even").cast(pl.Int64)
    assert hit.sort("flow_id")["auth_amount_minor"].equals(wanted.rename("auth_amount_minor"))
    assert hit.sort("flow_id")["ts_utc"].equals(origin["ts_utc"])


def test_neither_anomalies_nor_probes(lean):
    assert not lean.flows["overlay_anomaly_any"].any()
    assert lean.probes.height == 0
    assert lean.flows.height == lean.base.height


def test_the_catalogue_lists_the_template_whose_share_vanished(bench, people, tmp_path):
    result = bench.overlaid(people, bench.policies("lean", "lean"), tmp_path)
    rows = {r["campaign_type"]: r for r in result.catalogue.to_dicts()}
    assert {r["filters_id"] for r in rows.values()} == {"NONE"}
    assert set(rows) == set(TYPES)
    assert (rows["MERCHANT_COLLUSION"]["status"], rows["MERCHANT_COLLUSION"]["target_flow_count"]) == ("INACTIVE", 0)
    assert {r["n_windows"] for r in rows.values()} == {1}


def test_lean_campaigns_under_the_full_overlay_and_the_reverse(bench, people, tmp_path):
    one = bench.overlaid(
        people, bench.policies("lean", "full", campaign_changes={"authority_flows": 124_724}), tmp_path / "a"
    )
    two = bench.overlaid(people, bench.policies("bplus", "lean"), tmp_path / "b")
    assert one.hit["tactic_ids"].n_unique() > 3
    assert one.probes.height == 0, "only drawn instruments are probed"
    assert two.hit["tactic_ids"].unique().to_list() == [1]
    assert two.hit.height > 100

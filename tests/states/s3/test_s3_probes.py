"""Card testing probes: small, close in time, beside the flow they probe from, never too many."""

import polars as pl
import pytest

FULL = {"mode": "FULL_SCENARIO"}


@pytest.fixture
def run(bench, tmp_path):
    def go(specs, world=None, quota=20, schedule=FULL, **changes):
        data = bench.only("CARD_TESTING", quota=quota, schedule=schedule, burstiness=...)
        policy = bench.policies(data, switches=(True, False), overlay_changes=changes)
        return bench.overlaid(bench.flows(specs), policy, tmp_path, world=world)

    return go


def people(n=20, step=86_400.0):
    return [{"party": p, "at": 7200.0 + p * step + i * 600} for p in range(1, n + 1) for i in range(2)]


def test_every_target_instrument_is_probed_within_bounds(run):
    result = run(people())
    counts = result.probes.group_by("instrument_id").len()
    assert set(counts["instrument_id"]) == set(result.hit["instrument_id"])
    assert set(counts["len"]) <= {2, 3, 4, 5}
    assert counts["len"].n_unique() > 2


def test_probes_end_at_the_first_campaign_flow_of_the_instrument(run):
    result = run(people())
    first = result.hit.group_by("instrument_id").agg(
        pl.col("ts_utc").min(), pl.col("flow_id").sort_by("ts_utc").first()
    )
    joined = result.probes.join(first, on="instrument_id", suffix="_source")
    gap = (joined["ts_utc_source"] - joined["ts_utc"]).dt.total_seconds(fractional=True)
    assert (gap > 0).all()
    assert (gap <= 5 * 600).all()
    assert (joined["origin_flow_id"] == joined["flow_id_source"]).all()
    assert (joined["session_id"] == joined["flow_id_source"] + 5).all()


def test_gaps_between_probes_are_minutes(run):
    result = run(people())
    both = pl.concat([result.probes, result.hit]).sort("instrument_id", "ts_utc")
    gaps = both.select(pl.col("ts_utc").diff().over("instrument_id").dt.total_milliseconds(), "origin_type")
    probe_gaps = gaps.filter(pl.col("origin_type") == "PURE_FRAUD_FLOW")["ts_utc"].drop_nulls()
    assert probe_gaps.min() >= 45_000
    assert probe_gaps.max() <= 600_000


def test_a_run_that_would_leave_its_window_follows_the_flow_instead(run):
    result = run([{"party": 1, "at": 5.0}])
    assert result.probes.height >= 2
    assert (result.probes["ts_utc"] > result.hit["ts_utc"][0]).all()


def test_a_probe_is_small_unsettled_and_its_own_flow(run):
    result = run(people())
    probes = result.probes
    assert probes["amount_minor"].is_between(50, 500).all()
    assert (probes["amount_minor"] == probes["auth_amount_minor"]).all()
    assert probes["clear_ts"].null_count() == probes.height
    assert set(probes["flow_type_id"].cast(pl.String)) == {"CARD_AUTH_CLEAR", "CARD_AUTH_DECLINE"}
    assert (probes["baseline_outcome"] == "AUTH_DECLINED").mean() == pytest.approx(0.75, abs=0.2)
    assert set(probes["n_arrivals"]) == {0}
    assert set(probes["flow_plan_rule_id"].cast(pl.String)) == {"CAMPAIGN_PROBE"}
    events = result.events.filter(pl.col("flow_id").is_in(probes["flow_id"].implode()))
    assert events.height == 2 * probes.height
    assert events["origin_event_seq"].null_count() == events.height
    answers = events.filter(pl.col("event_type") == "AUTH_RESPONSE")
    declined = probes.filter(pl.col("baseline_outcome") == "AUTH_DECLINED")["flow_id"]
    assert ((answers["response_code"] == "DECLINED") == answers["flow_id"].is_in(declined.implode())).all()
    assert answers["latency_us"].is_between(200_000, 3_000_000).all()


def test_probes_use_the_operators_identity(run):
    result = run(
        people(),
        **{"mix.CARD_TESTING": [{"tactic": "IP_SWAP_ANON", "prob": 0.999}, {"tactic": "BURST_TIMING", "prob": 0.001}]},
    )
    joined = result.probes.join(result.hit, left_on="origin_flow_id", right_on="flow_id", suffix="_source")
    assert joined.height == result.probes.height
    for column in ("ip_id", "device_id", "swapped_ip_id", "identity_swap_flag", "merchant_id", "site_id"):
        assert joined[column].equals(joined[f"{column}_source"].rename(column), null_equal=True)
    assert (result.probes["swapped_ip_id"].is_not_null()).any()


def test_all_probes_together_stay_under_the_guard(bench, run):
    result = run(people(), world=bench.World(arrivals=100_000), **{"guards.max_new_flows_per_million": 450})
    assert 0 < result.probes.height <= 45
    assert result.probes.group_by("instrument_id").len()["len"].max() == 2, "45 allowed over 20 instruments"


def test_no_room_means_no_probe_and_no_draw(bench, run):
    result = run(people(), world=bench.World(arrivals=1000), **{"guards.max_new_flows_per_million": 1})
    assert result.probes.height == 0
    draws = result.evidence.table("draws")
    assert draws.filter(pl.col("decision").str.starts_with("PROBE"))["n"].sum() == 0


def test_probe_ids_do_not_depend_on_the_policy(bench, tmp_path):
    found = []
    for share in (0.2, 0.9):
        policy = bench.policies(
            bench.only("CARD_TESTING", quota=20, schedule=FULL, burstiness=...), switches=(True, False),
            overlay_changes={"probes.decline_share": share},
        )  # fmt: skip
        probes = bench.overlaid(bench.flows(people()), policy, tmp_path / str(share)).probes
        found.append(set(probes["flow_id"]))
        assert min(found[-1]) > 0
    assert found[0] == found[1]

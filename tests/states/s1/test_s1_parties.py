"""Who is drawn: home and away, weights, awake parties."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seg6b.datasets.vocabulary import CHANNELS, SEGMENTS
from seg6b.draws.uniform import Draws
from seg6b.states.s1_attach.party import awake_schedule, find, wake
from seg6b.states.s1_attach.plan import prepare

from .conftest import Zoo, attach, load_pack, load_packs

ALWAYS = load_pack("activity", "lean")


@pytest.fixture(scope="module")
def plan(zoo_outcome):
    return prepare(zoo_outcome.ctx)


@pytest.fixture(scope="module")
def calm(crowd, tmp_path_factory):
    """The crowd, always awake: shares are those of the pools exactly."""
    return attach(crowd, tmp_path_factory.mktemp("calm"), load_packs(activity=ALWAYS))


@pytest.fixture(scope="module")
def calm_plan(calm):
    return prepare(calm.ctx)


def within(observed, n, p, sigmas=4.5):
    assert abs(observed - n * p) <= sigmas * np.sqrt(n * p * (1 - p)) + 1, (observed, n * p)


def test_home_share_is_that_of_the_segment_mix(calm, calm_plan):
    pools = calm_plan.pools
    for ch, channel in enumerate(CHANNELS):
        for country in ("DE", "FR"):
            c = calm_plan.countries.index(country)
            rows = calm.arrivals.filter(
                (pl.col("channel_group") == channel) & (pl.col("merchant_country_iso") == country)
            )
            low, high = pools.country_at[c], pools.country_at[c + 1]
            total = pools.cum[pools.set_of[ch], high] - pools.cum[pools.set_of[ch], low]
            home = rows.filter(pl.col("attach_rule_id") == "HOME")
            within(home.height, rows.height, pools.home[ch, c] / total)
            assert not home["is_cross_border"].any()


def test_parties_at_home_follow_weight_times_p_home(calm, calm_plan):
    home = calm.arrivals.filter((pl.col("attach_rule_id") == "HOME") & (pl.col("merchant_country_iso") == "DE"))
    for channel in ("ECOM", "POS"):
        rows = home.filter(pl.col("channel_group") == channel)
        expected = calm_plan.base * calm_plan.weights.p_home[calm_plan.parties.segment, CHANNELS.index(channel)]
        expected = np.where(calm_plan.parties.country == calm_plan.countries.index("DE"), expected, 0.0)
        chi_square(rows["party_id"], calm_plan.parties.party_id, expected)


def test_parties_away_follow_weight_times_one_minus_p_home(calm, calm_plan):
    rows = calm.arrivals.filter((pl.col("attach_rule_id") != "HOME") & (pl.col("channel_group") == "ECOM"))
    away = 1.0 - calm_plan.weights.p_home[calm_plan.parties.segment, CHANNELS.index("ECOM")]
    chi_square(rows["party_id"], calm_plan.parties.party_id, calm_plan.base * away)


def chi_square(drawn, party_id, expected):
    """Refuse shares whose chi-square lies more than five standard deviations from its mean."""
    counts = np.bincount(np.searchsorted(np.sort(party_id), drawn.to_numpy()), minlength=party_id.size)
    wanted = (expected / expected.sum() * drawn.len())[np.argsort(party_id)]
    some = wanted > 0
    assert counts[~some].sum() == 0
    statistic = float((((counts - wanted)[some]) ** 2 / wanted[some]).sum())
    freedom = int(some.sum()) - 1
    assert abs(statistic - freedom) < 5 * np.sqrt(2 * freedom)


def test_a_country_without_parties_uses_everyone(zoo_outcome):
    rows = zoo_outcome.arrivals.filter(pl.col("merchant_country_iso") == "JP")
    assert set(rows["attach_rule_id"]) == {"GLOBAL_NO_HOME_PARTY"}
    assert set(rows["party_country_iso"]) == {"DE", "FR"}
    assert rows["is_cross_border"].all()


def test_score_is_the_share_of_the_pool(tmp_path):
    zoo = Zoo()
    for name in (11, 12):
        zoo.simple_party(name, holdings=1)
    zoo.merchant(500)
    for k in range(200):
        zoo.arrival(500, k + 1, 60.0 * k)
    found = attach(zoo.seal(tmp_path), tmp_path, load_packs(activity=ALWAYS)).arrivals
    assert set(found["attach_score"]) == {0.5}
    assert set(found["attach_rule_id"]) == {"HOME", "GLOBAL"}


def test_weight_grows_with_holdings_and_tier(tmp_path):
    zoo = Zoo()
    zoo.simple_party(11, holdings=0, tier="LOW")
    zoo.simple_party(12, holdings=4, tier="HIGH")
    zoo.merchant(500)
    zoo.arrival(500, 1, 0.0)
    ctx = attach(zoo.seal(tmp_path), tmp_path, load_packs(activity=ALWAYS)).ctx
    assert prepare(ctx).base.tolist() == pytest.approx([1.0, 1.0 + 0.25 * np.log(5.0) + 0.15], rel=1e-8)


def test_parties_without_account_instrument_device_or_ip_are_never_drawn(tmp_path):
    zoo = Zoo()
    zoo.simple_party(11)
    zoo.party(12)  # nothing at all
    zoo.party(13)
    zoo.account(13, instruments=())
    zoo.ip(zoo.device(None, 13))
    zoo.party(14)
    zoo.account(14)
    zoo.device(None, 14)  # no IP
    zoo.merchant(500)
    for k in range(100):
        zoo.arrival(500, k + 1, 60.0 * k)
    assert set(attach(zoo.seal(tmp_path), tmp_path).arrivals["party_id"]) == {11}


def test_a_party_without_deposit_account_never_goes_to_a_cash_machine(tmp_path):
    zoo = Zoo()
    zoo.simple_party(11)
    zoo.party(12)
    zoo.account(12, "RETAIL_CREDIT_CARD_STANDARD", ("RETAIL_CREDIT_CARD_PHYSICAL",))
    zoo.ip(zoo.device(None, 12))
    zoo.merchant(500, mcc=6011)
    zoo.merchant(600)
    for k in range(200):
        zoo.arrival(500, k + 1, 60.0 * k)
        zoo.arrival(600, k + 1, 60.0 * k)
    found = attach(zoo.seal(tmp_path), tmp_path, load_packs(activity=ALWAYS)).arrivals
    by_channel = {c: set(rows["party_id"]) for (c,), rows in found.group_by("channel_group")}
    assert by_channel == {"ATM": {11}, "POS": {11, 12}}


@given(x=st.floats(0.0, 1.0, exclude_max=True), channel=st.integers(0, 4))
@settings(max_examples=300, deadline=None)
def test_find_agrees_with_a_plain_search(plan, x, channel):
    pools = plan.pools
    s = int(pools.set_of[channel])
    place = x * pools.cum[s, -1]
    found = find(pools, s, place, 0, pools.segment.size - 1)
    assert pools.cum[s, found] <= place < pools.cum[s, found + 1]


@given(u=st.floats(0.0, 1.0, exclude_max=True), block=st.integers(0, 10_000), channel=st.integers(0, 4))
@settings(max_examples=300, deadline=None)
def test_waking_never_leaves_the_country(plan, u, block, channel):
    pools, s, c = plan.pools, int(plan.pools.set_of[channel]), plan.countries.index("DE")
    start, end = pools.cum[s, pools.country_at[c]], pools.cum[s, pools.country_at[c + 1]]
    moved = wake(pools, plan.awake, s, c, start + u * (end - start), block * int(plan.awake.block_us))
    assert start <= moved <= end


def test_waking_keeps_long_run_shares_and_crowds_each_block(plan):
    pools, s, c = plan.pools, 0, plan.countries.index("DE")
    start, end = pools.cum[s, pools.country_at[c]], pools.cum[s, pools.country_at[c + 1]]
    grid = start + (np.arange(400) + 0.5) / 400 * (end - start)
    moved = np.array(
        [[wake(pools, plan.awake, s, c, x, b * int(plan.awake.block_us)) for x in grid] for b in range(600)]
    )
    shares = np.histogram(moved, bins=10, range=(start, end))[0] / moved.size
    assert np.abs(shares - 0.1).max() < 0.02
    per_block = [np.histogram(row, bins=60, range=(start, end))[0] for row in moved]
    crowded = np.mean([np.sort(h)[::-1][:12].sum() / h.sum() for h in per_block])
    assert crowded > 0.75, "a fifth of the axis holds most arrivals of a block"


def test_the_boost_is_the_ratio_of_awake_to_asleep_cells():
    policy = load_pack("activity")
    awake = awake_schedule(policy, Draws("ab" * 32, 1, "baseline_v1"))
    asleep_cell = (1.0 - awake.share) / (policy.awake_one_in - 1)
    assert awake.share / asleep_cell == pytest.approx(policy.boost)


def test_bursts_crowd_the_gaps_of_a_party(crowd, calm, tmp_path_factory):
    bursts = attach(crowd, tmp_path_factory.mktemp("bursts"))
    assert burstiness(bursts.arrivals) > burstiness(calm.arrivals) + 0.1
    assert abs(burstiness(calm.arrivals)) < 0.05


def burstiness(arrivals):
    """Mean over parties of (sd - mean) / (sd + mean) of the gaps (Goh and Barabási)."""
    gaps = arrivals.sort("party_id", "ts_utc").select(
        "party_id", gap=pl.col("ts_utc").diff().over("party_id").dt.total_seconds()
    )
    by = gaps.drop_nulls().group_by("party_id").agg(n=pl.len(), m=pl.col("gap").mean(), s=pl.col("gap").std())
    by = by.filter(pl.col("n") >= 20)
    return by.select((pl.col("s") - pl.col("m")) / (pl.col("s") + pl.col("m"))).to_series().mean()


def test_one_segment_away_more_often_shows_up_more_abroad(calm):
    rows = calm.arrivals.filter(pl.col("attach_rule_id") == "GLOBAL").group_by("party_segment_id").len()
    share = dict(rows.iter_rows())
    assert share["BUSINESS_ECOM_NATIVE"] > 2 * share["OTHER_PUBLIC_SECTOR"]
    assert set(share) == set(SEGMENTS)

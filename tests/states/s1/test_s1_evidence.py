"""Evidence: equal from memory and from Parquet, equal to plain counts, and in step with the draws."""

from __future__ import annotations

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from seg6b.datasets.tables import SESSION_ARRIVALS, SESSIONS
from seg6b.draws.mix import entities2
from seg6b.evidence.implied_s1 import implied_draws, implied_guards
from seg6b.evidence.measure_s1 import MEASURES, measure_s1
from seg6b.evidence.tables import merged
from seg6b.shards.cells import cell_of

from .conftest import attach, load_pack, load_packs

OWN = {"attach_choices", "ip_groups", "draws"}
LEAN = {"attachment": "lean", "prior": "lean", "activity": "lean", "session": "lean", "behaviour": "lean"}
VARIANTS = {
    "full": {},
    "lean": LEAN,
    "historical": {"session": "historical"},
    "flat": {"prior": "lean"},
    "calm": {"activity": "lean"},
    "sharp": {"behaviour": "lean"},
}


@pytest.fixture(scope="module", params=VARIANTS, ids=VARIANTS)
def outcome(request, zoo_world, tmp_path_factory):
    packs = {name: load_pack(name, variant) for name, variant in VARIANTS[request.param].items()}
    return attach(zoo_world, tmp_path_factory.mktemp(request.param), load_packs(**packs), shards=4, batch_rows=700)


def test_draws_are_those_that_the_policy_implies(outcome):
    implied = implied_draws(outcome.evidence, outcome.ctx.policy)
    assert_frame_equal(implied, outcome.evidence.table("draws"))
    assert implied["n"].sum() > 0


def test_parquet_tells_the_same_as_memory(outcome):
    again = merged([measure_s1({SESSION_ARRIVALS.name: outcome.arrivals, SESSIONS.name: outcome.sessions})])
    assert set(again.tables) == set(MEASURES) - OWN
    for name in again.tables:
        assert_frame_equal(again.table(name), outcome.evidence.table(name))


def test_empty_frames_give_the_same_types(outcome):
    nothing = measure_s1({SESSION_ARRIVALS.name: outcome.arrivals.clear(), SESSIONS.name: outcome.sessions.clear()})
    for name in nothing.tables:
        assert nothing.table(name).height == 0
        assert nothing.table(name).schema == outcome.evidence.table(name).schema


def test_every_arrival_is_published_once(outcome):
    keys = outcome.evidence.table("arrival_keys")
    assert keys["n"].sum() == outcome.arrivals.height == outcome.ctx.world.arrivals
    assert keys["key_sum"].sum() == outcome.ctx.world.arrival_key_sum
    assert outcome.arrivals.select("merchant_id", "arrival_seq").n_unique() == outcome.arrivals.height


def test_traffic_counts(outcome):
    rows = outcome.arrivals.with_columns(cell=pl.Series(cell_of(outcome.arrivals["party_id"].to_numpy())))
    assert_frame_equal(MEASURES["arrivals"].count(rows), outcome.evidence.table("arrivals"))
    local = pl.col("ts_local_primary")
    rows = rows.with_columns(hour=((local.dt.weekday().cast(pl.Int32) - 1) * 24 + local.dt.hour().cast(pl.Int32)))
    assert_frame_equal(MEASURES["hour_of_week"].count(rows), outcome.evidence.table("hour_of_week"))


def test_key_sums_by_cell(outcome):
    cell = cell_of(outcome.arrivals["party_id"].to_numpy())
    hashes = entities2(outcome.arrivals["merchant_id"].to_numpy(), outcome.arrivals["arrival_seq"].to_numpy())
    for row in outcome.evidence.table("arrival_keys").iter_rows(named=True):
        assert hashes[cell == row["cell"]].sum().astype("int64") == row["key_sum"]


def test_session_counts(outcome):
    rows = outcome.sessions.with_columns(
        cell=pl.Series(cell_of(outcome.sessions["party_id"].to_numpy())),
        minutes=(pl.col("session_end_utc") - pl.col("session_start_utc")).dt.total_minutes().clip(0, 1_440),
    )
    for name in ("sessions", "session_spans", "boundaries"):
        assert_frame_equal(MEASURES[name].count(rows), outcome.evidence.table(name))


def test_richness(outcome):
    rows, evidence = outcome.arrivals, outcome.evidence
    shared = rows.group_by("device_id").agg(pl.col("party_id").n_unique() > 1)["party_id"].mean()
    devices = evidence.table("devices").group_by("device_id").agg(pl.col("party_min").min(), pl.col("party_max").max())
    assert (devices["party_min"] < devices["party_max"]).mean() == shared
    assert evidence.table("devices")["n"].sum() == rows.height
    shared = rows.group_by("ip_id").agg(pl.col("device_id").n_unique() > 1)["device_id"].mean()
    ips = evidence.table("ips").group_by("ip_id").agg(pl.col("device_min").min(), pl.col("device_max").max())
    assert (ips["device_min"] < ips["device_max"]).mean() == shared
    several = rows.drop_nulls("instrument_id").group_by("account_id").agg(pl.col("instrument_id").n_unique() > 1)
    accounts = evidence.table("accounts")
    assert accounts["n"].sum() == rows["account_id"].n_unique()
    assert accounts["n_multi"].sum() == several["instrument_id"].sum()


def test_linked_entities(outcome):
    names = ("account_id", "instrument_id", "device_id", "ip_id", "merchant_id")
    by = outcome.arrivals.group_by("session_id").agg(
        linked=pl.sum_horizontal(pl.col(n).drop_nulls().n_unique().cast(pl.Int64) for n in names)
    )
    wanted = by.group_by("linked").agg(n=pl.len().cast(pl.Int64)).sort("linked")
    found = outcome.evidence.table("linked_entities").group_by("linked").agg(pl.col("n").sum()).sort("linked")
    assert_frame_equal(wanted, found)


def test_ip_types_count_every_arrival(outcome):
    assert outcome.evidence.table("ip_groups")["n"].sum() == outcome.arrivals.height


def test_guards_show_limit_and_observed(zoo_outcome):
    guards = {r["guard"]: r for r in implied_guards(zoo_outcome.evidence, zoo_outcome.ctx.policy).iter_rows(named=True)}
    largest = guards["session.max_session_arrivals"]
    assert (largest["limit"], largest["observed"]) == (800.0, zoo_outcome.sessions["arrival_count"].max())
    assert (
        0.0 < guards["attachment.proxy_share_cap"]["observed"] <= guards["attachment.proxy_share_cap"]["limit"] == 0.10
    )
    assert guards["attachment.fail_on_missing_profile"]["observed"] == 0.0

from datetime import UTC, datetime

import numpy as np
import polars as pl
import pytest

from seg6b.datasets import world_tables as w
from seg6b.datasets.digest import content_digest
from seg6b.datasets.parts import read_parts
from seg6b.world.generate.countries import COUNTRIES, REGIONS
from seg6b.world.generate.offsets import OFFSETS
from seg6b.world.generate.recipe import Recipe, shares_to_counts
from seg6b.world.generate.rhythms import week_of
from seg6b.world.generate.sizes import merchant_sizes
from seg6b.world.generate.spread import spread
from seg6b.world.generate.zones import ZONES, offset_minutes
from seg6b.world.provide import WorldSettings, provide
from seg6b.world.shape.entities import eligible_parties

TINY = "9644b4bd53947855d624f34dc1729afe544f58f8fc37f5447e3ec49adc3883a9"


@pytest.fixture(scope="module")
def arrivals(tiny):
    return read_parts(tiny.arrival_parts())


def test_the_fingerprint_of_tiny_is_known(tiny):
    assert tiny.manifest_fingerprint == TINY


@pytest.mark.parametrize("threads", [1, 3])
def test_the_same_bytes_whatever_the_threads(tiny, tmp_path, threads):
    again = provide(WorldSettings("other-name", 20_000, 1), tmp_path, threads=threads)
    assert again.manifest_fingerprint == tiny.manifest_fingerprint
    assert {n: s.sha256 for n, s in again.manifest.files.items()} == {
        n: s.sha256 for n, s in tiny.manifest.files.items()
    }


def test_parts_do_not_depend_on_threads(tmp_path):
    one = provide(WorldSettings("x", 450_000, 3), tmp_path / "one", threads=1)
    four = provide(WorldSettings("x", 450_000, 3), tmp_path / "four", threads=4)
    assert len(one.arrival_parts()) == 3
    assert one.manifest.files == four.manifest.files


@pytest.mark.parametrize("change", [{"seed": 2}, {"arrivals": 20_001}, {"scenario_id": "other"}], ids=str)
def test_another_recipe_is_another_world(tiny, worlds, change):
    settings = WorldSettings(**({"name": "tiny", "arrivals": 20_000, "seed": 1} | change))
    assert provide(settings, worlds).manifest_fingerprint != tiny.manifest_fingerprint


def test_every_key_once_and_in_order(arrivals):
    keys = arrivals.select("merchant_id", "ts_utc", "arrival_seq")
    assert keys.equals(keys.sort("merchant_id", "ts_utc", "arrival_seq"))
    running = arrivals.group_by("merchant_id").agg(
        pl.col("arrival_seq").min(), n=pl.len(), top=pl.col("arrival_seq").max()
    )
    assert (running["arrival_seq"] == 1).all()
    assert (running["n"] == running["top"]).all()


def test_times_lie_in_their_bucket_and_in_the_horizon(arrivals, tiny):
    hour = (arrivals["ts_utc"] - tiny.start).dt.total_hours()
    assert (hour == arrivals["bucket_index"]).all()
    assert arrivals["ts_utc"].min() >= tiny.start
    assert arrivals["ts_utc"].max() < tiny.end
    assert arrivals["ts_utc"].dt.microsecond().n_unique() > 10_000


def test_local_times_are_those_of_the_zone_database(arrivals):
    assert arrivals.filter(pl.col("ts_utc") > datetime(2026, 3, 29, 1, tzinfo=UTC)).height > 100
    for zone, rows in arrivals.select("tzid_primary", "ts_utc", "ts_local_primary").group_by("tzid_primary"):
        local = rows["ts_utc"].dt.convert_time_zone(str(zone[0])).dt.replace_time_zone(None)
        assert (local == rows["ts_local_primary"]).all(), zone


@pytest.mark.parametrize("zone", sorted(OFFSETS))
def test_written_out_offsets_are_those_of_the_zone_database(zone):
    hours = pl.datetime_range(datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 3, 31, 23, tzinfo=UTC), "1h", eager=True)
    local = hours.dt.convert_time_zone(zone).dt.replace_time_zone(None)
    minutes = (local - hours.dt.replace_time_zone(None)).dt.total_minutes()
    assert offset_minutes()[ZONES.index(zone)].tolist() == minutes.to_list()


def test_exactly_one_of_site_and_edge(arrivals):
    assert (arrivals["site_id"].is_null() == arrivals["is_virtual"]).all()
    assert (arrivals["edge_id"].is_null() != arrivals["is_virtual"]).all()


def test_sites_belong_to_their_merchant_and_zone(arrivals, tiny):
    sites = tiny.table(w.SITES)
    joined = arrivals.filter(~pl.col("is_virtual")).join(sites, on="site_id", suffix="_of_site")
    assert joined.height == arrivals.filter(~pl.col("is_virtual")).height
    assert (joined["merchant_id"] == joined["merchant_id_of_site"]).all()
    assert (joined["tzid"].cast(pl.String) == joined["tzid_primary"].cast(pl.String)).all()


def test_density_does_not_change_with_size(tiny):
    assert eligible_parties(tiny) == round(20_000 / (124_724_153 / 1_045_044))
    assert tiny.table(w.PARTIES).height == round(eligible_parties(tiny) * 3_281_174 / 1_045_044)


def test_every_eligible_party_can_pay_in_every_channel(tiny):
    """Its first account has a physical debit card; so no channel lacks a candidate."""
    linked = tiny.table(w.IP_LINKS)["device_id"].unique()
    devices = tiny.table(w.DEVICES).filter(pl.col("device_id").is_in(linked.implode()))
    owners = devices["primary_party_id"].drop_nulls().unique()
    cards = tiny.table(w.INSTRUMENTS).filter(
        pl.col("instrument_type").cast(pl.String).str.contains("DEBIT_CARD_PHYSICAL")
    )
    current = tiny.table(w.ACCOUNTS).filter(pl.col("account_type").cast(pl.String).str.contains("CURRENT"))
    payers = cards.join(current, on="account_id")["owner_party_id"]
    assert owners.is_in(payers.implode()).all()


def test_every_segment_has_an_eligible_party(tiny):
    linked = tiny.table(w.IP_LINKS)["party_id"].drop_nulls().unique()
    segments = tiny.table(w.PARTIES).filter(pl.col("party_id").is_in(linked.implode()))["segment_id"]
    assert segments.n_unique() == 17


@pytest.mark.parametrize("dataset", w.WORLD_TABLES, ids=lambda d: d.name)
def test_keys_are_unique(tiny, dataset):
    frame = tiny.table(dataset)
    assert frame.height == frame.unique(dataset.key).height


@pytest.mark.parametrize(
    ("dataset", "column", "target", "key"),
    [
        (w.ACCOUNTS, "owner_party_id", w.PARTIES, "party_id"),
        (w.INSTRUMENTS, "account_id", w.ACCOUNTS, "account_id"),
        (w.DEVICES, "primary_party_id", w.PARTIES, "party_id"),
        (w.DEVICE_LINKS, "device_id", w.DEVICES, "device_id"),
        (w.DEVICE_LINKS, "merchant_id", w.MERCHANT_SEEDS, "merchant_id"),
        (w.IP_LINKS, "ip_id", w.IPS, "ip_id"),
        (w.IP_LINKS, "device_id", w.DEVICES, "device_id"),
    ],
    ids=lambda v: getattr(v, "name", v),
)
def test_links_exist_in_their_base(tiny, dataset, column, target, key):
    known = tiny.table(target)[key]
    assert tiny.table(dataset)[column].drop_nulls().is_in(known.implode()).all()


def test_roles_of_every_entity(tiny):
    for base, roles, key in (
        (w.PARTIES, w.PARTY_ROLES, "party_id"),
        (w.ACCOUNTS, w.ACCOUNT_ROLES, "account_id"),
        (w.DEVICES, w.DEVICE_ROLES, "device_id"),
        (w.IPS, w.IP_ROLES, "ip_id"),
        (w.MERCHANT_SEEDS, w.MERCHANT_ROLES, "merchant_id"),
    ):
        assert tiny.table(base)[key].sort().equals(tiny.table(roles)[key].sort()), roles.name


def test_a_small_world_has_every_kind(tiny):
    links, ips = tiny.table(w.DEVICE_LINKS), tiny.table(w.IPS)
    assert set(links["link_role"].unique()) == {"PRIMARY_OWNER", "SECONDARY_USER", "MERCHANT_TERMINAL"}
    assert set(tiny.table(w.IP_LINKS)["link_role"].unique()) == {
        "TYPICAL_DEVICE_IP", "RECENT_LOGIN_IP", "SHARED_PUBLIC_WIFI", "MERCHANT_ENDPOINT",
    }  # fmt: skip
    assert ips["ip_type"].n_unique() == 8
    assert {"POS_TERMINAL", "ATM"} <= set(tiny.table(w.DEVICES)["device_type"].unique())
    assert "HIGH_RISK_DEVICE" in set(tiny.table(w.DEVICE_ROLES)["fraud_role_device"].unique())


def test_terminals_are_those_of_counters_and_machines(tiny):
    links = tiny.table(w.DEVICE_LINKS).filter(pl.col("link_role") == "MERCHANT_TERMINAL")
    assert links["party_id"].null_count() == links.height
    seeds = tiny.table(w.MERCHANT_SEEDS)
    counters = seeds.filter((pl.col("channel") == "card_present") | (pl.col("mcc") == 6011))["merchant_id"]
    assert counters.is_in(links["merchant_id"].implode()).all()


def test_large_devices_and_addresses_keep_their_caps(tiny):
    owned = tiny.table(w.DEVICE_LINKS).drop_nulls("party_id").group_by("party_id").len()["len"]
    assert owned.max() <= 20
    homes = tiny.table(w.IP_LINKS).join(tiny.table(w.IPS), on="ip_id").filter(pl.col("ip_type") == "RESIDENTIAL")
    assert homes.filter(pl.col("link_role") != "MERCHANT_ENDPOINT").group_by("ip_id").len()["len"].max() <= 20


def test_the_seal_states_the_content(tiny):
    for dataset in w.WORLD_TABLES:
        assert str(content_digest(tiny.table(dataset))) == tiny.digests[dataset.name]


def test_a_world_too_small_is_refused(tmp_path):
    with pytest.raises(Exception, match=r"E_WORLD_TOO_SMALL.*got 1999; expected 2000 or more"):
        provide(WorldSettings("x", 1_999), tmp_path)


def test_the_smallest_world_can_be_made(tmp_path):
    assert provide(WorldSettings("x", 2_000), tmp_path).arrivals == 2_000


@pytest.mark.parametrize("arrivals", [20_000, 250_000, 124_724_153])
def test_sizes_add_up_and_fall(arrivals):
    sizes = merchant_sizes(arrivals, Recipe(arrivals, 1).merchants)
    assert sizes.sum() == arrivals
    assert (np.diff(sizes) <= 0).all()
    assert sizes[-1] >= 1
    assert sizes[0] / arrivals == pytest.approx(0.136, abs=1e-3)


def test_spread_meets_its_targets():
    sizes = np.arange(100, 0, -1)
    targets = np.array([2525, 1515, 1010])
    u = (np.arange(100) * 37 % 100) / 100
    labels = spread(sizes, targets, np.array([50, 30, 20]), u, {0: 2})
    assert np.bincount(labels).tolist() == [50, 30, 20]
    assert labels[0] == 2
    assert np.abs(np.bincount(labels, weights=sizes) - targets).max() <= 1


def test_counts_add_up():
    assert shares_to_counts(np.array([0.1, 0.2, 0.7]), 7).tolist() == [1, 1, 5]


def test_countries_are_whole():
    assert len(COUNTRIES) == 77
    assert sum(c.share for c in COUNTRIES) == pytest.approx(100.0)
    assert {c.region for c in COUNTRIES} == set(REGIONS)
    for country in COUNTRIES:
        assert sum(weight for _, weight in country.zones) == pytest.approx(1.0)


@pytest.mark.parametrize("demand_class", ["office_hours", "online_24h", "fuel_convenience"])
def test_a_rhythm_has_mean_one(demand_class):
    assert week_of(demand_class).mean() == pytest.approx(1.0)

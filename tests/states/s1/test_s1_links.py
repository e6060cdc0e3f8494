"""What is linked: membership, weights, terminals, fallbacks, nulls."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from seg6b.datasets import world_tables as w
from seg6b.datasets.vocabulary import CHANNELS, IP_GROUP_OF, IP_GROUPS
from seg6b.states.s1_attach.candidates import instrument_kind, ledger_class
from seg6b.states.s1_attach.links import choose, choose_device
from seg6b.states.s1_attach.weights import build_weights

from .conftest import Zoo, attach, load_pack, load_packs

ALWAYS = load_pack("activity", "lean")
KEY = np.uint64(7)


@pytest.fixture(scope="module")
def linked(crowd, tmp_path_factory):
    """The crowd's arrivals joined to the types of what they use."""
    rows = attach(crowd, tmp_path_factory.mktemp("links"), load_packs(activity=ALWAYS)).arrivals
    accounts = crowd.table(w.ACCOUNTS, ["account_id", "owner_party_id", "account_type"])
    instruments = crowd.table(w.ACCOUNT_INSTRUMENTS, ["account_id", "instrument_id", "instrument_type"])
    devices = crowd.table(w.DEVICE_LINKS, ["device_id", "party_id", "merchant_id", "link_role"])
    devices = devices.rename({"party_id": "user", "merchant_id": "shop"})
    ips = crowd.table(w.IP_LINKS, ["ip_id", "device_id", "link_role"]).rename({"link_role": "ip_role"})
    rows = rows.join(accounts, on="account_id", how="left")
    rows = rows.join(instruments, on=["account_id", "instrument_id"], how="left")
    rows = rows.join(devices, on="device_id", how="left").join(ips, on=["device_id", "ip_id"], how="left")
    return rows.join(crowd.table(w.IPS, ["ip_id", "ip_type"]), on="ip_id", how="left")


def share(rows, condition):
    return rows.select(condition.mean()).item()


def test_every_link_exists_upstream(linked):
    assert (linked["owner_party_id"] == linked["party_id"]).all()
    assert linked["instrument_type"].null_count() == linked["instrument_id"].null_count() == 0
    terminal = linked["link_role"] == "MERCHANT_TERMINAL"
    assert (linked.filter(terminal)["shop"] == linked.filter(terminal)["merchant_id"]).all()
    assert (linked.filter(~terminal)["user"] == linked.filter(~terminal)["party_id"]).all()
    assert linked["ip_role"].null_count() == 0
    assert set(linked.filter(terminal)["ip_role"]) == {"MERCHANT_ENDPOINT"}


def test_ledger_classes_serve_their_channels(linked):
    ledger = (
        linked["account_type"].cast(pl.String).replace_strict({t: ledger_class(t) for t in set(linked["account_type"])})
    )
    by = linked.with_columns(ledger=ledger).group_by("channel_group").agg(pl.col("ledger").unique().sort())
    found = {c: set(values) for c, values in by.iter_rows()}
    cards = {"DEPOSIT", "CREDIT_REVOLVING"}
    assert found == {"ECOM": cards, "POS": cards, "HYBRID": cards, "ATM": {"DEPOSIT"}, "BANK_RAIL": {"DEPOSIT"}}


def test_a_bank_handle_pays_on_the_bank_rail_alone(linked):
    kind = (
        linked["instrument_type"]
        .cast(pl.String)
        .replace_strict({t: instrument_kind(t) for t in set(linked["instrument_type"])})
    )
    handles = linked.with_columns(kind=kind).filter(pl.col("kind") == "BANK_HANDLE")
    assert set(handles["channel_group"]) == {"BANK_RAIL"}
    retail = linked.with_columns(kind=kind).filter(
        (pl.col("channel_group") == "BANK_RAIL") & pl.col("party_segment_id").cast(pl.String).str.starts_with("RETAIL")
    )
    # Each deposit account of the zoo has one instrument of each kind.
    assert share(retail, pl.col("kind") == "BANK_HANDLE") == pytest.approx(0.60, abs=0.03)
    assert share(retail, pl.col("kind") == "CARD_PHYSICAL") == pytest.approx(0.20, abs=0.03)


def test_classes_and_kinds_follow_the_prior_of_the_family(linked):
    retail = pl.col("party_segment_id").cast(pl.String).str.starts_with("RETAIL")
    rows = linked.filter(retail & (pl.col("channel_group") == "ECOM"))
    credit = pl.col("account_type").cast(pl.String).str.contains("CREDIT_CARD")
    assert share(rows, credit) == pytest.approx(0.30 / 0.90, abs=0.03)
    deposit = rows.filter(~credit)
    virtual = pl.col("instrument_type").cast(pl.String).str.ends_with("_VIRTUAL")
    assert share(deposit, virtual) == pytest.approx(0.25 / 0.90, abs=0.05)


def test_terminals_and_main_devices_follow_the_prior(linked):
    for channel, chance in (("POS", 0.88), ("ATM", 0.97), ("HYBRID", 0.08)):
        rows = linked.filter(pl.col("channel_group") == channel)
        assert share(rows, pl.col("link_role") == "MERCHANT_TERMINAL") == pytest.approx(chance, abs=0.02)
    own = linked.filter(pl.col("link_role") != "MERCHANT_TERMINAL")
    business = pl.col("party_segment_id").cast(pl.String).str.starts_with("BUSINESS")
    ecom = own.filter(pl.col("channel_group") == "ECOM")
    assert share(ecom.filter(business), pl.col("link_role") == "PRIMARY_OWNER") == pytest.approx(0.88, abs=0.03)
    assert share(ecom.filter(~business), pl.col("link_role") == "PRIMARY_OWNER") == pytest.approx(0.90, abs=0.03)


def test_ips_follow_group_role_and_cap(linked):
    retail = pl.col("party_segment_id").cast(pl.String).str.starts_with("RETAIL")
    main = pl.col("link_role") == "PRIMARY_OWNER"
    rows = linked.filter(retail & main & (pl.col("channel_group") == "ECOM"))
    group = pl.col("ip_type").cast(pl.String).replace_strict(IP_GROUP_OF)
    for name, weight in zip(IP_GROUPS, (0.45, 0.30, 0.12, 0.07, 0.06), strict=True):
        assert share(rows, group == name) == pytest.approx(weight, abs=0.03)
    homes = rows.filter(group == "RESIDENTIAL")
    assert share(homes, pl.col("ip_role") == "TYPICAL_DEVICE_IP") == pytest.approx(0.70, abs=0.03)


def test_the_proxy_cap_binds_where_there_is_anything_else():
    packs = load_packs(attachment=load_pack("attachment", proxy_share_cap=0.02))
    ip = build_weights(packs).ip.reshape(3, 5, 32, 5)
    everything, alone = ip[:, :, 31], ip[:, :, 16]
    assert (everything[..., 4] / everything.sum(axis=2)) == pytest.approx(0.02)
    assert (alone[..., 4] > 0).all()
    pair = ip[:, :, 17]
    assert (pair[..., 4] / pair.sum(axis=2)) == pytest.approx(0.02)


def test_an_account_without_instrument_serves_the_bank_rail_alone(tmp_path):
    zoo = Zoo()
    zoo.party(11)
    bare = zoo.account(11, instruments=())
    zoo.ip(zoo.device(None, 11))
    zoo.simple_party(12)
    zoo.merchant(500, mcc=4829)
    zoo.merchant(600)
    for k in range(60):
        zoo.arrival(500, k + 1, 60.0 * k)
        zoo.arrival(600, k + 1, 60.0 * k)
    found = attach(zoo.seal(tmp_path), tmp_path, load_packs(activity=ALWAYS)).arrivals
    null = found.filter(pl.col("instrument_id").is_null())
    assert set(null["account_id"]) == {bare}
    assert set(null["channel_group"]) == {"BANK_RAIL"}
    assert found.filter(pl.col("channel_group") == "POS")["instrument_id"].null_count() == 0


def test_a_counter_without_terminal_takes_the_customers_device(tmp_path):
    zoo = Zoo()
    zoo.simple_party(11)
    zoo.merchant(500, terminals=0)
    zoo.arrival(500, 1, 0.0)
    device = zoo.rows[w.DEVICE_LINKS.name][0]["device_id"]
    assert attach(zoo.seal(tmp_path), tmp_path).arrivals["device_id"].to_list() == [device]


def test_a_single_candidate_draws_nothing():
    one = np.array([0], np.int32), np.array([1.0])
    assert choose(*one, 0, 1, np.ones((1, 5)), 0, np.uint64(1), KEY) == (0, 0)
    assert choose(*one, 0, 0, np.ones((1, 5)), 0, np.uint64(1), KEY) == (-1, 0)
    assert choose_device(1, 0, 0, 0.88, 0.9, np.uint64(1), KEY) == (0, 0)


def test_a_candidate_of_weight_zero_is_no_candidate():
    group, weight = np.array([0, 1], np.int32), np.array([[0.0, 1.0, 1.0, 1.0, 1.0]])
    assert choose(group, np.ones(2), 0, 2, weight, 0, np.uint64(1), KEY) == (1, 0)


def test_devices_split_and_remap_one_draw():
    picks = [choose_device(3, 1, 2, 0.5, 0.8, np.uint64(e), KEY) for e in range(20_000)]
    counts = np.bincount([place for place, _ in picks], minlength=5) / len(picks)
    assert counts == pytest.approx([0.05, 0.40, 0.05, 0.25, 0.25], abs=0.012)
    assert {drew for _, drew in picks} == {1}


def test_channels_are_in_the_order_of_the_weights():
    assert CHANNELS == ("ECOM", "POS", "ATM", "BANK_RAIL", "HYBRID")

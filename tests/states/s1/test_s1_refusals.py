"""What S1 refuses, each in one line."""

from __future__ import annotations

import dataclasses
from types import SimpleNamespace

import numpy as np
import pytest

from seg6b.datasets import world_tables as w
from seg6b.errors import ContractBroken, InputRefused, UsageError
from seg6b.states.s1_attach.state import shard_count
from seg6b.states.s1_attach.unique import UniqueIds

from .conftest import Zoo, attach, load_pack, load_packs


def small(party=True):
    zoo = Zoo()
    if party:
        zoo.simple_party(11)
    zoo.merchant(500)
    for k in range(20):
        zoo.arrival(500, k + 1, 60.0 * k)
    return zoo


def test_nobody_eligible(tmp_path):
    zoo = small(party=False)
    zoo.party(12)
    with pytest.raises(InputRefused, match="E_S1_NO_ELIGIBLE_PARTY"):
        attach(zoo.seal(tmp_path), tmp_path)


def test_nobody_eligible_on_one_channel(tmp_path):
    zoo = small(party=False)
    zoo.party(12)
    zoo.account(12, "RETAIL_CREDIT_CARD_STANDARD")
    zoo.ip(zoo.device(None, 12))
    zoo.merchant(600, mcc=6011)
    zoo.arrival(600, 1, 5.0)
    with pytest.raises(ContractBroken, match=r"E_S1_NO_CANDIDATE.*merchant_id 600.*ATM"):
        attach(zoo.seal(tmp_path), tmp_path)


def test_a_link_to_an_unknown_ip(tmp_path):
    zoo = small()
    zoo.add(w.IP_LINKS, ip_id=4, device_id=zoo.rows[w.DEVICE_LINKS.name][0]["device_id"], link_role="TYPICAL_DEVICE_IP")
    with pytest.raises(InputRefused, match=r"E_S1_LINK_UNKNOWN.*ip_id 4"):
        attach(zoo.seal(tmp_path), tmp_path)


def test_a_party_without_role(tmp_path):
    zoo = small()
    zoo.rows[w.PARTY_ROLES.name].clear()
    with pytest.raises(InputRefused, match=r"E_S1_MISSING_ROLE.*party_id 11"):
        attach(zoo.seal(tmp_path), tmp_path)


def test_a_session_above_the_guard(tmp_path):
    packs = load_packs(session=load_pack("session", "historical", max_session_arrivals=19))
    with pytest.raises(ContractBroken, match=r"E_S1_SESSION_TOO_LARGE.*got 20; expected at most 19"):
        attach(small().seal(tmp_path), tmp_path, packs)


def test_too_many_proxies(tmp_path):
    zoo = small(party=False)
    zoo.party(11)
    zoo.account(11)
    zoo.ip(zoo.device(None, 11), "VPN_PROXY")
    with pytest.raises(ContractBroken, match=r"E_S1_PROXY_SHARE.*got 1.0000; expected at most 0.1"):
        attach(zoo.seal(tmp_path), tmp_path)


def test_arrivals_that_differ_from_the_seal(tmp_path):
    world = small().seal(tmp_path)
    fewer = dataclasses.replace(world, arrivals=21)
    with pytest.raises(ContractBroken, match=r"E_S1_ARRIVALS_LOST.*21 rows.*20 rows"):
        attach(fewer, tmp_path / "a")
    other = dataclasses.replace(world, manifest=SimpleNamespace(checks={"arrival_key_sum": "5"}))
    with pytest.raises(ContractBroken, match="E_S1_ARRIVALS_LOST"):
        attach(other, tmp_path / "b")


def test_a_session_id_that_occurs_twice(tmp_path):
    ids = UniqueIds(tmp_path)
    ids.add(0, np.array([5, 9], np.int64))
    ids.add(3, np.array([1 << 62, 9], np.int64))
    with pytest.raises(ContractBroken, match=r"E_S1_DUPLICATE_SESSION_ID.*got 9"):
        ids.check()


@pytest.mark.parametrize("ids_a_range", [1, 3, 100])
def test_ids_are_compared_across_ranges(tmp_path, monkeypatch, ids_a_range):
    monkeypatch.setattr("seg6b.states.s1_attach.unique.RANGE_IDS", ids_a_range)
    ids = UniqueIds(tmp_path)
    ids.add(0, np.array([1, 1 << 61, (1 << 63) - 1], np.int64))
    ids.add(1, np.array([2, 1 << 62], np.int64))
    ids.check()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("wanted", [-1, 3, 8192])
def test_an_impossible_number_of_shards(wanted):
    with pytest.raises(UsageError, match="E_S1_SHARDS"):
        shard_count(wanted, 1)


@pytest.mark.parametrize(
    ("arrivals", "shards"), [(1, 8), (250_000, 8), (5_000_000, 16), (124_724_153, 256), (10**10, 4096)]
)
def test_automatic_shards(arrivals, shards):
    assert shard_count(0, arrivals) == shards

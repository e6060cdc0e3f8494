"""Channel derivation, merchant facts, and refusals of what no rule knows."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from seg6b.datasets.vocabulary import CHANNELS
from seg6b.errors import ContractBroken, InputRefused
from seg6b.policy.attachment import DerivedChannel
from seg6b.states.s1_attach.arrivals import channels_of
from seg6b.states.s1_attach.merchants import derive_channels

from .conftest import Zoo, attach, load_pack, load_packs

RULE = DerivedChannel(kind="derived", atm_mcc=[6011], bank_rail_mcc=[4829, 6012])


@pytest.mark.parametrize(
    ("mcc", "posture", "both", "channel"),
    [
        (5411, "card_present", False, "POS"),
        (5411, "card_not_present", False, "ECOM"),
        (5411, "card_present", True, "HYBRID"),
        (5411, "card_not_present", True, "HYBRID"),
        (6011, "card_present", True, "ATM"),
        (4829, "card_not_present", False, "BANK_RAIL"),
        (6012, "card_present", False, "BANK_RAIL"),
    ],
)
def test_channel_follows_the_merchant(mcc, posture, both, channel):
    seeds = pl.DataFrame({"mcc": [mcc], "channel": [posture]})
    assert CHANNELS[derive_channels(seeds, np.array([both]), RULE)[0]] == channel


def own(*values):
    return pl.Series(values, dtype=pl.Enum(["mixed", "card_present", "card_not_present", "ATM", "carrier_pigeon"]))


def test_an_arrival_that_names_one_of_the_five_keeps_it():
    derived = np.full(4, CHANNELS.index("POS"), np.int32)
    found = channels_of(own("ATM", "mixed", None, "card_not_present"), derived, Path("x"))
    assert [CHANNELS[c] for c in found] == ["ATM", "POS", "POS", "POS"]


def test_an_unknown_channel_is_refused_by_name():
    with pytest.raises(ContractBroken, match=r"E_S1_CHANNEL_UNKNOWN.*a\.parquet.*carrier_pigeon"):
        channels_of(own("mixed", "carrier_pigeon"), np.zeros(2, np.int32), Path("a.parquet"))


def test_an_unknown_channel_nobody_uses_is_no_fault():
    assert channels_of(own("mixed"), np.ones(1, np.int32), Path("x")).tolist() == [1]


def one_party(**facts):
    zoo = Zoo()
    zoo.simple_party(11)
    zoo.merchant(500, **facts)
    zoo.arrival(500, 1, 10.0)
    return zoo


def test_facts_of_the_merchant_are_carried(tmp_path):
    row = attach(one_party(profile="office_hours", country="FR").seal(tmp_path), tmp_path).arrivals.row(0, named=True)
    assert (row["merchant_class"], row["merchant_country_iso"], row["merchant_currency"]) == (
        "office_hours",
        "FR",
        "EUR",
    )
    assert (row["party_id"], row["party_country_iso"], row["is_cross_border"]) == (11, "DE", True)
    assert (row["site_id"], row["edge_id"], row["zone_representation"]) == (501, None, "Europe/Berlin")


def test_a_merchant_without_class_is_refused_or_unknown_as_the_policy_says(tmp_path):
    world = one_party(profile=None).seal(tmp_path)
    with pytest.raises(InputRefused, match=r"E_S1_MISSING_PROFILE.*merchant_id 500"):
        attach(world, tmp_path / "a")
    lax = load_packs(attachment=load_pack("attachment", fail_on_missing_profile=False))
    assert attach(world, tmp_path / "b", lax).arrivals["merchant_class"].to_list() == ["__UNK__"]


def test_a_merchant_without_currency_is_refused(tmp_path):
    zoo = one_party()
    zoo.arrival(777, 1, 20.0)
    with pytest.raises(ContractBroken, match=r"E_S1_MISSING_MERCHANT_CCY.*merchant_id 777"):
        attach(zoo.seal(tmp_path), tmp_path)


def test_both_postures_of_a_merchant_make_all_its_arrivals_hybrid(tmp_path):
    zoo = one_party()
    zoo.arrival(500, 2, 20.0, virtual=True)
    assert set(attach(zoo.seal(tmp_path), tmp_path).arrivals["channel_group"]) == {"HYBRID"}

"""What S3 refuses at run time, in its own words."""

from datetime import timedelta

import polars as pl
import pytest

from seg6b.errors import ContractBroken, InputRefused


def test_an_empty_pool_of_anonymisers(bench, people, tmp_path):
    with pytest.raises(
        ContractBroken, match=r"E_S3_POOL_EMPTY: the pool of tactic IP_SWAP_ANON is empty \(s4_ip_base_6A\)"
    ):
        bench.overlaid(people, bench.policies(), tmp_path, world=bench.World(proxies=0))


def test_an_empty_pool_of_devices(bench, people, tmp_path):
    with pytest.raises(ContractBroken, match=r"E_S3_POOL_EMPTY: the pool of tactic DEVICE_SWAP_SHARED"):
        bench.overlaid(people, bench.policies(), tmp_path, world=bench.World(risky=0))


def test_no_pool_is_asked_for_where_no_mix_swaps(bench, people, tmp_path):
    data = bench.only("REFUND_ABUSE", schedule={"mode": "FULL_SCENARIO"})
    bench.overlaid(people, bench.policies(data), tmp_path, world=bench.World(proxies=0, risky=0))


def test_more_targets_than_the_guard_allows(bench, people, tmp_path):
    policy = bench.policies(campaign_changes={"templates.2.quota.rate_per_million": 900_000.0})
    with pytest.raises(ContractBroken, match=r"E_S3_TARGET_CAP: the campaigns want more targets than the guard allows"):
        bench.overlaid(people, policy, tmp_path, world=bench.World(arrivals=5_000))


def test_windows_longer_than_the_horizon(bench, people, tmp_path):
    world = bench.World(end=bench.World().start + timedelta(days=40))
    with pytest.raises(
        InputRefused, match=r"E_S3_WINDOW: .*\(T_MERCHANT_COLLUSION\); got 50 days; expected at most 40 days"
    ):
        bench.overlaid(people, bench.policies(), tmp_path, world=world)


def test_a_campaign_without_a_mix(bench, people, tmp_path):
    data = bench.plain("overlay", "full")
    del data["mix"]["PROMO_FRAUD"]
    with pytest.raises(InputRefused, match=r"E_S3_NO_MIX: .*PROMO_FRAUD"):
        bench.overlaid(people, bench.policies("bplus", data), tmp_path)


def test_a_window_too_short_for_its_probes(bench, people, tmp_path):
    data = bench.only("CARD_TESTING", schedule={"mode": "FIXED_WINDOW_V1", "days": 0.05})
    with pytest.raises(
        ContractBroken, match=r"E_S3_PROBE_SPAN: .*expected at least twice the longest run of probes, 6000 s"
    ):
        bench.overlaid(people, bench.policies(data), tmp_path)


def test_a_party_without_a_posture(bench, tmp_path):
    with pytest.raises(ContractBroken, match=r"E_S3_UNKNOWN_PARTY: 1 parties have no fraud role .*party_id 77"):
        bench.overlaid(bench.flows([{"party": 77}]), bench.policies(), tmp_path)


def test_no_eligible_flow_at_all(bench, tmp_path):
    result = bench.overlaid(
        bench.flows([{"party": 1, "channel": "BANK_RAIL", "type": "BANK_TRANSFER"}]), bench.policies(), tmp_path
    )
    assert (result.catalogue["status"] == "INACTIVE").all()
    assert result.flows.height == 1
    assert result.flows["overlay_anomaly_any"].sum() == 0
    assert isinstance(result.flows, pl.DataFrame)

"""What is done to a flow, one tactic at a time, by hand."""

import polars as pl
import pytest

from seg6b.datasets import vocabulary as v
from seg6b.datasets.tables import FLOWS

FULL = {"mode": "FULL_SCENARIO"}
BIT = {name: 1 << i for i, name in enumerate(v.TACTICS)}
AXIS = {name: 1 << i for i, name in enumerate(v.MUTATION_AXES)}
ALONE = 1e-12
TYPES = {
    "CARD_TESTING": {"burstiness": ...}, "ATO": {}, "REFUND_ABUSE": {}, "MERCHANT_COLLUSION": {}, "PROMO_FRAUD": {},
}  # fmt: skip


@pytest.fixture
def run(bench, tmp_path):
    """`run(specs, type, tactic)`: every eligible flow is hit, and the tactic is nearly sure."""

    def go(specs, kind, tactic=None, world=None, **overlay):
        data = bench.plain("overlay", "full")
        if tactic is not None:
            others = [c["tactic"] for c in data["mix"][kind] if c["tactic"] != tactic][:1]
            data["mix"][kind] = [{"tactic": tactic, "prob": 1 - ALONE}, {"tactic": others[0], "prob": ALONE}]
            data["mix"].pop("BONUS_ABUSE")
            data["mix"]["BONUS_ABUSE"] = [{"tactic": t, "prob": 1 / 6} for t in v.TACTICS[:6]]
        data["second_tactic"] = overlay.pop("second_tactic", ALONE)
        data["decline"] = overlay.pop("decline", {"campaign_type": "BONUS_ABUSE", "share": 1.0})
        campaigns = bench.only(kind, quota=500, schedule=FULL, **TYPES[kind])
        policy = bench.policies(campaigns, data, switches=(True, False), overlay_changes=overlay)
        return bench.overlaid(bench.flows(specs), policy, tmp_path, world=world)

    return go


def one(result):
    """The only baseline flow, and its events."""
    (row,) = result.hit.to_dicts()
    return row, result.events_of(row["flow_id"])


def flags(row):
    return [name.split("_")[0] for name in result_flags() if row[name]]


def result_flags():
    return [
        "amount_modified_flag",
        "timing_modified_flag",
        "identity_swap_flag",
        "routing_anomaly_flag",
        "structure_modified_flag",
    ]


def test_amount_upshift_multiplies_every_amount_by_one_factor(run):
    row, events = one(run([{"amount": 1005, "clear": 1009, "refund": 400}], "REFUND_ABUSE", "AMOUNT_UPSHIFT"))
    factor = row["amount_factor"]
    assert 1.05 <= factor <= 3.0
    assert row["auth_amount_minor"] == row["amount_minor"] == round(1005 * factor)
    assert row["clear_amount_minor"] == round(1009 * factor)
    assert row["refund_amount_minor"] == round(-400 * factor)
    assert events["amount_minor"].to_list() == [round(a * factor) for a in (1005, 1005, 1009, -400)]
    assert (row["tactic_ids"], row["mutation_axes"], flags(row)) == (BIT["AMOUNT_UPSHIFT"], AXIS["AMOUNT"], ["amount"])
    assert row["origin_type"] == "BASELINE_FLOW_MUTATED"
    assert row["origin_flow_id"] == row["flow_id"]


def test_amounts_are_rounded_half_even(run):
    result = run(
        [{"party": p, "amount": a, "at": 60.0 * p} for p, a in enumerate((1, 3, 101, 103), 1)],
        "REFUND_ABUSE", "AMOUNT_UPSHIFT",
        **{"tactics.amount_upshift.factor": {"min": 1.5, "max": 1.5, "atom_mass": 1.0, "atoms": {"values": [1.5], "probs": [1.0]}}},
    )  # fmt: skip
    assert sorted(result.hit["amount_minor"]) == [2, 4, 152, 154]
    drawn = result.evidence.table("draws").filter(pl.col("decision") == "APPLY_MUTATION_PARAM")
    assert drawn["n"].sum() == 0, "a law with one outcome draws nothing"


def test_clearing_stays_within_one_percent_and_one_unit(run):
    specs = [{"party": 1 + i % 50, "at": 60.0 * i, "amount": 40 + i, "clear": 40 + i + round((i % 3 - 1) * (40 + i) * 0.01)}
             for i in range(300)]  # fmt: skip
    result = run(specs, "REFUND_ABUSE", "AMOUNT_UPSHIFT")
    raised = result.hit.filter(pl.col("amount_modified_flag"))
    gap = (raised["clear_amount_minor"] - raised["auth_amount_minor"]).abs()
    assert raised.height > 150
    assert (gap <= 0.01 * raised["auth_amount_minor"] + 1).all()


def test_ip_swap_takes_an_anonymiser_of_the_campaigns_pool(run):
    result = run([{"party": p, "at": 60.0 * p} for p in range(1, 61)], "ATO", "IP_SWAP_ANON")
    hit = result.hit.filter(pl.col("identity_swap_flag"))
    assert hit.height == 60
    assert hit["ip_id"].is_between(7048, 7059).all()
    assert hit["ip_id"].n_unique() <= 12
    assert (hit["swapped_ip_id"] == 7000 + hit["party_id"] % 50).all()
    assert (hit["ip_id"] != hit["swapped_ip_id"]).all()
    assert hit["swapped_device_id"].null_count() == 60
    assert hit["mutation_axes"].unique().to_list() == [AXIS["IDENTITY"]]


def test_a_pool_has_its_floor_and_grows_with_the_quota(bench, tmp_path):
    sizes = []
    for quota in (2, 60):
        data = bench.plain("overlay", "full")
        data["swap_pools"] = {"floor": 2, "targets_per_member": 20}
        data["mix"]["ATO"] = [
            {"tactic": "IP_SWAP_ANON", "prob": 1 - ALONE},
            {"tactic": "AMOUNT_UPSHIFT", "prob": ALONE},
        ]
        data["mix"]["BONUS_ABUSE"] = [{"tactic": t, "prob": 1 / 6} for t in v.TACTICS[:6]]
        policy = bench.policies(bench.only("ATO", quota=quota), data, switches=(True, False))
        specs = [{"party": p, "at": 60.0 * p + i * 86_400} for p in range(1, 61) for i in range(8)]
        sizes.append(bench.overlaid(bench.flows(specs), policy, tmp_path / str(quota)).hit["ip_id"].n_unique())
    assert sizes == [2, 5]


def test_device_swap_brings_the_devices_own_ip(run):
    result = run([{"party": p, "at": 60.0 * p} for p in range(1, 41)], "ATO", "DEVICE_SWAP_SHARED")
    hit = result.hit.filter(pl.col("identity_swap_flag"))
    assert hit.height == 40
    assert (hit["device_id"] >= 900_000).all()
    assert (hit["ip_id"] == 7000 + hit["device_id"] - 900_000).all()
    assert (hit["swapped_device_id"] == hit["party_id"] * 1000).all()
    changed = hit.filter(pl.col("ip_id") != 7000 + pl.col("party_id") % 50)
    assert (changed["swapped_ip_id"] == 7000 + changed["party_id"] % 50).all()


def test_a_device_without_an_ip_leaves_the_ip(bench, run):
    world = bench.World()
    world.tables["s4_ip_links_6A"] = {"ip_id": [7000], "device_id": [1000]}
    row, _ = one(run([{"party": 3}], "ATO", "DEVICE_SWAP_SHARED", world=world))
    assert row["device_id"] >= 900_000
    assert (row["ip_id"], row["swapped_ip_id"]) == (7003, None)


def test_site_shift_prefers_the_merchants_own_site(run):
    row, _ = one(run([{"merchant": 503, "site": 5006}], "MERCHANT_COLLUSION", "SITE_SHIFT"))
    assert row["site_id"] == 5007
    assert row["routing_anomaly_flag"]
    assert (row["tactic_ids"], row["mutation_axes"]) == (BIT["SITE_SHIFT"], AXIS["ROUTING"])


def test_site_shift_falls_back_to_another_site_of_the_country(bench, run):
    world = bench.World()
    keep = [i for i in range(120) if i != 7]
    world.tables["site_locations"] = {k: [list(x)[i] for i in keep] if k != "country_iso" else x.gather(keep)
                                      for k, x in world.tables["site_locations"].items()}  # fmt: skip
    row, _ = one(run([{"merchant": 503, "site": 5006}], "MERCHANT_COLLUSION", "SITE_SHIFT", world=world))
    table = world.table(__import__("seg6b.datasets.world_tables", fromlist=["SITES"]).SITES)
    country = dict(table.select("site_id", "country_iso").iter_rows())
    assert row["site_id"] != 5006
    assert country[row["site_id"]] == country[5006]


def test_a_flow_without_a_site_is_not_shifted(run):
    row, _ = one(run([{"merchant": 503, "site": None}], "MERCHANT_COLLUSION", "SITE_SHIFT"))
    assert row["site_id"] is None
    assert row["tactic_ids"] == BIT["AMOUNT_UPSHIFT"], "the mix falls to what fits"


def test_burst_timing_shortens_response_and_clearing(run):
    specs = [{"response_ms": 2001, "clear_ms": 3_000_001, "refund": 500, "step_up": True}]
    row, events = one(run(specs, "PROMO_FRAUD", "BURST_TIMING"))
    factor = row["time_factor"]
    assert 0.2 <= factor <= 0.7
    since = (events["ts_utc"] - row["ts_utc"]).dt.total_milliseconds().to_list()
    response, clearing = round(2001 * factor), round(3_000_001 * factor)
    assert since == [0, 1000, 5000, 5000 + response, clearing, clearing + 600_000]
    latency = [0, 1_000_000, 4_000_000, response * 1000, clearing * 1000, 600_000_000]
    assert events["latency_us"].to_list() == latency
    assert (row["auth_response_ts"], row["clear_ts"], row["refund_ts"]) == tuple(events["ts_utc"][3:])
    assert (row["tactic_ids"], row["mutation_axes"], flags(row)) == (BIT["BURST_TIMING"], AXIS["TIMING"], ["timing"])


def test_burst_timing_keeps_events_a_millisecond_apart(run):
    specs = [{"response_ms": 1, "clear_ms": 2}]
    row, events = one(run(specs, "PROMO_FRAUD", "BURST_TIMING"))
    assert (events["ts_utc"] - row["ts_utc"]).dt.total_milliseconds().to_list() == [0, 1, 2]


def test_suppress_clearing_takes_the_refund_with_it(run):
    row, events = one(run([{"refund": 500}], "REFUND_ABUSE", "SUPPRESS_CLEARING"))
    assert events["event_type"].to_list() == ["AUTH_REQUEST", "AUTH_RESPONSE"]
    assert events["response_code"].to_list() == [None, "APPROVED"]
    assert [row[c] for c in ("clear_ts", "clear_amount_minor", "refund_ts", "refund_amount_minor")] == [None] * 4
    assert (row["n_events"], row["mutation_axes"], flags(row)) == (2, AXIS["STRUCTURE"], ["structure"])


def test_a_campaign_decline_removes_what_follows(run):
    decline = {"campaign_type": "CARD_TESTING", "share": 1.0}
    specs = [{"party": 1, "refund": 300, "step_up": True}, {"party": 2, "at": 60.0, "type": "CARD_AUTH_DECLINE"},
             {"party": 3, "at": 90.0, "reversal": True}]  # fmt: skip
    result = run(specs, "CARD_TESTING", "IP_SWAP_ANON", decline=decline)
    rows = {r["party_id"]: r for r in result.hit.to_dicts()}
    for party in (1, 3):
        events = result.events_of(rows[party]["flow_id"])
        assert events["event_type"].to_list()[-1] == "AUTH_RESPONSE"
        assert events["response_code"].to_list()[-1] == "DECLINED"
        assert rows[party]["tactic_ids"] == BIT["CAMPAIGN_DECLINE"] | BIT["IP_SWAP_ANON"]
        assert rows[party]["structure_modified_flag"]
        assert rows[party]["baseline_outcome"] == "AUTH_SETTLED"
        assert [rows[party][c] for c in ("clear_ts", "refund_ts", "reversal_ts")] == [None] * 3
    assert result.events_of(rows[1]["flow_id"])["event_type"].to_list() == [
        "AUTH_REQUEST", "STEP_UP_CHALLENGE", "STEP_UP_COMPLETE", "AUTH_RESPONSE"
    ]  # fmt: skip
    assert rows[2]["tactic_ids"] == BIT["IP_SWAP_ANON"], "what S2 declined is not declined again"


def test_two_mutations_never_share_an_axis(run):
    specs = [{"party": 1 + i % 50, "at": 3600.0 * i, "site": 5000} for i in range(300)]
    result = run(specs, "ATO", second_tactic=0.9)
    two = [t.bit_count() for t in result.hit["tactic_ids"]]
    assert max(two) == 2
    assert two.count(2) > 100
    both = BIT["IP_SWAP_ANON"] | BIT["DEVICE_SWAP_SHARED"]
    assert not (result.hit["tactic_ids"] & both == both).any()


def test_one_mutation_a_flow_where_the_guard_says_so(run):
    specs = [{"party": 1 + i % 50, "at": 3600.0 * i} for i in range(100)]
    result = run(specs, "ATO", second_tactic=0.9, **{"guards.max_mutations_per_flow": 1})
    assert {t.bit_count() for t in result.hit["tactic_ids"]} == {1}


def test_a_flow_that_nothing_fits_is_tagged_only(run):
    row, _ = one(run([{"type": "CARD_AUTH_DECLINE"}], "ATO", "AMOUNT_UPSHIFT", **{
        "tactics.ip_swap_anon.flow_types": ["CARD_AUTH_CLEAR"], "tactics.device_swap_shared.flow_types": ["CARD_AUTH_CLEAR"],
    }))  # fmt: skip
    assert (row["tactic_ids"], row["origin_type"], row["origin_flow_id"]) == (0, "BASELINE_FLOW", None)
    assert row["fraud_flag"]


def test_all_other_columns_stay(run):
    result = run([{"party": p, "at": 60.0 * p, "site": 5000} for p in range(1, 31)], "ATO")
    free = {"device_id", "ip_id", "amount_minor", "auth_amount_minor", "clear_amount_minor"}
    names = [n for n in FLOWS.names if n not in free]
    assert result.hit.sort("flow_id").select(names).equals(result.base.sort("flow_id").select(names))


def test_the_mix_is_followed(run):
    specs = [{"party": 1 + i % 60, "at": 3000.0 * i, "account": i} for i in range(2000)]
    result = run(specs, "ATO")
    share = {
        t: (result.hit["tactic_ids"] & BIT[t] > 0).mean()
        for t in ("DEVICE_SWAP_SHARED", "IP_SWAP_ANON", "AMOUNT_UPSHIFT")
    }
    assert share == pytest.approx({"DEVICE_SWAP_SHARED": 0.45, "IP_SWAP_ANON": 0.30, "AMOUNT_UPSHIFT": 0.25}, abs=0.07)

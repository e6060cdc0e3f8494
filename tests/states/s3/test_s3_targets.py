"""Who is hit: frames, filters, waves, caps, quotas, conflicts, cohorts."""

import polars as pl
import pytest

from seg6b.datasets import vocabulary as v

DAY = 86_400
FULL = {"mode": "FULL_SCENARIO"}
ALWAYS = {"classes": {"members": 9, "outside": 0.5}}


def spread(n, **same):
    """`n` flows over the horizon, one a party."""
    return [{"party": 1 + i % 60, "at": i * 80 * DAY / n, **same} for i in range(n)]


def hit_ids(result):
    return set(result.hit["flow_id"])


@pytest.fixture
def run(bench, tmp_path):
    """`run(specs, template, overlay_changes=…, **changes)`: S3 with one template."""

    def go(specs, template, overlay_changes=None, campaign_changes=None, **changes):
        policy = bench.policies(
            bench.only(template, **changes), switches=(True, False),
            overlay_changes=overlay_changes, campaign_changes=campaign_changes,
        )  # fmt: skip
        return bench.overlaid(bench.flows(specs), policy, tmp_path)

    return go


def test_a_flow_campaign_takes_its_quota(run):
    result = run(spread(200), "REFUND_ABUSE", quota=17, schedule=FULL)
    (row,) = result.catalogue.to_dicts()
    assert (row["quota"], row["domain_size"], row["target_entity_count"], row["target_flow_count"]) == (17, 200, 17, 17)
    assert result.hit.height == 17
    assert result.hit["fraud_pattern_type"].unique().to_list() == ["REFUND_ABUSE"]


def test_a_domain_smaller_than_the_quota_is_taken_whole(run):
    result = run(spread(6), "REFUND_ABUSE", quota=17, schedule=FULL)
    assert result.hit.height == 6


@pytest.mark.parametrize(
    ("good", "bad"),
    [
        ({"channel": "POS"}, {"channel": "ATM", "type": "ATM_WITHDRAWAL"}),
        ({"type": "CARD_AUTH_STEPUP_CLEAR"}, {"type": "CARD_AUTH_DECLINE"}),
        ({"role": "MULE"}, {"role": "ORGANISER"}),
        ({"ip": 7059}, {"ip": 12}),
    ],
    ids=["channel", "flow type", "party role", "ip group"],
)
def test_only_eligible_flows_are_hit(run, good, bad):
    specs = [s | (good if i % 2 else bad) for i, s in enumerate(spread(60))]
    result = run(specs, "REFUND_ABUSE", quota=50, schedule=FULL)
    assert hit_ids(result) == {1_000_000 + i for i in range(60) if i % 2}


def test_party_types_are_read_off_the_segment(run):
    specs = [s | {"segment": v.SEGMENTS[i % 17]} for i, s in enumerate(spread(170))]
    result = run(specs, "CARD_TESTING", quota=170, schedule=FULL)
    assert {str(s).split("_")[0] for s in result.hit["party_segment_id"]} == {"RETAIL", "BUSINESS"}


def test_windows_hold_their_flows(run):
    schedule = {"mode": "MULTI_WINDOW_V1", "days": 2, "every_days": 10, "n_windows": 3}
    result = run(spread(900), "REFUND_ABUSE", quota=900, schedule=schedule)
    (row,) = result.catalogue.to_dicts()
    since = (result.hit["ts_utc"] - row["window_start_utc"]).dt.total_seconds().to_numpy() / DAY
    assert row["n_windows"] == 3
    assert (row["window_end_utc"] - row["window_start_utc"]).total_seconds() == 22 * DAY
    assert ((since >= 0) & (since % 10 < 2)).all()
    assert set(since // 10) == {0, 1, 2}
    assert result.hit.height == row["domain_size"]


def test_a_window_starts_anywhere_inside_the_horizon(bench, tmp_path):
    starts = []
    for seed in range(12):
        policy = bench.policies(bench.only("REFUND_ABUSE"), switches=(True, False))
        result = bench.overlaid(bench.flows(spread(90)), policy, tmp_path / str(seed), seed=seed)
        starts.append((result.catalogue["window_start_utc"][0] - bench.World().start).total_seconds() / DAY)
    assert min(starts) >= 0
    assert max(starts) <= 83
    assert max(starts) - min(starts) > 30


def test_burstiness_puts_its_share_into_a_fifth_of_the_window(run):
    result = run(spread(1000), "REFUND_ABUSE", quota=100, schedule=FULL, burstiness=0.6)
    at = (result.hit["ts_utc"].dt.epoch("s") - 1_767_225_600).sort().to_numpy()
    best = max(((at >= start) & (at < start + 18 * DAY)).sum() for start in range(0, 72 * DAY, 3600))
    assert 60 <= best <= 72
    assert result.hit.height == 100


def test_an_instrument_loses_its_flows_up_to_the_cap(run):
    specs = [{"party": p, "at": p * 1000 + i * 7200.0} for p in range(1, 21) for i in range(6)]
    result = run(specs, "CARD_TESTING", quota=4, schedule=FULL, flows_per_entity=3, burstiness=...)
    per = result.hit.group_by("instrument_id").len()["len"].to_list()
    assert per == [3, 3, 3, 3]
    assert result.catalogue["target_entity_count"][0] == 4


def test_the_most_wanted_flows_of_an_entity_come_first_then_the_earliest(run):
    specs = [{"party": 1, "at": 3600.0 * i, "class": "online_24h" if i % 2 else "office_hours"} for i in range(8)]
    changes = {f"cohort.{d}.members": 99 for d in ("merchant_countries", "party_countries", "zones")}
    changes |= {"cohort.classes.members": 1, "cohort.hours.members": 23}
    result = run(
        specs, "CARD_TESTING", quota=1, schedule=FULL, flows_per_entity=3, burstiness=..., campaign_changes=changes
    )
    classes = [str(c) for c in result.hit["merchant_class"]]
    assert len(set(classes)) == 1
    assert sorted(result.hit["ts_utc"].dt.hour().to_list()) in ([0, 2, 4], [1, 3, 5])


def test_an_account_campaign_follows_the_account_over_its_instruments(run):
    specs = [
        {"party": p, "at": p * 1000.0 + i * 9000, "instrument": p * 100 + i} for p in range(1, 31) for i in range(3)
    ]
    result = run(specs, "ATO", quota=5)
    assert result.hit["account_id"].n_unique() == 5
    assert result.hit.height == 15
    assert result.catalogue["target_entity_count"][0] == 5


def test_a_risky_account_loses_more_flows(run):
    specs = [{"party": p, "at": p * 1000.0 + i * 9000} for p in (1, 2, 3, 4) for i in range(15)]
    result = run(specs, "ATO", quota=4, flows_per_entity=10)
    per = dict(result.hit.group_by("party_id").len().iter_rows())
    assert per == {1: 4, 2: 4, 3: 6, 4: 9}, "10 x max(0.35, 0.3 x tier), half to even"


def test_risky_accounts_are_preferred(run):
    specs = [{"party": p, "at": p * 1000.0} for p in range(1, 61)]
    specs = [s | {"account": s["party"]} for s in specs]
    tiers = [(p - 1) % 4 for p in range(1, 61)]
    result = run(specs, "ATO", quota=20, campaign_changes={"filters.F_ACCOUNT_DIGITAL.weight.min": 0.001})
    hit = [tiers[p - 1] for p in result.hit["party_id"]]
    assert hit.count(0) <= 1
    assert hit.count(3) >= 7


def test_a_merchant_campaign_hits_flows_of_few_merchants_across_parties(run):
    specs = [
        {"party": 1 + i % 40, "at": i * 80 * DAY / 800, "merchant": 500 + i % 20, "merchant_country": "DE"} for i in range(800)
    ]  # fmt: skip
    result = run(
        specs, "MERCHANT_COLLUSION", quota=4, flows_per_entity=6, merchant_flows_per_million=1e-6, schedule=FULL
    )
    per = result.hit.group_by("merchant_id").len().sort("merchant_id")
    by_tier = {0: 3, 1: 3, 2: 5, 3: 7}
    assert per["len"].to_list() == [by_tier[(m - 500) % 4] for m in per["merchant_id"]], "6 x max(0.5, 0.4 x tier)"
    assert result.hit["party_id"].n_unique() > 6
    assert all((m - 500) % 3 != 2 for m in per["merchant_id"]), "MSB merchants are filtered out"
    assert result.catalogue["target_entity_count"][0] == 4
    assert result.catalogue["domain_size"][0] == 14


def test_an_event_campaign_is_after_the_clearing(run):
    specs = [s | {"reversal": i % 2 == 0} for i, s in enumerate(spread(40))]
    result = run(specs, "PROMO_FRAUD", quota=40, schedule=FULL)
    assert hit_ids(result) == {1_000_000 + i for i in range(40) if i % 2}
    primary = result.events.filter("is_fraud_event")
    assert primary["event_type"].unique().to_list() == ["CLEARING"]
    assert primary.height == 20


def test_a_flow_belongs_to_the_campaign_with_the_smaller_score(bench, tmp_path):
    data = bench.only("REFUND_ABUSE", quota=40, schedule=FULL, count=2)
    result = bench.overlaid(bench.flows(spread(50)), bench.policies(data, switches=(True, False)), tmp_path)
    counts = result.catalogue["target_flow_count"].to_list()
    assert result.hit.height == sum(counts) < 50
    assert max(counts) < 40, "each lost some of its targets to the other"
    assert result.hit["flow_id"].is_unique().all()


def test_a_campaign_without_a_target_is_inactive(run):
    result = run([s | {"channel": "POS"} for s in spread(30)], "BONUS_ABUSE")
    assert result.catalogue.select("status", "target_flow_count", "domain_size").row(0) == ("INACTIVE", 0, 0)
    assert not result.flows["fraud_flag"].any()


def test_a_cohort_is_preferred(run):
    specs = [s | {"class": v.CLASSES[i % 8]} for i, s in enumerate(spread(2000))]
    result = run(specs, "REFUND_ABUSE", quota=100, schedule=FULL, campaign_changes={"cohort.classes.outside": 0.01})
    by_class = result.hit.group_by("merchant_class").len().sort("len", descending=True)
    assert by_class["len"][:3].sum() >= 90
    assert by_class["len"][2] > 5


def test_rates_scale_with_the_domain(bench, tmp_path):
    data = bench.only("REFUND_ABUSE", schedule=FULL)
    data["templates"][0]["quota"] = {"rate_per_million": 100_000.0, "floor": 3}
    quotas = []
    for n in (100, 400):
        specs = spread(n) + [s | {"channel": "ATM", "type": "ATM_WITHDRAWAL"} for s in spread(50)]
        result = bench.overlaid(bench.flows(specs), bench.policies(data), tmp_path / str(n))
        quotas.append(result.catalogue["quota"][0])
    assert quotas == [13, 43]


def test_campaign_ids_are_free_of_policy(bench, people, ordinary, tmp_path):
    edited = bench.overlaid(people, bench.policies(campaign_changes={"cohort.zones.outside": 0.9}), tmp_path)
    assert edited.catalogue["campaign_id"].cast(pl.String).equals(ordinary.catalogue["campaign_id"].cast(pl.String))
    assert all(
        len(c) == 64 and set(c) <= set("0123456789abcdef") for c in edited.catalogue["campaign_id"].cast(pl.String)
    )

"""What holds for every run of S3, whatever its packs."""

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from seg6b.datasets.tables import EVENTS, FLOWS
from seg6b.evidence.implied_s3 import implied_draws
from seg6b.evidence.measure_s3 import measure_s3
from seg6b.evidence.tables import merged


def assert_untouched(result):
    flows = result.flows.filter(~pl.col("fraud_flag")).select(FLOWS.names)
    kept = result.base.filter(pl.col("flow_id").is_in(flows["flow_id"].implode()))
    assert flows.sort("flow_id").equals(kept.sort("flow_id"))
    events = result.events.filter(~pl.col("fraud_flag")).select(EVENTS.names)
    kept = result.base_events.filter(pl.col("flow_id").is_in(events["flow_id"].unique().implode()))
    assert events.sort("flow_id", "event_seq").equals(kept.sort("flow_id", "event_seq"))


def assert_sound(result):
    flows, events = result.flows, result.events
    assert flows["flow_id"].is_unique().all()
    baseline = flows.filter(pl.col("origin_type") != "PURE_FRAUD_FLOW")
    assert set(baseline["flow_id"]) == set(result.base["flow_id"])
    per_flow = events.group_by("flow_id", maintain_order=True).agg(
        pl.len(),
        pl.col("event_seq"),
        gap=pl.col("ts_utc").diff().drop_nulls().min(),
        primary=pl.col("is_fraud_event").sum(),
    )
    assert per_flow["flow_id"].to_list() == flows["flow_id"].to_list()
    assert per_flow["len"].to_list() == flows["n_events"].to_list()
    assert all(seq == list(range(len(seq))) for seq in per_flow["event_seq"].to_list())
    assert per_flow["gap"].drop_nulls().dt.total_microseconds().min() >= 1000
    fraudulent = (flows["fraud_flag"] | flows["overlay_anomaly_any"]).cast(pl.UInt32)
    assert per_flow["primary"].to_list() == fraudulent.to_list()
    assert not (flows["fraud_flag"] & flows["overlay_anomaly_any"]).any()
    assert (flows["fraud_flag"] == flows["campaign_id"].is_not_null()).all()
    assert (flows["fraud_flag"] == (flows["fraud_pattern_type"] != "NONE")).all()


def assert_catalogued(result):
    tagged = (
        result.flows.filter("fraud_flag")
        .group_by(pl.col("campaign_id").cast(pl.String))
        .agg(target_flow_count=pl.len().cast(pl.Int64), target_event_count=pl.col("n_events").sum().cast(pl.Int64))
    )
    listed = result.catalogue.with_columns(pl.col("campaign_id").cast(pl.String))
    active = listed.filter(pl.col("status") == "ACTIVE").select(tagged.columns)
    assert active.sort("campaign_id").equals(tagged.sort("campaign_id"))
    assert (listed.filter(pl.col("status") == "INACTIVE")["target_flow_count"] == 0).all()
    assert np.allclose(listed["fraud_rate"], listed["target_flow_count"] / result.flows.height, rtol=0, atol=1e-15)


def assert_draws(result):
    emitted = result.evidence.table("draws").filter(pl.col("n") > 0)
    keys = ("cell", "family", "decision")
    assert emitted.sort(keys).equals(implied_draws(result.evidence, result.policy).sort(keys))


def assert_party_order(result):
    party = result.flows["party_id"].to_numpy()
    assert np.count_nonzero(np.diff(party)) + 1 == np.unique(party).size
    gaps = result.flows.select(pl.col("ts_utc").diff().over("party_id").dt.total_microseconds()).drop_nulls()
    assert (gaps.to_series() >= 0).all()


CHECKS = (assert_untouched, assert_sound, assert_catalogued, assert_draws, assert_party_order)


@pytest.mark.parametrize("check", CHECKS, ids=lambda c: c.__name__)
def test_the_tuned_packs_keep_every_law(ordinary, check):
    check(ordinary)


def test_a_campaign_is_at_work_at_all(ordinary):
    assert ordinary.hit.height > 150
    assert ordinary.probes.height > 10
    assert ordinary.flows["overlay_anomaly_any"].sum() > 50


def test_published_rows_give_the_same_evidence(ordinary):
    frames = {"s3_flow_anchor_with_fraud_6B": ordinary.flows, "s3_event_stream_with_fraud_6B": ordinary.events}
    frames |= {FLOWS.name: ordinary.base, EVENTS.name: ordinary.base_events}
    again = merged([measure_s3(frames)])
    for name, (measure, frame) in again.tables.items():
        text = pl.selectors.by_dtype(pl.Enum(["a"])) | pl.selectors.enum()
        assert (
            frame.with_columns(text.cast(pl.String))
            .sort(measure.keys)
            .equals(ordinary.evidence.table(name).with_columns(text.cast(pl.String)).sort(measure.keys))
        ), name


@pytest.mark.parametrize(
    ("parts", "threads", "batch_rows"), [(1, 1, 97), (5, 2, 500_000), (7, 4, 333)], ids=["batches", "parts", "both"]
)
def test_rows_do_not_depend_on_how_the_work_is_cut(bench, people, ordinary, tmp_path, parts, threads, batch_rows):
    cut = bench.overlaid(people, ordinary.policy, tmp_path, parts=parts, threads=threads, batch_rows=batch_rows)
    assert cut.digests == ordinary.digests
    for name in ordinary.evidence.tables:
        assert cut.evidence.table(name).equals(ordinary.evidence.table(name)), name


def test_another_seed_is_another_choice(bench, people, ordinary, tmp_path):
    other = bench.overlaid(people, ordinary.policy, tmp_path, seed=7)
    assert set(other.hit["flow_id"]) != set(ordinary.hit["flow_id"])
    assert set(other.catalogue["campaign_id"].cast(pl.String)).isdisjoint(
        ordinary.catalogue["campaign_id"].cast(pl.String)
    )


@pytest.mark.parametrize("seed", [1, 7, 42, 101, 202])
@pytest.mark.parametrize("variant", ["full", "bplus"])
def test_every_seed_has_six_active_campaigns(bench, people, tmp_path, seed, variant):
    result = bench.overlaid(people, bench.policies(variant), tmp_path, seed=seed)
    assert (result.catalogue["status"] == "ACTIVE").sum() >= 6


def test_a_policy_edit_moves_only_what_it_concerns(bench, people, ordinary, tmp_path):
    edited = bench.policies(overlay_changes={"tactics.amount_upshift.factor.max": 2.5})
    result = bench.overlaid(people, edited, tmp_path)
    assert result.hit["flow_id"].sort().equals(ordinary.hit["flow_id"].sort())
    assert result.hit.sort("flow_id")["tactic_ids"].equals(ordinary.hit.sort("flow_id")["tactic_ids"])
    assert result.digests != ordinary.digests


@pytest.mark.parametrize(
    "switches", [(False, True), (True, False), (False, False)], ids=["no campaigns", "no anomalies", "nothing"]
)
def test_switches(bench, people, tmp_path, switches):
    result = bench.overlaid(people, bench.policies(switches=switches), tmp_path)
    assert (result.flows["fraud_flag"].sum() > 0) == switches[0]
    assert (result.flows["overlay_anomaly_any"].sum() > 0) == switches[1]
    assert result.catalogue.height == 8 * switches[0]
    for check in CHECKS:
        check(result)


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    seed=st.integers(0, 1 << 40), size=st.tuples(st.integers(1, 250), st.integers(1, 25)), batch=st.integers(1, 300),
    second=st.floats(0.05, 0.95), floor=st.integers(1, 30), variant=st.sampled_from(["bplus", "full", "lean"]),
)  # fmt: skip
def test_laws_hold_for_any_people(bench, tmp_path_factory, seed, size, batch, second, floor, variant):
    n, parties = size
    frames = bench.flows(bench.crowd(n, parties, seed=str(seed)))
    changes = {} if variant == "lean" else {f"templates.{i}.quota.floor": floor for i in range(6)}
    policy = bench.policies(variant, campaign_changes=changes, overlay_changes={"second_tactic": second})
    result = bench.overlaid(frames, policy, tmp_path_factory.mktemp("any"), seed=seed % 1000, batch_rows=batch)
    for check in CHECKS:
        check(result)

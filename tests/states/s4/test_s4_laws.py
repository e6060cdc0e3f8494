"""The laws of one run: same rows whatever the cut; every case is a case."""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seg6b.datasets.digest import content_digest
from seg6b.datasets.tables import CASE_FLOWS, OUTPUTS
from seg6b.errors import ContractBroken
from seg6b.evidence.measure_s4 import MEASURES
from tests.states.s4.executed import executed


@pytest.fixture(scope="module")
def flows(made):
    return made.many(2500, parties=80)


@pytest.fixture(scope="module")
def reference(flows, tmp_path_factory, roomy):
    return executed(flows, tmp_path_factory.mktemp("reference"), roomy)


@pytest.mark.parametrize(
    "how",
    [
        {"batch_rows": 1},
        {"batch_rows": 397},
        {"cuts": (0.1, 0.5, 0.9)},
        {"cuts": tuple(i / 8 for i in range(8)), "batch_rows": 100, "threads": 4},
        {"cuts": (0.3,), "threads": 2},
    ],
    ids=["a_party_a_batch", "small_batches", "parts", "all_at_once", "two_threads"],
)
def test_digests_and_evidence_do_not_depend_on_the_cut(flows, reference, tmp_path, roomy, how):
    other = executed(flows, tmp_path, roomy, **how)
    for dataset in OUTPUTS["S4"]:
        assert other.datasets[dataset.name].digest == reference.datasets[dataset.name].digest
    one, two = reference.evidence(), other.evidence()
    for name in (*MEASURES, "draws"):
        assert two.table(name).equals(one.table(name)), name


def test_another_seed_gives_other_rows(flows, reference, tmp_path, roomy):
    other = executed(flows, tmp_path, roomy, seed=7)
    assert all(other.datasets[d.name].digest != reference.datasets[d.name].digest for d in OUTPUTS["S4"])


def test_rows_are_those_of_the_flows(flows, reference):
    rows = {d.name: reference.datasets[d.name].digest.rows for d in OUTPUTS["S4"]}
    assert rows["s4_flow_truth_labels_6B"] == rows["s4_flow_bank_view_6B"] == flows[0].height
    assert rows["s4_event_labels_6B"] == flows[1].height
    assert rows["s4_case_flows_6B"] > 0


def test_too_many_cases_fail_the_state(flows, tmp_path, policies, pack):
    full = pack("case")
    few = full.model_copy(update={"guards": full.guards.model_copy(update={"cases_per_million_flows": 10})})
    with pytest.raises(ContractBroken, match=r"E_S4_CASE_GUARD: more cases than .*cases of 2500 flows.*at most 10 a"):
        executed(flows, tmp_path, policies(case=few))


FLOW = st.fixed_dictionaries(
    {
        "at": st.integers(0, 90 * 24 * 60).map(lambda minutes: 60.0 * minutes),
        "party_id": st.integers(1, 3),
        "instrument_id": st.sampled_from([None, 1, 2]),
        "merchant_class": st.sampled_from(["online_bursty", "consumer_daytime"]),
        "amount_minor": st.integers(1, 200_000),
        "kind": st.sampled_from(["NONE", "NONE", "ATO", "CARD_TESTING"]),
        "overlay_anomaly_any": st.booleans(),
        "fate": st.sampled_from(["cleared", "declined", "reversed"]),
        "branch_trace": st.integers(0, 1),
        "party_fraud_role": st.sampled_from(["CLEAN", "MULE"]),
    }
)


def as_flow(number, plain):
    """A flow of S3 from a drawn one; entities belong to their party."""
    fates = {
        "cleared": {},
        "declined": {"clear": None, "baseline_outcome": "AUTH_DECLINED"},
        "reversed": {"clear": None, "reversal": 500.0},
    }
    kind, party = plain["kind"], plain["party_id"]
    instrument = plain["instrument_id"]
    kept = {k: x for k, x in plain.items() if k not in ("kind", "fate")}
    return (
        kept
        | fates[plain["fate"]]
        | {
            "flow_id": 1 + number,
            "account_id": 10 * party,
            "instrument_id": None if instrument is None else 100 * party + instrument,
            "fraud_pattern_type": kind,
            "campaign_id": None if kind == "NONE" else "c1",
            "overlay_anomaly_any": plain["overlay_anomaly_any"] and kind == "NONE",
        }
    )


@settings(max_examples=60, deadline=None)
@given(plain=st.lists(FLOW, min_size=1, max_size=40), seed=st.integers(0, 2**31))
def test_every_case_is_a_case(plain, seed, made, labelled):
    rows = [as_flow(i, flow) for i, flow in enumerate(plain)]
    done = labelled(made.order(*made.frames(rows)), seed=seed)
    view, links, timeline = done.flow_bank_view, done.case_flows, done.case_timeline
    assert view["bank_label"].null_count() == done.flow_truth_labels["fraud_label"].null_count() == 0
    assert ((view["bank_label"] == "NO_CASE_OPENED") == view["case_opened_ts"].is_null()).all()
    involved = view.filter(pl.col("case_opened_ts").is_not_null())["flow_id"].to_list()
    assert sorted(links["flow_id"]) == sorted(involved)
    assert set(timeline["flow_id"]) <= set(involved)
    by_flow = dict(links.select("flow_id", "case_id").rows())
    for (case_id,), events in timeline.group_by("case_id"):
        kinds = events["case_event_type"].cast(pl.String).to_list()
        assert kinds[0] == "CASE_OPENED"
        assert kinds[-1] == "CASE_CLOSED"
        assert len(set(kinds)) == len(kinds)
        assert events["case_event_seq"].to_list() == list(range(len(kinds)))
        assert events["ts_utc"].is_sorted()
        assert ("CHARGEBACK_DECISION" in kinds) == ("CHARGEBACK_INITIATED" in kinds)
        assert {by_flow[f] for f in events["flow_id"]} == {case_id}
        assert events["n_flows"].unique().to_list() == [sum(c == case_id for c in by_flow.values())]


def test_no_dataset_is_forgotten(reference):
    assert set(reference.datasets) == {d.name for d in OUTPUTS["S4"]}
    assert CASE_FLOWS.name in reference.datasets
    assert content_digest(pl.DataFrame({"a": [1]})).rows == 1

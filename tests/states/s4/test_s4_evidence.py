from __future__ import annotations

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from seg6b.datasets.tables import OUTPUTS
from seg6b.evidence.implied_s4 import implied_draws
from seg6b.evidence.measure_s4 import MEASURES, measure_s4
from seg6b.evidence.packed import count_packed
from seg6b.evidence.tables import Measure, merged
from seg6b.states.mapping import Batch
from seg6b.states.s4_labels.state import label_batch


@pytest.fixture(scope="module")
def done(labelled, made):
    return labelled(made.many(12_000))


def tables(evidence):
    return {name: frame for name, (_, frame) in merged([evidence]).tables.items()}


def test_every_measure_is_emitted(done):
    assert set(tables(measure_s4(done.frames))) == set(MEASURES) - {"draws"}


def test_evidence_does_not_depend_on_the_order_of_rows(done):
    one = tables(measure_s4(done.frames))
    shuffled = {name: frame.sample(fraction=1.0, shuffle=True, seed=5) for name, frame in done.frames.items()}
    other = tables(measure_s4(shuffled))
    for name, frame in one.items():
        assert_frame_equal(frame, other[name])


def test_evidence_of_parts_adds_up(made, context):
    anchor, follower = made.many(6000)
    party = anchor["party_id"]
    cut = next(i for i in range(2000, anchor.height) if party[i] != party[i - 1])
    events = int(anchor["n_events"][:cut].sum())
    pieces = [(anchor, follower), (anchor[:cut], follower[:events]), (anchor[cut:], follower[events:])]
    found = []
    for flows, own in pieces:
        emission, _ = label_batch(context(), Batch(flows, own, (0, 63)))
        frames = {d.name: f for d, f in emission.frames.items()}
        found.append(measure_s4(frames | {"s3_flow_anchor_with_fraud_6B": flows, "s3_event_stream_with_fraud_6B": own}))
    whole, halves = tables(found[0]), tables(merged(found[1:]))
    for name, frame in whole.items():
        assert_frame_equal(frame, halves[name])


@pytest.mark.parametrize("name", ["truth", "bank", "bank_amounts", "bank_geo", "event_roles"])
def test_totals_are_the_rows(done, name):
    rows = done.event_labels if name == "event_roles" else done.flow_bank_view
    assert measure_s4(done.frames).table(name)["n"].sum() == rows.height


def test_gaps_and_spans_by_plain_code(done):
    timeline = done.case_timeline.sort("case_id", "case_event_seq")
    gaps = timeline.select(gap=pl.col("ts_utc").diff().over("case_id").dt.total_microseconds()).drop_nulls()["gap"]
    evidence = measure_s4(done.frames)
    table = evidence.table("case_gaps").group_by("gap_s").agg(pl.col("n").sum())
    expected: dict[int, int] = {}
    for gap in gaps:
        seconds = round(gap / 1_000_000)
        expected[seconds] = expected.get(seconds, 0) + 1
    assert dict(table.rows()) == expected
    spans = timeline.group_by("case_id").agg(
        s=(pl.col("ts_utc").max() - pl.col("ts_utc").min()).dt.total_microseconds()
    )
    durations = sorted(round(s / 1_000_000) for s in spans["s"])
    counted = evidence.table("case_spans").sort("duration_s").select("duration_s", "n").rows()
    assert [d for d, n in counted for _ in range(n)] == durations


def test_delays_count_closing_once_a_case(done):
    table = measure_s4(done.frames).table("delays")
    closing = table.filter(pl.col("model") == "CASE_CLOSE_DELAY_V1")["n"].sum()
    assert closing == done.case_timeline["case_id"].n_unique()
    disputes = table.filter(pl.col("model") == "DISPUTE_DELAY_V1")
    assert disputes["n"].sum() == done.flow_bank_view["dispute_delay_s"].drop_nulls().len()
    ms = sorted((done.flow_bank_view["dispute_delay_s"].drop_nulls() * 1000).round().cast(pl.Int64))
    assert sorted(m for m, n in disputes.select("ms", "n").rows() for _ in range(n)) == ms


def test_nothing_breaks_a_check_in_full(done):
    checks = measure_s4(done.frames).table("label_checks")
    assert checks["bad"].sum() == 0
    assert checks.filter(pl.col("n") > 0)["check"].n_unique() == 15


def damaged(done, dataset, **columns):
    name = f"s4_{dataset}_6B"
    return done.frames | {name: done.frames[name].with_columns(**columns)}


@pytest.mark.parametrize(
    ("dataset", "columns", "check"),
    [
        ("flow_truth_labels", {"is_fraud_truth": pl.lit(value=True)}, "truth_flag"),
        ("flow_bank_view", {"is_fraud_bank_view": pl.lit(value=True)}, "bank_flag"),
        ("flow_bank_view", {"case_closed_ts": pl.col("case_opened_ts").shift(1)}, "case_closed"),
        ("case_timeline", {"case_event_seq": pl.col("case_event_seq") * 2}, "case_numbered"),
        ("case_timeline", {"ts_utc": pl.col("ts_utc").reverse()}, "case_monotone"),
        ("case_timeline", {"case_event_seq": -pl.col("case_event_seq")}, "case_opens_first_closes_last"),
        ("case_flows", {"flow_id": pl.col("flow_id").shift(1).fill_null(1)}, "case_stamps_of_members"),
        ("case_flows", {"flow_id": pl.lit(1)}, "flow_in_one_case"),
    ],
)
def test_damage_shows_in_its_check(done, dataset, columns, check):
    checks = measure_s4(damaged(done, dataset, **columns)).table("label_checks")
    assert checks.filter((pl.col("check") == check) & (pl.col("bad") > 0)).height > 0


VARIANTS = [
    {},
    {"truth": "lean"},
    {"bank_view": "lean"},
    {"delay": "lean"},
    {"case": "lean"},
    {"bank_view": "lean", "delay": "lean"},
    {"truth": "lean", "bank_view": "lean", "delay": "lean", "case": "lean"},
]


@pytest.mark.parametrize("lean", VARIANTS, ids=lambda p: "+".join(p) or "full")
def test_emitted_draws_are_the_implied_ones(labelled, made, policies, pack, lean):
    chosen = {name: pack(name, variant) for name, variant in lean.items()}
    done = labelled(made.many(6000), **chosen)
    emitted = merged([done.draws]).table("draws") if "draws" in done.draws else None
    implied = implied_draws(measure_s4(done.frames), policies(**chosen))
    assert_frame_equal(implied.select(emitted.columns), emitted)


def test_a_certain_decision_draws_nothing(labelled, made, policies, pack):
    full = pack("bank_view")
    plain = full.auth.plain.model_copy(update={"APPROVE": 1.0, "REVIEW": 0.0})
    rates = {s: r.model_copy(update={"at_auth": 1.0, "chargeback": 0.0}) for s, r in full.subtypes.items()}
    types = full.chargeback_types.model_copy(update={"UNAUTHORISED": 1.0, "SERVICE_DISPUTE": 0.0, "OTHER": 0.0})
    certain = full.model_copy(
        update={
            "auth": full.auth.model_copy(update={"plain": plain}),
            "subtypes": rates,
            "chargeback_types": types,
        }
    )
    done = labelled(made.many(6000), bank_view=certain)
    emitted = merged([done.draws]).table("draws")
    assert set(emitted["decision"].unique()).isdisjoint(
        {"detect_at_auth_flag", "detect_delay", "chargeback_flag", "chargeback_type", "chargeback_delay"}
    )
    implied = implied_draws(measure_s4(done.frames), policies(bank_view=certain))
    assert_frame_equal(implied.select(emitted.columns), emitted)


FRAME = pl.DataFrame(
    {
        "cell": pl.Series([0, 0, 1, 1, 1, 0], dtype=pl.UInt8),
        "word": pl.Series(["a", None, "b", "b", "a", "a"], dtype=pl.Enum(["a", "b"])),
        "yes": [True, True, False, False, True, True],
        "size": pl.Series([-5, 7, 7, 7, 10**12, -5], dtype=pl.Int64),
    }
)


@pytest.mark.parametrize(
    "frame",
    [FRAME, FRAME.clear(), FRAME.with_columns(size=pl.Series([None, 1, 2, 3, 4, 5]))],
    ids=["rows", "no_rows", "null_integers"],
)
def test_packed_counts_are_plain_counts(frame):
    measure = Measure("m", ("cell", "word", "yes", "size"))
    assert_frame_equal(count_packed(measure, frame), measure.count(frame), check_row_order=False)


def test_packed_counts_fall_back_where_a_word_is_too_short():
    wide = FRAME.with_columns(size=pl.Series([-(2**62), 2**62, 0, 1, 2, 3]))
    measure = Measure("m", ("cell", "word", "yes", "size"))
    assert_frame_equal(count_packed(measure, wide), measure.count(wide), check_row_order=False)


def test_no_flows_give_every_table_with_its_types(labelled, made, done):
    anchor, follower = made.frames([{}])
    nothing = labelled((anchor[:0], follower[:0]))
    full = measure_s4(done.frames)
    for name, (_, frame) in measure_s4(nothing.frames).tables.items():
        assert frame.height == 0
        assert frame.schema == full.tables[name][1].schema, name
    assert {d.name for d in OUTPUTS["S4"]} < set(nothing.frames)

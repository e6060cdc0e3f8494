import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from seg6b.datasets.frames import micros_of
from seg6b.datasets.tables import EVENTS, FLOWS, SESSION_ARRIVALS
from seg6b.evidence.implied_s2 import implied_draws
from seg6b.evidence.measure_s2 import MEASURES, measure_s2
from seg6b.evidence.tables import merged
from seg6b.shards.cells import cell_of

CONSTANT = {"min": 0.0, "max": 100.0, "atom_mass": 1.0, "atoms": {"values": [7.0], "probs": [1.0]}}
POINTS = {"min": 2.0, "max": 15.0, "atom_mass": 1.0, "atoms": {"values": [2.0, 5.0, 10.0], "probs": [0.5, 0.35, 0.15]}}
POLICIES = {
    "full": {},
    "bplus": {"amount": "bplus"},
    "historical": {"timing": "historical"},
    "many branches": {
        "flow_shape": {f"branches.{b}.probability": 0.5 for b in ("step_up", "refund", "reversal")},
        "behaviour": {"guards.max_events_per_flow": 5, "guards.max_flows_per_session": 3},
    },
    "certain branches": {
        "flow_shape": {"branches.step_up.probability": 1.0, "branches.refund.probability": 1.0, "branches.reversal.probability": 0.0}
    },
    "one flow a cluster": {"flow_shape": {"flows_per_cluster.counts": [1], "flows_per_cluster.probs": [1.0]}},
    "no switches": {
        "behaviour": dict.fromkeys(
            ("multi_flow_sessions", "step_ups", "refunds", "reversals", "clearing_jitter"), False
        )
    },
    "constant offsets": {"timing": {"offsets.auth_response": CONSTANT, "offsets.atm_auth_to_clear": CONSTANT}},
    "offsets on points": {"timing": {"offsets.step_up_start": POINTS}},
    "one price": {"amount": {"families.TRANSFER": {"channels": ["BANK_RAIL"], "points": {"mass": 1.0, "values": [500]}, "tail": None}}},
    "full refunds": {"amount": {"cross_events.refund_full_probability": 1.0}},
    "partial refunds": {"amount": {"cross_events.refund_full_probability": 0.0}},
}  # fmt: skip


def by_name(result):
    return {SESSION_ARRIVALS.name: result.arrivals, FLOWS.name: result.flows, EVENTS.name: result.events}


@pytest.mark.parametrize("changes", POLICIES.values(), ids=POLICIES)
def test_emitted_draws_are_those_implied(bench, crowd, changes):
    result = bench.in_memory(crowd.head(6000), bench.policies(**changes))
    emitted = result.evidence.table("draws")
    assert_frame_equal(implied_draws(result.evidence, result.policy).select(emitted.columns), emitted)


def test_lean_draws_one_price_a_flow(bench, crowd):
    result = bench.in_memory(crowd, bench.policies("lean"))
    emitted = result.evidence.table("draws")
    assert_frame_equal(implied_draws(result.evidence, result.policy).select(emitted.columns), emitted)
    assert emitted["decision"].unique().to_list() == ["AUTH_VALUE"]
    assert emitted["n"].sum() == crowd.height


def test_every_table_but_the_draws_comes_from_rows(ordinary):
    found = measure_s2(by_name(ordinary))
    assert set(found.tables) == set(MEASURES) - {"draws"}
    for name, (measure, frame) in found.tables.items():
        assert measure is MEASURES[name]
        assert frame.select(measure.keys).is_duplicated().sum() == 0


def plain_count(frame, keys):
    return frame.group_by(keys).agg(n=pl.len().cast(pl.Int64)).sort(keys)


def test_histograms_agree_with_plain_counts(ordinary):
    flows = ordinary.flows.with_columns(cell=cell_of(ordinary.flows["party_id"].to_numpy()))
    evidence = merged([measure_s2(by_name(ordinary))])
    for name in ("amounts", "flow_types", "flow_plans"):
        keys = MEASURES[name].keys
        assert_frame_equal(evidence.table(name), plain_count(flows.select(keys), keys))
    latency = flows.select(
        "cell",
        step_up=(pl.col("branch_trace") & 1) != 0,
        latency_us=(pl.col("auth_response_ts") - pl.col("ts_utc")).dt.total_microseconds(),
    )
    assert_frame_equal(evidence.table("latency"), plain_count(latency, latency.columns))


def test_offsets_keep_twelve_bits(ordinary):
    table = ordinary.evidence.table("offsets")
    events = ordinary.events.filter(pl.col("event_seq") > 0)
    assert table["n"].sum() == events.height
    exact = np.sort(events["latency_us"].to_numpy() // 1000)
    binned = np.sort(np.repeat(table["ms"].to_numpy(), table["n"].to_numpy()))
    assert np.all(binned <= exact)
    assert np.all(exact - binned <= exact / 2048)
    assert np.array_equal(exact[exact < 4096], binned[binned < 4096])


def test_sessions_and_clusters_agree_with_plain_counts(ordinary):
    clusters = ordinary.arrivals.group_by("session_id", "merchant_id", "channel_group").len()
    table = ordinary.evidence.table("session_clusters")
    assert table["n"].sum() == (clusters["len"] > 1).sum()
    assert (table["n"] * table["arrivals"]).sum() == clusters.filter(pl.col("len") > 1)["len"].clip(
        upper_bound=50
    ).sum()
    sessions = ordinary.flows.group_by("session_id").agg(
        n_flows=pl.len().cast(pl.Int64), n_arrivals=pl.col("n_arrivals").sum().cast(pl.Int64)
    )
    plain = sessions.group_by("n_flows", "n_arrivals").agg(n=pl.len().cast(pl.Int64)).sort("n_flows", "n_arrivals")
    found = ordinary.evidence.table("session_flows").group_by("n_flows", "n_arrivals").agg(pl.col("n").sum())
    assert_frame_equal(found.sort("n_flows", "n_arrivals"), plain)


def test_event_types_span_and_parties(ordinary):
    types = (
        ordinary.evidence.table("event_types")
        .group_by(pl.col("event_type").cast(pl.String))
        .agg(pl.col("n").sum(), pl.col("first_us").min(), pl.col("last_us").max())
    )
    events = ordinary.events.select(
        pl.col("event_type").cast(pl.String), us=pl.Series(micros_of(ordinary.events["ts_utc"]))
    )
    plain = events.group_by("event_type").agg(
        n=pl.len().cast(pl.Int64), first_us=pl.col("us").min(), last_us=pl.col("us").max()
    )
    assert_frame_equal(types.sort("event_type"), plain.sort("event_type"))
    assert ordinary.evidence.table("parties")["n"].sum() == ordinary.flows["party_id"].n_unique()
    longest = ordinary.events.group_by("flow_id").agg(span=pl.col("ts_utc").max() - pl.col("ts_utc").min(), n=pl.len())
    spans = ordinary.evidence.table("flow_spans")
    assert spans["span_us"].max() == longest["span"].dt.total_microseconds().max()
    assert spans["n_events"].max() == longest["n"].max()


def bad(result, **frames):
    """Checks that fail once frames are replaced."""
    found = merged([measure_s2(by_name(result) | frames)]).table("flow_checks").filter(pl.col("bad") > 0)
    return set(found["check"].cast(pl.String))


def edit(frame, row, **values):
    return frame.with_columns(
        pl.when(pl.int_range(pl.len()) == row).then(value).otherwise(pl.col(name)).alias(name)
        for name, value in values.items()
    )


def row_of(frame, condition):
    return int(np.flatnonzero(frame.select(condition).to_series().to_numpy())[0])


KIND = pl.col("event_type")
HOUR = pl.duration(hours=1)
DAMAGES = {
    "an event moved back": (KIND == "CLEARING", {"ts_utc": pl.col("ts_utc") - 24 * HOUR}, {"time_monotone", "time_strict", "flow_stamps"}),
    "an event at the time of another": (KIND == "AUTH_RESPONSE", {"ts_utc": pl.col("ts_utc").shift(1)}, {"time_strict", "flow_stamps"}),
    "a number left out": (KIND == "AUTH_RESPONSE", {"event_seq": pl.lit(5, pl.Int32)}, {"seq_contiguous"}),
    "an event of nobody": (KIND == "CLEARING", {"flow_id": pl.lit(7, pl.Int64)}, None),
    "a positive refund": (KIND == "REFUND", {"amount_minor": -pl.col("amount_minor")}, {"amount_sign", "flow_stamps"}),
    "a clearing of twice the amount": (KIND == "CLEARING", {"amount_minor": 2 * pl.col("amount_minor") + 2}, {"clearing_close", "flow_stamps"}),
    "an amount of nothing": (KIND == "AUTH_RESPONSE", {"amount_minor": pl.lit(None, pl.Int64)}, {"amount_sign", "flow_stamps"}),
    "no request at the start": (KIND == "AUTH_REQUEST", {"event_type": pl.lit("AUTH_RESPONSE", EVENTS["event_type"].dtype())}, None),
}  # fmt: skip


@pytest.mark.parametrize(("where", "values", "checks"), DAMAGES.values(), ids=DAMAGES)
def test_damaged_events_fail_their_checks(ordinary, where, values, checks):
    damaged = edit(ordinary.events, row_of(ordinary.events, where), **values)
    found = bad(ordinary, **{EVENTS.name: damaged})
    if checks is None:
        assert found & {"events_of_flow", "request_first"}
    else:
        assert found == checks


def test_a_declined_flow_that_clears_fails(ordinary):
    cleared = row_of(ordinary.flows, pl.col("clear_ts").is_not_null())
    damaged = edit(ordinary.flows, cleared, baseline_outcome=pl.lit("AUTH_DECLINED", FLOWS["baseline_outcome"].dtype()))
    assert bad(ordinary, **{FLOWS.name: damaged}) == {"declined_final"}


def test_a_flow_that_claims_too_much_fails(ordinary):
    assert bad(ordinary, **{FLOWS.name: edit(ordinary.flows, 3, n_arrivals=pl.col("n_arrivals") + 1)}) == {
        "arrivals_once"
    }
    assert bad(ordinary, **{FLOWS.name: edit(ordinary.flows, 3, n_events=pl.col("n_events") + 1)}) == {"events_of_flow"}


def test_missing_rows_fail(ordinary):
    assert "arrivals_once" in bad(ordinary, **{FLOWS.name: ordinary.flows[1:]})
    assert "events_of_flow" in bad(ordinary, **{FLOWS.name: ordinary.flows[:-1]})
    assert "events_of_flow" in bad(ordinary, **{EVENTS.name: ordinary.events[:-1]})
    assert "arrivals_once" in bad(ordinary, **{SESSION_ARRIVALS.name: ordinary.arrivals[:-1]})


def test_an_undamaged_result_fails_nothing(ordinary):
    assert bad(ordinary) == set()


def test_null_amounts_are_counted_as_such(ordinary):
    damaged = edit(ordinary.flows, 0, amount_minor=pl.lit(None, pl.Int64))
    table = measure_s2(by_name(ordinary) | {FLOWS.name: damaged}).table("amounts")
    assert table["amount_minor"].null_count() == 1


def test_no_rows_give_tables_without_rows(ordinary):
    none = {name: frame.clear() for name, frame in by_name(ordinary).items()}
    found, full = measure_s2(none), measure_s2(by_name(ordinary))
    for name, (_, frame) in found.tables.items():
        assert frame.height == 0
        assert frame.schema == full.table(name).schema

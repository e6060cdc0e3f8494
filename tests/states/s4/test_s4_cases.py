from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from seg6b.datasets import vocabulary as v
from seg6b.errors import ContractBroken
from seg6b.states.s4_labels.case_book import case_links, check_book, refuse_duplicates
from seg6b.states.s4_labels.cases import open_cases
from seg6b.states.s4_labels.counts import new_counts
from seg6b.states.s4_labels.delays import delay_laws
from seg6b.states.s4_labels.flows import NEVER, flow_arrays
from seg6b.states.s4_labels.outcomes import Outcomes
from seg6b.states.s4_labels.timeline.contract import tell_cases
from seg6b.states.s4_labels.timeline.strategies import STRATEGIES

DAY = 86_400.0


@pytest.fixture(params=STRATEGIES)
def told(request, made, pack, context):
    """`told(flows, …)`: the book of flows whose own stamps are given in seconds after each flow."""

    def run(flows, policy=None, seed=42):
        own = ("opened", "detected", "disputed", "charged")
        anchor, _ = made.frames([{k: x for k, x in f.items() if k not in own} for f in flows])

        def stamps(name):
            return np.array([made.at(f.get("at", 0.0) + f[name]) if name in f else NEVER for f in flows], np.int64)

        size = len(flows)
        found = {name: stamps(name) for name in own[1:]}
        opened = np.array([min([*(f[n] for n in own if n in f)], default=np.nan) for f in flows])
        opened_at = [
            NEVER if np.isnan(o) else made.at(f.get("at", 0.0) + o) for o, f in zip(opened, flows, strict=True)
        ]
        detection = np.where(found["detected"] != NEVER, 1, 2).astype(np.uint8)
        blank = np.full(size, -1, np.int64)
        seen = Outcomes(
            detection,
            found["disputed"] != NEVER,
            np.full(size, -1, np.int8),
            (found["charged"] != NEVER).astype(np.uint8),
            found["detected"],
            found["disputed"],
            found["charged"],
            np.array(opened_at, np.int64),
            blank,
            blank,
            blank,
        )
        arrays, counts = flow_arrays(anchor), new_counts()
        chosen = policy or pack("case")
        laws, draws = delay_laws(pack("delay")), context(seed=seed).draws
        book = open_cases(anchor, arrays, seen, chosen, laws, draws=draws, counts=counts)
        timeline = tell_cases(STRATEGIES[request.param], book, arrays.flow_id)
        links = case_links(book, arrays.flow_id)
        return book, timeline.sort("case_id", "case_event_seq"), links, counts

    return run


def members(links):
    """Flow ids of each case, as sorted tuples."""
    return sorted(tuple(sorted(ids)) for ids in links.group_by("case_id").agg("flow_id")["flow_id"].to_list())


def kinds(timeline):
    return timeline["case_event_type"].cast(pl.String).to_list()


def test_a_review_alone_opens_at_the_response_and_closes_a_delay_later(told, made):
    book, timeline, links, _ = told([{"opened": 1.0}])
    assert kinds(timeline) == ["CASE_OPENED", "CASE_CLOSED"]
    assert timeline["case_event_seq"].to_list() == [0, 1]
    assert timeline["case_type"].unique().to_list() == ["REVIEW_CASE"]
    opened, closed = timeline["ts_utc"].dt.epoch("us").to_list()
    assert opened == made.at(1.0)
    assert closed == opened + book.close_ms[0] * 1000
    assert timeline["delay_model_id"].cast(pl.String).to_list() == [None, "CASE_CLOSE_DELAY_V1"]
    assert links.rows() == [(int(book.case_id[0]), 1000)]


def test_a_whole_story(told, made):
    book, timeline, _, counts = told([{"detected": 400.0, "disputed": 5 * DAY, "charged": 9 * DAY}])
    assert kinds(timeline) == list(v.CASE_EVENT_TYPES)
    assert timeline["case_event_seq"].to_list() == list(range(6))
    times = timeline["ts_utc"].dt.epoch("us").to_list()
    assert times[:4] == [made.at(s) for s in (400.0, 400.0, 5 * DAY, 9 * DAY)]
    assert times[4] > times[3]
    assert times[5] == times[4] + book.close_ms[0] * 1000
    assert timeline["case_type"][0] == "CHARGEBACK_CASE"
    assert counts.sum() == 2


def test_a_flow_without_a_reason_is_in_no_case(told):
    _, timeline, links, counts = told([{}, {"at": 1.0}])
    assert timeline.height == links.height == counts.sum() == 0


@pytest.mark.parametrize(
    ("gap", "cases", "reopened"),
    [
        (3 * DAY, [(1000, 1001)], [False]),
        (3 * DAY + 1e-6, [(1000,), (1001,)], [False, True]),
        (7 * DAY - 1e-6, [(1000,), (1001,)], [False, True]),
        (7 * DAY, [(1000,), (1001,)], [False, False]),
        (30 * DAY, [(1000,), (1001,)], [False, False]),
    ],
    ids=["in_window", "past_window", "before_reopen_gap", "at_reopen_gap", "long_after"],
)
def test_window_and_reopening(told, gap, cases, reopened):
    book, _, links, _ = told([{"opened": 1.0}, {"at": gap, "opened": 1.0}])
    assert members(links) == cases
    assert book.reopened.tolist() == reopened


def test_the_window_counts_from_the_last_member(told):
    flows = [{"at": 2 * DAY * i, "opened": 1.0} for i in range(5)]
    assert members(told(flows)[2]) == [(1000, 1001, 1002, 1003, 1004)]


def test_no_case_outlives_its_member_span(told):
    flows = [{"at": 3 * DAY * i, "opened": 1.0} for i in range(12)]
    book, _, links, _ = told(flows)
    assert members(links) == [tuple(range(1000, 1008)), tuple(range(1008, 1012))]
    assert book.reopened.tolist() == [False, True]


@pytest.mark.parametrize(
    ("other", "together"),
    [
        ({}, True),
        ({"instrument_id": 101}, False),
        ({"account_id": 11}, True),
        ({"instrument_id": None}, False),
    ],
    ids=["same", "other_instrument", "other_account", "no_instrument"],
)
def test_the_instrument_is_the_key(told, other, together):
    _, _, links, _ = told([{"opened": 1.0}, {"at": 60.0, "opened": 1.0} | other])
    assert len(members(links)) == (1 if together else 2)


def test_the_account_is_the_key_without_an_instrument(told):
    flows = [{"at": float(i), "instrument_id": None, "account_id": 10 + i % 2, "opened": 1.0} for i in range(4)]
    _, timeline, links, _ = told(flows)
    assert members(links) == [(1000, 1002), (1001, 1003)]
    assert timeline["case_key_type"].unique().to_list() == ["ACCOUNT"]
    assert sorted(timeline["case_key"].unique()) == [10, 11]


@pytest.mark.parametrize(
    ("first", "key_type", "key"), [("PARTY", "PARTY", 1), ("ACCOUNT", "ACCOUNT", 10), ("INSTRUMENT", "INSTRUMENT", 100)]
)
def test_the_precedence_is_the_packs(told, pack, first, key_type, key):
    order = [first, *(k for k in ("INSTRUMENT", "ACCOUNT", "PARTY") if k != first), "MERCHANT"]
    policy = pack("case", key_precedence=order)
    _, timeline, _, _ = told([{"opened": 1.0}], policy=policy)
    assert timeline.select("case_key_type", "case_key").row(0) == (key_type, key)


def test_an_account_and_an_instrument_of_one_number_are_two_keys(told):
    flows = [{"account_id": 55, "instrument_id": None, "opened": 1.0}, {"instrument_id": 55, "opened": 1.0}]
    book, _, _, _ = told(flows)
    assert book.case_id.size == 2


def test_events_are_the_minima_of_the_members(told, made):
    flows = [
        {"detected": 5000.0, "disputed": 4 * DAY},
        {"at": 100.0, "detected": 300.0},
        {"at": 200.0, "disputed": 3 * DAY, "charged": 20 * DAY},
    ]
    _, timeline, _, _ = told(flows)
    at = dict(zip(kinds(timeline), timeline["ts_utc"].dt.epoch("us").to_list(), strict=True))
    by = dict(zip(kinds(timeline), timeline["flow_id"].to_list(), strict=True))
    assert at["CASE_OPENED"] == at["DETECTION_EVENT_ATTACHED"] == made.at(400.0)
    assert at["CUSTOMER_DISPUTE_FILED"] == made.at(200.0 + 3 * DAY)
    assert at["CHARGEBACK_INITIATED"] == made.at(200.0 + 20 * DAY)
    assert [by[k] for k in v.CASE_EVENT_TYPES] == [1001, 1001, 1002, 1002, 1002, 1002]
    assert timeline["n_flows"].unique().to_list() == [3]


def test_a_detection_after_the_dispute_is_not_attached(told):
    _, timeline, _, _ = told([{"disputed": DAY, "detected": 2 * DAY}])
    assert kinds(timeline) == ["CASE_OPENED", "CUSTOMER_DISPUTE_FILED", "CASE_CLOSED"]
    assert timeline["case_event_seq"].to_list() == [0, 1, 2]
    assert timeline["case_type"][0] == "DISPUTE_CASE"


def test_a_detection_with_the_dispute_is_attached(told):
    _, timeline, _, _ = told([{"disputed": DAY, "detected": DAY}])
    assert "DETECTION_EVENT_ATTACHED" in kinds(timeline)


@pytest.mark.parametrize(
    ("flow", "kind"),
    [
        ({"opened": 1.0}, "REVIEW_CASE"),
        ({"detected": 9.0}, "DETECTION_CASE"),
        ({"detected": 9.0, "disputed": DAY}, "DISPUTE_CASE"),
        ({"disputed": DAY, "charged": 3 * DAY}, "CHARGEBACK_CASE"),
    ],
)
def test_a_case_is_named_by_what_it_came_to(told, flow, kind):
    assert told([flow])[1]["case_type"].unique().to_list() == [kind]


def test_ids_are_of_the_key_and_its_number_alone(told):
    flows = [{"opened": 1.0}, {"at": 20 * DAY, "opened": 1.0}]
    one = told(flows)[0].case_id
    other = told([f | {"merchant_id": 99, "amount_minor": 1} for f in flows])[0].case_id
    assert one.tolist() == other.tolist()
    assert len(set(one.tolist())) == 2
    assert set(told(flows, seed=7)[0].case_id.tolist()).isdisjoint(one.tolist())


@pytest.mark.parametrize(
    ("guard", "limit", "flows"),
    [
        ("flows_per_case", 2, [{"at": float(i), "opened": 1.0} for i in range(3)]),
        ("span_s", 4_406_401, [{"opened": 1.0, "disputed": 60 * DAY}]),
    ],
)
def test_guards_fail_the_state(told, pack, guard, limit, flows):
    full = pack("case")
    policy = full.model_copy(update={"guards": full.guards.model_copy(update={guard: limit})})
    with pytest.raises(ContractBroken, match=rf"E_S4_CASE_GUARD: a case exceeds guard {guard} .*at most {limit}"):
        told(flows, policy=policy)


def test_a_case_that_is_not_closed_is_refused(told, pack):
    book, *_ = told([{"opened": 1.0}])
    book.stamp[0, -1] = NEVER
    with pytest.raises(ContractBroken, match=r"E_S4_CASE_NOT_CLOSED: a case is not closed .*case_id"):
        check_book(book, pack("case").guards)


def test_a_case_that_runs_backwards_is_refused(told, pack):
    book, *_ = told([{"opened": 1.0, "disputed": DAY}])
    book.stamp[0, 2] = book.stamp[0, 0] - 1
    with pytest.raises(ContractBroken, match=r"E_S4_CASE_NOT_MONOTONE: events of a case run backwards"):
        check_book(book, pack("case").guards)


def test_two_cases_with_one_id_are_refused():
    with pytest.raises(ContractBroken, match=r"E_S4_CASE_ID_DUPLICATE: two cases have one id .*case_id 7"):
        refuse_duplicates(np.array([3, 7, 7]))


def test_bank_view_agrees_with_its_case(labelled, made):
    done = labelled(made.many(8000))
    view = done.flow_bank_view.join(done.case_flows, on="flow_id")
    ends = done.case_timeline.group_by("case_id").agg(
        opened=pl.col("ts_utc").filter(pl.col("case_event_type") == "CASE_OPENED").first(),
        closed=pl.col("ts_utc").filter(pl.col("case_event_type") == "CASE_CLOSED").first(),
        last=pl.col("ts_utc").filter(pl.col("case_event_type") != "CASE_CLOSED").max(),
    )
    joined = view.join(ends, on="case_id")
    assert joined.height == done.flow_bank_view["case_opened_ts"].drop_nulls().len()
    assert (joined["case_closed_ts"] == joined["closed"]).all()
    first = joined.group_by("case_id").agg(pl.col("case_opened_ts").min(), pl.col("opened").first())
    assert (first["case_opened_ts"] == first["opened"]).all()
    took = (joined["closed"] - joined["last"]).dt.total_milliseconds()
    assert (took == (joined["close_delay_s"] * 1000).round()).all()

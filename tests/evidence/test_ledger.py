"""Ledgers do not depend on how rows are cut or ordered, and damaged rows show as figures, not as errors."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from seg6b.datasets import tables as t
from seg6b.evidence.followers import Events, Flows
from seg6b.evidence.keys import KEYS, Owners, key_hashes, key_rows, key_sum, value_rows
from seg6b.evidence.spans import size_rows, span_rows
from seg6b.evidence.tables import Evidence, merged

PARTIES = np.repeat(np.arange(1, 41), 3)


def flows_and_events(party=PARTIES):
    flow_id = pl.Series(np.arange(party.size) + 1000)
    n_events = (np.arange(party.size) % 3 + 1).astype(np.int32)
    flows = pl.DataFrame({"flow_id": flow_id, "party_id": party, "n_events": n_events})
    seq = np.concatenate([np.arange(n, dtype=np.int32) for n in n_events])
    return flows, pl.DataFrame({"flow_id": np.repeat(flow_id.to_numpy(), n_events), "event_seq": seq})


def event_sets(flows, events):
    evidence = Evidence()
    for frame in Events.of(Flows.of(flows), events).key_sets(t.EVENTS):
        evidence.put(KEYS, frame)
    return merged([evidence]).table("keys")


def totals(frame):
    return dict(zip(frame["key_set"].cast(pl.String), frame.select("n", "n_distinct", "key_sum").rows(), strict=True))


def summed(frame):
    return totals(frame.drop("cell").group_by("key_set").sum())


def test_events_in_another_order_have_the_same_key_sets():
    flows, events = flows_and_events()
    assert event_sets(flows, events.reverse()).equals(event_sets(flows, events))
    assert event_sets(flows.reverse(), events).equals(event_sets(flows, events))


def test_events_cut_between_parties_have_the_same_key_sets():
    flows, events = flows_and_events()
    pieces = []
    for part in (flows.filter(pl.col("party_id") < 20), flows.filter(pl.col("party_id") >= 20)):
        evidence = Evidence()
        for frame in Events.of(
            Flows.of(part), events.filter(pl.col("flow_id").is_in(part["flow_id"].implode()))
        ).key_sets(t.EVENTS):
            evidence.put(KEYS, frame)
        pieces.append(evidence)
    assert merged(pieces).table("keys").equals(event_sets(flows, events))


def test_a_repeated_event_is_counted_and_not_distinct():
    flows, events = flows_and_events()
    n = events.height
    found = summed(event_sets(flows, pl.concat([events, events[:2]])))
    assert found[t.EVENTS.name][:2] == (n + 2, n)
    assert found[f"{t.EVENTS.name}.flow_id"][:2] == (flows.height, flows.height)


def test_an_event_without_a_flow_is_counted():
    flows, events = flows_and_events()
    stray = pl.DataFrame({"flow_id": [7], "event_seq": pl.Series([0], dtype=pl.Int32)})
    found = summed(event_sets(flows, pl.concat([events, stray])))
    assert found[t.EVENTS.name][0] == events.height + 1
    assert found[f"{t.EVENTS.name}.flow_id"][0] == flows.height + 1


def test_a_key_is_distinct_within_its_party_whatever_the_other_parties_hold():
    owners = Owners.of(np.array([1, 1, 2, 2], np.int64))
    rows = key_rows(t.TRUTH.name, owners, key_hashes([pl.Series([5, 5, 5, 6])]))
    assert rows["n"].sum() == 4
    assert rows["n_distinct"].sum() == 3


def test_values_are_taken_once_a_party():
    owners = Owners.of(np.array([1, 1, 1, 2, 2], np.int64))
    column = pl.Series([8, 9, 8, 8, 8])
    rows = value_rows("s1_arrival_entities_6B.session_id", owners, key_hashes([column]))
    assert rows["n"].sum() == 3
    wanted = key_sum([pl.Series([8, 9])]) + key_sum([pl.Series([8])])
    assert (int(rows["key_sum"].cast(pl.Int128).sum()) - wanted) % (1 << 64) == 0


def test_the_key_sum_knows_no_order_and_no_other_keys():
    one, two = pl.Series([1, 2, 3]), pl.Series([4, 5, 6])
    assert key_sum([one, two]) == key_sum([one.reverse(), two.reverse()])
    assert key_sum([one, two]) != key_sum([two, one])
    assert key_sum([one]) != key_sum([pl.Series([1, 2, 2])])


@pytest.mark.parametrize("stamps", [[3, None, 9], [None, None, None]])
def test_spans_leave_out_nulls(stamps):
    series = pl.Series(stamps, dtype=pl.Datetime("us", "UTC"))
    rows = span_rows("arrival", np.zeros(3, np.uint8), series)
    held = [s for s in stamps if s is not None]
    assert rows["n"].to_list() == ([len(held)] if held else [])
    assert rows["last_us"].to_list() == ([max(held)] if held else [])


def test_sizes_add_up():
    rows = size_rows("flow.events", np.array([0, 0, 5], np.uint8), pl.Series([3, 4, 1], dtype=pl.Int32))
    assert rows.select("cell", "n", "total", "largest").rows() == [(0, 2, 7, 4), (5, 1, 1, 1)]

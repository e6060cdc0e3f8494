import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seg6b.shards.batches import cut_parties, group_parts, share_groups
from seg6b.shards.cells import CELLS, cell_of, route_of, shard_of
from seg6b.shards.executor import Threads


@given(st.lists(st.integers(1, 9), min_size=1, max_size=40), st.integers(1, 30))
def test_spans_cover_all_rows_and_split_no_party(sizes, batch_rows):
    party = np.repeat(np.arange(len(sizes)), sizes)
    spans = cut_parties(party, batch_rows)
    assert [s for s, _ in spans] == [0, *[e for _, e in spans[:-1]]]
    assert spans[-1][1] == party.size
    for (_, end), (start, _) in itertools.pairwise(spans):
        assert party[end - 1] != party[start]
    for start, end in spans:
        assert end - start <= batch_rows or np.unique(party[start:end]).size == 1


def test_no_rows_no_spans():
    assert cut_parties(np.zeros(0, np.int64), 5) == []


@given(st.lists(st.integers(0, 50), max_size=30), st.integers(1, 100), st.integers(1, 4))
def test_groups_cover_all_parts_in_order(rows, batch_rows, workers):
    groups = group_parts(rows, batch_rows, workers)
    assert [i for g in groups for i in g] == list(range(len(rows)))


@given(st.lists(st.integers(0, 50), max_size=30), st.integers(1, 100), st.integers(1, 6))
def test_shared_groups_stay_in_order_and_no_worker_has_much_more(rows, batch_rows, workers):
    groups = group_parts(rows, batch_rows, workers)
    tasks = share_groups(rows, groups, workers)
    assert [g for task in tasks for g in task] == groups
    assert len(tasks) <= workers
    assert all(tasks)
    held = [sum(sum(rows[g.start : g.stop]) for g in task) for task in tasks]
    largest = max((sum(rows[g.start : g.stop]) for g in groups), default=0)
    assert max(held, default=0) <= sum(rows) / workers + largest


def test_each_worker_gets_a_run_of_equal_groups():
    groups = [range(k, k + 1) for k in range(8)]
    assert share_groups([10] * 8, groups, 2) == [groups[:4], groups[4:]]
    assert share_groups([10] * 8, groups, 8) == [[g] for g in groups]
    assert share_groups([0] * 8, groups, 2) == [groups]
    assert share_groups([], [], 2) == []


@pytest.mark.parametrize("shards", [1, 2, 64, 256, 4096])
def test_shards_are_ranges_of_the_routing_hash(shards):
    route = np.sort(route_of(np.arange(5000)))
    found = shard_of(route, shards)
    assert np.all(np.diff(found) >= 0)
    assert 0 <= found.min() <= found.max() < shards


def test_a_cell_is_the_shard_of_64():
    party = np.arange(5000)
    assert np.array_equal(cell_of(party), shard_of(route_of(party), CELLS))
    assert np.bincount(cell_of(party), minlength=CELLS).min() > 40


def test_threads_keep_order_and_raise_the_failure():
    assert Threads(3).map(lambda x: x * x, list(range(20))) == [x * x for x in range(20)]

    def fail(x):
        if x == 3:
            raise KeyError(x)
        return x

    with pytest.raises(KeyError):
        Threads(2).map(fail, list(range(10)))

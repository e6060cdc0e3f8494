"""The distinct keys of a party's arrivals, against a dictionary."""

from __future__ import annotations

from collections import defaultdict

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from seg6b.evidence.measure_s1 import distinct_pairs

RUN = st.lists(st.tuples(st.integers(1, 64), st.integers(0, 9)), max_size=100)


def by_hand(runs):
    for r, rows in enumerate(runs):
        values = defaultdict(list)
        for key, value in rows:
            values[key].append(value)
        for key, seen in values.items():
            known = [v for v in seen if v > 0]
            yield key, len(seen), min(known, default=1), max(known, default=0), r


@given(st.lists(RUN, min_size=1, max_size=4))
def test_each_key_of_a_run_is_told_once(runs):
    starts = np.cumsum([0, *map(len, runs)])
    rows = np.array([row for run in runs for row in run], np.int64).reshape(-1, 2)
    found = distinct_pairs(starts, rows[:, 0].copy(), rows[:, 1].copy())
    assert sorted(zip(*(column.tolist() for column in found), strict=True)) == sorted(by_hand(runs))

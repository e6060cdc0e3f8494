"""Delete-one-cell intervals and the counts behind shared entities, against brute force."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from seg6b.stats.jackknife import interval, jackknife, wider
from seg6b.stats.sharing import shared_counts

ENTITIES = st.dictionaries(
    st.tuples(st.integers(0, 4), st.integers(0, 6)), st.tuples(st.integers(1, 9), st.integers(0, 3)), max_size=30
)


def share(sums):
    return sums[..., 0] / sums[..., 1]


def test_the_mean_gets_students_interval():
    sample = np.array([3.0, 5.0, 4.0, 9.0, 6.0])
    value, ends = jackknife(np.stack([sample, np.ones(5)], axis=1), share)
    half = stats.t.ppf(0.975, 4) * sample.std(ddof=1) / np.sqrt(5)
    assert value == pytest.approx(sample.mean())
    assert ends == pytest.approx((value - half, value + half))


def test_empty_cells_change_nothing():
    cells = np.array([[1.0, 4], [2, 5], [2, 3], [0, 0], [0, 0]])
    assert jackknife(cells, share) == jackknife(cells[:3], share)


def test_the_wider_of_two_intervals():
    assert wider((0.0, 2.0), (0.5, 1.5)) == wider((0.5, 1.5), (0.0, 2.0)) == (0.0, 2.0)
    assert wider(None, (0.0, 1.0)) is None
    assert wider((0.0, 1.0), None) is None


def test_no_interval_from_one_cell_or_an_undefined_estimate():
    assert jackknife([[1.0, 2.0], [0, 0]], share) == (0.5, None)
    assert interval(0.5, np.array([0.5, np.nan])) is None


def test_a_constant_has_a_point_interval():
    assert jackknife(np.tile([2.0, 4.0], (6, 1)), share) == (0.5, (0.5, 0.5))


def test_coverage_is_near_its_promise():
    cells = stats.poisson.rvs(20, size=(2000, 32), random_state=1)
    hits = [low <= 20 <= high for row in cells for low, high in [jackknife(np.stack([row, np.ones(32)], 1), share)[1]]]
    assert 0.93 < np.mean(hits) < 0.97


@given(ENTITIES)
def test_shared_counts_by_brute_force(rows):
    cell, entity = np.array([*rows], np.int64).reshape(-1, 2).T
    low = np.array([a for a, _ in rows.values()], np.int64)
    high = low + np.array([b for _, b in rows.values()], np.int64)

    def count(keep):
        users = {e: set() for e in entity[keep]}
        for e, a, b in zip(entity[keep], low[keep], high[keep], strict=True):
            users[e] |= {a, b}
        return len(users), sum(len(u) > 1 for u in users.values())

    cells, entities, shared = shared_counts(cell, entity, low, high)
    assert list(cells) == sorted(set(cell))
    want = [count(np.ones(cell.size, bool)), *(count(cell != c) for c in cells)]
    assert list(zip(entities, shared, strict=True)) == want

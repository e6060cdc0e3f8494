"""Quantiles, top shares and distinct counts of weighted histograms, with and without a cell, against expanded rows."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from seg6b.stats.order import (
    CellHistogram,
    distinct_without,
    quantile,
    quantile_interval,
    shares_without,
    top_share,
    top_shares_without,
)

ROWS = st.lists(st.tuples(st.integers(0, 5), st.integers(-20, 20), st.integers(0, 4)), min_size=1, max_size=40)
PROBABILITIES = st.floats(0.0, 1.0)


def histogram(rows):
    return CellHistogram.of(*zip(*rows, strict=True))


def expanded(rows, without=None):
    return np.array([v for c, v, n in rows for _ in range(n) if c != without])


def filled(rows):
    return sorted({c for c, _, n in rows if n})


def top8(values):
    if not values.size:
        return np.nan
    return np.sort(np.unique(values, return_counts=True)[1])[-8:].sum() / values.size


@given(ROWS, PROBABILITIES)
def test_quantile_is_numpys(rows, q):
    values = expanded(rows)
    want = np.quantile(values, q) if values.size else np.nan
    assert quantile(histogram(rows), q) == pytest.approx(want, nan_ok=True, abs=1e-12)


def test_quantile_interval_covers_as_it_promises():
    truth, hits = stats.norm.ppf(0.7), 0
    for seed in range(300):
        x = stats.norm.rvs(size=3200, random_state=seed)
        made = CellHistogram.of(np.arange(3200) % 32, np.rint(x * 1000), np.ones(3200))
        low, high = quantile_interval(made, 0.7)
        hits += low <= truth * 1000 <= high
    assert 0.92 < hits / 300 < 0.98


def test_quantile_interval_on_a_grid_and_beside_a_heavy_value():
    on_grid = CellHistogram.of(np.arange(640) % 64, np.arange(640) // 64, np.ones(640))
    assert quantile_interval(on_grid, 0.5) == (4.5, 4.5)
    heavy = CellHistogram.of([0, 1, 2, 0, 1], [5, 5, 5, 1, 9], [30, 40, 50, 3, 2])
    assert quantile_interval(heavy, 0.5) == (5.0, 5.0)
    assert quantile_interval(CellHistogram.of([], [], []), 0.5) is None
    assert quantile_interval(CellHistogram.of([0], [7], [9]), 0.5) is None


@given(ROWS)
def test_top_shares(rows):
    assert top_share(histogram(rows), 8) == pytest.approx(top8(expanded(rows)), nan_ok=True)
    want = [top8(expanded(rows, c)) for c in filled(rows)]
    assert top_shares_without(histogram(rows), 8) == pytest.approx(want, nan_ok=True)


@given(ROWS)
def test_top_one_share_without_each_cell(rows):
    want = []
    for c in filled(rows):
        values = expanded(rows, c)
        want.append(np.unique(values, return_counts=True)[1].max() / values.size if values.size else np.nan)
    assert top_shares_without(histogram(rows), 1) == pytest.approx(want, nan_ok=True)


@given(ROWS)
def test_distinct_and_shares_without_each_cell(rows):
    made = histogram(rows)
    assert list(distinct_without(made)) == [np.unique(expanded(rows, c)).size for c in filled(rows)]
    want = [np.mean(v > 0) if (v := expanded(rows, c)).size else np.nan for c in filled(rows)]
    assert shares_without(made, made.values > 0) == pytest.approx(want, nan_ok=True)


def test_equal_rows_add_up():
    made = CellHistogram.of([1, 1, 0], [5, 5, 7], [2, 3, 1])
    assert (list(made.values), list(made.total), list(made.cell_n), made.n) == ([5, 7], [5, 1], [1, 5], 6)


def test_nothing_is_nan():
    made = CellHistogram.of([], [], [])
    assert np.isnan(quantile(made, 0.5))
    assert np.isnan(top_share(made, 8))
    assert top_shares_without(made, 8).size == 0

"""JSD, KS and Wasserstein-1 against SciPy."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import stats
from scipy.spatial import distance

from seg6b.stats.distance import (
    jensen_shannon,
    ks_at_edges,
    ks_beyond_noise,
    ks_distance,
    wasserstein,
    wasserstein_beyond_noise,
)

WEIGHTS = hnp.arrays(np.float64, 6, elements=st.floats(0.0, 10.0)).filter(lambda w: w.sum() > 0.1)
SAMPLE = st.lists(st.integers(1, 40), min_size=1, max_size=60)


def counted(sample):
    values, n = np.unique(sample, return_counts=True)
    return values.astype(float), n


@given(WEIGHTS, WEIGHTS)
def test_jsd_is_scipys_squared_distance(p, q):
    with np.errstate(invalid="ignore"):  # SciPy takes the root of what rounding left just below zero
        scipys = np.nan_to_num(distance.jensenshannon(p, q, base=2)) ** 2
    assert jensen_shannon(p, q) == pytest.approx(scipys, abs=1e-9)


def test_jsd_ends():
    assert jensen_shannon([1, 0], [0, 3]) == 1.0
    assert jensen_shannon([2, 2], [5, 5]) == 0.0
    assert np.isnan(jensen_shannon([0, 0], [1, 1]))


@given(SAMPLE)
def test_ks_is_scipys_for_a_continuous_law(sample):
    law = stats.expon(scale=12)
    assert ks_distance(*counted(sample), law.cdf) == pytest.approx(stats.kstest(sample, law.cdf).statistic, abs=1e-9)


def test_ks_on_a_grid_sees_no_rounding():
    law = stats.uniform(0, 10)
    values = np.arange(0, 11.0)
    n = np.array([1, 2, 2, 2, 2, 2, 2, 2, 2, 2, 1])
    assert ks_distance(values, n, law.cdf, half_grid=0.5) == pytest.approx(0.0, abs=1e-12)
    assert ks_distance(values, n, law.cdf) > 0.04


def test_ks_with_an_atom_hit_exactly():
    def cdf(x):
        return 0.3 * (x >= 5.0) + 0.7 * np.clip(x / 10.0, 0.0, 1.0)

    values = np.arange(0.5, 10.0, 1.0)
    values, n = np.union1d(values, [5.0]), np.array([7, 7, 7, 7, 7, 30, 7, 7, 7, 7, 7])
    assert ks_distance(values, n, cdf) == pytest.approx(0.035)


def test_ks_beyond_noise():
    assert ks_beyond_noise(0.05, 10_000) == pytest.approx(0.05 - 0.0136)
    assert np.isnan(ks_beyond_noise(0.05, 0))


@given(SAMPLE, SAMPLE)
def test_w1_is_scipys_between_two_samples(sample, other):
    points, weights = counted(other)

    def cdf(x):
        return np.concatenate([[0.0], np.cumsum(weights) / weights.sum()])[np.searchsorted(points, x, side="right")]

    want = stats.wasserstein_distance(sample, other)
    assert wasserstein(*counted(sample), cdf, points) == pytest.approx(want, abs=1e-9)


def test_w1_to_a_uniform_law():
    grid = np.linspace(0, 1, 11)
    assert wasserstein([0.5], [4], stats.uniform().cdf, grid) == pytest.approx(0.25)
    assert np.isnan(wasserstein([], [], stats.uniform().cdf, grid))


def test_w1_beyond_noise_is_rarely_positive_under_the_law():
    law, grid = stats.expon(scale=12), np.linspace(0, 200, 4001)
    found = []
    for seed in range(200):
        sample = np.sort(law.rvs(400, random_state=seed))
        w1 = wasserstein(sample, np.ones(400), law.cdf, grid)
        found.append(wasserstein_beyond_noise(w1, 400, law.cdf, grid) > 0)
    assert np.mean(found) <= 0.05
    assert wasserstein_beyond_noise(2.0, 10_000, law.cdf, grid) == pytest.approx(
        2.0 - 1.96 * 12 * np.pi / 2 / 100, rel=1e-3
    )


def test_ks_at_edges_is_ks_where_bins_are_points():
    law = stats.expon(scale=12)
    values, n = counted([1, 5, 5, 9, 30])
    assert ks_at_edges(np.nextafter(values, 0), values, n, law.cdf) == pytest.approx(ks_distance(values, n, law.cdf))
    assert np.isnan(ks_at_edges([], [], [], law.cdf))

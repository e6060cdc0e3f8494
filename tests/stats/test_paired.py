"""Paired log ratios: intervals against Student's and Welch's formulas, and why they do not settle."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from seg6b.draws.uniform import Draws
from seg6b.stats.paired import bootstrap_interval, further_pairs, paired_mean, trend_p, two_modes, unsettled_by

LOGS = np.array([-0.10, -0.20, -0.15, -0.05, -0.25])


def normals(decision, count):
    draws = Draws("0" * 64, 1, "tests")
    return stats.norm.ppf(draws.uniform("paired", decision, np.arange(count, dtype=np.uint64) * np.uint64(2654435761)))


def test_one_set_gets_students_interval():
    found = paired_mean([LOGS])
    half = 2.7764451052 * LOGS.std(ddof=1) / math.sqrt(5)
    assert found.mean == pytest.approx(-0.15)
    assert found.spread == pytest.approx(0.0790569415)
    assert found.interval(0.95) == pytest.approx((-0.15 - half, -0.15 + half))


def test_two_sets_weigh_alike_and_get_satterthwaites_freedom():
    other = np.array([-0.02, -0.04, -0.03])
    found = paired_mean([LOGS, other])
    a, b = LOGS.var(ddof=1) / 5, other.var(ddof=1) / 3
    assert found.mean == pytest.approx((-0.15 - 0.03) / 2)
    assert found.error == pytest.approx(math.sqrt(a + b) / 2)
    assert found.freedom == pytest.approx((a + b) ** 2 / (a**2 / 4 + b**2 / 2))
    welch = stats.ttest_ind(LOGS, -other, equal_var=False)
    assert found.mean / found.error == pytest.approx(welch.statistic)
    assert found.freedom == pytest.approx(welch.df)


def test_one_value_has_no_end_and_equal_values_have_no_width():
    assert paired_mean([np.array([0.1])]).interval(0.95) == (-math.inf, math.inf)
    assert paired_mean([LOGS, np.array([0.1])]).error == math.inf
    assert paired_mean([np.full(5, -0.1)]).interval(0.95) == pytest.approx((-0.1, -0.1))


def test_the_bootstrap_is_the_same_each_time_and_lies_about_the_t_interval():
    sample = -0.1 + 0.05 * normals("bootstrap", 12)
    low, high = bootstrap_interval([sample])
    assert bootstrap_interval([sample]) == (low, high)
    t_low, t_high = paired_mean([sample]).interval(0.95)
    assert low == pytest.approx(t_low, abs=0.012)
    assert high == pytest.approx(t_high, abs=0.012)
    assert low < sample.mean() < high


def test_each_position_is_resampled_about_as_often_as_any_other():
    picked = [bootstrap_interval([np.eye(8)[k]]) for k in range(8)]
    assert all(low == 0.0 and 0.3 <= high <= 0.5 for low, high in picked)


@pytest.mark.parametrize(
    ("mean", "spread", "have", "expected"),
    [(-0.05, 0.10, 5, 13), (-0.10, 0.10, 5, 2), (-0.001, 0.10, 5, -1), (0.0, 0.1, 5, -1), (-0.5, 0.0, 1, 1)],
    ids=["a few", "nearly", "hopeless", "no effect", "no spread"],
)
def test_how_many_more_pairs_would_settle_it(mean, spread, have, expected):
    found = further_pairs(mean, spread, have, 0.95)
    assert found == expected
    if found > 1:
        wide, narrow = (stats.t.ppf(0.975, n - 1) * spread / math.sqrt(n) for n in (have + found - 1, have + found))
        assert narrow < abs(mean) <= wide


def test_a_trend_is_tested_as_a_regression_would():
    values = np.array([1.0, 1.2, 1.1, 1.5, 1.4, 1.6])
    assert trend_p(values) == pytest.approx(stats.linregress(np.arange(6), values).pvalue)
    assert trend_p(np.arange(5.0)) == 0.0
    assert trend_p(np.ones(6)) == 1.0
    assert trend_p(np.array([1.0, 2.0, 3.0])) == 1.0


def test_why_it_does_not_settle():
    noise = 0.02 * normals("why", 12)
    calm = 0.02 * normals("calm", 12)
    assert unsettled_by(noise, calm) == "spread"
    assert unsettled_by(noise, calm + np.linspace(0.0, 0.4, 12)) == "drift"
    assert unsettled_by(noise + np.tile([0.0, 0.3], 6), calm) == "two modes"
    assert unsettled_by(noise, calm + np.tile([0.0, 0.3], 6)) == "two modes"
    assert unsettled_by(np.array([0.1]), np.array([0.2])) == "spread"


def test_a_small_trend_beside_a_large_spread_is_not_the_reason():
    assert unsettled_by(np.linspace(-0.3, 0.3, 12), np.linspace(0.0, 0.05, 12)) == "spread"


@pytest.mark.parametrize("n", [5, 8, 12])
def test_one_normal_sample_is_seldom_called_two(n):
    samples = normals(f"modes {n}", 2000 * n).reshape(2000, n)
    assert sum(two_modes(s) for s in samples) <= 70
    assert not two_modes(samples[0][:4])
    apart = samples + np.where(np.arange(n) % 2, 0.0, 15.0)
    assert sum(two_modes(s) for s in apart) >= 1500

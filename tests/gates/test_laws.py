"""Laws as targets: the CDF from the formula, and how far samples lie from it."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from seg6b.gates.laws import Samples, fit, median, truncated_cdf
from seg6b.policy.laws import Bounded


def law(**parts):
    return Bounded.model_validate({"min": 1.0, "max": 1000.0, **parts}, strict=False)


GAMMA = law(tail={"law": "GAMMA_V1", "k": 2.0, "theta": 50.0})
WITH_ATOM = law(
    tail={"law": "LOGNORMAL_V1", "mu": 4.0, "sigma": 1.0}, atom_mass=0.3, atoms={"values": [60.0], "probs": [1.0]}
)
CONSTANT = law(atom_mass=1.0, atoms={"values": [1.0], "probs": [1.0]})


@pytest.mark.parametrize("bounded", [GAMMA, WITH_ATOM, CONSTANT], ids=["gamma", "atom", "constant"])
def test_the_formula_and_the_table_that_draws_read_agree(bounded):
    x = np.array([0.5, 1.0, 30.0, 59.99, 60.0, 200.0, 999.0, 1000.0, 2000.0])
    assert truncated_cdf(bounded)(x) == pytest.approx(bounded.sampler().cdf(x), abs=2e-5)


def test_truncation_renormalises():
    plain = stats.gamma(2, scale=50)
    inside = plain.cdf(1000) - plain.cdf(1)
    assert truncated_cdf(GAMMA)(np.array([80.0])) == pytest.approx((plain.cdf(80) - plain.cdf(1)) / inside)


def test_median():
    assert truncated_cdf(GAMMA)(np.array([median(GAMMA)])) == pytest.approx(0.5)
    assert median(WITH_ATOM) == pytest.approx(60.0)
    assert median(CONSTANT) == pytest.approx(1.0)


def drawn(bounded, size=200_000, seed=1):
    points = np.linspace(1, 1000, 500_001)
    u = stats.uniform.rvs(size=size, random_state=seed)
    ms = np.rint(np.interp(u, truncated_cdf(bounded)(points), points) * 1000).astype(np.int64)
    return np.unique(ms, return_counts=True)


def test_samples_of_the_law_fit_it():
    found = fit(Samples.of(*drawn(GAMMA), GAMMA), GAMMA, 40)
    assert found.n == 200_000
    assert found.ks_corrected <= 0
    assert found.w1_corrected < 0
    assert found.jsd < 1e-3
    assert found.at_bounds < 1e-3


def test_coarse_bins_cost_less_than_their_mass():
    ms, n = drawn(GAMMA)
    scaled = np.rint(ms * 1.1).astype(np.int64)
    exact = stats.ks_1samp(np.repeat(scaled, n) / 1000, truncated_cdf(GAMMA)).statistic
    assert fit(Samples.of(scaled, n, GAMMA), GAMMA, 40).ks == pytest.approx(exact, abs=1e-3)


def test_bins_are_whole_and_apart():
    ms = np.array([0, 1, 2047, 2048, 2049, 2050, 300_000, 7_776_000_000])
    bins = Samples.of(ms, np.ones(8, np.int64), GAMMA)
    assert bins.size == 8
    assert np.all(bins.low[1:] > bins.high[:-1])
    assert list(bins.low[:4]) == [0, 1, 2047, 2048]
    assert list((bins.high - bins.low + 1)[:5]) == [1, 1, 1, 2, 2]
    assert all(((bins.low <= x) & (x <= bins.high)).sum() == 1 for x in ms)


def test_order_of_rows_does_not_matter():
    ms, n = drawn(GAMMA, 1000)
    assert fit(Samples.of(ms, n, GAMMA), GAMMA, 40) == fit(Samples.of(ms[::-1], n[::-1], GAMMA), GAMMA, 40)


def test_mass_on_a_bound_is_seen():
    piled = fit(Samples.of([1000, 50_000], [30, 70], GAMMA), GAMMA, 40)
    assert piled.at_bounds == pytest.approx(0.3)
    assert fit(Samples.of([1000], [500], CONSTANT), CONSTANT, 40).jsd == pytest.approx(0.0)
    assert fit(Samples.of([60_000], [500], CONSTANT), CONSTANT, 40).jsd == pytest.approx(1.0)


def test_nothing_fits_nothing():
    empty = fit(Samples.of([], [], GAMMA), GAMMA, 40)
    assert empty.n == 0
    assert all(np.isnan(x) for x in (empty.ks, empty.jsd, empty.at_bounds, empty.ks_corrected))

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import special

from seg6b.draws.choice import pick, sample_all
from seg6b.draws.quantile import build_table, cdf_of_table, grid, lookup, lookup_all
from seg6b.policy.laws import Bounded


def lognormal(p):
    return np.exp(1.1 + 1.2 * special.ndtri(p))


TABLE = build_table(lognormal, 1e-6, 1e6)


def test_the_grid_ascends_from_zero_to_one():
    points = grid()
    assert points[0] == 0.0
    assert points[-1] == 1.0
    assert np.all(np.diff(points) > 0)


def test_a_table_follows_its_law_into_the_tails():
    u = np.concatenate([np.logspace(-9, -0.4, 500), 1 - np.logspace(-9, -0.4, 500)])
    assert np.max(np.abs(lookup_all(TABLE, u) / lognormal(u) - 1)) < 2e-4


@given(st.floats(0, 1, exclude_min=True, exclude_max=True), st.floats(0, 1, exclude_min=True, exclude_max=True))
def test_lookup_is_monotone(a, b):
    low, high = sorted((a, b))
    assert lookup(TABLE, low) <= lookup(TABLE, high)


@given(st.floats(1e-9, 1 - 1e-9))
def test_the_cdf_undoes_the_lookup(u):
    assert cdf_of_table(TABLE, np.array([lookup(TABLE, u)]))[0] == pytest.approx(u, abs=1e-9)


def bounded(**fields):
    return Bounded.model_validate(fields)


def test_truncation_renormalises_and_never_piles_up():
    law = bounded(min=10.0, max=20.0, tail={"law": "EXPONENTIAL_V1", "rate": 0.1})
    x = sample_all(*law.sampler().arrays, (np.arange(200_000) + 0.5) / 200_000)
    assert 10.0 < x.min() < x.max() < 20.0
    expected = (1 - np.exp(-(x - 10) / 10)) / (1 - np.exp(-1))
    assert np.max(np.abs(np.sort(expected) - (np.arange(200_000) + 0.5) / 200_000)) < 1e-5


def test_atoms_keep_their_mass_and_the_tail_the_rest():
    law = bounded(
        min=1.0,
        max=1000.0,
        atom_mass=0.3,
        atoms={"values": [300.0, 400.0], "probs": [0.25, 0.75]},
        tail={"law": "LOGNORMAL_V1", "mu": 3.0, "sigma": 1.0},
    )
    x = sample_all(*law.sampler().arrays, (np.arange(100_000) + 0.5) / 100_000)
    assert np.mean(x == 300.0) == pytest.approx(0.075, abs=1e-4)
    assert np.mean(x == 400.0) == pytest.approx(0.225, abs=1e-4)
    assert law.sampler().cdf(np.array([1000.0]))[0] == pytest.approx(1.0)


def test_a_mixture_is_inverted_exactly():
    law = bounded(
        min=0.02, max=180.0,
        tail={"law": "MIXTURE_V1", "components": [
            {"weight": 0.97, "law": {"law": "LOGNORMAL_V1", "mu": -0.35, "sigma": 0.5}},
            {"weight": 0.03, "law": {"law": "LOGNORMAL_V1", "mu": 4.0, "sigma": 0.6}},
        ]},
    )  # fmt: skip
    x = sample_all(*law.sampler().arrays, np.array([0.5, 0.99]))
    assert x[0] == pytest.approx(0.72, abs=0.01)
    assert x[1] == pytest.approx(70.0, rel=0.05)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"min": 5.0, "max": 5.0, "tail": {"law": "EXPONENTIAL_V1", "rate": 1.0}}, "must be below"),
        ({"min": 0.0, "max": 5.0, "atom_mass": 0.5, "tail": {"law": "EXPONENTIAL_V1", "rate": 1.0}}, "belong together"),
        ({"min": 0.0, "max": 5.0, "tail": {"law": "EXPONENTIAL_V1", "rate": 0.0}}, "greater than 0"),
        ({"min": 0.0, "max": 5.0, "tail": {"law": "LOGNORMAL_V1", "mu": 0.0, "sigma": -1.0}}, "greater than 0"),
        ({"min": 0.0, "max": 5.0, "atom_mass": 1.0, "atoms": {"values": [9.0], "probs": [1.0]}}, "lie outside"),
        ({"min": 0.0, "max": 5.0, "atom_mass": 1.0, "atoms": {"values": [1.0, 2.0], "probs": [0.5, 0.4]}}, "not to 1"),
        ({"min": 1e6, "max": 1e7, "tail": {"law": "EXPONENTIAL_V1", "rate": 1.0}}, "no mass"),
        ({"min": 0.0, "max": 5.0, "tail": {"law": "WEIBULL", "k": 1.0}}, "does not match any of the expected"),
        ({"min": 0.0, "max": 5.0, "extra": 1}, "Extra inputs"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_a_law_that_contradicts_itself_is_refused(fields, words):
    with pytest.raises(ValueError, match=words):
        bounded(**fields)


def test_pick_respects_the_weights():
    cum = np.cumsum([1.0, 0.0, 3.0])
    assert [pick(cum, u) for u in (0.0001, 0.2499, 0.2501, 0.9999)] == [0, 0, 2, 2]

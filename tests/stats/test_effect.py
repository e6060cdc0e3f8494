"""Cohen's d and its within-stratum form, against rows."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seg6b.stats.effect import cohens_d, standardised

AMOUNTS = st.lists(st.integers(1, 10_000), min_size=2, max_size=30)


def moments(values, shift=0):
    x = np.asarray(values, float) - shift
    return [x.size, x.sum(), (x**2).sum()]


def d_of_rows(zero, one):
    pooled = ((len(zero) - 1) * np.var(zero, ddof=1) + (len(one) - 1) * np.var(one, ddof=1)) / (
        len(zero) + len(one) - 2
    )
    return (np.mean(one) - np.mean(zero)) / np.sqrt(pooled) if pooled > 0 else np.nan


@given(AMOUNTS, AMOUNTS, st.integers(0, 5000))
def test_d_is_the_textbooks_whatever_the_shift(zero, one, shift):
    got = cohens_d([moments(zero, shift), moments(one, shift)])
    want = d_of_rows(zero, one)
    if np.isfinite(want) and len({*zero, *one}) > 2:
        assert got == pytest.approx(want, rel=1e-6, abs=1e-6)


@given(st.lists(st.tuples(AMOUNTS, AMOUNTS), min_size=1, max_size=3))
def test_standardised_moments_are_those_of_z_scores(families):
    zero, one = [], []
    for a, b in families:
        both = np.array([*a, *b], float)
        if np.ptp(both) == 0:
            zero, one = [*zero, *np.zeros(len(a))], [*one, *np.zeros(len(b))]
            continue
        zero += list((np.array(a) - both.mean()) / both.std(ddof=1))
        one += list((np.array(b) - both.mean()) / both.std(ddof=1))
    got = standardised([[moments(a), moments(b)] for a, b in families])
    assert got == pytest.approx(np.array([moments(zero), moments(one)]), rel=1e-6, abs=1e-5)


def test_one_stratum_changes_nothing():
    table = np.array([moments([1, 2, 3, 4]), moments([3, 4, 9])])
    assert cohens_d(standardised(table[None])) == pytest.approx(float(cohens_d(table)))


@pytest.mark.parametrize(("zero", "one"), [([5, 6], [7]), ([5, 5, 5], [5, 5])], ids=["one value", "no spread"])
def test_undefined_is_nan(zero, one):
    assert np.isnan(cohens_d([moments(zero), moments(one)]))


def test_sign_follows_group_one():
    assert cohens_d([moments([1, 2, 3]), moments([7, 8, 9])]) > 0 > cohens_d([moments([7, 8, 9]), moments([1, 2, 3])])

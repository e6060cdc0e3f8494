"""Interval of a share, against SciPy's."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from seg6b.stats.shares import exact


@given(st.integers(1, 10**6).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_it_is_the_exact_interval(drawn):
    hits, n = drawn
    expected = stats.binomtest(hits, n).proportion_ci(0.95, "exact")
    assert exact(hits / n, n) == pytest.approx((expected.low, expected.high), rel=1e-6, abs=1e-12)

"""Cramér's V, plain and corrected, and chi-square, against SciPy and against the formulas written out."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import stats

from seg6b.stats.contingency import bergsma_v, chi_square, cramers_v

TABLES = hnp.arrays(np.int64, st.tuples(st.integers(2, 5), st.integers(2, 5)), elements=st.integers(1, 200))


@given(TABLES)
def test_v_is_scipys(table):
    want = stats.contingency.association(table, method="cramer", correction=False)
    assert cramers_v(table) == pytest.approx(want, abs=1e-9)


@given(TABLES)
def test_chi_square_is_scipys(table):
    want = stats.chi2_contingency(table, correction=False)
    statistic, p_value, freedom = chi_square(table)
    assert statistic == pytest.approx(want.statistic, rel=1e-9, abs=1e-9)
    assert p_value == pytest.approx(want.pvalue, rel=1e-9, abs=1e-300)
    assert freedom == want.dof


@given(TABLES)
def test_corrected_v_by_the_formula(table):
    n, (r, c) = table.sum(), table.shape
    phi2 = max(0.0, stats.chi2_contingency(table, correction=False).statistic / n - (r - 1) * (c - 1) / (n - 1))
    rc, cc = r - (r - 1) ** 2 / (n - 1), c - (c - 1) ** 2 / (n - 1)
    want = math.sqrt(phi2 / min(rc - 1, cc - 1)) if min(rc, cc) > 1 else math.nan
    assert bergsma_v(table) == pytest.approx(want, abs=1e-7, nan_ok=True)


def test_written_out():
    table = [[30, 10], [10, 50]]
    chi2 = 100 * (30 * 50 - 10 * 10) ** 2 / (40 * 60 * 40 * 60)
    assert cramers_v(table) == pytest.approx(math.sqrt(chi2 / 100))
    phi2 = chi2 / 100 - 1 / 99
    assert bergsma_v(table) == pytest.approx(math.sqrt(phi2 / (1 - 1 / 99)))


def test_empty_rows_and_columns_do_not_count():
    table = np.array([[30, 0, 10], [0, 0, 0], [10, 0, 50]])
    assert cramers_v(table) == pytest.approx(float(cramers_v(table[::2, ::2])))
    assert bergsma_v(table) == pytest.approx(float(bergsma_v(table[::2, ::2])))


@pytest.mark.parametrize("table", [[[1, 2, 3]], [[1], [2]], [[0, 0], [3, 4]], [[0, 0], [0, 0]]])
def test_collapse_is_nan(table):
    assert np.isnan(cramers_v(table))
    assert np.isnan(bergsma_v(table))
    assert chi_square(table)[2] == 0


def test_a_stack_gives_one_value_a_table():
    tables = np.arange(1, 25).reshape(4, 2, 3)
    assert bergsma_v(tables) == pytest.approx([float(bergsma_v(t)) for t in tables])


def test_independence_leaves_nothing_after_correction():
    assert bergsma_v(np.outer([30, 70], [20, 30, 50])) == 0.0

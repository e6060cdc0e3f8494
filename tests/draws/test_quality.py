"""Uniformity, independence and neighbourly behaviour of the draws."""

import numpy as np
import pytest
from scipy import stats

from seg6b.draws.mix import entities1, entities2
from seg6b.draws.uniform import Draws

N = 400_000
DRAWS = Draws("ab" * 32, 42, "baseline_v1")


@pytest.fixture(scope="module")
def neighbours():
    return DRAWS.uniform("flow_shape", "FLOW_TYPE", entities1(np.arange(1, N + 1)))


def test_uniform_on_256_bins(neighbours):
    counts = np.histogram(neighbours, 256, (0, 1))[0]
    assert stats.chisquare(counts).pvalue > 1e-4


def test_low_bits_are_uniform_too(neighbours):
    low = (neighbours * 2**53).astype(np.int64) & 255
    assert stats.chisquare(np.bincount(low, minlength=256)).pvalue > 1e-4


@pytest.mark.parametrize("lag", [1, 2, 3, 64, 1000])
def test_neighbouring_ids_do_not_correlate(neighbours, lag):
    assert abs(np.corrcoef(neighbours[:-lag], neighbours[lag:])[0, 1]) < 4.5 / np.sqrt(N)


@pytest.mark.parametrize(
    ("other", "what"),
    [
        (DRAWS.key("flow_shape", "BRANCH"), "decision"),
        (DRAWS.key("amount_draw", "FLOW_TYPE"), "family"),
        (Draws("ab" * 32, 43, "baseline_v1").key("flow_shape", "FLOW_TYPE"), "seed"),
        (Draws("ac" * 32, 42, "baseline_v1").key("flow_shape", "FLOW_TYPE"), "world"),
        (Draws("ab" * 32, 42, "stress").key("flow_shape", "FLOW_TYPE"), "scenario"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_axes_and_decisions_are_independent(neighbours, other, what):
    from seg6b.draws.mix import draw_all

    u = draw_all(entities1(np.arange(1, N + 1)), other)
    assert abs(np.corrcoef(neighbours, u)[0, 1]) < 4.5 / np.sqrt(N), what
    table = np.histogram2d(neighbours, u, 16, [[0, 1], [0, 1]])[0]
    assert stats.chi2_contingency(table).pvalue > 1e-4


def test_ids_of_a_million_pairs_do_not_collide():
    a, b = np.divmod(np.arange(1_000_000), 1000)
    ids = DRAWS.ids("flow_id", entities2(a, b))
    assert np.unique(ids).size == ids.size
    assert ids.min() > 0


def test_key_order_matters():
    a = np.arange(1000)
    assert not np.any(entities2(a, a + 1) == entities2(a + 1, a))


def test_ends_are_excluded():
    from seg6b.draws.mix import unit

    assert unit(np.uint64(0)) == 2.0**-54
    assert unit(np.uint64(2**64 - 1)) == 1 - 2.0**-53

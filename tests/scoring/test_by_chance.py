"""The rule played out: how often sweeps of equal arms, and of faster and slower ones, end in each decision."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from scipy import special

from seg6b.draws.uniform import Draws
from seg6b.scoring.runtime import CONFIDENCE, planned_looks
from tests.scoring.sweeps import Noise, played, sweep


def decisions(count, effect, spread, kind="normal"):
    noise = Noise(count * 80, kind)
    return Counter(str(played(sweep(), effect, noise, spread).decision) for _ in range(count))


def kept(found):
    return found["KEEP"] + found["KEEP_PROVISIONAL"]


@pytest.mark.parametrize(("kind", "count"), [("normal", 2000), ("heavy", 1000)])
def test_equal_arms_are_seldom_told_apart(kind, count):
    found = decisions(count, 1.0, 0.04, kind)
    assert kept(found) <= 0.03 * count
    assert found["KEEP"] <= 0.005 * count
    assert found["REJECT"] <= 0.03 * count
    assert found["INSUFFICIENT"] >= 0.94 * count


def test_a_clear_gain_is_found_and_recurs():
    found = decisions(300, 0.85, 0.04)
    assert found["REJECT"] == 0
    assert found["KEEP"] >= 240


def test_a_clear_loss_is_found():
    found = decisions(300, 1.15, 0.04)
    assert found["REJECT"] >= 270
    assert kept(found) == 0


def test_a_gain_of_one_set_alone_is_not_kept():
    noise = Noise(5000)
    for k in range(0, noise.values.size, 2):
        noise.values[k + 1] -= 4.0 if k < 10 else 0.0
    closure = played(sweep(), 1.0, noise, 0.04)
    assert closure.decision == "INSUFFICIENT"
    assert "did not recur" in closure.arms[0].reasons[0]


@pytest.mark.parametrize("looks", [(5, 8, 12), (5, 12), (7,), (2, 7, 12), (3, 4), (4, 12, 40)], ids=str)
@pytest.mark.parametrize("kind", ["normal", "heavy"])
def test_all_looks_together_err_in_five_percent(looks, kind):
    count = 20_000
    draws = Draws("0" * 64, 3, kind)
    u = draws.uniform("looks", str(looks), np.arange(count * looks[-1], dtype=np.uint64) << np.uint64(8))
    sample = (special.ndtri(u) if kind == "normal" else special.stdtrit(3, u)).reshape(count, looks[-1])
    wrong = np.zeros(count, bool)
    for n in looks:
        seen = sample[:, :n]
        t = seen.mean(1) / (seen.std(1, ddof=1) / np.sqrt(n))
        wrong |= np.abs(t) > special.stdtrit(n - 1, 0.5 + 0.5 * CONFIDENCE[len(looks)])
    assert wrong.mean() <= 0.054


def test_looks_are_three_at_most():
    assert planned_looks(5, 12) == (5, 8, 12)
    assert planned_looks(12, 5) == (12,)
    assert {len(planned_looks(r, m)) for r in range(1, 20) for m in range(1, 40)} <= set(CONFIDENCE)

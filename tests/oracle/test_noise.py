"""Gates that ask whether fraud, campaigns and amounts hang together fail where a run's own labels are dealt at random."""

from __future__ import annotations

import pytest

from benchmarks.noise import GATES, Noise
from seg6b.gates.result import Status


@pytest.fixture(scope="module")
def noise(default_run):
    return Noise(default_run)


@pytest.fixture(scope="module")
def deals(noise):
    """The first so many deals; each is made once."""
    made = []

    def first(count):
        made.extend(noise.dealt(deal) for deal in range(len(made), count))
        return made[:count]

    return first


def test_what_is_not_dealt_reads_as_the_run_did(noise):
    assert noise.judged({}) == {gate: noise.board.gates[gate] for gate in GATES}


@pytest.mark.parametrize("count", [6, pytest.param(20, marks=pytest.mark.heavy)])
@pytest.mark.parametrize("gate", GATES)
def test_no_gate_passes_more_than_one_deal(noise, deals, gate, count):
    assert noise.board.gates[gate].b is Status.PASS
    assert [board[gate].b for board in deals(count)].count(Status.PASS) <= 1

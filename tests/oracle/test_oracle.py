"""`gates.json` of the default run against the slow recomputation from its published Parquet."""

from __future__ import annotations

import json

import pytest

from tests.oracle.recompute import recompute

QUANTILES = {"T12", "T14", "T15"}
GATES = [f"T{i}" for i in range(1, 23)]


@pytest.fixture(scope="session")
def recomputed(default_run):
    return recompute(default_run)


@pytest.fixture(scope="session")
def published(default_run):
    return json.loads((default_run / "gates.json").read_text())["gates"]


@pytest.mark.parametrize("gate", GATES)
@pytest.mark.parametrize("figure", ["value", "raw"])
def test_the_slow_way_gives_the_same(recomputed, published, gate, figure):
    tolerance = 1e-3 if gate in QUANTILES else 1e-9
    assert published[gate][figure] == pytest.approx(recomputed[gate][figure], rel=tolerance, abs=tolerance)


def test_the_recomputation_shares_no_code(recomputed):
    import tests.oracle.recompute as module

    assert not [name for name in vars(module) if "seg6b" in str(getattr(vars(module)[name], "__module__", ""))]
    assert sorted(recomputed) == sorted(GATES)

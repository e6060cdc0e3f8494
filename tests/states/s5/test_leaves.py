"""No leaf of the packs that S5 owns is decoration: changing it changes the report, or is refused at load."""

from __future__ import annotations

import contextlib
from pathlib import Path

import polars as pl
import pytest
from pydantic import ValidationError

from seg6b.errors import InputRefused
from seg6b.policy import behaviour, rng, validation
from seg6b.states.s5_validate.budgets import rng_budgets
from seg6b.states.s5_validate.validate import run_validation
from tests.packs import typed, values_of

CONF = Path(__file__).resolve().parents[3] / "conf" / "policy"
MODULES = {"behaviour": behaviour, "validation": validation, "rng": rng}


def plain(pack):
    return values_of(CONF / pack / "full.yaml")


def leaves(node, path=()):
    if isinstance(node, dict):
        for key, value in node.items():
            yield from leaves(value, (*path, key))
    elif isinstance(node, list) and node:
        for index, value in enumerate(node):
            yield from leaves(value, (*path, index))
    else:
        yield path


def changed(pack, path):
    """The pack with one leaf changed; None if it is refused."""
    value = plain(pack)
    node = value
    for step in path[:-1]:
        node = node[step]
    old = node[path[-1]]
    others = {
        bool: lambda: [not old],
        int: lambda: [old + 1, old - 1],
        float: lambda: [old * 1.01 + 1e-9],
        list: lambda: [[7]],
    }
    for new in others.get(
        type(old), lambda: [f"{old}_other", "PASS_OR_WARN", "BPLUS", "flow_id", "case_id", "S4", "S3"]
    )():
        if new == old:
            continue
        node[path[-1]] = new
        try:
            return typed(MODULES[pack], value)
        except ValidationError:
            continue
    return None


def stripped(report):
    """A report without the hash that any change of a policy moves."""
    return {k: v for k, v in report.items() if k != "parameter_hash"}


@pytest.mark.parametrize("pack", ["behaviour", "validation"])
def test_every_leaf_moves_the_report_or_is_refused(frames, request_of, policy_of, pack):
    request = request_of(frames, audit="sampled")
    request.policy.validation = policy_of("validation", "full")
    before = stripped(run_validation(request).report)
    own = getattr(request.policy, pack)
    dead = []
    for path in leaves(plain(pack)):
        other = changed(pack, path)
        if other is None:
            continue
        setattr(request.policy, pack, other)
        with contextlib.suppress(InputRefused):
            if stripped(run_validation(request).report) == before:
                dead.append(path)
        setattr(request.policy, pack, own)
    assert dead == []


def test_every_leaf_of_the_register_moves_the_report_or_is_refused():
    schema = {
        "module": pl.String,
        "cell": pl.UInt8,
        "family": pl.String,
        "decision": pl.String,
        "emitted": pl.Int64,
        "implied": pl.Int64,
    }
    draws = pl.DataFrame(schema=schema)

    def told(pack):
        outcome = rng_budgets(lambda: draws, {}, pack)
        return outcome.thresholds, outcome.findings

    before = told(typed(rng, plain("rng")))
    packs = {path: changed("rng", path) for path in leaves(plain("rng"))}
    assert [path for path, pack in packs.items() if pack is not None and told(pack) == before] == []

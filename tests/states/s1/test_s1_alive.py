"""Every leaf of the packs of S1 moves a row of the zoo, shows up among the guards, or cannot be changed."""

from __future__ import annotations

import copy
from dataclasses import fields

import polars as pl
import pytest
from pydantic import ValidationError

from seg6b.datasets.world_tables import WORLD_TABLES
from seg6b.errors import Seg6bError
from seg6b.evidence.implied_s1 import implied_guards
from seg6b.world.sealed import SealedWorld
from tests.packs import values_of

from .conftest import CONF, attach, build_zoo, load_pack, load_packs

PACKS = ("attachment", "prior", "activity", "session")
HEAD = {"schema_version", "policy_id", "policy_version", "kind"}


def leaves(node, path=()):
    """Paths of the leaves of a pack."""
    pairs = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else None
    if pairs is None:
        yield path
        return
    for key, value in pairs:
        if not (not path and key in HEAD):
            yield from leaves(value, (*path, key))


def changed(plain, path):
    """Copies of the pack with one leaf changed, in the order in which they are tried."""
    node = plain
    for step in path:
        node = node[step]
    if isinstance(node, bool):
        values = [not node]
    elif isinstance(node, int):
        values = [max(1, node // 4), node * 2]
    elif isinstance(node, float):
        values = [node * 0.02, node * 0.5, node + 0.7]
    else:
        values = ["CREDIT_REVOLVING", "DEPOSIT", "BANK_HANDLE", "another"]
    for value in values:
        out = copy.deepcopy(plain)
        at = out
        for step in path[:-1]:
            at = at[step]
        at[path[-1]] = value
        if value != node:
            yield out


@pytest.fixture(scope="module")
def zoo(tmp_path_factory):
    """A small zoo whose tables are read once: S1 runs on it hundreds of times."""
    sealed = build_zoo(arrivals_a_merchant=150).seal(tmp_path_factory.mktemp("alive"))
    tables = {d.name: sealed.table(d) for d in WORLD_TABLES}

    class Kept(SealedWorld):
        def table(self, dataset, columns=None):
            return tables[dataset.name].select(columns or pl.all())

    return Kept(**{f.name: getattr(sealed, f.name) for f in fields(sealed)})


@pytest.fixture(scope="module")
def outcome_of(zoo, tmp_path_factory):
    def told(**packs):
        found = attach(zoo, tmp_path_factory.mktemp("run"), load_packs(**packs), shards=1)
        guards = implied_guards(found.evidence, found.ctx.policy).drop("observed").rows()
        return found.digests, guards

    return told


@pytest.mark.parametrize("pack", PACKS)
def test_no_leaf_is_decoration(pack, outcome_of):
    plain = values_of(CONF / pack / "full.yaml")
    before = outcome_of()
    dead = [path for path in leaves(plain) if not any(moves(pack, c, before, outcome_of) for c in changed(plain, path))]
    assert dead == []


def moves(pack, plain, before, outcome_of):
    """Whether a changed pack is refused, or gives other rows or guards."""
    try:
        return outcome_of(**{pack: load_pack(pack, **plain)}) != before
    except (ValidationError, Seg6bError):
        return True

"""No leaf of the four packs is decoration: a change to it moves a digest of S4, or is refused at load or by S4."""

from __future__ import annotations

import copy
from pathlib import Path

import pytest
from pydantic import ValidationError

from seg6b.datasets.digest import content_digest
from seg6b.errors import ContractBroken
from seg6b.policy import bank_view, case, delay, truth
from seg6b.states.mapping import Batch
from seg6b.states.s4_labels.state import label_batch
from tests.packs import typed, values_of

CONF = Path(__file__).resolve().parents[3] / "conf" / "policy"
MODULES = {"truth": truth, "bank_view": bank_view, "delay": delay, "case": case}
VARIANTS = [(p, f.stem) for p in MODULES for f in sorted((CONF / p).glob("*.yaml")) if f.stem != "lean"]
LIMITS = {"flows_per_case", "events_per_case", "span_s", "cases_per_million_flows"}


def leaves(node, path=()):
    if isinstance(node, dict | list):
        steps = node.items() if isinstance(node, dict) else enumerate(node)
        for step, value in steps:
            yield from leaves(value, (*path, step))
    else:
        yield path, node


def perturbed(value):
    """Changed values to try."""
    if isinstance(value, bool):
        return [not value]
    if isinstance(value, int):
        return [value * 3 + 7, value + 1, value // 2]
    if isinstance(value, float):
        return [value * 1.5 + 0.01, value + 0.3, value * 0.5]
    return [f"{value}_other"]


def with_leaf(plain, path, value):
    changed = copy.deepcopy(plain)
    node = changed
    for step in path[:-1]:
        node = node[step]
    node[path[-1]] = value
    return changed


def loaded(pack, plain):
    try:
        return typed(MODULES[pack], plain)
    except ValidationError:
        return None


@pytest.fixture(scope="module")
def digests(made, context):
    flows = made.many(30_000, parties=3000)

    def run(**packs):
        emission, _ = label_batch(context(**packs), Batch(*flows, (0, 63)))
        return {d.name: content_digest(f) for d, f in emission.frames.items()}

    return run


@pytest.mark.parametrize(("pack", "variant"), VARIANTS, ids=lambda p: p)
def test_every_leaf_is_alive(pack, variant, digests):
    plain = values_of(CONF / pack / f"{variant}.yaml")
    before = digests(**{pack: loaded(pack, plain)})
    dead = []
    for path, value in leaves(plain):
        if path[-1] in LIMITS:
            continue
        models = [loaded(pack, with_leaf(plain, path, other)) for other in perturbed(value)]
        if any(models) and all(digests(**{pack: model}) == before for model in models if model):
            dead.append(".".join(map(str, path)))
    assert dead == []


@pytest.mark.parametrize("limit", ["flows_per_case", "span_s"])
def test_a_guard_below_what_is_seen_fails_the_state(limit, digests, pack):
    full = pack("case")
    low = full.guards.model_copy(update={limit: 1})
    with pytest.raises(ContractBroken, match=rf"E_S4_CASE_GUARD: a case exceeds guard {limit}"):
        digests(case=full.model_copy(update={"guards": low}))

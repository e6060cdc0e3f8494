"""No policy of S2 is decoration: every leaf of every full pack moves a row, or its change is refused."""

from copy import deepcopy

import pytest
from pydantic import ValidationError

from seg6b.datasets.digest import content_digest
from tests.packs import typed, values_of

NAMES = {
    "ECOM", "POS", "ATM", "BANK_RAIL", "HYBRID", "AUTH_SETTLED", "CASH_DISPENSED", "AUTH_DECLINED", "LOGNORMAL_V1",
    "GAMMA_V1", "EXPONENTIAL_V1",
}  # fmt: skip
VARIANTS = [
    ("flow_shape", "full"), ("amount", "full"), ("amount", "bplus"), ("timing", "full"), ("timing", "historical"),
]  # fmt: skip
HEAD = {"schema_version", "policy_id", "policy_version", "kind"}
SHOWN_BY_S5 = {"flow_guard_s"}


def leaves(node, path=()):
    if isinstance(node, dict) and node:
        for key, value in node.items():
            if path or key not in HEAD:
                yield from leaves(value, (*path, key))
    elif isinstance(node, list) and node:
        for index, value in enumerate(node):
            yield from leaves(value, (*path, index))
    else:
        yield path, node


def changes(value):
    """Values that a leaf may be changed to, the nearest first."""
    if isinstance(value, bool):
        return [not value]
    if isinstance(value, str):
        return [name for name in sorted(NAMES) if name != value]
    if value is None:
        return [{"mass": 0.5, "values": [100, 200]}]
    if isinstance(value, int):
        return [value + 1, value - 1, 2 * value]
    return [value * f for f in (1.1, 0.9, 3.0, 0.3, 30.0, 0.03)] if value else [0.1]


def set_at(plain, path, value):
    at = plain
    for step in path[:-1]:
        at = at[step]
    at[path[-1]] = int(value) if isinstance(at[path[-1]], int) and not isinstance(value, bool) else value


@pytest.fixture(scope="module")
def made(bench, crowd):
    """Digests of what S2 makes of the crowd under given packs."""

    def build(policy):
        emission = bench.emit(crowd, policy)
        return {dataset.name: content_digest(frame) for dataset, frame in emission.frames.items()}

    return build


@pytest.mark.parametrize(("pack", "variant"), VARIANTS, ids=lambda x: x)
def test_every_leaf_is_alive(bench, made, pack, variant):
    plain, module = values_of(bench.conf / pack / f"{variant}.yaml"), bench.modules[pack]
    base = bench.policies(**{pack: variant})
    before = made(base)
    dead = []
    for path, value in leaves(plain):
        if path[0] in SHOWN_BY_S5:
            continue
        for change in changes(value):
            edited = deepcopy(plain)
            set_at(edited, path, change)
            try:
                policy = bench.replace(base, **{pack: typed(module, edited)})
            except ValidationError:
                continue
            if made(policy) != before:
                break
        else:
            refused = [c for c in changes(value) if _refused(module, plain, path, c)]
            if len(refused) < len(changes(value)):
                dead.append(".".join(map(str, path)))
    assert dead == []


def _refused(module, plain, path, change):
    edited = deepcopy(plain)
    set_at(edited, path, change)
    try:
        typed(module, edited)
    except ValidationError:
        return True
    return False


def test_the_guard_of_a_flow_cannot_be_lowered(bench):
    with pytest.raises(ValidationError, match="more than flow_guard_s"):
        bench.policies(timing={"flow_guard_s": 50_000.0})

"""No policy is decoration: every leaf of every non-lean pack moves a digest, or a change of it is refused at load.

The states' own suites prove this on small made-up rows; here it is proven on the default world, leaf by leaf.
"""

from __future__ import annotations

import copy
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from seg6b.errors import Seg6bError
from seg6b.policy.packs import PACKS, load_policies
from seg6b.runs.meter import Meter

CONF = Path(__file__).resolve().parents[2] / "conf" / "policy"
VARIANTS = sorted(
    (pack, path.stem) for pack in PACKS for path in (CONF / pack).glob("*.yaml") if path.stem != "lean"
)  # fmt: skip


def leaves(node, path=()):
    """Every leaf of a pack, as (path, value)."""
    if isinstance(node, dict):
        for key, value in node.items():
            yield from leaves(value, (*path, key))
    elif isinstance(node, list) and node:
        for index, value in enumerate(node):
            yield from leaves(value, (*path, index))
    else:
        yield path, node


def perturbed(value):
    """Other values to try, from bold to mild."""
    if isinstance(value, bool):
        tried = [not value]
    elif isinstance(value, int):
        tried = [value * 3 + 7, value // 2, value + 1, value - 1, 0]
    elif isinstance(value, float):
        tried = [
            value * 1.5 + 0.01,
            value + 0.3,
            value * 0.5,
            value * 0.9,
            value - 0.01,
            0.0,
            1.0,
            value * 20.0,
            value * 0.02,
        ]
    elif isinstance(value, list):
        tried = [["other"], [1]]
    else:
        tried = [f"{value}_other"]
    return [t for t in tried if t != value]


def with_leaf(plain, path, value):
    """A copy of `plain` with one leaf replaced."""
    changed = copy.deepcopy(plain)
    node = changed
    for step in path[:-1]:
        node = node[step]
    node[path[-1]] = value
    return changed


class Bench:
    """The states of one finished run, to be executed again under changed packs."""

    def __init__(self, job, outcome, root):
        from seg6b.draws.uniform import Draws
        from seg6b.runs.axes import Axes
        from seg6b.runs.progress import Silent
        from seg6b.shards.executor import Threads
        from seg6b.states.execute import Site
        from seg6b.world.sealed import SealedWorld

        receipt = outcome.receipt
        world = SealedWorld.open(job.root / "mlruns" / "world" / receipt.manifest_fingerprint)
        axes = Axes(receipt.manifest_fingerprint, receipt.parameter_hash, receipt.seed, receipt.scenario_id)
        draws = Draws(axes.manifest_fingerprint, axes.seed, axes.scenario_id)
        self.site = Site(job, world, axes, draws, outcome.run, Threads(2), Silent())
        self.receipts, self.root, self.known = dict(outcome.states), root, {}

    def digests(self, state, policy):
        """Content digests that `state` gives under `policy`, on the upstream of the finished run."""
        from seg6b.runs.disk import sha256_of
        from seg6b.states.execute import row_task
        from seg6b.states.pipeline import ROW_STATES
        from seg6b.states.validate_task import validate_task

        site = replace(self.site, job=replace(self.site.job, policy=policy))
        folder = self.root / "again"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        if state == "S5":
            validate_task(site, ROW_STATES, self.receipts).deed(folder, Meter())
            return {p.name: sha256_of(p) for p in folder.rglob("*.json")}
        record = next(s for s in ROW_STATES if s.name == state)
        work = row_task(site, record, self.receipts).deed(folder, Meter())
        return {name: str(d.digest) for name, d in work.datasets.items()}

    def moves(self, pack, policy, base):
        """Whether some state that the pack belongs to gives other digests; S5 reads all packs."""
        from seg6b.states.pipeline import ROW_STATES

        states = [s.name for s in ROW_STATES if pack in s.packs]
        for state in [*states, "S5"]:
            if (state, pack) not in self.known:
                self.known[state, pack] = self.digests(state, base)
            try:
                if self.digests(state, policy) != self.known[state, pack]:
                    return True
            except Seg6bError:
                return True
        return False


@pytest.fixture(scope="module")
def bench(job, candidate, tmp_path_factory):
    return Bench(job("world=default"), candidate("world=default"), tmp_path_factory.mktemp("alive"))


@pytest.mark.heavy
@pytest.mark.timeout(7200)
@pytest.mark.parametrize(("pack", "variant"), VARIANTS, ids=lambda v: v)
def test_every_leaf_is_alive(bench, pack, variant):
    plain = bench.site.job.policy.plain()
    base_pack = yaml.safe_load((CONF / pack / f"{variant}.yaml").read_text())
    base = load_policies({**plain, pack: base_pack})
    bench.known.clear()
    dead = []
    for path, value in leaves(base_pack):
        for other in perturbed(value):
            try:
                policy = load_policies({**plain, pack: with_leaf(base_pack, path, other)})
            except Seg6bError:
                continue
            if bench.moves(pack, policy, base):
                break
        else:
            if any(_loads(plain, pack, with_leaf(base_pack, path, o)) for o in perturbed(value)):
                dead.append(path)
    assert dead == []


def _loads(plain, pack, changed):
    try:
        load_policies({**plain, pack: changed})
    except Seg6bError:
        return False
    return True

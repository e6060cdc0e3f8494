"""A finished run read back as frames, and scored again from them as S5 would."""

from __future__ import annotations

import json
from functools import cached_property

import pytest
import yaml

from seg6b.datasets.parts import read_parts
from seg6b.evidence.tables import merged, read_evidence
from seg6b.gates.encoding import from_json
from seg6b.gates.evaluate import evaluate
from seg6b.gates.thresholds import load_thresholds
from seg6b.policy.packs import load_policies
from seg6b.states.pipeline import ROW_STATES
from tests.conftest import CONF


class PublishedRun:
    """Published Parquet of one run, its kept evidence, and boards from altered copies of either."""

    def __init__(self, folder):
        self.folder = folder
        self.receipt = json.loads((folder / "run_receipt.json").read_text())
        self.policies = load_policies(self.receipt["policy"])
        self.thresholds = load_thresholds(yaml.safe_load((CONF / "gates" / "v3.yaml").read_text()))

    @cached_property
    def published(self):
        """`gates.json`."""
        return from_json((self.folder / "gates.json").read_text())

    @cached_property
    def frames(self):
        """Every published dataset, by name."""
        data = self.folder / "data" / "layer3" / "6B"
        names = [d.name for state in ROW_STATES for d in state.writes]
        return {name: read_parts(sorted((data / name).rglob("*.parquet"))) for name in names}

    @cached_property
    def evidence(self):
        """Evidence as the states kept it."""
        return {s.name: read_evidence(self.folder / "evidence" / s.name, s.measures) for s in ROW_STATES}

    def score(self, changed=None, policies=None):
        """The board that the run gets with some datasets replaced: the states that see them are measured again."""
        changed = changed or {}
        evidence = dict(self.evidence)
        for state in ROW_STATES:
            seen = [d.name for d in (*state.reads, *state.writes)]
            if set(seen) & set(changed):
                found = merged([state.measure({n: changed.get(n, self.frames[n]) for n in seen})])
                evidence[state.name] = type(found)({**evidence[state.name].tables, **found.tables})
        run_id, seed = self.receipt["run_id"], self.receipt["seed"]
        return evaluate(evidence, policies or self.policies, self.thresholds, run_id, seed)


@pytest.fixture(scope="session")
def default_published(default_run):
    """The default run."""
    return PublishedRun(default_run)

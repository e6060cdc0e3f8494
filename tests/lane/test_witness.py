"""The witness lane at work: what it runs, in which order, what it leaves behind, and that it goes on where it stopped."""

from __future__ import annotations

import csv
import json
from dataclasses import replace

import pytest

from seg6b.errors import EvidenceMissing, InputRefused
from seg6b.lane import seed_runs
from seg6b.lane.spawn import Ended
from seg6b.lane.witness import run_witness, told
from seg6b.runs import ledger
from seg6b.runs.folder import RunFolder
from seg6b.runs.pins import Role, pin, pins
from seg6b.settings.job import ClosureRule
from seg6b.shards.executor import Threads
from tests.scoring.replays import published_otherwise
from tests.street.lanes import copy_run

RULE = ClosureRule(seeds=(42, 7), unlocks="UNLOCK_P0_REMEDIATION", holds="HOLD_POPT.4_REOPEN")


@pytest.fixture
def root(tmp_path, tiny_run):
    (tmp_path / "mlruns").mkdir()
    (tmp_path / "mlruns" / "world").symlink_to(tiny_run.parents[1] / "world")
    return tmp_path


@pytest.fixture
def asked(job, root):
    made = job("world=tiny")
    lane = replace(made.lane, id="POPT.4", kind="witness", closure=RULE)
    return replace(made, root=root, lane=lane, budgets={**made.budgets, "floor_s": 1e6})


@pytest.fixture
def held(root, tiny_run):
    """The authority."""
    run = RunFolder(copy_run(tiny_run, root))
    pin(root, run, Role.AUTHORITY, "PASS_BPLUS", Threads.of(1))
    return run


class Process:
    """Leaves a copy of a finished run behind, as the command line asks; `spoil` may change it, `dies` says when not."""

    def __init__(self, root, source):
        self.root, self.source, self.ran, self.dies = root, source, [], ()
        self.spoil = lambda _: None

    def __call__(self, line, *_):
        given = {k: v.strip("'") for k, v in (word.split("=", 1) for word in line if "=" in word)}
        self.ran.append(given)
        if len(self.ran) in self.dies:
            return Ended(1, "E_S2_DISK: full.")
        run = RunFolder(copy_run(self.source, self.root, name=given["run_id"]))
        run.write_receipt(replace(run.receipt(), run_id=run.run_id, seed=int(given["seed"])))
        self.spoil(run)
        return Ended(0, "")

    @property
    def order(self):
        return [(given["seed"], given["arm.round_index"]) for given in self.ran]


@pytest.fixture
def process(root, tiny_run, monkeypatch):
    made = Process(root, tiny_run)
    monkeypatch.setattr(seed_runs, "run_process", made)
    return made


def test_two_seeds_and_a_replay_freeze_the_posture(asked, held, process, root):
    closure, paths = run_witness(asked, ())
    assert (closure.decision, closure.marker) == ("KEEP", "UNLOCK_P0_REMEDIATION"), closure.reasons
    assert process.order == [("42", "1"), ("7", "1"), ("42", "3")]
    for given in process.ran:
        assert (given["source_run"], given["tracking"], given["lane.id"]) == ("none", "off", "POPT.4")
        assert given["s4.batch_rows"] == str(held.receipt().knobs["s4.batch_rows"])
    run, replay = closure.run.run_id, closure.replay.witness_id
    assert {path.name for path in paths} == {
        f"segment6b_popt4_closure_{run}.json", f"segment6b_popt4_closure_{run}.md",
        f"segment6b_popt4_state_elapsed_{run}.csv",
        f"segment6b_popt4_replay_witness_{run}_vs_{replay}.json",
        f"segment6b_popt4_replay_witness_{run}_vs_{replay}.md",
    }  # fmt: skip
    plain = json.loads(paths[0].read_text())
    assert (plain["phase"], plain["witness"]["verdict"]) == ("POPT.4", "IDENTICAL")
    assert [r["run_id"] for r in plain["runs"]] == [r.run_id for r in closure.runs]
    rows = list(csv.DictReader(paths[2].read_text().splitlines()))
    assert list(dict.fromkeys(row["arm"] for row in rows)) == ["authority", "seed 42", "seed 7", "replay"]
    assert {p.run_id for p in pins(root) if p.role is Role.WITNESS} == {r.run_id for r in closure.runs}
    assert "UNLOCK_P0_REMEDIATION" in ledger.markers(root)
    assert next(told(closure, paths, root)).startswith("decision  KEEP, UNLOCK_P0_REMEDIATION: seeds 42, 7")


@pytest.mark.usefixtures("held")
def test_a_replay_that_differs_holds_and_pins_nothing(asked, process, root):
    def spoil(run):
        if len(process.ran) == 3:
            published_otherwise(run, "s4_case_flows_6B", lambda table, _: table.slice(1))

    process.spoil = spoil
    closure, _ = run_witness(asked, ())
    assert (closure.decision, closure.marker) == ("HOLD", "HOLD_POPT.4_REOPEN")
    assert "the replay differs: s4_case_flows_6B: " in closure.reasons[0]
    assert not [p for p in pins(root) if p.role is Role.WITNESS]
    assert "UNLOCK_P0_REMEDIATION" not in ledger.markers(root)


@pytest.mark.usefixtures("held")
def test_it_goes_on_where_it_stopped_and_measures_anew_once_closed(asked, process):
    process.dies = (2,)
    with pytest.raises(EvidenceMissing, match=r"E_SEED_RUN.*E_S2_DISK"):
        run_witness(asked, ())
    closure, _ = run_witness(asked, ())
    assert process.order == [("42", "1"), ("7", "1"), ("7", "1"), ("42", "3")]
    again, _ = run_witness(asked, ())
    assert len(process.ran) == 7
    assert again.witness_id != closure.witness_id


def test_without_an_authority_it_says_how_to_pin_one(asked, process):
    with pytest.raises(InputRefused, match=r"E_WITNESS_AUTHORITY.*\+lane=popt0"):
        run_witness(asked, ())
    assert process.ran == []


@pytest.mark.usefixtures("held")
def test_a_lane_that_leaves_out_the_authoritys_seed_is_refused(asked, process):
    lane = replace(asked.lane, closure=replace(RULE, seeds=(7, 101)))
    with pytest.raises(InputRefused, match="E_WITNESS_SEED"):
        run_witness(replace(asked, lane=lane), ())
    assert process.ran == []

"""The winner of a sweep and its replay: run once, kept with the sweep, and what it says decides."""

from __future__ import annotations

from dataclasses import replace

import pytest

from seg6b.errors import EvidenceMissing
from seg6b.lane import replay as replay_module
from seg6b.lane.replay import witness_sweep
from seg6b.lane.spawn import Ended
from seg6b.runs.folder import RunFolder
from seg6b.runs.sweep_folder import SweepFolder
from seg6b.scoring.closure import Decision
from seg6b.scoring.closure_json import closure_json
from seg6b.scoring.witnessed import saved_witness, under_witness
from seg6b.shards.executor import Threads
from tests.scoring.replays import published_otherwise
from tests.scoring.sweeps import closed, rounds, sweep
from tests.scoring.test_arms import FASTER
from tests.street.lanes import copy_run

RULE = {"witness": True, "min_reduction": 0.15, "unlocks": "UNLOCK_NEXT", "holds": "HOLD_IT"}
ONE = Threads.of(1)


@pytest.fixture
def plan():
    return sweep(closure=RULE)


@pytest.fixture
def closure(plan):
    made = closed(plan, rounds("c01", FASTER, 1) + rounds("c01", FASTER, 2))
    assert (made.decision, made.marker) == (Decision.KEEP, "UNLOCK_NEXT")
    return made


@pytest.fixture
def bench(tiny_run, tmp_path, closure, monkeypatch):
    """The winner's run on disk, and a process that leaves a copy of it, passed through `bench.spoil`, as its replay."""

    class Bench:
        root = tmp_path
        ran: tuple = ()
        spoil = staticmethod(lambda _: None)

        def witness(self, plan, closure):
            return witness_sweep(self.root, plan, closure, ONE)

    bench = Bench()
    first = made(RunFolder(tiny_run), tmp_path, closure.arms[0].run_id)

    def process(line, *_):
        given = dict(word.split("=", 1) for word in line if "=" in word)
        bench.ran += (given,)
        bench.spoil(made(first, tmp_path, given["run_id"].strip("'")))
        return Ended(0, "")

    monkeypatch.setattr(replay_module, "run_process", process)
    return bench


def made(source, root, run_id):
    run = RunFolder(copy_run(source.path, root, name=run_id))
    run.write_receipt(replace(run.receipt(), run_id=run_id))
    return run


def test_the_winner_is_replayed_once_and_borne_out(bench, plan, closure):
    found = bench.witness(plan, closure)
    assert found.identical, found.faults
    assert bench.witness(plan, closure) == found == saved_witness(SweepFolder.of(bench.root, plan.sweep_id).path)
    (given,) = bench.ran
    assert (given["arm.name"], given["arm.execute_from"], given["arm.set_index"]) == ("c01", "S4", "3")
    judged = under_witness(closure, found)
    assert (judged.decision, judged.marker, judged.witness) == (Decision.KEEP, "UNLOCK_NEXT", found)
    assert "bears it out: 12 datasets are identical" in judged.reasons[-1]
    told = closure_json(judged)["witness"]
    assert (told["run_id"], told["replayed"], told["verdict"]) == (found.witness_id, found.run_id, "IDENTICAL")


def test_a_winner_that_is_not_borne_out_is_rejected(bench, plan, closure):
    bench.spoil = lambda run: published_otherwise(run, "s4_case_flows_6B", lambda table, _: table.slice(1))
    judged = under_witness(closure, bench.witness(plan, closure))
    assert (judged.decision, judged.best, judged.marker) == (Decision.REJECT_SEMANTIC_DRIFT, "", "HOLD_IT")
    assert "s4_case_flows_6B: " in judged.reasons[0]
    assert judged.arms[0].decision is Decision.REJECT_SEMANTIC_DRIFT


def test_without_its_witness_a_winner_is_on_hold(closure):
    judged = under_witness(closure, None)
    assert (judged.decision, judged.best, judged.marker) == (Decision.HOLD, "c01", "HOLD_IT")
    assert judged.reasons[0] == "c01: its replay witness is still to be run"


def test_the_witness_of_another_run_does_not_count(bench, plan, closure):
    other = replace(bench.witness(plan, closure), run_id="9" * 32)
    assert under_witness(closure, other).decision is Decision.HOLD


def test_nothing_is_replayed_where_nothing_is_kept(bench, plan, closure):
    slower = closed(plan, rounds("c01", (1.2, 1.2, 1.2, 1.2, 1.2)))
    assert bench.witness(plan, slower) is None
    assert under_witness(slower, None) == slower
    assert bench.witness(replace(plan, closure={}), closure) is None
    assert bench.ran == ()


def test_a_replay_that_does_not_end_is_named(bench, plan, closure, monkeypatch):
    monkeypatch.setattr(replay_module, "run_process", lambda *_: Ended(1, "E_S4_DISK: the disk is full."))
    with pytest.raises(EvidenceMissing, match=r"E_SWEEP_WITNESS.*E_S4_DISK"):
        bench.witness(plan, closure)

"""The rerun matrix of the build plan (§4.1): what changed decides what runs, the rest is linked from an earlier run."""

from __future__ import annotations

import json

import pytest

from seg6b.errors import Damaged, UsageError
from seg6b.lane.candidate import run_candidate
from seg6b.runs.progress import Silent
from seg6b.runs.verify import verify_digests, verify_files
from seg6b.shards.executor import Threads
from seg6b.states.reaudit import verify_audit, verify_flag
from tests.street.lanes import flip

WORLD = ("world=tiny", "world.arrivals=2000")
ALL = ["S1", "S2", "S3", "S4", "S5"]

# what changes, and the first state that must run
CHANGES = {
    "nothing": ((), "S5"),
    "knob of S1": (("s1.batch_rows=700",), "S1"),
    "policy of S1": (("policy/session=historical",), "S1"),
    "knob of S2": (("s2.compression=lz4",), "S2"),
    "policy of S2": (("policy/timing=historical",), "S2"),
    "knob of S3": (("s3.batch_rows=700",), "S3"),
    "policy of S3": (("policy/overlay=lean",), "S3"),
    "knob of S4": (("s4.batch_rows=700",), "S4"),
    "strategy of S4": (("s4.event_labels=flow_join",), "S4"),
    "policy of S4": (("policy.bank_view.subtypes.NONE.detect=0.008",), "S4"),
    "knob of S5": (("s5.audit=full",), "S5"),
    "gate file": (("gates.version=v1_mine",), "S5"),
    "threads": (("executor.threads=1",), "S5"),
    "run seed": (("seed=7",), "S1"),
    "world": (("world.seed=2",), "S1"),
}


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return tmp_path_factory.mktemp("matrix")


@pytest.fixture(scope="module")
def run(job, root):
    return lambda *overrides: run_candidate(job(*WORLD, "source_run=any", *overrides, root=root), Silent())


@pytest.fixture(scope="module")
def base(run):
    """The authority of the place: where an equal state is linked from, whatever else ran in between."""
    return run("source_run=none")


def executed(outcome):
    return [s for s in ALL if not outcome.states[s].staged_from]


@pytest.mark.parametrize("change", CHANGES)
def test_what_changed_decides_what_runs(base, run, change):
    overrides, first = CHANGES[change]
    outcome = run(*overrides, f"source_run={base.run.run_id}")
    assert executed(outcome) == ALL[ALL.index(first) :]
    linked = ALL[: ALL.index(first)]
    assert [outcome.states[s].staged_from for s in linked] == [base.run.run_id] * len(linked)


def test_a_linked_run_is_whole_and_its_path_tokens_are_its_own(base, run):
    outcome = run("policy.bank_view.subtypes.NONE.detect=0.009", f"source_run={base.run.run_id}")
    assert executed(outcome) == ["S4", "S5"]
    assert outcome.receipt.parameter_hash != base.receipt.parameter_hash
    folders = {p.parent for p in (outcome.run.path / "data").rglob("part-*.parquet")}
    assert folders
    assert all(f"parameter_hash={outcome.receipt.parameter_hash}/" in f"{folder}/" for folder in folders)
    threads = Threads(2)
    assert verify_files(outcome.run, threads) == []
    assert verify_digests(outcome.run, threads) == []
    assert verify_flag(outcome.run) == []
    assert verify_audit(outcome.run, threads, "full") == []


def test_any_run_will_do_and_a_damaged_one_is_passed_over(job, tmp_path):
    def again(*overrides):
        return run_candidate(job(*WORLD, *overrides, root=tmp_path), Silent())

    first = again("source_run=none")
    second = again("source_run=none")
    flip(next(second.run.path.glob("data/layer3/6B/s2_flow*/**/part-*.parquet")))
    outcome = again("source_run=any")
    assert outcome.states["S1"].staged_from == second.run.run_id
    assert outcome.states["S2"].staged_from == first.run.run_id
    with pytest.raises(Damaged, match="E_STAGE_SOURCE_DAMAGED"):
        again(f"source_run={second.run.run_id}")
    with pytest.raises(UsageError, match=r"E_STAGE_NO_PIN.*pin RUN --role authority"):
        again("source_run=authority")


def test_a_world_that_was_altered_since_is_not_linked_away(job, tmp_path):
    first = run_candidate(job(*WORLD, "source_run=none", root=tmp_path), Silent())
    world = next((tmp_path / "mlruns" / "world").glob("*/"))
    flip(next(p for p in sorted(world.rglob("*.parquet")) if p.stat().st_size > 2000))
    with pytest.raises(Damaged, match="E_S0_FILE_ALTERED"):
        run_candidate(job(*WORLD, f"source_run={first.run.run_id}", root=tmp_path), Silent())


@pytest.mark.usefixtures("base")
def test_an_arm_executes_from_its_state_on(run):
    outcome = run("arm.sweep=" + "a" * 32, "arm.name=c01", "arm.execute_from=S3", f"run_id={'b' * 32}")
    assert executed(outcome) == ["S3", "S4", "S5"]
    assert json.loads(outcome.run.receipt_path.read_text())["arm"] == "c01"
    assert outcome.run.run_id == "b" * 32

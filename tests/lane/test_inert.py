"""An arm is called inert only where its batches, shards and tasks are certainly those of the control."""

from __future__ import annotations

from dataclasses import replace

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from seg6b.lane.inert import inert_reason
from seg6b.lane.precedent import Precedent, precedent_of
from seg6b.runs.folder import RunFolder
from seg6b.runs.verify import state_receipts
from seg6b.shards.batches import cut_parties, group_parts
from seg6b.states.pipeline import ROW_STATES
from tests.lane.sweeps import BASE, Planner, copy_receipts, world_of


@pytest.fixture(scope="module")
def tiny(tiny_run):
    return RunFolder(tiny_run)


@pytest.fixture(scope="module")
def planner(job, tiny):
    return Planner(job, tiny.path.parents[2], world_of(tiny))


@pytest.fixture(scope="module")
def precedent(planner, tiny):
    found = precedent_of(planner.root, tiny.run_id)
    assert found is not None
    return found


@pytest.fixture(scope="module")
def parties(tiny):
    """For each state, the party ids of the parts that it reads."""
    receipts = state_receipts(tiny)
    held = {}
    for state in ROW_STATES[1:]:
        name = state.reads[0].name
        dataset = next(r.datasets[name] for r in receipts.values() if name in r.datasets)
        files = [tiny.path / dataset.folder / p.name for p in dataset.parts]
        held[state.name] = [pl.read_parquet(f, columns=["party_id"])["party_id"] for f in files]
    return held


@pytest.fixture(scope="module")
def reason(planner, precedent):
    """`reason("s4.batch_rows=5", …)`: of an arm with these overrides against `control`."""

    def why(*overrides, control=(), precedent=precedent):
        arm, other = (planner.job((*BASE, *o)) for o in (overrides, control))
        return inert_reason(arm, other, precedent, planner.world)

    return why


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(["S2", "S3", "S4"]), st.integers(1, 60_000), st.integers(1, 60_000))
def test_no_arm_with_other_batches_is_called_inert(reason, parties, precedent, state, mine, theirs):
    control = (f"{state.lower()}.batch_rows={theirs}",)
    said = reason(f"{state.lower()}.batch_rows={mine}", control=control)
    if said:
        workers = precedent.workers(state)
        assert _batches(parties[state], mine, workers) == _batches(parties[state], theirs, workers)


def _batches(parts, batch_rows, workers):
    """The batches of a state, as it makes them."""
    groups = group_parts([p.len() for p in parts], batch_rows, workers)
    return [(g, cut_parties(pl.concat([parts[i] for i in g]).to_numpy(), batch_rows)) for g in groups]


def test_a_batch_above_the_largest_input_is_inert_with_the_numbers(reason):
    said = reason("s4.batch_rows=750000")
    assert said.startswith("s4.batch_rows=750000: S4 reads ")
    assert said.endswith("every batch is as at 500000")
    assert reason("s1.batch_rows=20000") != ""
    assert reason("s1.batch_rows=19999") == ""


def test_a_batch_below_the_input_is_inert_where_no_worker_gets_more(reason, parties, precedent):
    share, rows = _share(parties, precedent)
    assert share < rows
    assert reason(f"s4.batch_rows={share}") != ""
    assert reason(f"s4.batch_rows={share // 2}") == ""


def test_a_target_that_no_writer_heeds_is_inert(reason):
    batches = "s4.writer=per_batch"
    said = reason(batches, "s4.target_file_mb=7", control=(batches,))
    assert said.startswith("s4.target_file_mb=7: every batch is a part, as at ")
    assert reason(batches, "s4.target_file_mb=7") == ""
    assert reason("s4.target_file_mb=7", control=(batches,)) == ""


@pytest.mark.parametrize(
    "overrides",
    [
        "s4.compression=lz4",
        "s4.event_labels=carry",
        "s1.sessions=two_pass",
        "s4.writer=per_batch",
        "s4.target_file_mb=7",
        "s5.audit=full",
        "policy/case=lean",
        "s1.shards=16",
    ],
)
def test_what_may_bind_is_never_inert(reason, overrides):
    assert reason(overrides) == ""
    assert reason("s4.batch_rows=750000", overrides) == ""


def _share(parties, precedent):
    """The most rows of S4's input that one worker gets at once, and all of them."""
    sizes = [p.len() for p in parties["S4"]]
    return max(-(-sum(sizes) // precedent.workers("S4")), *sizes), sum(sizes)


def test_an_equal_number_of_shards_or_workers_is_inert(reason, precedent):
    assert reason("s1.shards=8") == "s1.shards=8: 8 shards, as at 0"
    workers = precedent.workers("S4")
    assert reason(f"executor.threads={workers}") == f"executor.threads={workers}: {workers} workers, as at 0"


def test_threads_above_the_number_of_tasks_are_inert(job, tiny, tmp_path):
    copy = copy_receipts(tiny, tmp_path)
    before = copy.receipt()
    copy.write_receipt(replace(before, knobs=before.knobs | {"executor.threads": 64}))
    planner = Planner(job, tmp_path, world_of(tiny))

    def why(threads):
        arm, control = (planner.job((*BASE, f"executor.threads={n}")) for n in (threads, 64))
        return inert_reason(arm, control, precedent_of(tmp_path, tiny.run_id), planner.world)

    assert "a worker each as at 64" in why(96)
    assert why(2) == ""


def test_nothing_is_inert_without_a_run_to_go_by(reason):
    assert reason("s4.batch_rows=750000", precedent=None) == ""


@pytest.mark.parametrize("part", ["code", "pack.timing", "library.polars"])
def test_a_run_with_other_rows_is_nothing_to_go_by(reason, precedent, part):
    before = precedent.states["S2"]
    other = replace(before, input_parts=before.input_parts | {part: "0" * 64})
    changed = Precedent(precedent.root, precedent.receipt, {**precedent.states, "S2": other})
    assert reason("s4.batch_rows=750000", precedent=changed) == ""
    elsewhere = replace(precedent, receipt=replace(precedent.receipt, seed=7))
    assert reason("s4.batch_rows=750000", precedent=elsewhere) == ""


def test_a_run_that_was_laid_out_otherwise_says_nothing_about_smaller_batches(reason, precedent, parties):
    small, _ = _share(parties, precedent)
    before = precedent.states["S3"]
    other = replace(before, knobs=before.knobs | {"batch_rows": 1000})
    changed = Precedent(precedent.root, precedent.receipt, {**precedent.states, "S3": other})
    assert reason(f"s4.batch_rows={small}", precedent=changed) == ""
    assert reason("s4.batch_rows=750000", precedent=changed) != ""

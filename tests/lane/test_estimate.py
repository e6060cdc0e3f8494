"""What a dry run says: which states run and link, how long, how much; and that it leaves nothing behind."""

from __future__ import annotations

from dataclasses import replace

import pytest

from seg6b.lane.estimate import START_S, estimate_job, estimate_sweep
from seg6b.lane.schedule import first_slots
from seg6b.runs.folder import RunFolder
from seg6b.runs.sweep import SlotReceipt, SlotStatus
from seg6b.runs.sweep_folder import SweepFolder, create_sweep
from seg6b.runs.verify import state_receipts
from tests.lane.sweeps import BASE, Planner, copy_receipts, world_of


@pytest.fixture(scope="module")
def tiny(tiny_run):
    return RunFolder(tiny_run)


@pytest.fixture
def planner(job, tiny, tmp_path):
    return Planner(job, tmp_path, world_of(tiny))


def dry(planner, *candidates, shared=(), authority=None, world=True):
    jobs = planner.jobs(*candidates, shared=shared)
    sweep = planner.sweep(*candidates, shared=shared, authority=authority)
    there = planner.world if world else None
    return sweep, estimate_sweep(planner.root, sweep, jobs, compose=planner.job, world=there)


def test_minutes_and_bytes_are_those_of_the_authority_for_each_run(planner, tiny):
    copy_receipts(tiny, planner.root)
    sweep, told = dry(planner, "s4.compression=lz4", "s4.batch_rows=750000", authority=tiny)
    states = state_receipts(tiny)
    seconds = START_S + states["S4"].elapsed_s["total"] + states["S5"].elapsed_s["total"]
    control, first, second = told.arms
    assert (control.runs, first.runs, second.runs) == (6, 5, 0)
    assert (first.states_run, first.states_linked) == (("S4", "S5"), ("S1", "S2", "S3"))
    assert first.minutes == pytest.approx(5 * seconds / 60)
    assert told.minutes == pytest.approx(11 * seconds / 60)
    assert told.bytes == control.bytes + first.bytes > 0
    assert second.remark.startswith("s4.batch_rows=750000")
    assert (told.runs, told.done, told.sweep_id) == (11, 0, sweep.sweep_id)
    assert told.basis == f"the authority {tiny.run_id[:8]}"
    assert any("A provisional winner" in note for note in told.notes)
    assert not SweepFolder.of(planner.root, sweep.sweep_id).path.exists()


def test_states_that_no_run_holds_are_made_once(planner, tiny):
    copy = copy_receipts(tiny, planner.root)
    _, held = dry(planner, "s4.compression=lz4")
    copy.write_receipt(replace(copy.receipt(), seed=7))
    _, told = dry(planner, "s4.compression=lz4")
    states = state_receipts(tiny)
    once = sum(states[s].elapsed_s["total"] for s in ("S1", "S2", "S3"))
    assert told.minutes == pytest.approx(held.minutes + once / 60)
    assert "S1-S3 are made once, by the first run; the others link them." in told.notes


def test_what_is_done_is_not_told_again(planner, tiny):
    copy_receipts(tiny, planner.root)
    sweep, before = dry(planner, "s4.compression=lz4", authority=tiny)
    create_sweep(planner.root, sweep)
    for slot in first_slots(sweep)[:3]:
        SweepFolder.of(planner.root, sweep.sweep_id).write_slot(SlotReceipt(slot, SlotStatus.DONE))
    _, told = dry(planner, "s4.compression=lz4", authority=tiny)
    assert (told.sweep_id, told.runs, told.done) == (sweep.sweep_id, 11, 3)
    assert told.minutes == pytest.approx(before.minutes * 8 / 11)


def test_variants_run_from_the_first_state_that_they_change(planner, tiny):
    copy_receipts(tiny, planner.root)
    _, told = dry(planner, "policy/case=lean", "policy/session=historical")
    assert [arm.states_run[0] for arm in told.arms] == ["S5", "S4", "S1"]
    assert [arm.runs for arm in told.arms] == [1, 1, 1]


def test_without_any_run_time_and_bytes_are_unknown(planner):
    _, told = dry(planner, "s4.compression=lz4", world=False)
    assert (told.minutes, told.bytes, told.basis) == (None, None, "")
    assert "The world is not made yet" in told.notes[0]
    assert told.free_bytes > 0


def test_a_larger_world_takes_its_share_longer(planner, tiny):
    copy_receipts(tiny, planner.root)
    job = planner.job((*BASE, "world.arrivals=200000"))
    small, large = estimate_job(planner.job(BASE), planner.world), estimate_job(job, None)
    assert (small.arms[0].states_run, large.arms[0].states_run[0]) == (("S5",), "S1")
    total = sum(r.elapsed_s["total"] for name, r in state_receipts(tiny).items() if name != "S0")
    assert large.minutes == pytest.approx((START_S + 10 * total) / 60)
    assert "scaled by 10 in arrivals" in large.basis

"""A sweep whose bench and run are killed goes on with the same command; two benches at once do not mix."""

from __future__ import annotations

import json
import os
import signal
import time

import pytest

from seg6b.lane.schedule import first_slots
from seg6b.runs.sweep import SlotStatus
from seg6b.runs.sweep_folder import find_sweeps
from tests.street.lanes import copy_run, ended, snapshot, start_lane

SWEEP = (
    "-m", "s4.compression=lz4", "source_run=any", "lane.repeats=2", "lane.max_repeats=2", "lane.confirm=false",
    "lane.warm_up=false",
)  # fmt: skip


@pytest.fixture
def bench(root, finished):
    """Begins the bench, or goes on with it; S1 to S3 are there to be linked."""
    copy_run(finished, root)
    return lambda: start_lane(root, *SWEEP)


def test_a_killed_sweep_goes_on_and_a_second_bench_is_refused(root, finished, bench):
    first = bench()
    folder, slots = _when(first, root, lambda slots: _count(slots, SlotStatus.DONE) >= 1 and _running(slots))
    first.kill()
    os.killpg(_running(slots).pid, signal.SIGKILL)
    first.communicate()
    done = [r for r in folder.slots() if r.status == SlotStatus.DONE]
    kept = {r.slot.name: snapshot(root / "mlruns" / "runs" / r.slot.run_id) for r in done}

    second = bench()
    _until(second, lambda: f'"pid": {second.pid},' in _holder(root, folder))
    refused = ended(bench())
    assert refused.code == 1
    assert refused.refusal.startswith("E_SWEEP_LOCKED")
    assert f"process {second.pid}, sweep {folder.sweep_id[:8]}" in refused.refusal

    said = ended(second)
    assert said.code == 0, said.err
    assert f"{len(done)} done before" in said.err
    assert [f.sweep_id for f in find_sweeps(root)] == [folder.sweep_id]
    assert json.loads(folder.closure_path.read_text())["sweep_id"] == folder.sweep_id
    slots = folder.slots()
    assert [r.slot for r in slots] == list(first_slots(folder.sweep()))
    assert {(r.status, r.attempt) for r in slots} == {(SlotStatus.DONE, 1)}
    assert [r for r in slots if r.slot.name in kept] == done
    for receipt in done:
        before, after = kept[receipt.slot.name], snapshot(root / "mlruns" / "runs" / receipt.slot.run_id)
        assert all(after[path] == seen for path, seen in before.items() if "states" in path.parts)
    states = [json.loads(p.read_text()) for r in slots for p in _states(root, r)]
    origins = {s["state"]: set() for s in states}
    for state in states:
        origins[state["state"]].add(state.get("staged_from", ""))
    assert origins["S4"] == origins["S5"] == {""}
    assert origins["S1"] == origins["S2"] == origins["S3"] == {finished.name}


def _states(root, receipt):
    return (root / "mlruns" / "runs" / receipt.slot.run_id / "states").glob("*.json")


def _holder(root, folder):
    """What lies beside the lock of the sweep."""
    note = root / "mlruns" / "locks" / f"sweep-{folder.sweep_id}.json"
    return note.read_text() if note.exists() else ""


def _when(process, root, holds):
    """The sweep and its slots as soon as `holds` of them."""

    def far():
        found = [(folder, folder.slots()) for folder in find_sweeps(root)]
        return next((pair for pair in found if holds(pair[1])), None)

    return _until(process, far)


def _until(process, holds):
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        if found := holds():
            return found
        assert process.poll() is None, process.communicate()
        time.sleep(0.05)
    pytest.fail("it did not come that far")


def _count(slots, status):
    return sum(r.status == status for r in slots)


def _running(slots):
    return next((r for r in slots if r.status == SlotStatus.RUNNING), None)

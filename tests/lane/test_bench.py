"""What a bench runs, in which order, what it makes of failures and drift, and when it is content."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from functools import partial
from pathlib import Path

import pytest

from seg6b.errors import Conflict, ContractBroken, EvidenceMissing, ResourceRefused
from seg6b.lane import bench as bench_module
from seg6b.lane.bench import run_sweep
from seg6b.lane.schedule import first_slots
from seg6b.runs.folder import RunFolder
from seg6b.runs.sweep import SlotReceipt, SlotStatus
from seg6b.runs.sweep_folder import SweepFolder, bench_lock, create_sweep, read_sweep, resolve_sweep
from seg6b.scoring.closure import Decision
from seg6b.scoring.score import score_sweep
from tests.lane.sweeps import Planner, copy_receipts, world_of

STAND_IN = Path(__file__).with_name("stand_in.py")
SHORT = ("lane.repeats=2", "lane.max_repeats=2")
BUDGETS = {"arrivals": 124_724_153, "floor_s": 60.0, "states": {}, "lanes": {}}


class Told:
    """A listener that remembers."""

    def __init__(self):
        self.events = []

    def planned(self, sweep):
        self.events.append(("planned", sweep.sweep_id))

    def started(self, slot):
        self.events.append(("started", slot.name))

    def finished(self, slot, receipt):
        self.events.append(("finished", slot.name, receipt.status))

    def failed(self, slot, error):
        self.events.append(("failed", slot.name, error))

    def scored(self, closure):
        self.events.append(("scored", str(closure.decision)))

    def of(self, kind):
        return [event for event in self.events if event[0] == kind]


class Place:
    """A root, and the sweeps that are run there."""

    def __init__(self, planner, source):
        self.planner, self.root, self.source, self.told = planner, planner.root, source, Told()

    def sweep(self, *candidates, shared=SHORT, authority=None):
        return self.planner.sweep(*candidates, shared=shared, authority=authority)

    def run(self, sweep, script=(), budgets=BUDGETS):
        """The sweep to its end; `script` is what the runs of each arm do."""
        command = (sys.executable, str(STAND_IN), str(self.source.path), json.dumps(dict(script)))
        score = partial(score_sweep, self.root, sweep, budgets=budgets)
        return run_sweep(self.root, sweep, self.told, score=score, command=command)

    @property
    def ran(self):
        path = self.root / "ran.jsonl"
        lines = path.read_text().splitlines() if path.exists() else []
        return [json.loads(line) for line in lines]

    @property
    def order(self):
        return [(r["arm.set_index"], r["arm.round_index"], r["arm.name"]) for r in self.ran]


@pytest.fixture(scope="module")
def tiny(tiny_run):
    return RunFolder(tiny_run)


@pytest.fixture
def place(job, tiny, tmp_path):
    return Place(Planner(job, tmp_path, world_of(tiny)), tiny)


def test_every_slot_is_a_process_of_its_own_that_knows_its_place(place):
    sweep = place.sweep("s4.compression=lz4")
    place.run(sweep)
    slots = first_slots(sweep)
    assert place.order == [(str(s.set_index), str(s.round_index), s.arm) for s in slots]
    for slot, given in zip(slots, place.ran, strict=True):
        assert (given["run_id"], given["arm.sweep"]) == (slot.run_id, sweep.sweep_id)
        assert given["hash_seed"] == str(slot.round_index)
        assert given["arm.execute_from"] == "S4"
        assert given["tracking"] == "off"
        assert given.get("s4.compression") == ("lz4" if slot.arm == "c01" else None)
    state = read_sweep(place.root, sweep.sweep_id)
    assert [r.slot for r in state.slots] == list(slots)
    assert {(r.status, r.attempt, r.exit_code, r.error) for r in state.slots} == {(SlotStatus.DONE, 1, 0, "")}
    assert all(r.pid and r.ended_utc >= r.started_utc for r in state.slots)
    assert place.told.events[0] == ("planned", sweep.sweep_id)
    assert [e[1] for e in place.told.of("started")] == [e[1] for e in place.told.of("finished")]


def test_no_run_inherits_the_current_run_of_mlflow(place, monkeypatch):
    monkeypatch.setenv("MLFLOW_RUN_ID", "0" * 32)
    place.run(place.sweep("policy/case=lean"))
    assert all("MLFLOW_RUN_ID" not in r["env"] for r in place.ran)


def test_all_runs_link_from_the_authority_else_from_the_first_run(place, tiny):
    copy_receipts(tiny, place.root)
    place.run(place.sweep("s4.compression=lz4", authority=tiny))
    assert {r["source_run"] for r in place.ran} == {tiny.run_id}


def test_without_an_authority_all_runs_link_from_the_first_one(place):
    place.run(place.sweep("s4.compression=lz4"))
    first, *others = place.ran
    assert (first["source_run"], {r["source_run"] for r in others}) == ("any", {first["run_id"]})


def test_a_gain_is_run_in_a_second_set_before_it_is_kept(place, tiny):
    copy_receipts(tiny, place.root)
    sweep = place.sweep("s4.compression=lz4", "s4.compression=zstd", authority=tiny)
    script = {"c01": {"s": 0.8}, "c02": {"s": 1.3}}
    closure = place.run(sweep, script)
    assert [r for r in place.order if r[0] == "2"] == [
        (str(s.set_index), str(s.round_index), s.arm)
        for r in (1, 2)
        for s in bench_module.rounds(sweep, 2, r, {"control", "c01"})
    ]
    assert {a.arm: a.decision for a in closure.arms}["c02"] is Decision.REJECT
    assert len(place.told.of("scored")) == 2


def test_a_straddling_arm_is_run_to_its_next_look(place):
    sweep = place.sweep("s4.compression=lz4", shared=("lane.repeats=2", "lane.max_repeats=3"))
    place.run(sweep)
    assert max(int(r[1]) for r in place.order) == 3
    assert len(place.order) == 1 + 3 * 2


def test_a_remediation_runs_every_arm_once_and_links_what_is_equal(place):
    place.run(place.sweep("policy/case=lean", "policy/truth=lean"))
    assert sorted(r["arm.name"] for r in place.ran) == ["c01", "c02", "control"]
    assert {r["source_run"] for r in place.ran} == {"any"}
    assert all("arm.execute_from" not in r for r in place.ran)


def test_a_variant_over_its_budget_is_executed_once_more_without_the_control(place):
    tight = BUDGETS | {"floor_s": 0.5, "states": {"S4": {"target_s": 0.5, "stretch_s": 0.5}}}
    closure = place.run(place.sweep("policy/case=lean"), budgets=tight)
    assert closure.arms[0].decision is Decision.HOLD
    runs = [(r["arm.name"], r["arm.round_index"], r.get("arm.execute_from", "")) for r in place.ran]
    assert sorted(runs) == [("c01", "1", ""), ("c01", "2", "S4"), ("control", "1", "")]


def test_an_arm_with_other_rows_is_out_at_once(place):
    closure = place.run(place.sweep("s4.compression=lz4", "s4.compression=zstd"), {"c01": "drift"})
    assert [r[2] for r in place.order].count("c01") == 1
    assert [r[2] for r in place.order].count("c02") == 2
    ((_, _, error),) = place.told.of("failed")
    assert error.startswith("REJECT_SEMANTIC_DRIFT")
    assert "s4_event_labels_6B" in error
    assert {a.arm: a.decision for a in closure.arms}["c01"] is Decision.REJECT_SEMANTIC_DRIFT


def test_when_every_arm_is_out_the_control_is_not_run_alone(place):
    place.run(place.sweep("s4.compression=lz4", shared=("lane.repeats=5",)), {"c01": "drift"})
    assert [r[2] for r in place.order].count("c01") == 1
    assert [r[2] for r in place.order].count("control") <= 2


def test_two_unequal_runs_of_the_control_stop_everything(place):
    sweep = place.sweep("s4.compression=lz4")
    _honest_warm_up(place, sweep)
    with pytest.raises(ContractBroken, match=r"E_SWEEP_CONTROL_DRIFT.*s4_event_labels_6B"):
        place.run(sweep, {"control": "drift"})


def _honest_warm_up(place, sweep):
    """The first run of the control as it should be; those that follow drift."""
    create_sweep(place.root, sweep)
    warm_up = first_slots(sweep)[0]
    given = {
        "root": str(place.root), "run_id": warm_up.run_id, "arm.sweep": sweep.sweep_id, "arm.name": "control",
        "arm.set_index": 1, "arm.round_index": 0, "source_run": "any",
    }  # fmt: skip
    arguments = [f"{k}={v}" for k, v in given.items()]
    command = [sys.executable, STAND_IN, place.source.path, "{}", *arguments]
    subprocess.run(command, check=True, env=os.environ | {"PYTHONHASHSEED": "0"})
    SweepFolder.of(place.root, sweep.sweep_id).write_slot(SlotReceipt(warm_up, SlotStatus.DONE))


def test_a_failure_is_told_when_it_happens_and_the_others_go_on(place):
    dies = {"die": "E_S4_GUARD: too many cases. Mend it.", "rounds": [1]}
    closure = place.run(place.sweep("s4.compression=lz4", "s4.compression=zstd"), {"c01": dies})
    (failed,) = place.told.of("failed")
    assert failed[2] == "E_S4_GUARD: too many cases. Mend it."
    after = place.told.events[place.told.events.index(failed) + 1]
    assert after[0] == "started"
    assert [r[2] for r in place.order].count("c01") == 2
    assert next(a for a in closure.arms if a.arm == "c01").failed_runs == 1


def test_an_arm_that_fails_in_two_rounds_is_not_run_again(place):
    shared = ("lane.repeats=5", "lane.max_repeats=5")
    place.run(place.sweep("s4.compression=lz4", "s4.compression=zstd", shared=shared), {"c01": {"die": "E_X: no."}})
    assert [r[2] for r in place.order].count("c01") == 2
    assert [r[2] for r in place.order].count("c02") == 5


def test_a_process_that_says_nothing_is_told_by_its_exit_code_and_log(place):
    sweep = place.sweep("s4.compression=lz4")
    place.run(sweep, {"c01": {"die": 3}})
    error = place.told.of("failed")[0][2]
    assert error.startswith("E_SWEEP_RUN_ENDED: its process was ended with exit code 3")
    assert f"{SweepFolder.of(place.root, sweep.sweep_id).path}/logs/" in error


def test_stop_stops_at_the_first_failure_and_the_same_command_goes_on(place):
    shared = (*SHORT, "lane.on_failure=stop")
    sweep = place.sweep("s4.compression=lz4", shared=shared)
    with pytest.raises(EvidenceMissing, match=r"E_SWEEP_STOPPED.*E_X: no.*of sweep \w+ done"):
        place.run(sweep, {"c01": {"die": "E_X: no."}})
    before = len(place.order)
    place.run(place.sweep("s4.compression=lz4", shared=shared))
    receipts = read_sweep(place.root, sweep.sweep_id).slots
    assert {r.status for r in receipts} == {SlotStatus.DONE}
    assert [r.attempt for r in receipts if r.slot.arm == "c01" and r.slot.round_index == 1] == [2]
    assert before < len(place.order) == len(first_slots(sweep)) + 1


def test_retry_tries_again_as_often_as_asked(place):
    shared = (*SHORT, "lane.on_failure=retry", "lane.retries=2")
    sweep = place.sweep("s4.compression=lz4", shared=shared)
    place.run(sweep, {"c01": {"die": "E_X: no.", "rounds": [1]}})
    assert [e[1].split("-")[1] for e in place.told.of("failed")] == ["r01"] * 3
    assert [r.attempt for r in read_sweep(place.root, sweep.sweep_id).slots if r.status == SlotStatus.FAILED] == [3]


def test_first_runs_that_die_alike_stop_the_sweep(place):
    sweep = place.sweep("s4.compression=lz4", "s4.compression=zstd", shared=(*SHORT, "lane.warm_up=false"))
    dies = {"die": "E_S4_DISK: the disk is full."}
    with pytest.raises(EvidenceMissing, match=r"E_SWEEP_DIES_ALIKE.*the disk is full\. Put that right"):
        place.run(sweep, dict.fromkeys(("control", "c01", "c02"), dies))
    assert len(place.order) == 2


def test_a_control_that_does_not_run_stops_the_sweep(place):
    with pytest.raises(EvidenceMissing, match=r"E_SWEEP_CONTROL_FAILS.*E_X: no"):
        place.run(place.sweep("s4.compression=lz4"), {"control": {"die": "E_X: no."}})


def test_code_that_changes_while_the_sweep_runs_is_refused(place, monkeypatch):
    sweep = place.sweep("s4.compression=lz4")
    monkeypatch.setattr(bench_module, "fresh_code_digest", lambda _: "f" * 64)
    with pytest.raises(Conflict, match=r"E_SWEEP_CODE.*lane.restart=true"):
        place.run(sweep)
    assert place.ran == []


def test_a_sweep_in_which_nothing_binds_runs_nothing(place, tiny):
    copy_receipts(tiny, place.root)
    sweep = place.sweep("s4.batch_rows=750000", authority=tiny)
    closure = place.run(sweep)
    assert place.ran == []
    assert closure.arms[0].decision is Decision.INERT


def test_a_second_bench_is_refused_and_told_who_is_at_work(place):
    sweep = place.sweep("s4.compression=lz4")
    other = place.sweep("s4.compression=zstd")
    with bench_lock(place.root, sweep.sweep_id), pytest.raises(ResourceRefused) as refused:
        place.run(other)
    assert str(refused.value).startswith("E_BENCH_BUSY")
    assert f"process {os.getpid()}, sweep {sweep.sweep_id[:8]}, since " in str(refused.value)
    place.run(other)


def test_a_run_that_a_killed_bench_left_behind_holds_up_other_sweeps(place):
    sweep, other = place.sweep("s4.compression=lz4"), place.sweep("s4.compression=zstd")
    create_sweep(place.root, sweep)
    slot = first_slots(sweep)[0]
    orphan = subprocess.Popen(
        [sys.executable, "-c", "import time; time.sleep(60)", f"arm.sweep={sweep.sweep_id}", f"root='{place.root}'"]
    )
    try:
        SweepFolder.of(place.root, sweep.sweep_id).write_slot(SlotReceipt(slot, SlotStatus.RUNNING, pid=orphan.pid))
        with pytest.raises(ResourceRefused, match=rf"E_BENCH_ORPHAN.*kill {orphan.pid}"):
            place.run(other)
        threading.Timer(1.0, orphan.kill).start()
        began = time.monotonic()
        place.run(sweep)
        assert time.monotonic() - began > 0.9
    finally:
        orphan.kill()
        orphan.wait()
    assert place.order[0][2] == "control"


def test_a_stop_ends_the_run_and_leaves_the_slot_planned(place):
    sweep = place.sweep("s4.compression=lz4")
    code = f"""
import json, sys
from functools import partial
sys.path.insert(0, {str(Path(__file__).parents[2])!r})
from seg6b.lane.bench import run_sweep
from seg6b.lane.stop import listen
from seg6b.runs.sweep_folder import read_sweep
from seg6b.scoring.score import score_sweep
from tests.lane.test_bench import Told
from pathlib import Path
listen()
root = Path({str(place.root)!r})
sweep = read_sweep(root, {sweep.sweep_id!r}).sweep
command = (sys.executable, {str(STAND_IN)!r}, {str(place.source.path)!r}, json.dumps({{"control": "hang"}}))
try:
    run_sweep(root, sweep, Told(), score=partial(score_sweep, root, sweep, budgets={{}}), command=command)
except KeyboardInterrupt as stop:
    print(*stop.__notes__)
    sys.exit(7)
"""
    create_sweep(place.root, sweep)
    bench = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    slot = first_slots(sweep)[0]
    path = SweepFolder.of(place.root, sweep.sweep_id).slot_path(slot)
    while not path.exists():
        assert bench.poll() is None
        time.sleep(0.05)
    pid = json.loads(path.read_text())["pid"]
    bench.terminate()
    said, _ = bench.communicate(timeout=30)
    assert bench.returncode == 7
    assert "0 runs of sweep" in said
    assert not Path(f"/proc/{pid}").exists()
    assert json.loads(path.read_text())["status"] == "PLANNED"


def test_a_sweep_is_found_by_the_beginning_of_its_id(place):
    sweep = place.sweep("s4.compression=lz4")
    create_sweep(place.root, sweep)
    assert resolve_sweep(place.root, sweep.sweep_id[:6]).sweep() == sweep

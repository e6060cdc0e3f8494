"""Damaged runs, damaged worlds, stops by signal and policy mistakes: one clear line, and the next command works."""

from __future__ import annotations

import json
import shutil
import signal
import time
from dataclasses import replace

import pytest
from filelock import FileLock

from seg6b.errors import Conflict, Damaged, Refusal, UsageError
from seg6b.lane.candidate import run_candidate
from seg6b.runs.progress import Silent
from tests.street.lanes import (
    copy_run,
    ended,
    flip,
    leftovers,
    only_run,
    rows_of,
    run_lane,
    snapshot,
    start_lane,
    status_of,
)


def part_of(run, dataset):
    return next(run.glob(f"data/layer3/6B/{dataset}/**/part-*.parquet"))


def torn(path):
    path.chmod(0o644)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def stray(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("not ours")


# what is damaged once only `until` has happened: the damage, the file, and words of the line that names it
DAMAGES = {
    "run receipt torn": ("S1", torn, lambda r: r / "run_receipt.json", ["E_RUN_RECEIPT_DAMAGED", "RunReceipt"]),
    "state receipt torn": ("S2", torn, lambda r: r / "states/S2.json", ["E_RUN_RECEIPT_DAMAGED", "StateReceipt"]),
    "part missing": ("S1", lambda p: p.unlink(), lambda r: part_of(r, "s1_*"), ["E_RUN_DAMAGED", "is missing"]),
    "part cut": ("S1", torn, lambda r: part_of(r, "s1_*"), ["E_RUN_DAMAGED", "size differs", "got"]),
    "part altered": ("S1", flip, lambda r: part_of(r, "s1_*"), ["E_RUN_DAMAGED", "bytes differ"]),
    "evidence altered": ("S2", flip, lambda r: r / "evidence/S2/amounts.parquet", ["E_RUN_DAMAGED", "bytes differ"]),
    "state receipt gone": ("S2", lambda p: p.unlink(), lambda r: r / "states/S2.json", ["E_RUN_DAMAGED", "no receipt"]),
    "stray part": ("S1", stray, lambda r: r / "data/layer3/6B/s2_flow/part-9.parquet", ["E_RUN_DAMAGED", "no receipt"]),
    "intent torn": ("S1", stray, lambda r: r / ".S2.intent", ["E_RUN_INTENT_DAMAGED", "JSONDecodeError"]),
    "gates torn": ("S5", torn, lambda r: r / "gates.json", ["E_RUN_DAMAGED", "size differs"]),
}


@pytest.mark.parametrize("name", DAMAGES)
def test_a_damaged_run_is_refused_by_the_name_of_the_file(small_job, finished, root, name):
    until, damage, place, words = DAMAGES[name]
    run = copy_run(finished, root, until=until)
    file = place(run)
    damage(file)
    before = snapshot(run)
    with pytest.raises(Damaged) as refused:
        run_candidate(replace(small_job, root=root, run_id=run.name), Silent())
    where = run / "data/layer3/6B" if name == "state receipt gone" else file
    for word in [*words, str(where), "run"]:
        assert word in str(refused.value)
    assert snapshot(run) == before


def test_once_mended_it_goes_on_and_clears_what_a_dead_process_left(finished, root, usual_code):
    run = copy_run(finished, root, until="S1")
    part = part_of(run, "s1_*")
    flip(part)
    refused = run_lane(root, f"run_id={run.name}")
    assert refused.code == 1
    assert refused.refusal.startswith(f"E_RUN_DAMAGED: the bytes differ ({part})")
    flip(part)
    stray(run / ".S2.999.tmp" / "data" / "part-00000.parquet")
    stray(run / "states" / ".S2.json.999.tmp")
    stray(run / "data/layer3/6B/half/part-00000.parquet")
    (run / ".S2.intent").write_text(json.dumps(["data/layer3/6B/half"]))
    said = run_lane(root, f"run_id={run.name}")
    assert said.whole
    assert said.code == usual_code
    assert "S1     already done" in said.err
    assert rows_of(run) == rows_of(finished)
    assert leftovers(root) == []
    assert not (run / "data/layer3/6B/half").exists()
    assert status_of(run) == "DONE"


def test_a_run_has_one_process(finished, root):
    run = copy_run(finished, root, until="S1")
    (root / "mlruns" / "locks").mkdir()
    before = snapshot(run)
    with FileLock(root / "mlruns" / "locks" / f"{run.name}.lock"):
        said = run_lane(root, f"run_id={run.name}")
    assert said.code == 1
    assert said.refusal.startswith("E_RUN_LOCKED: another process works in this run")
    assert snapshot(run) == before


def test_a_refusal_does_not_touch_a_run_that_is_done(small_job, finished, root):
    run = copy_run(finished, root)
    before = snapshot(run)
    other = {**small_job.gates, "version": "v1_mine"}
    with pytest.raises(Conflict, match=r"E_S0_KEY_CHANGED: .*got gate_file;"):
        run_candidate(replace(small_job, root=root, run_id=run.name, gates=other), Silent())
    assert snapshot(run) == before


def stop_in(process, root, state, number):
    """Send a signal as soon as `state` has its temporary folder."""
    while not list((root / "mlruns").glob(f"runs/*/.{state}.*.tmp")):
        assert process.poll() is None, process.communicate()
        time.sleep(0.002)
    process.send_signal(number)
    return ended(process)


def test_a_stop_by_signal_is_one_line_and_the_run_goes_on(finished, root, usual_code):
    slow = ("s2.batch_rows=100", "s3.batch_rows=100")
    said = stop_in(start_lane(root, *slow), root, "S2", signal.SIGTERM)
    run = only_run(root)
    assert said.code == 143
    assert said.err.splitlines()[-1].startswith("Terminated.")
    assert f"run_id={run.name}" in said.err.splitlines()[-1]
    said_again = stop_in(start_lane(root, *slow, f"run_id={run.name}"), root, "S3", signal.SIGINT)
    assert said_again.code == 130
    assert said_again.err.splitlines()[-1].startswith("Interrupted.")
    for text in (said.err, said_again.err):
        assert "Traceback" not in text
        assert "Exception" not in text
    assert leftovers(root) == []
    assert status_of(run) == "FAILED"
    assert sorted(p.stem for p in (run / "states").iterdir()) == ["S0", "S1", "S2"]
    whole = run_lane(root, f"run_id={run.name}")
    assert whole.whole
    assert whole.code == usual_code
    assert rows_of(run) == rows_of(finished)


@pytest.fixture
def own_world(tmp_path, finished_root):
    """A root without runs, and a world below it that may be damaged."""
    shutil.copytree(finished_root / "mlruns" / "world", tmp_path / "mlruns" / "world")
    (world,) = (tmp_path / "mlruns" / "world").glob("[0-9a-f]*")
    return tmp_path, world


def arrivals_of(world):
    return next(world.rglob("arrival_events/**/*.parquet"))


WORLD_DAMAGES = {
    "missing": (lambda p: p.unlink(), arrivals_of, ["E_WORLD_FILE_MISSING", "nothing there"]),
    "altered": (flip, arrivals_of, ["E_S0_FILE_ALTERED", "a sealed file is altered"]),
    "foreign": (stray, lambda w: w / "data/notes.txt", ["E_S0_FILE_UNSEALED"]),
    "torn": (torn, lambda w: w / "world.json", ["E_WORLD_SEAL_DAMAGED"]),
    "flag": (torn, lambda w: next(w.rglob("5B/**/_passed.flag")), ["E_", "_passed.flag"]),
}


@pytest.mark.parametrize("name", WORLD_DAMAGES)
def test_a_damaged_world_is_refused_by_the_name_of_the_file(small_job, own_world, name):
    root, world = own_world
    damage, place, words = WORLD_DAMAGES[name]
    file = place(world)
    damage(file)
    with pytest.raises(Refusal) as refused:
        run_candidate(replace(small_job, root=root), Silent())
    for word in [*words, str(file)]:
        assert word in str(refused.value)
    assert leftovers(root) == []
    assert not list(root.glob("mlruns/runs/*/states/*"))
    assert not list(root.glob("mlruns/runs/*/data"))


def test_a_world_altered_between_two_commands_stops_a_resumed_run(finished, own_world, usual_code):
    root, world = own_world
    run = copy_run(finished, root, until="S0")
    flip(arrivals_of(world))
    said = run_lane(root, f"run_id={run.name}")
    assert said.code == 1
    assert said.refusal.startswith("E_S0_FILE_ALTERED")
    assert str(arrivals_of(world)) in said.refusal
    shutil.rmtree(world)
    again = run_lane(root, f"run_id={run.name}")
    assert again.whole
    assert again.code == usual_code
    assert rows_of(run) == rows_of(finished)


OVERLAP = ",".join(
    f"{{rule_id:{name},pattern:ATO,label:FRAUD,subtype:ATO}}" for name in ("RULE_ATO", "RULE_CARD_TESTING")
)


MISTAKES = {
    "unknown key": ("+policy.amount.colour=red", ["amount.colour", "Extra inputs"]),
    "bad sum": ("policy.flow_shape.flows_per_cluster.probs=[0.7,0.18,0.04]", ["flow_shape.flows_per_cluster", "0.92"]),
    "missing reference": (
        "policy.flow_shape.branches.refund.flow_types=[CARD_CLEAR]",
        ["flow_shape.branches.refund.flow_types.0", "'CARD_CLEAR'", "CARD_AUTH_CLEAR"],
    ),
    "overlapping rules": (
        f"policy.truth.direct_campaign=[{OVERLAP}]", ["truth:", "overlap: RULE_ATO and RULE_CARD_TESTING"]
    ),
    "negative sigma": (
        "policy.timing.offsets.step_up_start.tail.sigma=-0.5",
        ["timing.offsets.step_up_start.tail.sigma", "greater than 0", "-0.5"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", MISTAKES)
def test_a_policy_mistake_names_its_leaf(job, name):
    override, words = MISTAKES[name]
    with pytest.raises(UsageError) as refused:
        job("world=tiny", override)
    for word in ["E_POLICY_INVALID", *words]:
        assert word in str(refused.value)


@pytest.mark.parametrize(
    ("override", "words"),
    [MISTAKES["negative sigma"], ("policy=null", ["E_CONFIG", "NoneType"])],
    ids=["negative sigma", "no group"],
)
def test_a_policy_mistake_is_a_usage_error(root, override, words):
    said = run_lane(root, override)
    assert said.code == 2
    for word in words:
        assert word in said.refusal
    assert not (root / "mlruns" / "runs").exists()

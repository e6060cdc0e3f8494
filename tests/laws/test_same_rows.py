"""Same world, policy, seed and scenario: the same rows and the same gates, however they are computed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from seg6b.runs.verify import verify_digests, verify_files
from seg6b.shards.executor import Threads
from seg6b.world.sealed import SealedWorld

PROJECT = Path(__file__).resolve().parents[2]
SMALL = [f"s{i}.{knob}" for i in (2, 3, 4) for knob in ("batch_rows=900", "target_file_mb=1")]
KNOBS = {
    "one thread, one shard, small batches": [
        "executor.threads=1", "s1.shards=1", *(f"s{i}.batch_rows=1000" for i in (1, 2, 3, 4)),
    ],
    "many shards, odd batches, all audited": [
        "executor.threads=4", "s1.shards=256", "s5.audit=full", *(f"s{i}.batch_rows=37777" for i in (1, 2, 3, 4)),
    ],
    "every other writer": [
        "s1.compression=zstd", "s2.compression=lz4", "s3.compression=uncompressed", "s2.writer=per_batch",
        "s3.writer=row_group_append", "s4.writer=per_batch", "s1.shards=64", *SMALL,
    ],
    "joins": [
        "s1.attach=join_chain", "s1.sessions=two_pass", "s4.event_labels=flow_join", "s4.campaign_map=join",
        "s4.batch_rows=3000",
    ],
    "lists and carried labels": [
        "s1.attach=list_gather", "s4.event_labels=carry", "s4.timeline=filter_concat", "s4.batch_rows=3000",
    ],
    "maps and all anew": [
        "s1.attach=dict_map", "s4.event_labels=recompute", "s4.campaign_map=expression", "s4.columns=all",
    ],
}  # fmt: skip


def said(outcome):
    """What must not change: the digest of every dataset, evidence of every state, the report, the gates."""
    found = {name: d.digest for s in outcome.states.values() for name, d in s.datasets.items()}
    found |= {f.path: f.sha256 for s in outcome.states.values() for f in s.files if f.path.startswith("evidence/")}
    gates = json.loads(outcome.run.gates_path.read_text())
    gates.pop("run_id")
    return found | {
        "gates": json.dumps(gates, sort_keys=True),
        "draws": {n: s.rng_draws for n, s in outcome.states.items()},
    }


@pytest.fixture(scope="module")
def first(candidate):
    return candidate("world=tiny", "s1.shards=8")


@pytest.fixture(scope="module")
def reference(first):
    return said(first)


@pytest.mark.parametrize("knobs", KNOBS.values(), ids=KNOBS)
def test_no_knob_changes_a_row_or_a_gate(candidate, reference, knobs):
    assert said(candidate("world=tiny", *knobs)) == reference


def test_the_order_of_arrival_files_does_not_matter(candidate, reference, monkeypatch):
    parts = SealedWorld.arrival_parts
    monkeypatch.setattr(SealedWorld, "arrival_parts", lambda self: parts(self)[::-1])
    assert said(candidate("world=tiny")) == reference


def test_seed_and_world_seed_do_change_rows(candidate, reference):
    for change in ("seed=7", "world.seed=2"):
        assert said(candidate("world=tiny", change)) != reference


def test_the_row_report_does_not_depend_on_knobs(candidate, first):
    other = candidate("world=tiny", "s1.shards=64", "s4.batch_rows=1000", "executor.threads=1")
    one, two = (next(o.run.path.rglob("s5_validation_report_6B.json")).read_bytes() for o in (first, other))
    assert one == two


@pytest.mark.timeout(600)
def test_killed_at_any_instant_and_resumed_it_is_the_same_run(job, reference, session_root, tmp_path):
    """SIGKILL inside S1..S5, five times over, then to the end; nothing is left that no receipt knows."""
    from seg6b.lane.candidate import run_candidate
    from seg6b.runs.folder import RunFolder
    from seg6b.runs.progress import Silent

    (tmp_path / "mlruns").mkdir()
    (tmp_path / "mlruns" / "world").symlink_to(session_root / "mlruns" / "world")
    runs, environment = tmp_path / "mlruns" / "runs", {**os.environ, "PYTHONPATH": str(PROJECT)}
    own = ("world=tiny", "s1.shards=8", "tracking=off", "source_run=none")
    command = [sys.executable, "-m", "seg6b.lane", f"root={tmp_path}", *own]
    for number in range(5):
        extra = [f"run_id={next(runs.iterdir()).name}"] if runs.exists() else []
        process = subprocess.Popen(
            [*command, *extra], cwd=tmp_path, env=environment, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL
        )
        _wait_for_state(process, runs, f"S{number + 1}")
        process.send_signal(signal.SIGKILL)
        process.wait()
    run_id = next(runs.iterdir()).name
    outcome = run_candidate(job("world=tiny", "s1.shards=8", f"run_id={run_id}", root=tmp_path), Silent())
    assert said(outcome) == reference
    run = RunFolder.of(tmp_path, run_id)
    assert verify_files(run, Threads(2)) == []
    assert verify_digests(run, Threads(2)) == []


def _wait_for_state(process, runs, state):
    """Until the temporary folder of `state` is there (or the process is done)."""
    until = time.monotonic() + 120
    while process.poll() is None and time.monotonic() < until:
        if runs.exists() and list(runs.glob(f"*/.{state}.*.tmp")):
            return
        time.sleep(0.002)

"""Finished runs of a few rows: real folders, files and receipts, made in no time."""

from __future__ import annotations

import hashlib

import polars as pl

from seg6b.datasets.digest import content_digest
from seg6b.runs.axes import Axes
from seg6b.runs.commit import commit_state, open_state
from seg6b.runs.folder import RunFolder
from seg6b.runs.receipt import DatasetReceipt, PartReceipt, RunReceipt, StateReceipt
from seg6b.shards.executor import Threads

WORLD, POLICY = "a" * 64, "b" * 64
STATES = ("S1", "S2")


def run_id_of(name):
    return hashlib.sha256(name.encode()).hexdigest()[:32]


def key_of(state, axes):
    """A key as real ones are: world, seed and scenario are in it, the policy hash is not."""
    return hashlib.sha256(f"{state} {axes.manifest_fingerprint} {axes.seed} {axes.scenario_id}".encode()).hexdigest()


def make_run(root, name, *, status="DONE", started="2026-01-01T00:00:00.000000Z", posture="bplus", **axes):
    """A run with two states of three rows each and one evidence file a state."""
    place = Axes(
        **({"manifest_fingerprint": WORLD, "parameter_hash": POLICY, "seed": 42, "scenario_id": "baseline"} | axes)
    )
    run = RunFolder.of(root, run_id_of(name))
    receipt = RunReceipt(
        run.run_id, "adhoc", "candidate", place.seed, place.scenario_id, place.manifest_fingerprint,
        place.parameter_hash, {}, posture, {"name": "tiny", "arrivals": 3}, {}, {}, "", {}, {}, started,
        started, STATES, status,
    )  # fmt: skip
    run.write_receipt(receipt)
    for state in STATES:
        make_state(run, state, place)
    return run


def make_state(run, state, axes):
    frame = pl.DataFrame({"flow": [1, 2, 3], "amount_minor": [axes.seed, 20, 30]})
    told = (key_of(state, axes), {}, {"batch_rows": 1000}, run.run_id, "", {"total": 1.5})
    return publish_state(run, state, axes, frame, f"{state} 3\n", told)


def publish_state(run, state, axes, frame, counts, told):
    """A state of one part and one evidence file; `told` is what its receipt says from `input_key` to `elapsed_s`."""
    folder = open_state(run, state)
    name, data = f"{state.lower()}_rows_6B", axes.folder(f"{state.lower()}_rows_6B")
    (folder / data).mkdir(parents=True)
    frame.write_parquet(folder / data / "part-00000.parquet")
    (folder / "evidence" / state).mkdir(parents=True)
    (folder / "evidence" / state / "counts.txt").write_text(counts)

    def receipt(files):
        by_path = {f.path: f for f in files}
        part = by_path.pop(f"{data}/part-00000.parquet")
        parts = (PartReceipt("part-00000.parquet", 3, part.bytes, part.sha256, (0, 63)),)
        rows = DatasetReceipt(data, 3, part.bytes, str(content_digest(frame)), parts)
        return StateReceipt(state, *told, {}, 1.0, 3, {name: rows}, tuple(by_path.values()), {})

    return commit_state(run, state, folder, receipt, Threads.of(1))


def prune_by_hand(root, run):
    """What prune leaves: receipts and a mark; the rest lies in the trash."""
    from seg6b.runs.disk import write_json

    trash = root / "mlruns" / "trash" / ("c" * 64) / run.run_id
    trash.mkdir(parents=True)
    for name in ("data", "evidence"):
        (run.path / name).rename(trash / name)
    mark = {"plan_id": "c" * 64, "fate": "TRASHED", "reason": "superseded", "bytes": 9, "freed_bytes": 9}
    write_json(run.path / "pruned.json", mark | {"pruned_utc": "2026-01-02T00:00:00.000000Z"})

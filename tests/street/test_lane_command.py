"""The real commands: a whole run, its folder, MLflow, verify, and what a user's mistake looks like."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[2]


def command(module, *arguments, cwd, timeout=240):
    environment = {**os.environ, "PYTHONPATH": str(PROJECT)}
    return subprocess.run(
        [sys.executable, "-m", module, *arguments], cwd=cwd, env=environment, capture_output=True, text=True,
        timeout=timeout, check=False,
    )  # fmt: skip


def lane(root, *arguments):
    return command("seg6b.lane", f"root={root}", *arguments, cwd=root)


def runs(root):
    folder = root / "mlruns" / "runs"
    return sorted(folder.iterdir()) if folder.exists() else []


@pytest.fixture(scope="module")
def tracked(tmp_path_factory):
    """A tiny run made by the real command, tracked in a real store."""
    root = tmp_path_factory.mktemp("tracked")
    done = lane(root, "world=tiny")
    assert len(runs(root)) == 1, done.stderr
    return root, runs(root)[0], done


def test_a_run_says_plan_states_gates_verdict_and_what_next(tracked):
    _, folder, done = tracked
    assert "parameter_hash" in done.stderr
    for word in ("S1", "S5", "T1", "T22", folder.name, "gateboard.html"):
        assert word in done.stdout


def test_the_folder_holds_what_the_design_says(tracked):
    _, folder, _ = tracked
    receipt = json.loads((folder / "run_receipt.json").read_text())
    assert receipt["status"] == "DONE"
    assert receipt["states"] == ["S0", "S1", "S2", "S3", "S4", "S5"]
    gates = json.loads((folder / "gates.json").read_text())
    assert list(gates["gates"]) == [*(f"T{i}" for i in range(1, 23)), *(f"X{i}" for i in range(1, 6))]
    assert {"value", "raw", "ci95", "b", "bplus", "severity", "class", "owner", "n"} <= set(gates["gates"]["T5"])
    state = json.loads((folder / "states" / "S2.json").read_text())
    for times in (state["elapsed_s"], state["cpu_s"]):
        assert set(times) == {"total", "input", "compute", "validate", "write", "residual"}
        assert sum(times.values()) == pytest.approx(2 * times["total"], abs=1e-9)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_mlflow_knows_the_run(tracked):
    from mlflow.tracking import MlflowClient

    root, folder, _ = tracked
    client = MlflowClient(f"sqlite:///{root}/mlruns/mlflow.db")
    experiment = client.get_experiment_by_name("adhoc")
    (run,) = client.search_runs([experiment.experiment_id])
    assert run.data.tags["seg6b.run_id"] == folder.name
    assert run.info.status == "FINISHED"
    assert "elapsed_s.S4" in run.data.metrics
    assert json.loads((folder / "run_receipt.json").read_text())["mlflow_run_id"] == run.info.run_id


def test_verify_accepts_and_then_names_the_flipped_byte(tracked, tmp_path):
    root, folder, _ = tracked
    done = command("seg6b", "verify", folder.name, "--root", str(root), cwd=root)
    assert done.returncode == 0, done.stdout + done.stderr
    parts = [p for p in folder.rglob("*") if p.is_file() and p.name != "run_receipt.json" and p.suffix != ".html"]
    for target in [
        next(p for p in parts if p.suffix == ".parquet"),
        folder / "gates.json",
        *folder.rglob("_passed.flag"),
    ]:
        before = target.read_bytes()
        target.chmod(0o644)
        target.write_bytes(
            before[: len(before) // 2] + bytes([before[len(before) // 2] ^ 1]) + before[len(before) // 2 + 1 :]
        )
        broken = command("seg6b", "verify", folder.name[:8], "--root", str(root), cwd=root)
        target.write_bytes(before)
        assert broken.returncode == 1
        assert target.name in broken.stderr
    assert tmp_path


def test_a_finished_run_is_not_done_again(tracked):
    root, folder, _ = tracked
    before = {p: p.stat().st_mtime_ns for p in (folder / "states").glob("*.json")}
    done = lane(root, "world=tiny", f"run_id={folder.name}", "tracking=off")
    assert done.returncode in {0, 1}, done.stderr
    assert {p: p.stat().st_mtime_ns for p in (folder / "states").glob("*.json")} == before


def test_a_run_is_not_continued_with_other_settings(tracked):
    root, folder, _ = tracked
    done = lane(root, "world=tiny", f"run_id={folder.name}", "seed=7", "tracking=off")
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith("E_RUN_AXES")
    assert "seed=7" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["s4.batch_row=5"], 2, ["E_CONFIG", "batch_row"]),
        (["s4.batch_rows=many"], 2, ["E_CONFIG", "batch_rows"]),
        (["s4.batch_rows=0"], 2, ["E_CONFIG_VALUE", "s4.batch_rows", "1 or more"]),
        (["s1.shards=3"], 2, ["E_CONFIG_VALUE", "s1.shards", "power of two"]),
        (["world=huge"], 2, ["E_CONFIG", "huge", "tiny"]),
        (["policy/amount=fuller"], 2, ["E_CONFIG", "fuller", "bplus"]),
        (["+lane=popt9"], 2, ["E_CONFIG", "popt9", "popt2r2"]),
        (["policy.amount.colour=red"], 2, ["colour"]),
        (["s1.attach=guess"], 2, ["E_CONFIG", "s1.attach", "guess", "join_chain, list_gather, dict_map, csr_gather"]),
        (["s4.event_labels=guess"], 2, ["E_CONFIG", "s4.event_labels", "guess", "recompute, carry, flow_join, fused"]),
        (["s4.columns=few"], 2, ["E_CONFIG", "s4.columns", "few", "all, pruned"]),
        (["s4.compression=brotli"], 2, ["E_CONFIG", "brotli", "snappy"]),
        (["run_id=../../etc"], 2, ["E_RUN_ID"]),
        (["run_id=" + "0" * 32], 2, ["E_RUN_UNKNOWN"]),
        (["scenario_id=stress"], 2, ["scenario stress"]),
        (["world=parquet", "world.source=/nowhere"], 2, ["E_WORLD_SOURCE", "/nowhere"]),
    ],
    ids=lambda v: v[0] if isinstance(v, list) and v and "=" in str(v[0]) else "",
)  # fmt: skip
def test_a_mistake_is_one_clear_line(tracked, arguments, code, words):
    root, _, _ = tracked
    before = runs(root)
    done = lane(root, "world=tiny", "tracking=off", *arguments)
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    last = done.stderr.strip().splitlines()[-1]
    for word in words:
        assert word in last, last
    assert runs(root) == before


def test_hydra_users_find_what_they_expect(tracked):
    root, _, _ = tracked
    helped = lane(root, "--help")
    assert helped.returncode == 0
    for word in ("posture", "world", "policy/amount", "Exit codes", "--dry", "source_run", "popt2r2", "lane.override"):
        assert word in helped.stdout
    shown = lane(root, "--cfg", "job")
    assert shown.returncode == 0
    assert "batch_rows: 500000" in shown.stdout


def test_seeds_are_a_series_of_runs_and_no_sweep(tracked):
    root, _, _ = tracked
    before = set(runs(root))
    done = command("seg6b.lane", "-m", f"root={root}", "world=tiny", "tracking=off", "seed=42,7", cwd=root)
    made = set(runs(root)) - before
    seeds = sorted(json.loads((r / "run_receipt.json").read_text())["seed"] for r in made)
    assert seeds == [7, 42], done.stderr
    assert not (root / "mlruns" / "sweeps").exists()
    for folder in made:
        shutil.rmtree(folder)

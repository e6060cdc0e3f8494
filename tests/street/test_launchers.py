"""Launchers and sweepers that Hydra users bring, each on a real sweep; and what a sweep refuses before it runs."""

from __future__ import annotations

import json

import pytest
import yaml

from seg6b.runs.sweep_folder import find_sweeps, read_sweep
from tests.street.lanes import copy_run, run_lane

SHORT = ("lane.repeats=2", "lane.max_repeats=2", "lane.confirm=false", "lane.warm_up=false")


def receipts(root):
    folders = sorted((root / "mlruns" / "runs").iterdir())
    return [json.loads((folder / "run_receipt.json").read_text()) for folder in folders]


def batches(runs):
    return sorted(run["knobs"]["s4.batch_rows"] for run in runs)


@pytest.mark.parametrize(
    ("launcher", "sizes"), [("joblib", [200, 400]), pytest.param("submitit_local", [200], marks=pytest.mark.heavy)]
)
def test_another_launcher_runs_each_job_and_its_parent_tells_what_becomes_of_them(root, finished, launcher, sizes):
    copy_run(finished, root)
    asked = ",".join(map(str, [*sizes, 0]))
    done = run_lane(root, "-m", f"hydra/launcher={launcher}", "source_run=any", f"s4.batch_rows={asked}")
    made = [run for run in receipts(root) if run["run_id"] != finished.name]
    assert batches(made) == sizes, done.err
    assert {run["status"] for run in made} == {"DONE"}
    for run in made:
        states = root / "mlruns" / "runs" / run["run_id"] / "states"
        origins = {p.stem: json.loads(p.read_text())["staged_from"] for p in states.iterdir()}
        assert origins == dict.fromkeys(["S0", "S1", "S2", "S3"], finished.name) | {"S4": "", "S5": ""}
        assert f"run {run['run_id']}" in done.err
    (refusal,) = [line for line in done.err.splitlines() if line.startswith("E_")]
    assert refusal.startswith("E_CONFIG_VALUE")
    assert "job 0  started" in done.err
    assert "job 0  S5" in done.err
    assert done.code == 2
    assert not list((root / "mlruns" / "hydra").glob("jobs-*"))
    assert find_sweeps(root) == []


@pytest.mark.heavy
def test_optuna_minimises_the_ratio_to_a_control(root, finished):
    copy_run(finished, root)
    done = run_lane(
        root, "-m", "hydra/sweeper=optuna", "hydra.sweeper.n_trials=2", "hydra.sweeper.n_jobs=2", *SHORT,
        "hydra.sweeper.sampler.seed=3", "s4.batch_rows=choice(200,400)", "s4.compression=lz4", "source_run=any",
    )  # fmt: skip
    assert done.code in {0, 1}, done.err  # small batches may be slower by so much that every arm is rejected
    (folder,) = find_sweeps(root)
    sweep = read_sweep(root, folder.sweep_id).sweep
    assert sweep.control.overrides == ()
    assert {run["arm"] for run in receipts(root)} - {""} == {arm.name for arm in sweep.arms}
    closure = json.loads(folder.closure_path.read_text())
    ratios = {tuple(arm["overrides"]): arm["ratio"]["mean"] for arm in closure["arms"]}
    told = yaml.safe_load((root / "mlruns" / "hydra" / "optimization_results.yaml").read_text())
    best = min(ratios, key=ratios.get)
    assert told["best_value"] == pytest.approx(ratios[best])
    assert f"s4.batch_rows={told['best_params']['s4.batch_rows']}" in best


def test_what_is_timed_against_a_control_refuses_a_parallel_launcher(root):
    done = run_lane(root, "-m", "hydra/launcher=joblib", "+lane=popt2r2", "seed=1,2")
    assert done.code == 2
    assert done.refusal.startswith("E_LANE_PARALLEL_TIMING")
    assert "Leave out hydra/launcher=joblib" in done.refusal
    assert not (root / "mlruns" / "runs").exists()


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["seed=42,7", "s4.batch_rows=5,0"], 2, ["E_CONFIG_VALUE", "s4.batch_rows", "nothing was run"]),
        (["lane.kind=optimisation", "policy/timing=historical"], 2, ["E_SWEEP_KIND", "policy/timing=historical"]),
        (["+lane=popt2r2", "seed=1,2"], 1, ["E_LANE_PHASE", "UNLOCK_POPT.2_CONTINUE", "lane.override="]),
        (["+lane=popt9"], 2, ["E_CONFIG", "popt9", "popt2r2"]),
    ],
    ids=lambda v: v[0] if isinstance(v, list) else "",
)  # fmt: skip
def test_a_sweep_with_one_bad_part_runs_nothing(root, arguments, code, words):
    done = run_lane(root, "-m", *arguments)
    assert done.code == code, done.err
    for word in words:
        assert word in done.refusal
    assert not (root / "mlruns" / "runs").exists()
    assert not (root / "reports").exists()


def test_a_dry_lane_says_what_it_would_run_and_runs_nothing(root, finished):
    copy_run(finished, root)
    done = run_lane(root, "--dry", "source_run=any", "+lane=popt2r2", "lane.override=to see")
    assert done.code == 0, done.err
    for word in ("Lane POPT.2R2", "nothing is run", "control", "s4.compression=lz4", "S4-S5"):
        assert word in done.out
    assert [run["run_id"] for run in receipts(root)] == [finished.name]
    assert find_sweeps(root) == []
    assert not (root / "reports").exists()
    assert not (root / "mlruns" / "hydra").exists()

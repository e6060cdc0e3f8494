"""Run folders and sweeps without data, as sync and sweeps find them; and what the store says of them."""

from __future__ import annotations

from dataclasses import asdict, replace

from seg6b.gates.encoding import to_json
from seg6b.runs.disk import write_json, write_text
from seg6b.runs.folder import RunFolder
from seg6b.runs.sweep import CONTROL, Arm, Sweep
from seg6b.runs.sweep_folder import SweepFolder, create_sweep, sweep_id_of
from seg6b.settings.job import ClosureRule
from seg6b.tracking.store import open_store
from tests.render import closures
from tests.render.synthetic import gate_board, receipt, states

LANE = "POPT.2R2"
ARMS = (CONTROL, "c01", "c02")


def write_run(root, run_id, upto="S5", **changes):
    """A run folder; one that did not get to S5 has no gates."""
    run = RunFolder.of(root, run_id)
    happened = [s for s in states(**changes.pop("staged", {})) if s.state <= upto]
    for state in happened:
        write_json(run.state_path(state.state), state)
    if upto == "S5":
        write_text(run.gates_path, to_json(replace(gate_board(), run_id=run_id)))
    run.write_receipt(receipt(run_id=run_id, states=tuple(s.state for s in happened), **changes))
    return run


def write_sweep(root, closed=True, arms=ARMS, **changes):
    """A sweep with one run an arm, and its closure."""
    shared = {"lane": LANE, "kind": "optimisation", "owner": "S4", "authority": closures.AUTHORITY}
    made = tuple(Arm(a, closures.OVERRIDES[a], {"s4.batch_rows": 750_000}, "ab" * 32) for a in arms)
    rest = {
        "sweep_id": "", "overrides": (), "arms": made, "repeats": 5, "max_repeats": 12, "confirm": True,
        "on_failure": "continue", "retries": 0, "warm_up": True, "authority_digest": "d" * 64,
        "manifest_fingerprint": "ab" * 32, "posture": "bplus", "seed": 42, "scenario_id": "baseline", "arrivals": 250_000,
        "closure": asdict(ClosureRule()), "code": "c" * 64, "ordinal": 1, "created_utc": "2026-02-03T03:00:00Z",
    }  # fmt: skip
    plan = Sweep(**{**rest, **shared, **changes})
    sweep = replace(plan, sweep_id=sweep_id_of(plan))
    create_sweep(root, sweep)
    slot = {"lane": LANE, "sweep_id": sweep.sweep_id, "set_index": 1, "round_index": 1}
    for arm in arms:
        staged = {f"S{k}": closures.AUTHORITY for k in range(1, 4)}
        write_run(root, closures.run_id(arm), arm=arm, staged=staged, **slot)
    if closed:
        close(root, sweep)
    return sweep


def close(root, sweep, **changes):
    """Write the closure of a sweep."""
    whole = closures.closure(sweep_id=sweep.sweep_id, lane=LANE, **changes)
    names = {arm.name for arm in sweep.arms}
    closure = replace(whole, arms=tuple(a for a in whole.arms if a.arm in names))
    write_json(SweepFolder.of(root, sweep.sweep_id).closure_path, closure)
    return closure


def told(settings, wanted=""):
    """The runs of the store, in all experiments."""
    with open_store(settings) as client:
        experiments = [e.experiment_id for e in client.search_experiments()]
        return client.search_runs(experiments, wanted)


def tag(run_id):
    return f"tags.`seg6b.run_id` = '{run_id}'"


def artifacts(settings, run_id, folder=None):
    with open_store(settings) as client:
        return sorted(a.path for a in client.list_artifacts(run_id, folder))

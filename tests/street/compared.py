"""A project with a pinned authority and a closed sweep against it, told to MLflow: small, but made by the real runs."""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass
from pathlib import Path

from seg6b.lane.candidate import run_candidate
from seg6b.runs.disk import write_json
from seg6b.runs.folder import RunFolder
from seg6b.runs.pins import Role, pin
from seg6b.runs.progress import Silent
from seg6b.runs.sweep import CONTROL, Arm, Sweep
from seg6b.runs.sweep_folder import SweepFolder, create_sweep, sweep_id_of
from seg6b.scoring.closure import ArmScore, Closure, Decision, Ratio
from seg6b.scoring.facts import run_facts
from seg6b.settings.job import ClosureRule
from seg6b.shards.executor import Threads
from seg6b.tracking.settings import MLflowSettings
from seg6b.tracking.sync import sync
from tests.street.lanes import SMALL

OVERRIDES = {CONTROL: (), "c01": ("s4.compression=lz4", "policy/bank_view=lean")}
RATIO = Ratio(0.874, 0.871, (0.842, 0.901), (0.845, 0.9), (0.83, 0.914), 5, 0.03)


@dataclass(frozen=True)
class Compared:
    """Where it lies, and which runs to look at."""

    root: Path
    authority: RunFolder
    candidate: RunFolder
    sweep: Sweep


def build(root, job):
    """Three runs on the small world: the authority, and control and candidate of a sweep; then `sync`."""
    authority = run_candidate(job(*SMALL, root=root), Silent()).run
    pin(root, authority, Role.AUTHORITY, "PASS_B", Threads(os.cpu_count() or 1))
    first = authority.receipt()
    arms = tuple(Arm(name, own, _knobs(job, root, own), first.parameter_hash) for name, own in OVERRIDES.items())
    plan = Sweep(
        "", "POPT.2R2", "remediation", "S4", SMALL, arms, 5, 12, True, "continue", 0, True, authority.run_id,
        first.digest, first.manifest_fingerprint, first.posture, first.seed, first.scenario_id, 5_000,
        asdict(ClosureRule(state="S4")), "c" * 64, 1, first.started_utc,
    )  # fmt: skip
    sweep = Sweep(**{**_fields(plan), "sweep_id": sweep_id_of(plan)})
    create_sweep(root, sweep)
    runs = {name: _slot(root, job, sweep.sweep_id, name, own) for name, own in OVERRIDES.items()}
    write_json(SweepFolder.of(root, sweep.sweep_id).closure_path, _closure(sweep, runs, authority))
    sync(root, MLflowSettings(root))
    return Compared(root, authority, runs["c01"], sweep)


def _knobs(job, root, own):
    knobs = job(*SMALL, *own, root=root).knobs["S4"]
    return {"s4.batch_rows": knobs.batch_rows, "s4.compression": str(knobs.compression)}


def _fields(plan):
    return {name: getattr(plan, name) for name in plan.__dataclass_fields__}


def _slot(root, job, sweep_id, arm, own):
    slot = (f"arm.sweep={sweep_id}", f"arm.name={arm}", "arm.set_index=1", "arm.round_index=1", "arm.execute_from=S4")
    return run_candidate(job(*SMALL, *own, *slot, "lane.id=POPT.2R2", root=root), Silent()).run


def _closure(sweep, runs, authority):
    facts = tuple(run_facts(run) for run in runs.values())
    score = ArmScore(
        "c01", OVERRIDES["c01"], Decision.KEEP_PROVISIONAL, ("faster in one set",), runs["c01"].run_id, (RATIO,), RATIO
    )
    return Closure(
        sweep.lane, sweep.sweep_id, sweep.kind, "S4", Decision.KEEP_PROVISIONAL, "c01", "HOLD_POPT.2_REOPEN",
        ("c01: faster in one set",), (score,), facts, run_facts(authority), dict(sweep.closure), (),
        max(run.receipt().ended_utc for run in runs.values()),
    )  # fmt: skip

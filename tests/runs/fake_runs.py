"""Runs and sweeps of a few rows for prune: real folders, files and receipts; what a run held is remembered."""

from __future__ import annotations

import hashlib
import os
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import polars as pl

from seg6b.runs.axes import Axes
from seg6b.runs.commit import describe_file
from seg6b.runs.disk import files_under, write_json
from seg6b.runs.folder import RunFolder
from seg6b.runs.machine import now_utc
from seg6b.runs.prune import execute_plan
from seg6b.runs.prune_plan import plan_prune
from seg6b.runs.pruned import droppable, trash_root
from seg6b.runs.receipt import RunReceipt
from seg6b.runs.staging import Source, stage_state
from seg6b.shards.executor import Threads
from tests.runs.small_runs import publish_state

ONE = Threads(1)
WORLD, POLICY = "a" * 64, "b" * 64
STATES = ("S1", "S4")


class Killed(BaseException):
    """What a test raises in place of kill -9: nothing after it touches the disk."""


def id_of(name):
    return hashlib.sha256(name.encode()).hexdigest()[:32]


def utc(hours):
    """A time `hours` from now."""
    return (datetime.now(UTC) + timedelta(hours=hours)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def make_run(root, name, *, status="DONE", source=None, states=STATES, ended=None, seed=42, **fields):
    """A run; with `source`, its first state is linked from that run."""
    run, axes = RunFolder.of(root, id_of(name)), Axes(WORLD, POLICY, seed, "baseline")
    now = ended or now_utc()
    done = status == "DONE"
    receipt = RunReceipt(
        run.run_id, "adhoc", "candidate", seed, "baseline", WORLD, POLICY, {}, "bplus", {"name": "tiny", "arrivals": 3},
        {}, {}, "", {}, {}, now, now if done else "", states if done else (), status,
    )  # fmt: skip
    run.write_receipt(replace(receipt, **fields))
    for state in states:
        if source and state == states[0]:
            stage_state(run, axes, Source(source, source.state(state)), ONE)
        else:
            make_state(run, state, axes)
    if done:
        run.gates_path.write_text(f'{{"run_id": "{run.run_id}"}}\n')
        run.board_path.write_text("<p>board</p>\n")
        projections = [run.gates_path, run.board_path, *(run.state_path(s) for s in states)]
        run.write_receipt(replace(run.receipt(), files=tuple(describe_file(p, run.path) for p in projections)))
    if ended:
        at = datetime.fromisoformat(ended).timestamp()
        for path in files_under(run.path / "states"):
            os.utime(path, (at, at))
    return run


def make_state(run, state, axes):
    frame = pl.DataFrame({"flow": [1, 2, 3], "of": [int(run.run_id[:9], 16), int(state[1]), 0]})
    told = (f"{run.run_id} {state}", {}, {}, now_utc(), now_utc(), {"total": 1.0})
    publish_state(run, state, axes, frame, f"{run.run_id} {state}\n", told)


def make_sweep(root, name, arms=("control", "c01"), repeats=2, *, seed=42):
    """An open sweep and its runs, arm by arm."""
    sweep_id = id_of(name)
    (root / "mlruns" / "sweeps" / sweep_id).mkdir(parents=True)
    write_json(root / "mlruns" / "sweeps" / sweep_id / "sweep.json", {"sweep_id": sweep_id})
    for arm in arms:
        for k in range(1, repeats + 1):
            slot = {"sweep_id": sweep_id, "arm": arm, "set_index": 1, "round_index": k}
            make_run(root, f"{name} {arm} {k}", seed=seed, **slot)
    return sweep_id


def close_sweep(root, name, decision, *, best="", lane="adhoc", arm_decisions=None, utc="2026-01-01T00:00:00.000000Z"):
    """Write the closure; `best` names the arm whose first run stands for it."""
    arms = [
        {"arm": arm, "decision": said, "run_id": id_of(f"{name} {arm} 1")}
        for arm, said in ({best: decision} if best else {} | (arm_decisions or {})).items()
    ]
    closure = {"lane": lane, "decision": decision, "best": best, "arms": arms, "generated_utc": utc}
    write_json(root / "mlruns" / "sweeps" / id_of(name) / "closure.json", closure)


def contents(run):
    """Path inside the run → bytes, of all that prune would move."""
    below = [p for unit in droppable(run) for p in (files_under(unit) if unit.is_dir() else [unit])]
    return {p.relative_to(run.path).as_posix(): p.read_bytes() for p in below}


def anywhere(root, run, path):
    """The places in which a file of a run lies: its own, and the trash."""
    places = [run.path / path, *(t / path for t in trash_root(root).glob(f"*/{run.run_id}"))]
    return [p for p in places if p.is_file()]


def flip(path):
    """Change one bit of a file."""
    raw = bytearray(path.read_bytes())
    raw[-1] ^= 1
    path.chmod(0o644)
    path.write_bytes(bytes(raw))


def dropped(root, grace_h=24.0):
    """The runs that a prune would drop now."""
    return {item.run_id for item in plan_prune(root, grace_h).items}


def superseded(root):
    """A run that nothing keeps, beside the current candidate."""
    made = make_run(root, "old", ended=utc(-50))
    make_run(root, "newest")
    return made


def kept_now(root, grace_h=24.0):
    """Why the data of each run stays now."""
    return plan_prune(root, grace_h).kept


def prune_now(root, **fields):
    """Plan a prune and execute it."""
    return execute_plan(root, plan_prune(root, **fields), executor=ONE)


def tree(root):
    """Every file below `root` but locks, with its bytes."""
    return {p: p.read_bytes() for p in files_under(root) if p.suffix != ".lock"}


@contextmanager
def disturbed(at, deed):
    """Do `deed` before the `at`-th operation on the file system, not counting those on locks."""
    done = 0
    real = {name: getattr(os, name) for name in ("rename", "replace", "unlink", "rmdir", "mkdir")}

    def watched(name):
        def operation(path, *args, **kwargs):
            nonlocal done
            if "/locks" not in str(path):
                done += 1
                if done >= at:
                    deed(done == at)
            return real[name](path, *args, **kwargs)

        return operation

    for name in real:
        setattr(os, name, watched(name))
    try:
        yield lambda: done
    finally:
        for name, function in real.items():
            setattr(os, name, function)


@contextmanager
def killed_at(at):
    """End whatever is inside at its `at`-th operation on the file system; nothing more gets to the disk."""

    def kill(_):
        raise Killed

    with disturbed(at, kill) as count, suppress(Killed):
        yield count

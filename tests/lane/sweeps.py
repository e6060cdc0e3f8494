"""Planned sweeps of the tiny world, against a finished run of it."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, replace
from pathlib import Path

import yaml

from seg6b.lane.plan import PlannedJob, plan_sweep
from seg6b.runs.folder import RunFolder
from seg6b.runs.pins import Pin, Role
from seg6b.world.sealed import SealedWorld

BASE = ("world=tiny",)


@dataclass(frozen=True)
class Planner:
    """Plans what is asked for in one place.

    Plain settings are put into a job that was composed once, since composing one takes a second; packs are composed.
    """

    compose: object
    root: Path
    world: SealedWorld

    def jobs(self, *candidates, shared=()):
        common = (*BASE, *shared)
        split = [tuple(c.split()) for c in candidates]
        return [PlannedJob(own, common, self.job((*common, *own))) for own in split]

    def job(self, overrides):
        composed = [o for o in overrides if o.startswith(("world", "policy", "posture"))]
        job = replace(self.compose(*composed), root=self.root, source_run="any")
        for override in overrides:
            if override not in composed:
                key, value = override.split("=", 1)
                job = _with(job, key, yaml.safe_load(value))
        return job

    def sweep(self, *candidates, shared=(), authority=None):
        """`candidates` are overrides, parted by spaces; `authority` is a finished run."""
        receipt = authority.receipt() if authority else None
        pin = pinned(receipt) if receipt else None
        return plan_sweep(self.jobs(*candidates, shared=shared), pin, receipt, compose=self.job, world=self.world)


def pinned(receipt):
    """The pin that `receipt` would have as an authority."""
    return Pin(
        Role.AUTHORITY, receipt.run_id, receipt.digest, "0" * 64, receipt.manifest_fingerprint, receipt.parameter_hash,
        receipt.posture, receipt.seed, receipt.scenario_id, "PASS_B", "2026-01-01T00:00:00.000000Z", "",
    )  # fmt: skip


def copy_receipts(run: RunFolder, root):
    """The run below another root, as far as plans and scorers look at it."""
    copy = RunFolder.of(root, run.run_id)
    for folder in ("states", "data/layer3/6B/validation"):
        shutil.copytree(run.path / folder, copy.path / folder)
    for path in (run.receipt_path, run.gates_path):
        shutil.copy(path, copy.path)
    return copy


def world_of(run: RunFolder):
    return SealedWorld.open(run.path.parents[2] / "mlruns" / "world" / run.receipt().manifest_fingerprint)


def _with(part, key, value):
    head, _, rest = key.partition(".")
    if head == "executor":
        return replace(part, threads=value)
    if head in {"tracking", "prune"}:
        return part
    if head in {"s1", "s2", "s3", "s4", "s5"}:
        state = head.upper()
        return replace(part, knobs={**part.knobs, state: replace(part.knobs[state], **{rest: value})})
    return replace(part, **{head: _with(getattr(part, head), rest, value) if rest else value})

"""Where a wave of remediation starts: the packs of the last good run of its place, else of its authority."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from seg6b.errors import InputRefused
from seg6b.lane.lanes import as_overrides
from seg6b.lane.plan import Compose, key_of
from seg6b.runs.pins import Pin, Role, pins, verified
from seg6b.runs.receipt import RunReceipt
from seg6b.runs.sweep_folder import find_sweeps
from seg6b.settings.job import Job
from seg6b.shards.executor import Threads

LAST_GOOD: Final = "last_good"
PACK: Final = "policy/"


def base_overrides(job: Job, manifest_fingerprint: str, shared: Sequence[str], compose: Compose) -> tuple[str, ...]:
    """The packs that every arm of the lane starts from, as overrides; none where the lane starts from what it composes.

    An unfinished sweep of the lane goes on from the packs that it was begun with, whatever became the last good run.

    Args:
        job: what the candidates share.
        manifest_fingerprint: world.
        shared: overrides that `job` was composed from.
        compose: turns overrides into a job.

    Raises:
        InputRefused: neither run is pinned, or its packs are not those of the variants that it names.
        Damaged: the pinned run is not as it was pinned.
    """
    if job.lane.base != LAST_GOOD:
        return ()
    for sweep in (f.sweep() for f in find_sweeps(job.root) if not f.finished()):
        begun = (sweep.lane, sweep.manifest_fingerprint, sweep.posture, sweep.seed, sweep.scenario_id)
        if begun == (job.lane.id, manifest_fingerprint, job.posture, job.seed, job.scenario_id):
            return tuple(o for o in sweep.overrides if key_of(o).startswith(PACK))
    pinned = _start(job, manifest_fingerprint)
    receipt = verified(job.root, pinned, Threads.of(job.threads)).receipt()
    found = variants_of(receipt)
    if compose((*shared, *found)).policy.parameter_hash != receipt.parameter_hash:
        raise InputRefused(
            "E_LANE_BASE", "the run to start from has packs of its own, not those of the variants it names",
            f"run {pinned.run_id}, pinned as {pinned.role}", receipt.parameter_hash[:12], "packs of conf/policy alone",
            "Write its packs down as variants below conf/policy, run them, and pin that run.",
        )  # fmt: skip
    return found


def variants_of(receipt: RunReceipt) -> tuple[str, ...]:
    """The packs of a run as overrides of groups."""
    return as_overrides({name: variant for name, variant in receipt.knobs.items() if name.startswith(PACK)})


def _start(job: Job, manifest_fingerprint: str) -> Pin:
    place = (manifest_fingerprint, job.posture, job.seed, job.scenario_id)
    held = {pin.role: pin for pin in pins(job.root) if pin.place == place}
    found = held.get(Role.LAST_GOOD) or held.get(Role.AUTHORITY)
    if found is None:
        raise InputRefused(
            "E_LANE_BASE", f"{job.lane.id} starts from the last good run or the authority, and neither is pinned",
            f"posture {job.posture}, seed {job.seed}, {job.scenario_id}, world {manifest_fingerprint[:12]}", "",
            "a pinned run of this place", "Begin with the baseline: python -m seg6b.lane +lane=p0",
        )  # fmt: skip
    return found

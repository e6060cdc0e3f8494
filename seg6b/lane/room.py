"""Room on the disk: old trash is freed, superseded runs are pruned, and a run that cannot fit is refused beforehand."""

from __future__ import annotations

import math
import shutil
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import Final

from seg6b.errors import Conflict, ResourceRefused
from seg6b.lane.precedent import sources_of
from seg6b.render.wording import size
from seg6b.runs.inventory import DONE, Listed, take_inventory
from seg6b.runs.prune import execute_plan, finish_interrupted
from seg6b.runs.prune_plan import plan_prune
from seg6b.runs.trash import free, trash_bytes
from seg6b.runs.verify import state_receipts
from seg6b.settings.job import Job
from seg6b.world.sealed import SealedWorld

BYTES_PER_ARRIVAL: Final = 420
SPARE: Final = 1.1


def make_room(job: Job, world: SealedWorld, say: Callable[[str], None]) -> None:
    """Before a run or a sweep: free old trash, and prune where the run is an expensive one; a line says what was done.

    A slot of a sweep makes no room: the sweep did. Runs that `job` will link from are left alone.

    Args:
        job: what is about to run.
        world: its world.
        say: takes a line.

    Raises:
        Damaged: something that is kept is damaged; nothing was pruned.
    """
    if not job.prune.auto or job.arm.sweep:
        return
    freed = free(job.root, job.prune.grace_h)
    if freed.runs:
        say(f"freed {len(freed.runs)} pruned runs for good: the disk got back {size(freed.freed_bytes)}")
    if world.arrivals >= job.prune.expensive_arrivals:
        try:
            _prune(job, sources_of(job, world), say)
        except Conflict as changed:
            say(f"not pruned: {changed}")


def require_room(root: Path, needed: int) -> None:
    """Refuse a run that the disk cannot take, with what a prune would give back.

    Raises:
        ResourceRefused: the disk has less than `needed` bytes and a tenth.
    """
    place = root / "mlruns"
    place.mkdir(parents=True, exist_ok=True)
    there = shutil.disk_usage(place).free
    if there >= needed * SPARE:
        return
    plan, (_, trash) = plan_prune(root), trash_bytes(root)
    gains = {"prune --free": trash, "prune --yes --free": trash + plan.freed_bytes if plan.items else 0}
    ways = ", ".join(f"`python -m seg6b {command}` gives back {size(gain)}" for command, gain in gains.items() if gain)
    raise ResourceRefused(
        "E_RUN_ROOM", "the disk has too little room for this run", str(place), size(there), size(needed * SPARE),
        f"{ways}." if ways else "There is nothing to prune: use a smaller world, or another `root=`.",
    )  # fmt: skip


def bytes_needed(root: Path, arrivals: int, states: Collection[str]) -> int:
    """What a run will write: from the finished run nearest in size, the newest of such, scaled to `arrivals`.

    Args:
        root: project root.
        arrivals: size of the world.
        states: states that will be executed; linked ones take no room.
    """
    done = [x for x in take_inventory(root).runs.values() if x.receipt.status == DONE and x.receipt.world["arrivals"]]
    if not done:
        return arrivals * BYTES_PER_ARRIVAL
    model = min(sorted(done, key=lambda x: x.receipt.ended_utc, reverse=True), key=lambda x: _distance(x, arrivals))
    held = [r for name, r in state_receipts(model.run).items() if name in states]
    wrote = sum(sum(d.bytes for d in r.datasets.values()) + sum(f.bytes for f in r.files) for r in held)
    return math.ceil(wrote * arrivals / model.receipt.world["arrivals"])


def _prune(job: Job, spared: Sequence[str], say: Callable[[str], None]) -> None:
    finish_interrupted(job.root, job.prune.grace_h, spared=spared)
    plan = plan_prune(job.root, job.prune.grace_h, spared=spared)
    if plan.items:
        record = execute_plan(job.root, plan)
        moved = len(record.runs) - len(record.left)
        gain = f"the disk gets back {size(plan.freed_bytes)} in {job.prune.grace_h:g} h"
        say(f"pruned {moved} runs that nothing keeps: {gain}; undo: python -m seg6b undelete {plan.plan_id[:12]}")


def _distance(listed: Listed, arrivals: int) -> float:
    return abs(math.log(listed.receipt.world["arrivals"] / arrivals))

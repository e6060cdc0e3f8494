"""`seg6b prune` and `seg6b undelete`: the runs that nothing keeps, to the trash and back."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from seg6b.cli.options import AsJson, Root
from seg6b.errors import UsageError
from seg6b.render.wording import size
from seg6b.runs.keep import GRACE_H, verify_kept
from seg6b.runs.prune import execute_plan, finish_interrupted, require_plan
from seg6b.runs.prune_plan import PrunePlan, plan_prune
from seg6b.runs.prune_record import PruneRecord, interrupted
from seg6b.runs.trash import Freed, free, trash_bytes
from seg6b.runs.trash import undelete as bring_back
from seg6b.shards.executor import Threads

Yes = Annotated[bool, typer.Option("--yes", help="Do it: move what the plan names to the trash.")]
Plan = Annotated[str, typer.Option("--plan", help="With --yes: this plan and no other; id or beginning, as shown.")]
Free = Annotated[bool, typer.Option("--free", help="Delete the trash for good; all of it, or by age with --grace-h.")]
GraceH = Annotated[
    float | None,
    typer.Option(
        "--grace-h",
        min=0.0,
        show_default=False,
        help=f"Hours in which an unfinished run is no garbage ({GRACE_H:g}), and with --free stays in the trash (0).",
    ),
]
RunOrPlan = Annotated[str, typer.Argument(help="A pruned run or a plan: its id, or the beginning of one.")]


def prune(
    root: Root = Path(),
    plan: Plan = "",
    grace_h: GraceH = None,
    *,
    yes: Yes = False,
    free_trash: Free = False,
    as_json: AsJson = False,
) -> None:
    """Show which runs nothing keeps any more, why, and how many bytes they hold; with --yes, move them to the trash."""
    base = root.resolve()
    if free_trash and plan and not yes:
        raise UsageError("E_PRUNE_USAGE", "a plan is executed by --yes", "--plan", plan, "--plan PLAN --yes", "")
    said: dict[str, Any] = {}
    if yes or not free_trash:
        said = _do(base, plan, grace_h, yes=yes, as_json=as_json)
    if free_trash:
        freed = free(base, grace_h or 0.0)
        said["trash"] = asdict(freed)
        if not as_json:
            _tell_freed(freed)
    if as_json:
        typer.echo(json.dumps(said, indent=2))


def undelete(which: RunOrPlan, root: Root = Path(), *, as_json: AsJson = False) -> None:
    """Bring the data of a pruned run, or of all runs of a plan, back from the trash, and check it."""
    runs = bring_back(root.resolve(), which)
    if as_json:
        typer.echo(json.dumps({"undeleted": runs}, indent=2))
        return
    for run_id in runs:
        typer.echo(f"{run_id}: back in its place, as published")
    typer.echo(
        f"What nothing keeps is pruned again after {GRACE_H:g} h. To keep a run: python -m seg6b pin RUN --role …"
    )


def _do(root: Path, wanted: str, grace_h: float | None, *, yes: bool, as_json: bool) -> dict[str, Any]:
    """Verify what is kept, finish what was interrupted, execute, and show it all; what was done, as plain data."""
    grace = GRACE_H if grace_h is None else grace_h
    begun = [record.plan_id for record in interrupted(root)]
    finished = finish_interrupted(root, grace) if yes else []
    plan = plan_prune(root, grace)
    resumed = bool(wanted) and any(plan_id.startswith(wanted) for plan_id in begun)
    if wanted and not resumed:
        require_plan(root, wanted, plan)
    due = yes and bool(plan.items) and not resumed
    if not due:
        verify_kept(root, plan.kept, Threads.of())
    record = execute_plan(root, plan) if due else None
    if not as_json:
        _tell_unfinished(begun, finished)
        _tell_plan(plan)
        if record:
            _tell_record(record)
        elif not finished:
            _tell_next(root, plan, grace_h)
    done = {"executed": asdict(record) if record else None, "finished": [asdict(r) for r in finished]}
    return {"plan": asdict(plan), "interrupted": begun, **done}


def _tell_plan(plan: PrunePlan) -> None:
    if plan.items:
        typer.echo(f"{'drop':10} {'lane':10} {'arm':8} {'states':9} {'bytes':>11} {'given back':>11}  reason")
    for item in plan.items:
        states = f"{item.states[0]}..{item.states[-1]}" if item.states else "none"
        head = f"{item.run_id[:8]:10} {item.lane[:10]:10} {item.arm[:8]:8} {states:9}"
        typer.echo(f"{head} {size(item.bytes):>11} {size(item.freed_bytes):>11}  {item.reason}")
    if plan.items:
        total = f"{len(plan.items)} runs"
        typer.echo(f"{total:40} {size(plan.bytes):>11} {size(plan.freed_bytes):>11}\n")
    if plan.kept:
        typer.echo(f"{'keep':10} because")
    for run_id, reasons in plan.kept.items():
        typer.echo(f"{run_id[:8]:10} {'; '.join(reasons)}")
    for stray in plan.strays:
        typer.echo(f"left alone: {stray.path}, {size(stray.bytes)}: {stray.what}")


def _tell_next(root: Path, plan: PrunePlan, grace_h: float | None) -> None:
    held, back = trash_bytes(root)
    if held:
        typer.echo(f"\nIn the trash: {size(held)}. Free it for good ({size(back)}): python -m seg6b prune --free")
    if not plan.items:
        typer.echo("\nNothing to prune.")
        return
    more = "" if grace_h is None else f" --grace-h {grace_h:g}"
    typer.echo(f"\nNothing was done. To do exactly this: python -m seg6b prune --plan {plan.plan_id[:12]} --yes{more}")


def _tell_unfinished(begun: Sequence[str], finished: Sequence[PruneRecord]) -> None:
    for record in finished:
        typer.echo(f"Plan {record.plan_id[:12]} had been interrupted.")
        _tell_record(record)
    if begun and not finished:
        typer.echo(f"Plan {begun[0][:12]} was interrupted. Finish it: python -m seg6b prune --yes\n")


def _tell_record(record: PruneRecord) -> None:
    moved = [run for run in record.runs if run.run_id not in record.left]
    held, back = sum(r.bytes for r in moved), sum(r.freed_bytes for r in moved)
    for run_id, why in record.left.items():
        typer.echo(f"{run_id[:8]} was left in place: {why}")
    typer.echo(
        f"{len(moved)} runs moved to the trash: {size(held)}, of which the disk gets back {size(back)} when freed."
    )
    if moved:
        typer.echo(f"Undo:  python -m seg6b undelete {record.plan_id[:12]}\nFree:  python -m seg6b prune --free\n")


def _tell_freed(freed: Freed) -> None:
    typer.echo(
        f"{len(freed.runs)} runs freed for good: {size(freed.bytes)}, the disk got back {size(freed.freed_bytes)}."
    )

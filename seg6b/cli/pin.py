"""`seg6b pin`: what runs are pinned as: authority, last good, witness, certification."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from seg6b.cli.options import AsJson, Root
from seg6b.errors import Refusal, UsageError
from seg6b.gates.board_file import verdict_of
from seg6b.runs import pins
from seg6b.runs.folder import RunFolder, find_runs, resolve_run
from seg6b.runs.pins import Pin, Role
from seg6b.runs.pruned import read_mark
from seg6b.shards.executor import Threads

RunOrNewest = Annotated[
    str, typer.Argument(help="A run id or the beginning of one; left out: the newest finished run outside sweeps.")
]
AsRole = Annotated[Role, typer.Option("--role", help="What the run becomes.")]
Reason = Annotated[str, typer.Option("--reason", help="Why; kept in the ledger.")]
Replace = Annotated[bool, typer.Option("--replace", help="Take the place of the present authority; needs --reason.")]
Remove = Annotated[bool, typer.Option("--remove", help="Take the pin off; needs a run, --role and --reason.")]
List = Annotated[bool, typer.Option("--list", help="Show all pins and change nothing.")]


def pin(
    run: RunOrNewest = "",
    root: Root = Path(),
    role: AsRole = Role.AUTHORITY,
    reason: Reason = "",
    *,
    replace: Replace = False,
    remove: Remove = False,
    show: List = False,
    as_json: AsJson = False,
) -> None:
    """Pin a finished run after every byte of it was checked; it is then kept, read-only, and verified at every use."""
    base = root.resolve()
    if show:
        _tell(pins.pins(base), as_json=as_json)
    elif remove:
        gone = pins.unpin(base, _pinned_id(base, run), role, reason)
        _say(gone, "no longer", as_json=as_json)
    else:
        folder = resolve_run(base, run) if run else _newest(base)
        executor = Threads.of()
        made = pins.pin(base, folder, role, verdict_of(folder), executor, replace=replace, reason=reason)
        _say(made, "is", as_json=as_json)


def _newest(root: Path) -> RunFolder:
    """The newest finished run with its data that is no slot of a sweep."""
    found: list[tuple[str, RunFolder]] = []
    for run in find_runs(root):
        with suppress(Refusal):
            receipt = run.receipt()
            if receipt.status == "DONE" and not receipt.sweep_id and read_mark(run) is None:
                found.append((receipt.started_utc, run))
    if not found:
        raise UsageError(
            "E_PIN_NO_RUN", "no finished run to pin", str(root / "mlruns" / "runs"), "", "a finished run",
            "Make one: python -m seg6b.lane; or name one.",
        )  # fmt: skip
    return max(found, key=lambda item: item[0])[1]


def _pinned_id(root: Path, run: str) -> str:
    """The id of a pinned run, which may itself be gone."""
    held = {p.run_id for p in pins.pins(root) if run and p.run_id.startswith(run)}
    return held.pop() if len(held) == 1 else resolve_run(root, run).run_id


def _say(pinned: Pin, verb: str, *, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(asdict(pinned), indent=2))
        return
    place = f"world {pinned.manifest_fingerprint[:12]}, {pinned.posture}, seed {pinned.seed}, {pinned.scenario_id}"
    typer.echo(f"{pinned.run_id} {verb} {pinned.role}: {place}, {pinned.verdict or 'no verdict'}")


def _tell(held: Sequence[Pin], *, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps([asdict(p) for p in held], indent=2))
        return
    if not held:
        typer.echo("Nothing is pinned. Pin the newest finished run: python -m seg6b pin")
        return
    head = f"{'role':13} {'run':10} {'world':12} {'posture':8} {'seed':>6} {'scenario':10}"
    typer.echo(f"{head} {'pinned (UTC)':19} {'verdict':16} reason")
    for p in held:
        place = f"{p.manifest_fingerprint[:12]:12} {p.posture:8} {p.seed:>6} {p.scenario_id:10}"
        pinned = p.pinned_utc[:19].replace("T", " ")
        typer.echo(f"{p.role:13} {p.run_id[:8]:10} {place} {pinned:19} {p.verdict:16} {p.reason}".rstrip())

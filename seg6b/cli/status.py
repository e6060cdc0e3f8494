"""`seg6b status`: the runs that are there, newest first; with `--why`, why each state of one ran."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from seg6b.cli.options import AsJson, Root
from seg6b.errors import UsageError
from seg6b.gates.board_file import verdict_of
from seg6b.render.why_table import show_why
from seg6b.runs.folder import RunFolder, find_runs, resolve_run
from seg6b.runs.pins import authority, pins
from seg6b.runs.pruned import read_mark
from seg6b.runs.reasons import reasons
from seg6b.states.pipeline import STATES

Run = Annotated[str, typer.Argument(help="With --why: a run id, or the beginning of one; the newest run by default.")]
Why = Annotated[bool, typer.Option("--why", help="Per state: linked or executed, and what of its key changed.")]
Against = Annotated[
    str, typer.Option("--against", help="The run to hold it against; the authority, else the run before, by default.")
]


def status(
    run: Run = "", root: Root = Path(), *, why: Why = False, against: Against = "", as_json: AsJson = False
) -> None:
    """List every run: when, which lane, seed, world and posture, how far it came, its role, what its gates say."""
    home = root.resolve()
    if why:
        _why(home, run, against, as_json=as_json)
        return
    if run or against:
        raise UsageError("E_STATUS_USAGE", "a run is named, but nothing is asked of it", "RUN", run or against, "--why")
    roles = _roles(home)
    rows = [_row(folder, roles) for folder in _newest_first(home)]
    if as_json:
        typer.echo(json.dumps(rows, indent=2))
        return
    if not rows:
        typer.echo("No runs yet. Start one: python -m seg6b.lane")
        return
    head = f"{'run':10} {'started (UTC)':20} {'lane':10} {'arm':8} {'world':9} {'seed':>6} {'posture':8}"
    typer.echo(f"{head} {'status':8} {'verdict':14} role")
    for r in rows:
        typer.echo(_line(r))


def _line(row: Mapping[str, Any]) -> str:
    started = row["started_utc"][:19].replace("T", " ")
    run = f"{row['run_id'][:8]:10} {started:20} {row['lane'][:10]:10} {row['arm'][:8]:8} {row['world']:9}"
    marks = ", ".join([*row["roles"], *(["pruned"] if row["pruned"] else [])])
    return f"{run} {row['seed']:>6} {row['posture']:8} {row['status']:8} {row['verdict']:14} {marks}".rstrip()


def _row(run: RunFolder, roles: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    receipt = run.receipt()
    return {
        "run_id": run.run_id,
        "started_utc": receipt.started_utc,
        "lane": receipt.lane,
        "arm": receipt.arm,
        "sweep_id": receipt.sweep_id,
        "world": str(receipt.world.get("name", "")),
        "seed": receipt.seed,
        "posture": receipt.posture,
        "status": receipt.status,
        "states": sorted(p.stem for p in (run.path / "states").glob("*.json")),
        "verdict": verdict_of(run),
        "roles": list(roles.get(run.run_id, ())),
        "pruned": read_mark(run) is not None,
    }


def _roles(root: Path) -> dict[str, list[str]]:
    roles: dict[str, list[str]] = {}
    for pin in pins(root):
        roles.setdefault(pin.run_id, []).append(str(pin.role))
    return roles


def _newest_first(root: Path) -> list[RunFolder]:
    return sorted(find_runs(root), key=lambda r: r.receipt().started_utc, reverse=True)


def _why(root: Path, run: str, against: str, *, as_json: bool) -> None:
    """Print why each state of a run ran, held against another run."""
    runs = _newest_first(root)
    if not runs:
        raise UsageError("E_STATUS_NO_RUN", "there is no run yet", str(root), "", "a run", "python -m seg6b.lane")
    chosen = resolve_run(root, run) if run else runs[0]
    other = resolve_run(root, against) if against else _usual_other(root, chosen, runs)
    found = [reasons(chosen, other, state) for state in STATES]
    if as_json:
        body = {"run_id": chosen.run_id, "against": other.run_id if other else "", "states": [asdict(r) for r in found]}
        typer.echo(json.dumps(body, indent=2))
        return
    typer.echo(f"run {chosen.run_id}" + (f", held against {other.run_id}" if other else ", the first of its kind"))
    show_why(found)


def _usual_other(root: Path, run: RunFolder, newest_first: Sequence[RunFolder]) -> RunFolder | None:
    """The authority of the run's place; else the run before it in that place, else the run before it."""
    receipt = run.receipt()
    pinned = authority(root, receipt.manifest_fingerprint, receipt.posture, receipt.seed, receipt.scenario_id)
    if pinned is not None and pinned.run_id != run.run_id:
        return RunFolder.of(root, pinned.run_id)
    earlier = [r for r in newest_first if r.receipt().started_utc < receipt.started_utc]
    alike = [r for r in earlier if _place(r) == _place(run)]
    return next(iter([*alike, *earlier]), None)


def _place(run: RunFolder) -> tuple[str, str, int, str]:
    receipt = run.receipt()
    return receipt.manifest_fingerprint, receipt.posture, receipt.seed, receipt.scenario_id

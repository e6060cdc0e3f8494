"""`seg6b status`: the runs that are there, newest first."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import typer

from seg6b.cli.options import AsJson, Root
from seg6b.gates.encoding import from_json
from seg6b.runs.folder import RunFolder, find_runs


def status(root: Root = Path(), *, as_json: AsJson = False) -> None:
    """List every run: when, which seed, world and posture, how far it came, what its gates say."""
    rows = sorted((_row(run) for run in find_runs(root.resolve())), key=lambda r: r["started_utc"], reverse=True)
    if as_json:
        typer.echo(json.dumps(rows, indent=2))
        return
    if not rows:
        typer.echo("No runs yet. Start one: python -m seg6b.lane")
        return
    typer.echo(f"{'run':10} {'started (UTC)':20} {'world':9} {'seed':>6} {'posture':8} {'status':8} verdict")
    for r in rows:
        started = r["started_utc"][:19].replace("T", " ")
        run = f"{r['run_id'][:8]:10} {started:20} {r['world']:9} {r['seed']:>6}"
        typer.echo(f"{run} {r['posture']:8} {r['status']:8} {r['verdict']}")


def _row(run: RunFolder) -> dict[str, Any]:
    receipt = run.receipt()
    return {
        "run_id": run.run_id,
        "started_utc": receipt.started_utc,
        "world": str(receipt.world.get("name", "")),
        "seed": receipt.seed,
        "posture": receipt.posture,
        "role": receipt.role,
        "status": receipt.status,
        "states": sorted(p.stem for p in (run.path / "states").glob("*.json")),
        "verdict": _verdict(run),
    }


def _verdict(run: RunFolder) -> str:
    path = run.gates_path
    return str(from_json(path.read_text(encoding="utf-8")).verdict) if path.exists() else ""

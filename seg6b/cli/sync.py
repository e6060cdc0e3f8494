"""`seg6b sync`: the tracking store brought up to what the run folders say."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import typer

from seg6b.cli.options import ArtifactRoot, AsJson, Root, StoreUri
from seg6b.tracking.settings import MLflowSettings
from seg6b.tracking.sync import SyncReport
from seg6b.tracking.sync import sync as bring_up


def sync(root: Root = Path(), uri: StoreUri = "", artifact_root: ArtifactRoot = "", *, as_json: AsJson = False) -> None:
    """Tell MLflow what an outage left out: runs, closed sweeps, roles, and which runs have ended."""
    base = root.resolve()
    settings = MLflowSettings(base, uri=uri, artifact_root=artifact_root)
    report = bring_up(base, settings)
    if as_json:
        typer.echo(json.dumps(asdict(report), indent=2))
    else:
        _tell(report)
    if report.damaged:
        raise typer.Exit(1)


def _tell(report: SyncReport) -> None:
    lines = {
        "told": report.runs,
        "told, with all arms": [f"sweep {sweep_id}" for sweep_id in report.sweeps],
        "no longer called running": report.closed,
        "role brought up to date": report.retagged,
        "still at work, left for later": report.in_flight,
    }
    for words, names in lines.items():
        for name in names:
            typer.echo(f"{name}: {words}")
    if not any((report.runs, report.sweeps, report.closed, report.retagged, report.damaged)):
        typer.echo("The store has everything.")
    for path, fault in report.damaged.items():
        typer.echo(f"E_SYNC_DAMAGED: {fault} ({path})", err=True)

"""`seg6b verify`: a run re-checked from its files alone."""

from __future__ import annotations

import json
import os
from dataclasses import asdict
from pathlib import Path

import typer

from seg6b.cli.options import AsJson, Root, RunId
from seg6b.runs.folder import resolve_run
from seg6b.runs.verify import verify_digests, verify_files
from seg6b.shards.executor import Threads


def verify(run: RunId, root: Root = Path(), *, as_json: AsJson = False) -> None:
    """Re-check receipts, file bytes, content digests, flag and audit; name every file that is not as it was."""
    folder = resolve_run(root.resolve(), run)
    executor = Threads(os.cpu_count() or 1)
    findings = verify_files(folder, executor)
    findings += [f for f in verify_digests(folder, executor) if f.path not in {g.path for g in findings}]
    if as_json:
        typer.echo(json.dumps({"run_id": folder.run_id, "findings": [asdict(f) for f in findings]}, indent=2))
    else:
        for finding in findings:
            typer.echo(f"E_VERIFY: {finding}", err=True)
        typer.echo(f"{folder.run_id}: {len(findings)} findings" if findings else f"{folder.run_id}: as published")
    if findings:
        raise typer.Exit(1)

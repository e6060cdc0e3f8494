"""`seg6b verify`: a run re-checked from its files alone."""

from __future__ import annotations

import json
import os
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from seg6b.cli.options import AsJson, Root, RunId
from seg6b.runs.folder import RunFolder, resolve_run
from seg6b.runs.verify import Finding, verify_digests, verify_files
from seg6b.shards.executor import Threads
from seg6b.states.pipeline import STATES
from seg6b.states.reaudit import verify_audit, verify_flag

Full = Annotated[bool, typer.Option("--full", help="Derive the evidence of every cell again, not of a drawn few.")]


def verify(run: RunId, root: Root = Path(), *, full: Full = False, as_json: AsJson = False) -> None:
    """Re-check receipts, file bytes, content digests, flag and audit; name every file that is not as it was."""
    folder = resolve_run(root.resolve(), run)
    findings = _findings(folder, "full" if full else "sampled")
    if as_json:
        typer.echo(json.dumps({"run_id": folder.run_id, "findings": [asdict(f) for f in findings]}, indent=2))
    else:
        for finding in findings:
            typer.echo(f"E_VERIFY: {finding}", err=True)
        typer.echo(f"{folder.run_id}: {len(findings)} findings" if findings else f"{folder.run_id}: as published")
    if findings:
        raise typer.Exit(1)


def _findings(folder: RunFolder, audit: str) -> list[Finding]:
    """Bytes first: what they already name is not derived again."""
    executor = Threads(os.cpu_count() or 1)
    missing = [s for s in STATES if folder.state(s) is None]
    if missing:
        return [Finding(f"states/{s}.json", "the state has not happened") for s in missing]
    findings = verify_files(folder, executor)
    return findings or [*verify_digests(folder, executor), *verify_flag(folder), *verify_audit(folder, executor, audit)]

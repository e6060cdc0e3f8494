"""`seg6b verify`: a run, and the ledger, re-checked from their files alone."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from seg6b.cli.options import AsJson, Root
from seg6b.errors import UsageError
from seg6b.runs.folder import RunFolder, resolve_run
from seg6b.runs.ledger import entries
from seg6b.runs.pins import pins, require_told
from seg6b.runs.pruned import read_mark
from seg6b.runs.verify import Finding, verify_digests, verify_files, verify_left
from seg6b.shards.executor import Threads
from seg6b.states.pipeline import STATES
from seg6b.states.reaudit import verify_audit, verify_flag

RunOrNone = Annotated[str, typer.Argument(help="A run id, or the beginning of one (four digits or more).")]
Ledger = Annotated[bool, typer.Option("--ledger", help="Check the ledger's chain and the pins; RUN may be left out.")]
Full = Annotated[bool, typer.Option("--full", help="Derive the evidence of every cell again, not of a drawn few.")]


def verify(
    run: RunOrNone = "", root: Root = Path(), *, full: Full = False, ledger: Ledger = False, as_json: AsJson = False
) -> None:
    """Re-check receipts, file bytes, content digests, flag and audit; name every file that is not as it was."""
    if not run and not ledger:
        raise UsageError("E_VERIFY_NOTHING", "nothing to verify", "RUN", "", "a run id, or --ledger", "")
    base = root.resolve()
    said: dict[str, Any] = {}
    if run:
        said |= _run(resolve_run(base, run), "full" if full else "sampled", as_json=as_json)
    if ledger:
        said |= _ledger(base, as_json=as_json)
    if as_json:
        typer.echo(json.dumps(said, indent=2))
    if said.get("findings"):
        raise typer.Exit(1)


def _run(folder: RunFolder, audit: str, *, as_json: bool) -> dict[str, Any]:
    """What is said of a run; of a pruned one, what is left is checked."""
    mark = read_mark(folder)
    findings = verify_left(folder, Threads.of()) if mark else _findings(folder, audit)
    if not as_json:
        for finding in findings:
            typer.echo(f"E_VERIFY: {finding}", err=True)
        good = f"pruned ({mark.reason}); what is left is as published" if mark else "as published"
        typer.echo(f"{folder.run_id}: {len(findings)} findings" if findings else f"{folder.run_id}: {good}")
    return {
        "run_id": folder.run_id,
        "pruned": asdict(mark) if mark else None,
        "findings": [asdict(f) for f in findings],
    }


def _ledger(root: Path, *, as_json: bool) -> dict[str, Any]:
    """What is said of the ledger and the pins; damage is raised."""
    chain, held = entries(root), pins(root)
    require_told(root)
    if not as_json:
        typer.echo(f"ledger: {len(chain)} entries and {len(held)} pins, as written")
    return {"ledger": {"entries": len(chain), "digest": chain[-1].digest if chain else "", "pins": len(held)}}


def _findings(folder: RunFolder, audit: str) -> list[Finding]:
    """Bytes first: what they already name is not derived again."""
    executor = Threads.of()
    missing = [s for s in STATES if folder.state(s) is None]
    if missing:
        return [Finding(f"states/{s}.json", "the state has not happened") for s in missing]
    findings = verify_files(folder, executor)
    return findings or [*verify_digests(folder, executor), *verify_flag(folder), *verify_audit(folder, executor, audit)]

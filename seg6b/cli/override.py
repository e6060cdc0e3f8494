"""`seg6b override`: a person's word against the rule, with its reason, in the ledger and on every board."""

from __future__ import annotations

import json
import re
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Final

import typer

from seg6b.cli.options import AsJson, Root
from seg6b.errors import UsageError
from seg6b.runs import ledger

_MARKER: Final = re.compile(r"[A-Z][A-Z0-9]*(_[A-Z0-9.]+)+")

Marker = Annotated[str, typer.Argument(help="The marker to give, such as UNLOCK_POPT.3_CONTINUE.")]
Reason = Annotated[str, typer.Option("--reason", help="Why the rule does not hold here.")]


def override(marker: Marker, root: Root = Path(), reason: Reason = "", *, as_json: AsJson = False) -> None:
    """Give a marker that no closure gave: the ledger keeps it with its reason, and every board shows it."""
    if not _MARKER.fullmatch(marker):
        raise UsageError(
            "E_OVERRIDE_MARKER", "not a marker", "MARKER", repr(marker), "such as UNLOCK_POPT.3_CONTINUE",
            "A lane names the markers it needs under `requires`.",
        )  # fmt: skip
    why = ledger.checked_reason(reason, f"python -m seg6b override {marker}")
    entry = ledger.append(root.resolve(), ledger.OVERRIDE, {"marker": marker, "reason": why})
    if as_json:
        typer.echo(json.dumps(asdict(entry), indent=2))
    else:
        typer.echo(f"{marker} is given by override: {why} (ledger entry {entry.n})")

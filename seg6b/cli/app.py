"""`python -m seg6b`: the commands around a run."""

from __future__ import annotations

import sys

import typer

from seg6b.cli import (
    certify,
    docs,
    override,
    pin,
    popt,
    prune,
    remediate,
    report,
    score,
    status,
    sync,
    ui,
    verify,
    world,
)
from seg6b.errors import Seg6bError

app = typer.Typer(
    name="seg6b",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Segment 6B workbench: inspect and re-check runs and worlds. A run itself is `python -m seg6b.lane`.",
    epilog="Exit codes: 0 done, 1 refused or a check failed, 2 bad usage.",
)
app.command("status")(status.status)
app.command("verify")(verify.verify)
app.command("score")(score.score)
app.command("report")(report.report)
app.command("pin")(pin.pin)
app.command("override")(override.override)
app.command("certify")(certify.certify)
app.command("remediate")(remediate.remediate)
app.command("popt")(popt.popt)
app.command("prune")(prune.prune)
app.command("undelete")(prune.undelete)
app.command("sync")(sync.sync)
app.command("ui")(ui.ui)
app.add_typer(world.app, name="world")
app.command("docs")(docs.docs)


def main() -> None:
    """Run a command; a refusal is one line on stderr and its exit code."""
    try:
        app()
    except Seg6bError as error:
        print(error, file=sys.stderr)  # noqa: T201
        sys.exit(error.exit_code)

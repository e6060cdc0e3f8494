"""`seg6b certify`: one policy on all required seeds, one grade; with --robust also on seeds and worlds never seen."""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Final

import typer

from seg6b.cli.options import AsJson, Root
from seg6b.errors import Damaged, ResourceRefused, UsageError
from seg6b.lane.boards import build_plan_budgets
from seg6b.lane.certify import Request, seal, thresholds_of
from seg6b.lane.certify import certify as certify_all
from seg6b.lane.lanes import lane_of
from seg6b.lane.phase import open_phase
from seg6b.lane.robustness import Field, Trying, against, try_field
from seg6b.render.certification_files import MEANING, gate_decision, write_certification
from seg6b.runs.disk import disk_faults
from seg6b.runs.folder import RunFolder, resolve_run
from seg6b.runs.pins import Role, pins
from seg6b.scoring.certification import Certification, Grade, over_target, regraded
from seg6b.tracking.certifications import project_certification
from seg6b.tracking.settings import MLflowSettings

FILE: Final = "p5"
OFF: Final = "off"

Run = Annotated[
    str, typer.Argument(help="Run whose policy, world and knobs are certified; left out: the last good run.")
]
Use = Annotated[list[str], typer.Option("--use", help="SEED=RUN: this run stands for that seed, as it is.")]
ScoreOnly = Annotated[bool, typer.Option("--score-only", help="Run nothing; a seed without --use is missing.")]
Set = Annotated[list[str], typer.Option("--set", help="A further override of every run, such as world.source=/data/w.")]
Attempt = Annotated[
    int, typer.Option("--attempt", min=1, help="Another number measures anew what was certified before.")
]
Robust = Annotated[bool, typer.Option("--robust", help="Also try run seeds and worlds never seen, and other sizes.")]
FieldOf = Annotated[str, typer.Option("--field", help="With --robust: run seeds x worlds to draw.")]
Tracking = Annotated[str, typer.Option("--uri", help="Tracking store; left out: the one in mlruns/; `off`: none.")]
Draw = Annotated[int | None, typer.Option("--draw", help="With --robust: repeat this draw; left out: a new one.")]


def certify(  # noqa: PLR0913 - the options of a command
    run: Run = "",
    root: Root = Path(),
    use: Use = [],  # noqa: B006 - typer reads the default
    settings: Set = [],  # noqa: B006
    attempt: Attempt = 1,
    *,
    field: FieldOf = "20x5",
    draw: Draw = None,
    tracking: Tracking = "",
    score_only: ScoreOnly = False,
    robust: Robust = False,
    as_json: AsJson = False,
) -> None:
    """Certify a policy on seeds 42, 7, 101 and 202: gates, scatter across seeds, budgets, one grade.

    Each seed is a new process and a full chain S0 to S5; runs that are there are not made again. Exit code 1 if the
    grade is HOLD_REMEDIATE.
    """
    base = root.resolve()
    overrides = open_phase(base, lane_of(FILE))
    source = resolve_run(base, run) if run else _last_good(base)
    given = {seed: resolve_run(base, run_id) for seed, run_id in map(_pair, use)}
    size = _size(field)
    request = Request(base, source, given, not score_only, tuple(settings), attempt, build_plan_budgets())
    certified = certify_all(request, _say)
    if robust and certified.grade is not Grade.HOLD_REMEDIATE:
        wide = Field(secrets.randbits(31) if draw is None else draw, *size)
        _say(f"robustness: draw {wide.draw}")
        trial = Trying(base, certified.certification_id, source.receipt(), thresholds_of(source), tuple(settings))
        found = try_field(trial, wide, _say)
        certified = regraded(replace(certified, robust=found), against(found))
    if overrides:
        certified = replace(certified, reasons=(*certified.reasons, *(f"override: {line}" for line in overrides)))
    with disk_faults("E_CERTIFY_DISK", base / "reports"):
        paths = write_certification(certified, base / "reports")
        seal(base, certified)
    _track(certified, paths, base, tracking)
    _tell(certified, paths, base, as_json=as_json)
    if certified.grade is Grade.HOLD_REMEDIATE:
        raise typer.Exit(1)


def _pair(text: str) -> tuple[int, str]:
    seed, _, run = text.partition("=")
    if not seed.isdigit() or not run:
        raise UsageError("E_CERTIFY_USE", "not a seed and its run", "--use", text, "SEED=RUN, such as 7=3fa2", "")
    return int(seed), run


def _size(text: str) -> tuple[int, int]:
    found = re.fullmatch(r"([1-9]\d{0,3})x([1-9]\d{0,3})", text)
    if not found:
        raise UsageError("E_CERTIFY_FIELD", "not a size of a field", "--field", text, "run seeds x worlds: 20x5", "")
    return int(found[1]), int(found[2])


def _last_good(root: Path) -> RunFolder:
    """The run that was pinned last as last good."""
    found = [pin for pin in pins(root) if pin.role is Role.LAST_GOOD]
    if not found:
        raise UsageError(
            "E_CERTIFY_SOURCE", "no run is pinned as last good", "RUN", "", "a run whose policy is to be certified",
            "Name one: python -m seg6b certify RUN; or run the lanes p0 to p4 first.",
        )  # fmt: skip
    return RunFolder.of(root, found[-1].run_id)


def _track(certified: Certification, paths: Sequence[Path], root: Path, uri: str) -> None:
    """Tell MLflow; a store that cannot be used costs the projection, never the certification."""
    settings = MLflowSettings(root, enabled=uri != OFF, uri="" if uri == OFF else uri)
    runs = {int(seed): RunFolder.of(root, run_id) for seed, run_id in certified.runs.items()}
    try:
        project_certification(certified, runs, settings, paths)
    except (Damaged, ResourceRefused) as error:
        error.hint = "The certification is safe; the same command tells the store, and runs nothing again."
        _say(str(error))


def _say(line: str) -> None:
    typer.echo(line, err=True)


def _tell(certified: Certification, paths: Sequence[Path], root: Path, *, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(gate_decision(certified), indent=2))
        return
    typer.echo(f"{certified.grade}: {MEANING[certified.grade]}")
    for line in (*certified.reasons, *over_target(certified.budgets)):
        typer.echo(f"  {line}")
    for seed, verdict in certified.verdicts.items():
        typer.echo(f"seed {seed:>6}  run {certified.runs[seed][:8]}  {verdict}")
    worst = max(certified.cv, key=lambda name: certified.cv[name], default="")
    if worst:
        typer.echo(f"scatter      {certified.cv[worst]:.3f} at most ({worst})")
    for path in paths:
        typer.echo(f"report       {path.relative_to(root)}")

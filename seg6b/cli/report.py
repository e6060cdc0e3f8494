"""`seg6b report`: the report files of a run or of a closed sweep, written again from files alone."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Annotated, Final

import typer

from seg6b.cli.options import AsJson, Root
from seg6b.errors import EvidenceMissing, UsageError
from seg6b.lane.ablation import ablation_report
from seg6b.lane.boards import board_data
from seg6b.lane.story import gather_story
from seg6b.lane.summary import gather_summary
from seg6b.render.closure_files import write_closure
from seg6b.render.popt import write_summary
from seg6b.render.report_files import write_reports
from seg6b.render.story import write_story
from seg6b.runs.disk import disk_faults, read_record
from seg6b.runs.folder import find_runs, resolve_run
from seg6b.runs.sweep_folder import SweepFolder, find_sweeps, resolve_sweep
from seg6b.scoring.basis import saved_basis
from seg6b.scoring.closure import Closure

STORY: Final = "remediation_story.html"
SUMMARY: Final = "popt_summary.html"
_PHASE: Final = re.compile(r"p\d{1,2}")

What = Annotated[str, typer.Argument(help="A run id or a sweep id, or the beginning of one (four digits or more).")]
Story = Annotated[bool, typer.Option("--story", help="The whole road of remediation: reports/remediation_story.html.")]
Popt = Annotated[bool, typer.Option("--popt", help="The ladder of POPT: reports/popt_summary.html.")]
Phase = Annotated[str, typer.Option("--phase", help="Phase that a run's gateboard is named after: p0, p1, …")]


def report(
    what: What = "",
    root: Root = Path(),
    phase: Phase = "p0",
    *,
    story: Story = False,
    popt: Popt = False,
    as_json: AsJson = False,
) -> None:
    """Write the gateboard of a run, the closure of a sweep, the story of the road, or the ladder; print the paths."""
    if [story, popt, bool(what)].count(True) != 1:
        raise UsageError(
            "E_REPORT_WHAT",
            "either a run or sweep, or --story, or --popt",
            "WHAT",
            what or "nothing",
            "one of them",
            "",
        )
    if not _PHASE.fullmatch(phase):
        raise UsageError("E_REPORT_PHASE", "not a phase", "--phase", repr(phase), "p and a number, such as p0", "")
    base = root.resolve()
    folder = base / "reports"
    with disk_faults("E_REPORT_DISK", folder):
        if story:
            paths = [write_story(gather_story(base), folder / STORY)]
        elif popt:
            paths = [write_summary(gather_summary(base), folder / SUMMARY)]
        else:
            paths = _written(base, what, folder, phase)
    if as_json:
        typer.echo(json.dumps({"paths": [str(path) for path in paths]}, indent=2))
    else:
        typer.echo("\n".join(str(path) for path in paths))


def _written(root: Path, what: str, folder: Path, phase: str) -> list[Path]:
    sweeps = [sweep for sweep in find_sweeps(root) if sweep.sweep_id.startswith(what)]
    if not sweeps:
        return write_reports(board_data(root, resolve_run(root, what)), folder, phase)
    if any(run.run_id.startswith(what) for run in find_runs(root)):
        raise UsageError("E_REPORT_AMBIGUOUS", "a sweep and a run begin so", "", what, "more digits of one", "")
    return _closure(root, resolve_sweep(root, what), folder)


def _closure(root: Path, sweep: SweepFolder, folder: Path) -> list[Path]:
    """The files of a closed sweep."""
    if not sweep.closure_path.exists():
        raise EvidenceMissing(
            "E_REPORT_OPEN", "the sweep is not closed", str(sweep.closure_path), "no closure.json", "a closed sweep",
            "Run the command that began it again: it goes on. "
            f"`python -m seg6b score {sweep.sweep_id[:8]}` judges what is there.",
        )  # fmt: skip
    closure = read_record(sweep.closure_path, Closure)
    return [*write_closure(closure, folder, saved_basis(sweep.path).history), *ablation_report(root, closure)]

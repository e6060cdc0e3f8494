"""`seg6b score`: a sweep judged again, or the gates of a run read again, from files alone."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from seg6b.cli.options import AsJson, Root
from seg6b.errors import UsageError
from seg6b.gates import encoding
from seg6b.lane.boards import board_again
from seg6b.render.closure_table import show_closure
from seg6b.runs.disk import to_json
from seg6b.runs.folder import RunFolder, find_runs, resolve_run
from seg6b.runs.sweep_folder import SweepFolder, find_sweeps, read_sweep, resolve_sweep
from seg6b.scoring.basis import saved_basis
from seg6b.scoring.closing import nobody_left
from seg6b.scoring.score import score_sweep

What = Annotated[str, typer.Argument(help="A sweep id or a run id, or the beginning of one (four digits or more).")]


def score(what: What, root: Root = Path(), *, as_json: AsJson = False) -> None:
    """Judge a sweep again, or read the gates of a run again from its evidence and compare them with gates.json."""
    base = root.resolve()
    folder = _found(base, what)
    refused = _run(folder, as_json=as_json) if isinstance(folder, RunFolder) else _sweep(base, folder, as_json=as_json)
    if refused:
        raise typer.Exit(1)


def _found(root: Path, what: str) -> SweepFolder | RunFolder:
    """The sweep or the run that `what` names; refuses what names both or neither."""
    sweeps = [s for s in find_sweeps(root) if s.sweep_id.startswith(what)]
    runs = [r for r in find_runs(root) if r.run_id.startswith(what)]
    if sweeps and runs:
        names = ", ".join([*(f"sweep {s.sweep_id}" for s in sweeps), *(f"run {r.run_id}" for r in runs)])
        raise UsageError("E_SCORE_AMBIGUOUS", "a sweep and a run begin so", "", what, f"one of: {names}", "")
    return resolve_sweep(root, what) if sweeps else resolve_run(root, what)


def _sweep(root: Path, folder: SweepFolder, *, as_json: bool) -> bool:
    state, basis = read_sweep(root, folder.sweep_id), saved_basis(folder.path)
    closure = score_sweep(root, state.sweep, state.slots, basis.budgets, basis.overrides)
    if as_json:
        typer.echo(to_json(closure).rstrip())
    else:
        show_closure(closure, ())
    return nobody_left(closure)


def _run(run: RunFolder, *, as_json: bool) -> bool:
    stored = json.loads(run.gates_path.read_text(encoding="utf-8")) if run.gates_path.exists() else {}
    board = json.loads(encoding.to_json(board_again(run)))
    found = list(differences(stored, board))
    if as_json:
        typer.echo(json.dumps({"run_id": run.run_id, "verdict": board["verdict"], "differences": found}, indent=2))
        return bool(found)
    for line in found:
        typer.echo(f"E_SCORE_GATES: {line}", err=True)
    said = f"{len(found)} differences" if found else f"gates.json is as its evidence says, {board['verdict']}"
    typer.echo(f"{run.run_id}: {said}")
    return bool(found)


def differences(stored: Any, now: Any, place: str = "gates.json") -> Iterator[str]:  # noqa: ANN401 - plain JSON
    """Every leaf in which two JSON documents differ, named by its path."""
    if isinstance(stored, dict) and isinstance(now, dict):
        for key in sorted(set(stored) | set(now)):
            yield from differences(stored.get(key), now.get(key), f"{place}.{key}")
    elif isinstance(stored, list) and isinstance(now, list) and len(stored) == len(now):
        for index, (before, after) in enumerate(zip(stored, now, strict=True)):
            yield from differences(before, after, f"{place}[{index}]")
    elif stored != now:
        yield f"{place} is {json.dumps(stored)[:80]}, its evidence says {json.dumps(now)[:80]}"

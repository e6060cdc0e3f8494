"""A project folder that was moved, with its runs on another disk: every command still works."""

from __future__ import annotations

import json
import shutil

import pytest
from typer.testing import CliRunner

from seg6b.cli.app import app
from seg6b.lane.candidate import run_candidate
from seg6b.runs.progress import Silent
from seg6b.scoring.basis import Basis
from seg6b.scoring.score import note_basis
from tests.street.compared import build
from tests.street.lanes import SMALL


@pytest.fixture(scope="module")
def moved(job, tmp_path_factory, other_disk):
    """The project at its new place; its old place is gone, and its runs lie on another file system."""
    place = tmp_path_factory.mktemp("places")
    made = build(place / "old", job)
    note_basis(place / "old", made.sweep, Basis(dict(job(*SMALL).budgets), (), ()))
    shutil.move(place / "old", place / "new")
    runs = place / "new" / "mlruns" / "runs"
    shutil.move(runs, other_disk / "runs")
    runs.symlink_to(other_disk / "runs")
    return place / "new", made


def said(root, *arguments):
    done = CliRunner().invoke(app, [*map(str, arguments), "--root", str(root)], catch_exceptions=False)
    assert done.exit_code == 0, (arguments, done.output)
    return done.output


def test_every_command_works_where_the_project_lies_now(moved):
    root, made = moved
    run, sweep = made.authority.run_id, made.sweep.sweep_id
    assert len(json.loads(said(root, "status", "--json"))) == 3
    assert "executed" in said(root, "status", made.candidate.run_id, "--why")
    assert run[:8] in said(root, "pin", "--list")
    assert "as published" in said(root, "verify", run)
    assert "as written" in said(root, "verify", "--ledger")
    said(root, "score", run)
    for what in (run, sweep):
        for path in json.loads(said(root, "report", what, "--json"))["paths"]:
            assert (root / path).exists()
    said(root, "sync", "--json")
    assert "compare-runs" in said(root, "ui", "--no-serve", "--json")
    assert len(json.loads(said(root, "world", "list", "--json"))) == 1
    for command in ("status", "sync", "prune"):
        assert str(made.root) not in said(root, command)


def test_prune_and_undelete_work_across_disks(moved):
    root, made = moved
    plan = json.loads(said(root, "prune", "--json"))
    dropped = [item["run_id"] for item in plan["plan"]["items"]]
    assert dropped
    assert made.authority.run_id not in dropped
    said(root, "prune", "--yes")
    assert "pruned" in said(root, "verify", dropped[0])
    said(root, "undelete", dropped[0])
    assert "as published" in said(root, "verify", dropped[0])


def test_a_new_run_links_from_the_moved_authority(moved, job):
    root, made = moved
    outcome = run_candidate(job(*SMALL, "source_run=authority", "s4.compression=zstd", root=root), Silent())
    assert [outcome.states[s].staged_from for s in ("S1", "S2", "S3", "S4")] == [made.authority.run_id] * 3 + [""]

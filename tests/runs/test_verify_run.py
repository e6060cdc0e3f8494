"""Every published file of a finished run: one flipped byte, and `verify` names the file."""

from __future__ import annotations

import shutil

import pytest
from typer.testing import CliRunner

from seg6b.cli.app import app
from seg6b.errors import Damaged
from seg6b.runs.disk import files_under
from seg6b.runs.folder import RunFolder
from seg6b.runs.verify import require_whole, verify_digests, verify_files, verify_left
from seg6b.shards.executor import Threads
from seg6b.states.reaudit import verify_audit, verify_flag
from tests.runs.small_runs import prune_by_hand

ONE = Threads(1)


@pytest.fixture
def run(tiny_run, tmp_path):
    """A copy of a finished run that may be damaged."""
    folder = tmp_path / "mlruns" / "runs" / tiny_run.name
    shutil.copytree(tiny_run, folder)
    for path in files_under(folder):
        path.chmod(0o644)
    return RunFolder(folder)


def flip(path, at):
    raw = bytearray(path.read_bytes())
    raw[at] ^= 1
    path.write_bytes(bytes(raw))


def test_as_published_there_is_nothing_to_say(run):
    assert (
        verify_files(run, ONE) == verify_digests(run, ONE) == verify_flag(run) == verify_audit(run, ONE, "full") == []
    )


def test_a_flipped_byte_is_named_whatever_the_file(run):
    for path in files_under(run.path):
        if path == run.receipt_path:
            continue
        size = path.stat().st_size
        for at in {0, size // 2, size - 1}:
            flip(path, at)
            try:
                named = [f.path for f in verify_files(run, ONE)]
            except Damaged as damage:
                named = [damage.where.removeprefix(f"{run.path}/")]
            flip(path, at)
            assert path.relative_to(run.path).as_posix() in named
    assert verify_files(run, ONE) == []


def test_a_changed_run_receipt_is_damage(run):
    text = run.receipt_path.read_text()
    run.receipt_path.write_text(text.replace('"seed": 42', '"seed": 43'))
    with pytest.raises(Damaged, match="not as it was written"):
        run.receipt()


def test_missing_and_stray_files_are_named(run):
    (run.path / "data" / "stray.parquet").write_text("x")
    gone = next(run.path.rglob("part-*.parquet"))
    gone.unlink()
    faults = {f.path: f.fault for f in verify_files(run, ONE)}
    assert faults == {
        "data/stray.parquet": "no receipt knows this file",
        gone.relative_to(run.path).as_posix(): "the file is missing",
    }


def test_evidence_that_was_not_of_these_rows_fails_the_audit(run):
    import polars as pl

    path = run.evidence_path("S4") / "truth.parquet"
    frame = pl.read_parquet(path)
    frame.with_columns(n=pl.col("n") + 1).write_parquet(path)
    assert any("S4.truth" in f.fault for f in verify_audit(run, ONE, "full"))


def test_a_flag_without_a_pass_is_named(run):
    (flag,) = run.path.rglob("_passed.flag")
    flag.unlink()
    assert [f.fault for f in verify_flag(run)] == ["flag and report disagree"]


def test_a_pruned_run_says_so_and_what_is_left_is_checked(run, tmp_path):
    prune_by_hand(tmp_path, run)
    assert [(f.path, f.fault) for f in verify_files(run, ONE)] == [
        ("pruned.json", "the data of the run was pruned (superseded)")
    ]
    answer = CliRunner().invoke(app, ["verify", run.run_id, "--root", str(tmp_path)])
    assert (answer.exit_code, answer.stdout) == (
        0,
        f"{run.run_id}: pruned (superseded); what is left is as published\n",
    )
    flip(run.gates_path, 0)
    assert [f.path for f in verify_left(run, ONE)] == ["gates.json"]
    with pytest.raises(Damaged, match="the data of the run was pruned"):
        require_whole(run, ONE)
    assert CliRunner().invoke(app, ["verify", run.run_id, "--root", str(tmp_path)]).exit_code == 1

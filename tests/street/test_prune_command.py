"""The real `prune` and `undelete`: what they say, how they end, and a `kill -9` in the middle."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys

import pytest

from seg6b.cli.app import main
from seg6b.runs import ledger
from seg6b.runs.disk import files_under
from seg6b.runs.folder import RunFolder
from seg6b.runs.prune_record import all_prunes, interrupted
from seg6b.runs.pruned import Fate, read_mark
from seg6b.runs.verify import verify_files
from tests.runs.fake_runs import ONE, anywhere, contents, id_of, make_run, utc
from tests.street.lanes import PROJECT, Said, environment, privately

# the command, and an end without warning at its n-th rename
KILLED = """
import os, signal, sys
rename, left = os.rename, [int(sys.argv.pop(1))]
def counted(*names):
    left[0] -= 1
    if not left[0]:
        os.kill(os.getpid(), signal.SIGKILL)
    rename(*names)
os.rename = counted
from seg6b.cli.app import main
main()
"""


@pytest.fixture
def root(tmp_path):
    """Three superseded runs, one of which shares a state with the current candidate."""
    old = make_run(tmp_path, "old", ended=utc(-50))
    for name in ("older", "other"):
        make_run(tmp_path, name, ended=utc(-60))
    make_run(tmp_path, "newest", source=old)
    return tmp_path


@pytest.fixture
def old(root):
    return [RunFolder.of(root, id_of(name)) for name in ("old", "older", "other")]


def seg6b(root, *arguments, start=("-m", "seg6b")):
    command = [sys.executable, *start, *arguments, "--root", str(root)]
    done = subprocess.run(
        command, cwd=PROJECT, env=environment(), capture_output=True, text=True, timeout=60, check=False
    )
    return Said(done.returncode, done.stdout, done.stderr)


@pytest.fixture
def here(root, monkeypatch, capsys):
    """The same command in this process, where it takes no second to start."""

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["seg6b", *arguments, "--root", str(root)])
        with pytest.raises(SystemExit) as end:
            main()
        return Said(end.value.code or 0, *capsys.readouterr())

    return run


def fates(runs):
    return [mark.fate if (mark := read_mark(run)) else None for run in runs]


def test_shown_done_undone_and_freed(root, old, here):
    before = [contents(run) for run in old]
    untouched = {p: p.read_bytes() for p in files_under(root) if p.suffix != ".lock"}
    shown = seg6b(root, "prune")
    assert (shown.code, shown.err) == (0, "")
    assert all(f"{run.run_id[:8]} " in shown.out for run in old)
    assert "superseded candidate" in shown.out
    assert "the newest finished run" in shown.out
    assert {p: p.read_bytes() for p in files_under(root) if p.suffix != ".lock"} == untouched

    told = json.loads(here("prune", "--json").out)
    assert {item["run_id"] for item in told["plan"]["items"]} == {run.run_id for run in old}
    assert told["executed"] is None
    command = shown.out.strip().splitlines()[-1].partition("python -m seg6b ")[2].split()
    assert command == ["prune", "--plan", told["plan"]["plan_id"][:12], "--yes"]

    done = seg6b(root, *command)
    assert (done.code, done.err) == (0, "")
    assert "3 runs moved to the trash" in done.out
    assert fates(old) == [Fate.TRASHED] * 3
    again = here(*command)
    assert again.code == 1
    assert again.refusal.startswith("E_PRUNE_EXECUTED")

    said = here("verify", old[0].run_id)
    assert said.code == 0
    assert "pruned (superseded candidate); what is left is as published" in said.out
    back = seg6b(root, "undelete", told["plan"]["plan_id"][:12])
    assert (back.code, back.out.count("back in its place, as published")) == (0, 3)
    assert [contents(run) for run in old] == before

    freed = json.loads(seg6b(root, "prune", "--yes", "--free", "--grace-h", "0", "--json").out)
    assert len(freed["executed"]["runs"]) == 3
    assert freed["trash"]["freed_bytes"] == freed["plan"]["freed_bytes"] < freed["trash"]["bytes"]
    assert fates(old) == [Fate.FREED] * 3
    gone = here("undelete", old[0].run_id)
    assert gone.code == 1
    assert gone.refusal.startswith("E_UNDELETE_FREED")
    assert verify_files(RunFolder.of(root, id_of("newest")), ONE) == []


def test_nothing_to_prune_is_said(here):
    assert here("prune", "--yes").code == 0
    for arguments in (("prune", "--yes"), ("prune",)):
        said = here(*arguments)
        assert (said.code, "Nothing to prune." in said.out) == (0, True)


def test_a_damaged_kept_run_is_refused_before_a_plan_is_shown(root, here):
    next(RunFolder.of(root, id_of("newest")).path.rglob("counts.txt")).unlink()
    for arguments in (("prune",), ("prune", "--json"), ("prune", "--yes")):
        said = here(*arguments)
        assert (said.code, said.out) == (1, "")
        assert said.refusal.startswith("E_PRUNE_KEPT_DAMAGED")


def test_what_cannot_be_done_is_refused_in_one_line(root, old, here):
    cases = {
        ("prune", "--plan", "0" * 12, "--yes"): (1, "E_PRUNE_STALE"),
        ("prune", "--plan", "../x", "--yes"): (2, "E_PLAN_ID"),
        ("prune", "--plan", "0" * 12, "--free"): (2, "E_PRUNE_USAGE"),
        ("undelete", "0" * 12): (2, "E_UNDELETE_UNKNOWN"),
    }
    for arguments, (code, refusal) in cases.items():
        said = here(*arguments)
        assert (said.code, said.refusal.split(":")[0], said.out) == (code, refusal, "")
    assert seg6b(root, "undelete", "0" * 12).code == 2
    kept = next(RunFolder.of(root, id_of("newest")).path.rglob("counts.txt"))
    kept.chmod(0o644)
    kept.write_text("altered")
    said = seg6b(root, "prune", "--yes")
    assert said.code == 1
    assert said.refusal.startswith("E_PRUNE_KEPT_DAMAGED")
    assert str(kept) in said.refusal
    assert fates(old) == [None] * 3


def test_killed_in_the_middle_the_same_command_finishes_it(root, old, here):
    before = [contents(run) for run in old]
    assert seg6b(root, "4", "prune", "--yes", start=("-c", KILLED)).code == -signal.SIGKILL
    assert Fate.MOVING in fates(old)
    assert len(interrupted(root)) == 1
    for run, content in zip(old, before, strict=True):
        assert all([p.read_bytes() for p in anywhere(root, run, path)] == [c] for path, c in content.items())

    said = seg6b(root, "prune", "--yes")
    assert said.code == 0
    assert "had been interrupted" in said.out
    assert "Nothing to prune" not in said.out
    assert fates(old) == [Fate.TRASHED] * 3
    (record,) = all_prunes(root)
    assert [(e.kind, set(e.body["runs"])) for e in ledger.entries(root)] == [("prune", {r.run_id for r in old})]
    assert here("undelete", record.plan_id).code == 0
    assert [contents(run) for run in old] == before


FULL = """
trash=$1; seen=$2; shift 2; mount -t tmpfs -o size=8k none "$trash"
"$@" 2>&1 || echo "code $?"
cp -a "$trash/." "$seen"
"""


def test_a_trash_on_a_full_disk_is_refused_and_nothing_is_lost(root, old, tmp_path_factory):
    before = [contents(run) for run in old]
    trash, seen = root / "mlruns" / "trash", tmp_path_factory.mktemp("seen")
    trash.mkdir()
    out = privately(FULL, trash, seen, sys.executable, "-m", "seg6b", "prune", "--yes", "--json", "--root", root)
    *_, line, code = out.splitlines()
    assert code == "code 1"
    assert line.startswith("E_PRUNE_DISK: the disk is full")
    shutil.copytree(seen, trash, dirs_exist_ok=True)
    assert list(trash.glob("*/*"))
    for run, content in zip(old, before, strict=True):
        assert all([p.read_bytes() for p in anywhere(root, run, path)] == [c] for path, c in content.items())

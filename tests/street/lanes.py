"""The real lane command on a small world, and what can be done to a finished run of it."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path

from seg6b.runs.folder import RunFolder

PROJECT = Path(__file__).resolve().parents[2]
SMALL = ("world=tiny", "world.arrivals=5000")
STATES = ("S0", "S1", "S2", "S3", "S4", "S5")


@dataclass(frozen=True)
class Said:
    """What a command left behind."""

    code: int
    out: str
    err: str

    @property
    def refusals(self):
        """The lines that tell why a command, or each job of a sweep, was refused; there is nothing else to read."""
        assert "Traceback" not in self.err + self.out, self.err
        assert "Exception ignored" not in self.err, self.err
        lines = [line for line in self.err.splitlines() if line.startswith("E_")]
        assert self.err.splitlines()[-1:] == lines[-1:], self.err
        return lines

    @property
    def refusal(self):
        (line,) = self.refusals
        return line

    @property
    def whole(self):
        """The output of a command that came to its end."""
        assert "Traceback" not in self.err + self.out, self.err
        assert "S5 validation" in self.out, self.err
        return self.out


def environment(**more):
    return {**os.environ, "PYTHONPATH": str(PROJECT), **more}


def lane_command(root, *arguments):
    """The command on the small world; it links nothing from earlier runs unless `arguments` say so."""
    flags = [a for a in arguments if a.startswith("-")]
    alone = () if any(a.startswith("source_run=") for a in arguments) else ("source_run=none",)
    return [
        sys.executable,
        "-m",
        "seg6b.lane",
        *flags,
        *SMALL,
        *alone,
        f"root={root}",
        *(a for a in arguments if a not in flags),
    ]


def run_lane(root, *arguments, before=(), **more):
    """The command to its end, without tracking unless `arguments` say so; `before` is put in front of it."""
    off = () if any(a.startswith("tracking") for a in arguments) else ("tracking=off",)
    command = [*before, *lane_command(root, *off, *arguments)]
    done = subprocess.run(
        command, cwd=PROJECT, env=environment(**more), capture_output=True, text=True, timeout=240, check=False
    )
    return Said(done.returncode, done.stdout, done.stderr)


def start_lane(root, *arguments, before=()):
    """The command, started; Ctrl-C reaches it as on a terminal, even where the tests run in the background."""
    return subprocess.Popen(
        [*before, *lane_command(root, "tracking=off", *arguments)], cwd=PROJECT, env=environment(), text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509 - no threads before exec
    )  # fmt: skip


def ended(process):
    out, err = process.communicate(timeout=120)
    return Said(process.returncode, out, err)


def privately(script, *arguments):
    """Run a shell script that may mount things nobody else sees; needs no privilege, only user namespaces."""
    done = subprocess.run(
        ["unshare", "-rm", "sh", "-euc", script, "sh", *map(str, arguments)], cwd=PROJECT, env=environment(),
        capture_output=True, text=True, timeout=240, check=False,
    )  # fmt: skip
    assert done.returncode == 0, f"a mount inside `unshare -rm` must work here: {done.stderr}"
    return done.stdout


def only_run(root):
    (run,) = (root / "mlruns" / "runs").iterdir()
    return run


def copy_run(source, root, name=None, until="S5"):
    """A copy of the finished run `source` below `root`, as it was when nothing after `until` had happened."""
    run = root / "mlruns" / "runs" / (name or source.name)
    shutil.copytree(source, run)
    for path in [run, *run.rglob("*")]:
        path.chmod(0o755 if path.is_dir() else 0o644)
    for state in STATES[STATES.index(until) + 1 :]:
        _forget(run, state)
    return run


def _forget(run, state):
    receipt = json.loads((run / "states" / f"{state}.json").read_text())
    for dataset in receipt["datasets"].values():
        shutil.rmtree(run / dataset["folder"])
    for file in receipt["files"]:
        (run / file["path"]).unlink()
    (run / "states" / f"{state}.json").unlink()
    folder = RunFolder(run)
    folder.write_receipt(replace(folder.receipt(), status="FAILED", states=(), files=()))


def rows_of(run):
    """Content digests of all datasets, and the gates: what no accident on the way may change."""
    receipts = [json.loads(path.read_text()) for path in sorted((run / "states").glob("*.json"))]
    digests = {name: d["digest"] for r in receipts for name, d in r["datasets"].items()}
    return digests, json.loads((run / "gates.json").read_text())["gates"]


def status_of(run):
    return json.loads((run / "run_receipt.json").read_text())["status"]


def snapshot(folder):
    """Size and time of every file."""
    return {p: (p.stat().st_size, p.stat().st_mtime_ns) for p in sorted(folder.rglob("*")) if p.is_file()}


def leftovers(root):
    """What only a process that is at work may have: temporary files, intents, worlds in the making."""
    hidden = (root / "mlruns").rglob(".*")
    return [p for p in hidden if p.suffix in {".tmp", ".intent", ".part"} or p.name.startswith(".making")]


def flip(path):
    """Change one bit in the middle of a file."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.chmod(0o644)
    path.write_bytes(content)

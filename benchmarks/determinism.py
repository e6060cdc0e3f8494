"""Same rows and same gates whatever the knobs, the order of files or the number of deaths.

Runs the given world once as reference, then in variants, each in a new process, and compares the content digests of
every dataset and `gates.json` (without its run id). Then kills runs with SIGKILL at drawn instants and resumes them.

    python benchmarks/determinism.py                       # default world, all variants, 20 kills
    python benchmarks/determinism.py --world tiny --kills 5
"""

from __future__ import annotations

import argparse
import hashlib
import json
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

BATCH = [[f"s{i}.batch_rows={rows}" for i in (1, 2, 3, 4)] for rows in (1_000, 37_777, 500_000)]
SHARDS = [[f"s1.shards={n}"] for n in (1, 8, 64, 256)]
THREADS = [[f"executor.threads={n}"] for n in (1, 2, 4)]
WRITERS = [["s1.compression=zstd", "s2.compression=lz4", "s3.compression=uncompressed"]]


def command(root: Path, world: str, *extra: str) -> list[str]:
    """The lane's command line; nothing is linked from another run, which would be compared with itself."""
    own = ("tracking=off", "source_run=none")
    return [sys.executable, "-m", "seg6b.lane", f"root={root}", f"world={world}", *own, *extra]


def run_folders(root: Path) -> set[Path]:
    """Run folders below `root`."""
    folder = root / "mlruns" / "runs"
    return set(folder.iterdir()) if folder.exists() else set()


def finished(root: Path, before: set[Path], extra: list[str], world: str) -> Path:
    """One whole run; its folder."""
    done = subprocess.run(command(root, world, *extra), capture_output=True, text=True, check=False)
    made = run_folders(root) - before
    if done.returncode not in {0, 1} or len(made) != 1:
        sys.exit(f"{extra}: {done.stderr[-1500:]}")
    return made.pop()


def fingerprint(folder: Path) -> dict[str, str]:
    """Digest of each dataset, of the S5 report and of the gates."""
    found = {}
    for path in sorted((folder / "states").glob("*.json")):
        receipt = json.loads(path.read_text())
        found |= {name: d["digest"] for name, d in receipt["datasets"].items()}
        found |= {f["path"]: f["sha256"] for f in receipt["files"] if "validation_report" in f["path"]}
    gates = json.loads((folder / "gates.json").read_text())
    gates.pop("run_id")
    found["gates.json"] = hashlib.sha256(json.dumps(gates, sort_keys=True).encode()).hexdigest()
    return found


def differences(a: dict[str, str], b: dict[str, str]) -> list[str]:
    """Names whose digests differ."""
    return [k for k in sorted(set(a) | set(b)) if a.get(k) != b.get(k)]


def killed(root: Path, world: str, kills: int, seconds: float) -> list[Path]:
    """Runs that were killed and resumed until they ended, `kills` times in all, each time while alive."""
    folders, died, attempt = [], 0, 0
    while died < kills:
        before, folder = run_folders(root), None
        while died < kills:
            attempt += 1
            extra = [f"run_id={folder.name}"] if folder else []
            process = subprocess.Popen(
                command(root, world, *extra), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
            )
            share = int.from_bytes(hashlib.blake2b(str(attempt).encode(), digest_size=4).digest(), "little") / 2**32
            time.sleep(2.0 + share * max(1.0, seconds - 2.0))
            alive = process.poll() is None
            process.send_signal(signal.SIGKILL)
            process.wait()
            died += alive
            folder = next(iter(run_folders(root) - before), None)
            if not alive:
                break
        if folder is not None:
            subprocess.run(command(root, world, f"run_id={folder.name}"), capture_output=True, check=False)
            folders.append(folder)
    return folders


def strays(folder: Path) -> list[str]:
    """Files that no receipt knows."""
    known = {"run_receipt.json", "gateboard.html", "gateboard.md"}
    for path in (folder / "states").glob("*.json"):
        receipt = json.loads(path.read_text())
        known.add(f"states/{path.name}")
        known |= {f["path"] for f in receipt["files"]}
        known |= {f"{d['folder']}/{p['name']}" for d in receipt["datasets"].values() for p in d["parts"]}
    return sorted(
        p.relative_to(folder).as_posix()
        for p in folder.rglob("*")
        if p.is_file() and p.relative_to(folder).as_posix() not in known
    )


def main() -> None:
    """Run all variants and print one line each; exit 1 at any difference."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--world", default="default")
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--root", type=Path, default=Path("mlruns/determinism"))
    options = parser.parse_args()
    root = options.root.resolve()
    begun = time.perf_counter()
    reference_folder = finished(root, run_folders(root), [], options.world)
    begun = time.perf_counter()
    shutil.rmtree(reference_folder)
    reference_folder = finished(root, run_folders(root), [], options.world)
    seconds = time.perf_counter() - begun
    reference = fingerprint(reference_folder)
    shutil.rmtree(reference_folder)
    failed = 0
    for extra in [*BATCH, *SHARDS, *THREADS, *WRITERS]:
        folder = finished(root, run_folders(root), extra, options.world)
        changed = differences(reference, fingerprint(folder))
        failed += bool(changed)
        print(f"{' '.join(extra):60} {'equal' if not changed else 'DIFFERS: ' + ', '.join(changed)}", flush=True)
        shutil.rmtree(folder)
    for folder in killed(root, options.world, options.kills, seconds):
        changed, left = differences(reference, fingerprint(folder)), strays(folder)
        failed += bool(changed or left)
        print(f"killed and resumed {folder.name[:8]}: {changed or 'equal'}; files no receipt knows: {left or 'none'}")
    print(f"{options.kills} processes killed while alive")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()

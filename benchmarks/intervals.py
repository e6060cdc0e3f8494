"""Whether intervals mean what they say: how often, over many seeds, a gate's 95 % interval holds the across-seed mean.

    python benchmarks/intervals.py                      # 100 seeds, default world, about a quarter of an hour
    python benchmarks/intervals.py --seeds 20 --json intervals.json posture=dplus
    python benchmarks/intervals.py --worlds             # each seed draws a world of its own too

An interval speaks of another seed over the same world (the gate file's design factors), so it should cover 90 to 98 %;
of 100 seeds one gate in twenty-five falls outside by chance. With --worlds it speaks of less than is drawn. Each seed
is a run of its own that is thrown away once its gates are read; with --json a stopped benchmark goes on.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

LOW, HIGH = 0.90, 0.98


def gates_of(root: Path, seed: int, options: list[str]) -> dict[str, dict[str, object]]:
    """Value and interval of every gate of one run."""
    lane = [sys.executable, "-m", "seg6b.lane", f"root={root}", f"seed={seed}", "tracking=off", "source_run=none"]
    done = subprocess.run([*lane, *options], capture_output=True, text=True, check=False)
    runs = list((root / "mlruns" / "runs").glob("*"))
    if len(runs) != 1 or not (runs[0] / "gates.json").exists():
        sys.exit(f"seed {seed} did not end:\n{done.stderr[-2000:]}")
    board = json.loads((runs[0] / "gates.json").read_text())
    shutil.rmtree(runs[0])
    return {gate: {"value": g["value"], "ci95": g["ci95"]} for gate, g in board["gates"].items()}


def report(boards: dict[str, dict[str, dict[str, object]]]) -> None:
    """A line a gate: mean, spread across seeds, mean half-width, coverage."""
    print(f"{len(boards)} seeds\n{'gate':5} {'mean':>12} {'sd':>10} {'half-width':>10} {'coverage':>9}")
    for gate in next(iter(boards.values())):
        found = [board[gate] for board in boards.values()]
        held = [(float(f["value"]), f["ci95"]) for f in found if f["value"] is not None and f["ci95"]]  # type: ignore[arg-type]
        if len(held) < 2:
            print(f"{gate:5} {'no interval':>12}")
            continue
        mean = statistics.fmean(value for value, _ in held)
        covered = sum(low <= mean <= high for _, (low, high) in held) / len(held)  # type: ignore[misc]
        half = statistics.fmean((high - low) / 2 for _, (low, high) in held)  # type: ignore[misc]
        spread = statistics.stdev(value for value, _ in held)
        word = "" if LOW <= covered <= HIGH or spread == 0 else "too narrow" if covered < LOW else "wide"
        print(f"{gate:5} {mean:12.5g} {spread:10.3g} {half:10.3g} {covered:9.0%} {word}")


def main() -> None:
    """Run the seeds that are missing, then report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=100)
    parser.add_argument("--first", type=int, default=1000)
    parser.add_argument("--worlds", action="store_true", help="a new world for every seed, which takes twice as long")
    parser.add_argument("--json", type=Path, default=None)
    parser.add_argument("options", nargs="*", help="further overrides of every run, such as posture=dplus")
    given = parser.parse_args()
    boards = json.loads(given.json.read_text()) if given.json and given.json.exists() else {}
    with tempfile.TemporaryDirectory() as place:
        for seed in range(given.first, given.first + given.seeds):
            if str(seed) not in boards:
                world = [f"world.seed={seed}"] if given.worlds else []
                boards[str(seed)] = gates_of(Path(place), seed, [*world, *given.options])
                if given.worlds:
                    shutil.rmtree(Path(place) / "mlruns" / "world")
                if given.json:
                    given.json.write_text(json.dumps(boards))
    report(boards)


if __name__ == "__main__":
    main()

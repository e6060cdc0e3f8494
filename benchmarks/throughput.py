"""Arrivals a second, end to end and per state, beside the I/O floor of the same tables.

The floor is a pure Parquet write and read of every table that S1..S4 published, on as many threads, measured between
the runs of the chain, so that both meet the same machine. Only the ratio is meant to be compared between days.

    python benchmarks/throughput.py                      # large, three rounds
    python benchmarks/throughput.py --world default --rounds 5
    python benchmarks/throughput.py --arrivals 1000000 --json out.json
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

STATES = ("S1", "S2", "S3", "S4", "S5")


def chain(root: Path, world: list[str], threads: int) -> dict[str, object]:
    """One candidate run in a new process; its receipts."""
    command = [
        sys.executable,
        "-m",
        "seg6b.lane",
        f"root={root}",
        *world,
        "tracking=off",
        "source_run=none",
        f"executor.threads={threads}",
    ]
    before = set(run_folders(root))
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    made = sorted(set(run_folders(root)) - before)
    if done.returncode not in {0, 1} or not made:
        sys.exit(f"the run failed:\n{done.stderr[-2000:]}")
    receipts = {s: json.loads((made[0] / "states" / f"{s}.json").read_text()) for s in STATES}
    return {"folder": made[0], "receipts": receipts}


def run_folders(root: Path) -> list[Path]:
    """Run folders below `root`."""
    folder = root / "mlruns" / "runs"
    return sorted(folder.iterdir()) if folder.exists() else []


def floor(folder: Path, threads: int) -> dict[str, float]:
    """Seconds to write and to read, with fsync, every part of `folder` held in memory before."""
    parts = sorted((folder / "data").rglob("part-*.parquet"))
    target = Path(tempfile.mkdtemp(dir=folder.parent))
    tables = {p: pq.read_table(p, use_threads=False) for p in parts}

    def write(path: Path) -> None:
        table: pa.Table = tables[path]
        out = target / f"{abs(hash(path))}.parquet"
        dictionary = [f.name for f in table.schema if pa.types.is_dictionary(f.type)]
        pq.write_table(
            table, out, compression="snappy", use_dictionary=dictionary, write_statistics=False, row_group_size=500_000
        )
        handle = os.open(out, os.O_RDONLY)
        os.fsync(handle)
        os.close(handle)

    def read(path: Path) -> int:
        return pq.read_table(target / f"{abs(hash(path))}.parquet", use_threads=False).num_rows

    with ThreadPoolExecutor(threads) as pool:
        begun = time.perf_counter()
        list(pool.map(write, parts))
        wrote = time.perf_counter()
        list(pool.map(read, parts))
        ended = time.perf_counter()
    shutil.rmtree(target)
    return {"write_s": wrote - begun, "read_s": ended - wrote, "total_s": ended - begun}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--world", default="large")
    parser.add_argument("--arrivals", type=int)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--root", type=Path, default=Path("mlruns/benchmarks"))
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    root = options.root.resolve()
    world = [f"world={options.world}"] + ([f"world.arrivals={options.arrivals}"] if options.arrivals else [])
    shutil.rmtree(chain(root, ["world=tiny"], options.threads)["folder"])
    shutil.rmtree(chain(root, world, options.threads)["folder"])
    rounds = []
    for number in range(options.rounds):
        result = chain(root, world, options.threads)
        base = floor(result["folder"], options.threads)
        receipts = result["receipts"]
        arrivals = receipts["S1"]["rows"]
        elapsed = {s: receipts[s]["elapsed_s"]["total"] for s in STATES}
        rounds.append(
            {
                "arrivals": arrivals,
                "chain_s": sum(elapsed.values()),
                "states_s": elapsed,
                "floor_s": base["total_s"],
                "ratio": sum(elapsed.values()) / base["total_s"],
                "arrivals_per_s": arrivals / sum(elapsed.values()),
                "floor_s_per_million": base["total_s"] / arrivals * 1e6,
                "peak_rss_mb": max(receipts[s]["peak_rss_mb"] for s in STATES),
                "bytes": sum(d["bytes"] for r in receipts.values() for d in r["datasets"].values()),
            }
        )
        shutil.rmtree(result["folder"])
        print(f"round {number + 1}: {show(rounds[-1])}", flush=True)
    ratios = [r["ratio"] for r in rounds]
    print(f"median ratio {statistics.median(ratios):.2f} ({min(ratios):.2f} .. {max(ratios):.2f})")
    print(f"median rate  {statistics.median(r['arrivals_per_s'] for r in rounds):,.0f} arrivals/s")
    if options.json:
        options.json.write_text(json.dumps(rounds, indent=2))


def show(figures: dict[str, object]) -> str:
    """One round in one line."""
    states = " ".join(f"{s} {t:.2f}" for s, t in figures["states_s"].items())
    return (
        f"{figures['arrivals']:,} arrivals, chain {figures['chain_s']:.2f} s ({states}), "
        f"floor {figures['floor_s']:.2f} s ({figures['floor_s_per_million']:.2f} s a million), "
        f"ratio {figures['ratio']:.2f}, {figures['arrivals_per_s']:,.0f} arrivals/s, "
        f"peak {figures['peak_rss_mb']:.0f} MB, {figures['bytes'] / 2**20:.0f} MiB published"
    )


if __name__ == "__main__":
    main()

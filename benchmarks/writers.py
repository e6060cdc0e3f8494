"""What the writers of S2..S4 cost on the rows of a finished run: CPU to write and to read again, files, bytes.

S3's flows and events are cut into batches and written by each writer, over and over, in alternating order, after a
round that is not counted; then the parts are read as the next state reads them. Rows must be equal.

    python benchmarks/writers.py mlruns/runs/<run_id>
    python benchmarks/writers.py mlruns/runs/<run_id> --batch-rows 50000 --target 16 --rounds 11
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from seg6b.datasets.column import Dataset
from seg6b.datasets.parts import read_part, read_parts
from seg6b.datasets.tables import EVENTS_WITH_FRAUD, FLOWS_WITH_FRAUD
from seg6b.datasets.writers.strategies import WRITERS, Writing
from seg6b.runs.axes import Axes
from seg6b.runs.meter import Meter
from seg6b.runs.output import StateOutput
from seg6b.settings.knobs import MIB
from seg6b.shards.batches import cut_parties

AXES = Axes("f" * 64, "p" * 64, 42, "baseline_v1")
BASE = "per_batch"
Batch = Mapping[Dataset, pl.DataFrame]


@dataclass(frozen=True, slots=True)
class Cost:
    """CPU seconds of writing and of reading, files of both datasets, their bytes, and their digests."""

    write_s: float
    read_s: float
    files: int
    bytes: int
    digests: tuple[str, ...]


def batches_of(run: Path, batch_rows: int, most: int) -> Iterator[Batch]:
    """Batches of whole parties of S3's output, part by part, up to about `most` flows."""
    flows, events = (
        sorted((run / "data").rglob(f"{d.name}/**/*.parquet")) for d in (FLOWS_WITH_FRAUD, EVENTS_WITH_FRAUD)
    )
    seen = 0
    for one, other in zip(flows, events, strict=True):
        anchor, follower = read_part(one), read_part(other)
        ends = np.concatenate([[0], np.cumsum(anchor["n_events"].to_numpy(), dtype=np.int64)])
        for start, stop in cut_parties(anchor["party_id"].to_numpy(), batch_rows):
            if seen >= most:
                return
            seen += stop - start
            yield {
                FLOWS_WITH_FRAUD: anchor[start:stop],
                EVENTS_WITH_FRAUD: follower[int(ends[start]) : int(ends[stop])],
            }


def cost_of(batches: list[Batch], writing: Writing, root: Path) -> Cost:
    """One pass of one writer over the batches, and of a reader over its parts."""
    meter = Meter()
    output = StateOutput(root, "S3", AXES, "snappy", meter, writing)
    sink = output.sink(0)
    for batch in batches:
        sink.emit(batch, (0, 63))
    sink.close()
    begun = time.process_time()
    for dataset in batches[0]:
        for part in output.datasets[dataset.name].parts:
            read_parts([output.folder(dataset) / part.name])
    read_s = time.process_time() - begun
    parts = [part for out in output.datasets.values() for part in out.parts]
    digests = tuple(str(out.digest) for out in output.datasets.values())
    return Cost(meter.cpu_s["write"], read_s, len(parts), sum(p.bytes for p in parts), digests)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("--batch-rows", type=int, default=100_000)
    parser.add_argument("--most", type=int, default=2_000_000, help="flows at most")
    parser.add_argument("--target", type=int, default=64, help="target_file_mb")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    batches = list(batches_of(options.run, options.batch_rows, options.most))
    flows = sum(batch[FLOWS_WITH_FRAUD].height for batch in batches)
    print(f"{flows:,} flows in {len(batches)} batches, target {options.target} MiB")
    costs: dict[str, list[Cost]] = {name: [] for name in WRITERS}
    for number in range(options.rounds + 1):
        for name in list(WRITERS)[:: -1 if number % 2 else 1]:
            root = Path(tempfile.mkdtemp(prefix="writers-"))
            cost = cost_of(batches, Writing(name, options.target * MIB), root)
            shutil.rmtree(root)
            costs[name] += [cost] if number else []
    if len({cost.digests for told in costs.values() for cost in told}) > 1:
        raise SystemExit("the writers do not agree on the rows")
    for name, told in costs.items():
        base = costs[BASE]
        ratios = [(a.write_s / b.write_s, a.read_s / b.read_s) for a, b in zip(told, base, strict=True)]
        wrote, read = (statistics.median(r[k] for r in ratios) for k in (0, 1))
        low, high = min(r[0] for r in ratios), max(r[0] for r in ratios)
        seconds = statistics.median(c.write_s for c in told)
        print(
            f"{name:<17} {told[0].files:5} files {told[0].bytes / 1e6:9.1f} MB   write {seconds:6.2f} s   "
            f"x {wrote:.2f} ({low:.2f} .. {high:.2f})   read x {read:.2f}"
        )


if __name__ == "__main__":
    main()

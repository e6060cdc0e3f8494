"""What X1..X5 read where nothing behaves: times, classes, labels and amounts of a finished run, dealt at random.

    python benchmarks/behaviour_null.py                       # 200 deals of a default run of each posture
    python benchmarks/behaviour_null.py --deals 1000 --world large

A line a gate: the value of the run, mean, spread and 99.9 % quantile of the deals (normal, from their mean and spread;
the largest deal beside it), and three times that quantile, which no threshold may be below.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl

from seg6b.datasets.frames import micros_of
from seg6b.draws.uniform import Draws
from seg6b.evidence import behaviour as evidence
from seg6b.evidence.measure_s1 import week_hour
from seg6b.evidence.tables import Evidence
from seg6b.gates import behaviour as gates
from seg6b.shards.cells import cell_of
from seg6b.stats.contingency import bergsma_v

SIGMAS = 3.0902


def rows_of(run: Path, dataset: str, columns: list[str]) -> pl.DataFrame:
    """Some columns of a published dataset, parts in order."""
    parts = sorted((run / "data" / "layer3" / "6B" / dataset).rglob("*.parquet"))
    return pl.concat([pl.read_parquet(part, columns=columns, hive_partitioning=False) for part in parts])


def deals(run: Path) -> dict[str, Callable[[int], float]]:
    """For each gate, a function that deals for the n-th time and reads the gate."""
    arrivals = rows_of(run, "s1_arrival_entities_6B", ["party_id", "ts_utc", "ts_local_primary", "merchant_class"])
    flows = rows_of(
        run, "s3_flow_anchor_with_fraud_6B",
        ["flow_id", "party_id", "instrument_id", "device_id", "ip_id", "ts_utc", "fraud_pattern_type", "campaign_id"],
    )  # fmt: skip
    bought = rows_of(run, "s2_flow_anchor_baseline_6B", ["party_id", "amount_family", "amount_minor"])
    party, ts = arrivals["party_id"].to_numpy(), micros_of(arrivals["ts_utc"])
    hour = week_hour(micros_of(arrivals["ts_local_primary"]))
    classes = arrivals["merchant_class"].to_physical().to_numpy().astype(np.int64)
    velocity = pl.read_parquet(run / "evidence" / "S3" / "velocity.parquet")
    one = velocity.select(pl.exclude("n", "cell").repeat_by("n").explode())
    count, peak = one["flows"].to_numpy().astype(np.int64), one["peak"].to_numpy().astype(np.int64)
    targeted = one["targeted"].to_numpy().astype(np.int64)
    purchases = bought.filter(pl.col("amount_family") == "PURCHASE")
    cells, amounts = cell_of(purchases["party_id"].to_numpy()), purchases["amount_minor"].to_numpy()
    nobody = np.zeros(0, np.int64)

    def burstiness(deal: int) -> float:
        found = Evidence()
        evidence.measure_burstiness(found, party, ts[order(ts.size, "X1", deal)])
        table = found.table("burstiness")
        return float((table["b_milli"] * table["n"]).sum() / table["n"].sum() / 1000.0)

    def rhythm(deal: int) -> float:
        dealt = classes[order(classes.size, "X2", deal)]
        counts = np.bincount(dealt * gates.HOURS + hour, minlength=8 * gates.HOURS).reshape(-1, gates.HOURS)
        return float(bergsma_v(counts[None].astype(np.float64))[0])

    def velocity_of(deal: int) -> float:
        counts = np.zeros((1, 2, evidence.MOST_FLOWS + 1, evidence.MOST_PEAK + 1))
        np.add.at(counts[0], (targeted[order(targeted.size, "X3", deal)], count, peak), 1.0)
        return float(gates.excess(counts)[0])

    def shared(deal: int) -> float:
        dealt = flows.with_columns(campaign_id=flows["campaign_id"][order(flows.height, "X4", deal)])
        table = evidence.origins(dealt, nobody, nobody)
        chance = {f: sum(gates.in_common(table, k, fraud=f)[0] for k in evidence.KINDS) for f in (True, False)}
        return float(chance[True] / chance[False] - 1.0)

    def habit(deal: int) -> float:
        found = Evidence()
        dealt = purchases.with_columns(amount_minor=pl.Series(amounts[order(amounts.size, "X5", deal)]))
        evidence.measure_habit(found, dealt, cells)
        sums = found.table("habit").select(evidence.HABIT.sums).sum().to_numpy().astype(np.float64)
        return float(gates.intraclass(sums)[0])

    return {"X1": burstiness, "X2": rhythm, "X3": velocity_of, "X4": shared, "X5": habit}


def order(size: int, what: str, deal: int) -> np.ndarray:
    """A permutation."""
    words = np.arange(size, dtype=np.uint64) << np.uint64(20)
    return np.argsort(Draws("0" * 64, deal, "behaviour_null").uniform("null", what, words), kind="stable")


def main() -> None:
    """Run both postures, deal, report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--deals", type=int, default=200)
    parser.add_argument("--world", default="default")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        for posture in ("dplus", "bplus"):
            lane = [sys.executable, "-m", "seg6b.lane", f"root={place}", f"world={given.world}", f"posture={posture}"]
            before = set(Path(place).glob("mlruns/runs/*"))
            subprocess.run([*lane, "tracking=off"], capture_output=True, check=False)
            (run,) = set(Path(place).glob("mlruns/runs/*")) - before
            board = json.loads((run / "gates.json").read_text())["gates"]
            print(f"{posture}: {given.deals} deals")
            for gate, deal in deals(run).items():
                found = np.array([deal(n) for n in range(given.deals)])
                found = found[np.isfinite(found)]
                tail = float(found.mean() + SIGMAS * found.std())
                print(
                    f"  {gate}  run {board[gate]['value']:9.4f}  deals {found.mean():9.5f} sd {found.std():8.5f}  "
                    f"99.9 % {tail:8.5f} (largest {found.max():8.5f})  x3 {3 * tail:8.5f}"
                )


if __name__ == "__main__":
    main()

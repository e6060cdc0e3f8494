"""What the strategies of S1 cost on the rows of a finished run: CPU time, interleaved rounds in one process.

Each strategy links the same batch again and again, and each sums up the sessions of the same members, in alternating
order, after a round that is not counted; results must be equal. `prepared` is what a strategy makes once a run.

    python benchmarks/s1_strategies.py mlruns/runs/<run_id>
    python benchmarks/s1_strategies.py mlruns/runs/<run_id> --rounds 41
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final

import numpy as np
import polars as pl
from strategies import default_job, show, timed

from seg6b.datasets.frames import codes_of, micros_of
from seg6b.datasets.parts import read_parts
from seg6b.draws.uniform import Draws
from seg6b.runs.folder import RunFolder
from seg6b.runs.meter import Meter
from seg6b.settings.job import Job
from seg6b.shards.cells import CELLS
from seg6b.shards.executor import Threads
from seg6b.states.s1_attach.attach.strategies import STRATEGIES as ATTACH
from seg6b.states.s1_attach.boundaries import Visits, cut_sessions
from seg6b.states.s1_attach.links import Rows
from seg6b.states.s1_attach.plan import Plan, prepare
from seg6b.states.s1_attach.published import chosen_ids
from seg6b.states.s1_attach.sessions.contract import Members, Strategy
from seg6b.states.s1_attach.sessions.strategies import STRATEGIES as SESSIONS
from seg6b.world.sealed import SealedWorld

DEFAULT: Final = {"s1.attach": "csr_gather", "s1.sessions": "bucketed"}


def planned(job: Job, run: RunFolder, strategy: str) -> Plan:
    """S1's plan over the world of a run, under one strategy of attachment."""
    receipt = run.receipt()
    world = SealedWorld.open(run.path.parents[1] / "world" / receipt.manifest_fingerprint)
    draws = Draws(receipt.manifest_fingerprint, receipt.seed, receipt.scenario_id)
    knobs = replace(job.knobs["S1"], attach=strategy)
    ctx: Any = SimpleNamespace(
        policy=job.policy, draws=draws, knobs=knobs, world=world, meter=Meter(), executor=Threads(1)
    )
    return prepare(ctx)


def arrivals_of(run: RunFolder, rows: int) -> pl.DataFrame:
    """The first `rows` published arrivals, whole parts."""
    paths = sorted((run.path / "data").rglob("s1_arrival_entities_6B/**/*.parquet"))
    columns = ("party_id", "merchant_id", "arrival_seq", "ts_utc", "channel_group")
    frames: list[pl.DataFrame] = []
    while paths and sum(frame.height for frame in frames) < rows:
        frames.append(read_parts([paths.pop(0)], columns))
    return pl.concat(frames)


def rows_of(plan: Plan, arrivals: pl.DataFrame) -> Rows:
    """The arrivals as a strategy gets them."""
    party_id, merchant_id = (arrivals[name].to_numpy() for name in ("party_id", "merchant_id"))
    by_id = np.argsort(plan.parties.party_id)
    party = by_id[np.searchsorted(plan.parties.party_id[by_id], party_id)].astype(np.int32)
    return Rows(
        party=party,
        merchant=np.searchsorted(plan.merchants.merchant_id, merchant_id).astype(np.int32),
        merchant_id=merchant_id,
        seq=arrivals["arrival_seq"].to_numpy(),
        channel=codes_of(arrivals["channel_group"]).astype(np.uint8),
        family=plan.parties.family[party],
        cell=plan.parties.cell[party],
    )


def members_of(job: Job, run: RunFolder, plan: Plan, arrivals: pl.DataFrame) -> Members:
    """The arrivals linked and cut."""
    rows, receipt = rows_of(plan, arrivals), run.receipt()
    chosen = chosen_ids(plan.held, plan.link(rows).links)
    visits = Visits(
        arrivals["party_id"].to_numpy(),
        micros_of(arrivals["ts_utc"]),
        rows.merchant_id,
        rows.seq,
        chosen.device_id,
        rows.channel,
        rows.cell,
    )
    draws = Draws(receipt.manifest_fingerprint, receipt.seed, receipt.scenario_id)
    policy, tally = job.policy, np.zeros(CELLS, np.int64)
    cut = cut_sessions(visits, policy.session, draws, tally, stochastic=policy.behaviour.stochastic_boundary)
    return Members(cut, visits, chosen)


def linking(plan: Plan, rows: Rows) -> Callable[[], dict[str, pl.DataFrame]]:
    """One strategy's links of the rows."""
    return lambda: {"links": pl.DataFrame(plan.link(rows).links._asdict())}


def summing(strategy: Strategy, members: Members, folder: Path) -> Callable[[], dict[str, pl.DataFrame]]:
    """One strategy's index of the members."""
    return lambda: {"index": pl.concat(strategy([members], folder, Meter()))}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("--rounds", type=int, default=21)
    parser.add_argument("--rows", type=int, default=500_000)
    options = parser.parse_args()
    job, run = default_job(), RunFolder(options.run.resolve())
    plans, prepared = {}, {}
    for name in ATTACH:
        begun = time.process_time()
        plans[name] = planned(job, run, name)
        prepared[name] = time.process_time() - begun
    arrivals = arrivals_of(run, options.rows)
    print(f"{arrivals.height:,} arrivals; the whole plan with its strategy took, in CPU seconds:")
    print("  " + ", ".join(f"{name} {seconds:.2f}" for name, seconds in prepared.items()))
    rows = rows_of(plans["csr_gather"], arrivals)
    show("s1.attach", timed({name: linking(plan, rows) for name, plan in plans.items()}, options.rounds), DEFAULT)
    members = members_of(job, run, plans["csr_gather"], arrivals)
    with tempfile.TemporaryDirectory() as folder:
        arms = {name: summing(strategy, members, Path(folder) / name) for name, strategy in SESSIONS.items()}
        show("s1.sessions", timed(arms, options.rounds), DEFAULT)


if __name__ == "__main__":
    main()

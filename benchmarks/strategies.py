"""What the strategies of S4 cost on the rows of a finished run: CPU time, interleaved rounds in one process.

A state in a new process, as a lane times it, is mostly starting and loading at small sizes; here each strategy works on
the same batch again and again, in alternating order, after a round that is not counted. Rows must be equal. Timed are
S4's compute for event labels, the step alone for timeline and campaign map, and reading the input for columns.

    python benchmarks/strategies.py mlruns/runs/<run_id>
    python benchmarks/strategies.py mlruns/runs/<run_id> --rounds 41
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import polars as pl
from hydra import compose, initialize_config_dir
from omegaconf import open_dict

from seg6b.datasets.digest import content_digest
from seg6b.datasets.parts import read_parts
from seg6b.draws.uniform import Draws
from seg6b.settings.job import Job
from seg6b.settings.load import load_job
from seg6b.settings.schema import register
from seg6b.states.context import StateContext
from seg6b.states.mapping import Batch, Reads
from seg6b.states.s4_labels.campaign_map.contract import direct_rules, find_rules
from seg6b.states.s4_labels.campaign_map.strategies import STRATEGIES as CAMPAIGN_MAPS
from seg6b.states.s4_labels.case_book import CaseBook
from seg6b.states.s4_labels.cases import open_cases
from seg6b.states.s4_labels.columns import COLUMNS
from seg6b.states.s4_labels.counts import draw_keys, new_counts
from seg6b.states.s4_labels.delays import delay_laws
from seg6b.states.s4_labels.event_labels.strategies import STRATEGIES as LABELLINGS
from seg6b.states.s4_labels.flows import Flows, flow_arrays
from seg6b.states.s4_labels.state import label_batch, label_flows
from seg6b.states.s4_labels.timeline.contract import tell_cases
from seg6b.states.s4_labels.timeline.strategies import STRATEGIES as TIMELINES

CONF = Path(__file__).resolve().parents[1] / "conf"
DEFAULT = {
    "s4.event_labels": "fused",
    "s4.timeline": "long_form",
    "s4.campaign_map": "lookup",
    "s4.columns": "pruned",
}


def default_job() -> Job:
    """The job that `python -m seg6b.lane` would run."""
    register()
    with initialize_config_dir(version_base="1.3", config_dir=str(CONF)):
        config = compose("config", return_hydra_config=True)
    choices, plain = dict(config.hydra.runtime.choices), config.copy()
    with open_dict(plain):
        plain.pop("hydra")
    return load_job(plain, choices)


def batch_of(run: Path, reads: Reads) -> Batch:
    """All that S4 reads of a run, as one batch."""
    found = [sorted((run / "data").rglob(f"{d.name}/**/*.parquet")) for d in (reads.anchor, reads.follower) if d]
    return Batch(read_parts(found[0], reads.anchor_columns), read_parts(found[1], reads.follower_columns), (0, 63))


def context_of(job: Job, **knobs: str) -> StateContext:
    """What S4 needs of a state context to compute."""
    draws = Draws("a" * 64, job.seed, job.scenario_id)
    context: Any = SimpleNamespace(policy=job.policy, draws=draws, knobs=replace(job.knobs["S4"], **knobs))
    return context


def labelling(job: Job, batch: Batch, strategy: str) -> Callable[[], object]:
    """S4's compute under one strategy; its frames come back."""
    ctx = context_of(job, event_labels=strategy)

    def run() -> Mapping[str, pl.DataFrame]:
        emission, _ = label_batch(ctx, batch)
        return {d.name: frame for d, frame in emission.frames.items()}

    return run


def book_of(job: Job, batch: Batch, flows: Flows) -> CaseBook:
    """The cases of a batch."""
    ctx, counts = context_of(job), new_counts()
    delays, keys = delay_laws(job.policy.delay), draw_keys(ctx.draws)
    _, view = label_flows(ctx, flows, delays, keys, counts)
    return open_cases(batch.anchor, flows, view.outcomes, job.policy.case, delays, draws=ctx.draws, counts=counts)


def timed(arms: Mapping[str, Callable[[], Any]], rounds: int) -> dict[str, list[float]]:
    """CPU seconds of each arm, by round; odd rounds run in the reverse order, the first is dropped."""
    spent: dict[str, list[float]] = {name: [] for name in arms}
    digests = set()
    for number in range(rounds + 1):
        for name in list(arms)[:: -1 if number % 2 else 1]:
            begun = time.process_time()
            made = arms[name]()
            spent[name].append(time.process_time() - begun)
            if number == 0 and isinstance(made, dict):
                digests.add(tuple(sorted((n, str(content_digest(f))) for n, f in made.items())))
    if len(digests) > 1:
        raise SystemExit("the strategies do not agree on the rows")
    return {name: seconds[1:] for name, seconds in spent.items()}


def show(knob: str, spent: Mapping[str, list[float]], default: Mapping[str, str]) -> None:
    """Median of each arm, and the median and range of its ratios to the default."""
    base = spent[default[knob]]
    for name, seconds in spent.items():
        ratios = [one / other for one, other in zip(seconds, base, strict=True)]
        told = f"{statistics.median(ratios):.2f} ({min(ratios):.2f} .. {max(ratios):.2f})"
        print(f"{knob}={name:<13} {statistics.median(seconds) * 1e3:8.1f} ms   x {told}")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("--rounds", type=int, default=21)
    options = parser.parse_args()
    job, batch = default_job(), batch_of(options.run, COLUMNS["pruned"])
    flows, table = flow_arrays(batch.anchor), direct_rules(job.policy.truth)
    book = book_of(job, batch, flows)
    print(f"{batch.anchor.height:,} flows, {batch.follower.height:,} events, {book.case_id.size:,} cases")
    show("s4.event_labels", timed({name: labelling(job, batch, name) for name in LABELLINGS}, options.rounds), DEFAULT)
    telling = {name: lambda way=way: {"rows": tell_cases(way, book, flows.flow_id)} for name, way in TIMELINES.items()}
    show("s4.timeline", timed(telling, options.rounds), DEFAULT)
    finding = {
        name: lambda way=way: {"rules": pl.DataFrame(find_rules(way, flows, table))}
        for name, way in CAMPAIGN_MAPS.items()
    }
    show("s4.campaign_map", timed(finding, options.rounds), DEFAULT)
    reading = {name: lambda reads=reads: batch_of(options.run, reads) for name, reads in COLUMNS.items()}
    show("s4.columns", timed(reading, options.rounds), DEFAULT)


if __name__ == "__main__":
    main()

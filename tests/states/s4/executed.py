"""S4 executed over hand-made flows that lie in Parquet parts, as in a run."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pyarrow.parquet as pq

from seg6b.datasets.tables import EVENTS_WITH_FRAUD, FLOWS_WITH_FRAUD
from seg6b.draws.uniform import Draws
from seg6b.runs.axes import Axes
from seg6b.runs.meter import Meter
from seg6b.runs.output import StateOutput, WrittenPart
from seg6b.settings.knobs import StateKnobs, writing_of
from seg6b.shards.executor import Threads
from seg6b.states.context import Input, StateContext
from seg6b.states.s4_labels.state import run


def published(flows, root, cuts):
    """S3's two tables as Parquet parts cut between parties near the given shares; their inputs."""
    anchor, follower = flows
    party = anchor["party_id"].to_numpy()
    edges = np.flatnonzero(party[1:] != party[:-1]) + 1
    places = sorted({0, anchor.height, *(int(edges[int(c * (edges.size - 1))]) for c in cuts)})
    offsets = np.concatenate([[0], np.cumsum(anchor["n_events"].to_numpy())])
    parts = {FLOWS_WITH_FRAUD: [], EVENTS_WITH_FRAUD: []}
    for index, (low, high) in enumerate(pairwise(places)):
        rows = {FLOWS_WITH_FRAUD: anchor[low:high], EVENTS_WITH_FRAUD: follower[int(offsets[low]) : int(offsets[high])]}
        for dataset, frame in rows.items():
            path = root / dataset.name / f"part-{index:05d}.parquet"
            path.parent.mkdir(parents=True, exist_ok=True)
            pq.write_table(frame.to_arrow(), path)
            parts[dataset].append(WrittenPart(path.name, frame.height, 0, (0, 63)))
    return {d.name: Input(root / d.name, tuple(p)) for d, p in parts.items()}


def executed(flows, root, policy, *, cuts=(), threads=1, seed=42, **knobs):
    """S4 over published parts; its output."""
    axes = Axes("a" * 64, "b" * 64, seed, "baseline_v1")
    meter = Meter()
    settings = StateKnobs(**knobs)
    output = StateOutput(root / "out", "S4", axes, "snappy", meter, writing_of("S4", settings))
    ctx = StateContext(
        "S4",
        axes,
        Draws(axes.manifest_fingerprint, seed, axes.scenario_id),
        policy,
        settings,
        None,
        published(flows, root / "in", cuts),
        Threads(threads),
        output,
        meter,
        root / "scratch",
        lambda _: None,
    )
    run(ctx)
    return output

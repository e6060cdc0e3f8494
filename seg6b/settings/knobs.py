"""Knobs: how a state computes. No knob may change a row, so none is hashed into `parameter_hash`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Literal

from seg6b.datasets.parts import Compression
from seg6b.datasets.writers.strategies import WriterName, Writing

MIB: Final = 2**20

Attach = Literal["join_chain", "list_gather", "dict_map", "csr_gather"]
Sessions = Literal["two_pass", "bucketed"]
EventLabels = Literal["recompute", "carry", "flow_join", "fused"]
Timeline = Literal["filter_concat", "long_form"]
CampaignMap = Literal["join", "expression", "lookup", "trap_lost_none"]
Columns = Literal["all", "pruned"]


@dataclass(frozen=True, slots=True)
class StateKnobs:
    """Knobs of a state; which of them a state has stands in `RELEVANT`.

    Attributes:
        batch_rows: rows of one kernel call.
        compression: Parquet compression of what the state writes.
        writer: S2..S4: how batches become row groups and parts; see `datasets/writers/`.
        target_file_mb: S2..S4: what the largest of the parts that are cut together aims at, as the writer counts it.
        shards: parts that S1 cuts the parties into (a power of two); other states follow S1.
        attach: S1 only: how arrivals come by their links; see `states/s1_attach/attach/`.
        sessions: S1 only: how sessions get into the index; see `states/s1_attach/sessions/`.
        event_labels: S4 only: how events come by their labels; see `states/s4_labels/event_labels/`.
        timeline: S4 only: how the events of cases are put together; see `states/s4_labels/timeline/`.
        campaign_map: S4 only: how flows come by the truth rule of their campaign; see
            `states/s4_labels/campaign_map/`. `trap_lost_none` is no strategy: it loses labels, and a lane shows that.
        columns: S4 only: read all columns of S3, or those that are needed; see `states/s4_labels/columns.py`.
        audit: S5 only: `sampled` re-derives a few cells from Parquet, `full` all of them.
    """

    batch_rows: int = 500_000
    compression: Compression = "snappy"
    writer: WriterName = "buffered"
    target_file_mb: int = 64
    shards: int = 0
    attach: Attach = "csr_gather"
    sessions: Sessions = "bucketed"
    event_labels: EventLabels = "fused"
    timeline: Timeline = "long_form"
    campaign_map: CampaignMap = "lookup"
    columns: Columns = "pruned"
    audit: str = "sampled"


RELEVANT: Final = {
    "S1": ("batch_rows", "compression", "shards", "attach", "sessions"),
    "S2": ("batch_rows", "compression", "writer", "target_file_mb"),
    "S3": ("batch_rows", "compression", "writer", "target_file_mb"),
    "S4": (
        "batch_rows",
        "compression",
        "writer",
        "target_file_mb",
        "event_labels",
        "timeline",
        "campaign_map",
        "columns",
    ),
    "S5": ("audit",),
}


def knobs_of(state: str, knobs: StateKnobs) -> dict[str, Any]:
    """The knobs that `state` really has."""
    return {name: getattr(knobs, name) for name in RELEVANT.get(state, ())}


def writing_of(state: str, knobs: StateKnobs) -> Writing:
    """How `state` writes. S1 is laid out by its shards: one part each."""
    return Writing(knobs.writer, knobs.target_file_mb * MIB) if "writer" in RELEVANT[state] else Writing()

"""Composing a batch: S2's rows, the mutated ones in their places, probes beside the flows of their party."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from seg6b.datasets import vocabulary as v
from seg6b.datasets.frames import micros_of
from seg6b.datasets.tables import EVENTS, FLOWS, FLOWS_WITH_FRAUD
from seg6b.states.mapping import Batch
from seg6b.states.s3_overlay.mutated import Mutated
from seg6b.states.s3_overlay.posture import I64

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Composed:
    """Flows and events of a batch in S3's columns."""

    flows: pl.DataFrame
    events: pl.DataFrame


def compose(
    batch: Batch, hit: I64, mutated: Mutated, probes: Mutated, anomalous: Mask, campaign_ids: tuple[str, ...]
) -> Composed:
    """Put a batch together; rows that no campaign hit are S2's own, value for value.

    Args:
        batch: S2's flows and events.
        hit: rows of the batch that campaigns hit, ascending.
        mutated: those flows and the events they keep.
        probes: inserted flows and their events.
        anomalous: which flows of the batch are anomalies.
        campaign_ids: categories of `campaign_id`.
    """
    flows, events = _untouched_flows(batch, anomalous, campaign_ids), _untouched_events(batch, anomalous, campaign_ids)
    if hit.size == 0:
        return Composed(flows, events)
    order = _order(batch.anchor, hit, probes.flows)
    pieces = [flows, mutated.flows.select(flows.columns), probes.flows.select(flows.columns)]
    count = np.concatenate([p["n_events"].to_numpy() for p in pieces]).astype(np.int64)
    start = np.cumsum(count) - count
    start[flows.height :] += events.height - int(count[: flows.height].sum())
    event_pieces = [events, mutated.events.select(events.columns), probes.events.select(events.columns)]
    return Composed(
        pl.concat(pieces, rechunk=True)[order],
        pl.concat(event_pieces, rechunk=True)[_spans(start[order], count[order])],
    )


def event_rows(flows: pl.DataFrame, rows: I64) -> I64:
    """Rows of the events that belong to `rows` of the flows, in order."""
    count = flows["n_events"].to_numpy().astype(np.int64)
    start = np.cumsum(count) - count
    return _spans(start[rows], count[rows])


def _order(flows: pl.DataFrame, hit: I64, probes: pl.DataFrame) -> I64:
    """Rows of [flows, mutated, probes] in output order: by party as before, probes by time within it."""
    size = flows.height
    order = np.arange(size)
    order[hit] = size + np.arange(hit.size)
    if probes.height == 0:
        return order
    party, ts = flows["party_id"].to_numpy(), micros_of(flows["ts_utc"])
    wanted, at = probes["party_id"].to_numpy(), micros_of(probes["ts_utc"])
    starts = np.concatenate([[0], np.flatnonzero(party[1:] != party[:-1]) + 1, [size]])
    by_party = np.argsort(party[starts[:-1]], kind="stable")
    run = by_party[np.searchsorted(party[starts[:-1]][by_party], wanted)]
    place = np.array(
        [
            a + np.searchsorted(ts[a:b], t, side="right")
            for a, b, t in zip(starts[run], starts[run + 1], at, strict=True)
        ]
    )
    sequence = np.lexsort((probes["flow_id"].to_numpy(), at, place))
    return np.insert(order, place[sequence], size + hit.size + sequence)


def _spans(start: I64, count: I64) -> I64:
    """Concatenated ranges `start[i] : start[i] + count[i]`."""
    before = np.cumsum(count) - count
    return np.repeat(start - before, count) + np.arange(int(count.sum()))


def _untouched_flows(batch: Batch, anomalous: Mask, campaign_ids: tuple[str, ...]) -> pl.DataFrame:
    return batch.anchor.select(
        *FLOWS.names,
        pl.lit(value=False).alias("fraud_flag"),
        pl.lit(None, pl.Enum(campaign_ids)).alias("campaign_id"),
        pl.lit(v.NONE, pl.Enum(v.PATTERNS)).alias("fraud_pattern_type"),
        pl.Series("overlay_anomaly_any", anomalous),
        pl.lit(v.ORIGINS[0], pl.Enum(v.ORIGINS)).alias("origin_type"),
        pl.lit(None, pl.Int64).alias("origin_flow_id"),
        *(pl.lit(0, pl.Int32).alias(c) for c in ("tactic_ids", "mutation_axes")),
        *(pl.lit(None, pl.Float64).alias(c) for c in ("amount_factor", "time_factor")),
        *(pl.lit(None, pl.Int64).alias(c) for c in ("swapped_device_id", "swapped_ip_id")),
        *(pl.lit(value=False).alias(c) for c in FLOWS_WITH_FRAUD.names[-5:]),
    )


def _untouched_events(batch: Batch, anomalous: Mask, campaign_ids: tuple[str, ...]) -> pl.DataFrame:
    marked = np.repeat(anomalous, batch.anchor["n_events"].to_numpy())
    primary = pl.Series("is_fraud_event", marked) & (batch.follower["event_type"] == "AUTH_REQUEST")
    return batch.follower.select(
        *EVENTS.names,
        pl.lit(value=False).alias("fraud_flag"),
        pl.lit(None, pl.Enum(campaign_ids)).alias("campaign_id"),
        pl.lit(v.NONE, pl.Enum(v.PATTERNS)).alias("fraud_pattern_type"),
        primary.alias("is_fraud_event"),
        pl.lit(None, pl.Int64).alias("origin_flow_id"),
        pl.col("event_seq").alias("origin_event_seq"),
    )

"""Evidence of S3: campaigns, mutations, anomalies, and the laws that flows and events keep after the overlay."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

from seg6b.datasets import vocabulary as v
from seg6b.datasets.frames import codes_of, dictionary, micros_of
from seg6b.datasets.tables import EVENTS_WITH_FRAUD, FLOWS_WITH_FRAUD
from seg6b.draws.compiled import kernel
from seg6b.evidence.behaviour import ORIGINS, VELOCITY, measure_velocity
from seg6b.evidence.flow_facts import SETTLED
from seg6b.evidence.ledger import LEDGER, ledger_s3
from seg6b.evidence.packed import count_packed
from seg6b.evidence.tables import DRAWS, Evidence, Measure
from seg6b.shards.cells import CELLS, cell_of

I64 = npt.NDArray[np.int64]
I32 = npt.NDArray[np.int32]

DAY_US: Final = 86_400_000_000
CHECKS: Final = ("time_monotone", "seq_contiguous", "events_follow_flow", "campaign_agrees", "anomaly_apart")

CAMPAIGN_FLOWS: Final = Measure(
    "campaign_flows",
    (
        "cell",
        "campaign_id",
        "campaign_type",
        "merchant_id",
        "merchant_class",
        "tzid_primary",
        "merchant_country_iso",
        "party_country_iso",
    ),
    doc="campaign flows, probes included",
)
CAMPAIGN_TARGETS: Final = Measure(
    "campaign_targets",
    ("cell", "campaign_id"),
    ("flows", "baseline_flows", "events", "instruments", "accounts", "probed"),
    doc="campaign flows, events, distinct instruments and accounts of baseline flows, instruments probed",
)
OVERLAY: Final = Measure(
    "overlay",
    ("cell", "campaign_type", "tactic_ids", "mutation_axes", "origin_type"),
    doc="campaign flows by what was done to them",
)
FLOW_KINDS: Final = Measure(
    "flows",
    ("cell", "origin_type", "fraud_pattern_type", "overlay_anomaly_any", "merchant_class", "is_cross_border"),
    doc="all flows",
)
ANOMALY_DOMAIN: Final = Measure(
    "anomaly_domain", ("cell", "channel_group", "settled"), doc="flows outside campaigns, by whether they settled"
)
CAMPAIGN_HOURS: Final = Measure(
    "campaign_hours", ("cell", "campaign_id", "day"), doc="campaign flows by days since 1970-01-01"
)
FLOW_CHECKS: Final = Measure("flow_checks", ("cell", "check"), ("n", "bad"), doc="cases looked at, and broken ones")
EVENT_TYPES: Final = Measure("event_types", ("cell", "event_type"), doc="all events")
CAMPAIGN_CANDIDATES: Final = Measure(
    "campaign_candidates", ("cell", "campaign_id", "level"), doc="eligible targets that drew; merchants on cell 0"
)
CAMPAIGN_PLAN: Final = Measure(
    "campaign_plan", ("cell", "campaign_id", "item"), doc="quota, domain and draws of each instance, on cell 0"
)
MEASURES: Final = {
    m.name: m
    for m in (
        CAMPAIGN_FLOWS,
        CAMPAIGN_TARGETS,
        OVERLAY,
        FLOW_KINDS,
        ANOMALY_DOMAIN,
        CAMPAIGN_HOURS,
        FLOW_CHECKS,
        EVENT_TYPES,
        CAMPAIGN_CANDIDATES,
        CAMPAIGN_PLAN,
        VELOCITY,
        ORIGINS,
        DRAWS,
    )
} | LEDGER


def measure_s3(frames: Mapping[str, pl.DataFrame]) -> Evidence:
    """Evidence of some whole flows; plan, candidates and draws are noted by the state itself.

    Args:
        frames: `s3_flow_anchor_with_fraud_6B` and `s3_event_stream_with_fraud_6B`, events in flow order, and the flows
            and events of S2 that they come from.
    """
    flows, events = frames[FLOWS_WITH_FRAUD.name], frames[EVENTS_WITH_FRAUD.name]
    cells = cell_of(flows["party_id"].to_numpy())
    evidence = Evidence()
    _count_flows(evidence, flows, cells)
    _count_campaigns(evidence, flows, cells)
    _count_events(evidence, flows, events, cells)
    measure_velocity(evidence, flows, cells)
    ledger_s3(evidence, frames)
    return evidence


def _count_flows(evidence: Evidence, flows: pl.DataFrame, cells: npt.NDArray[np.uint8]) -> None:
    located = flows.select(*FLOW_KINDS.keys[1:], "channel_group", settled=SETTLED)
    located = located.with_columns(cell=pl.Series(cells))
    evidence.put(FLOW_KINDS, count_packed(FLOW_KINDS, located))
    free = located.filter(pl.col("fraud_pattern_type") == v.NONE)
    evidence.put(ANOMALY_DOMAIN, count_packed(ANOMALY_DOMAIN, free))


def _count_campaigns(evidence: Evidence, flows: pl.DataFrame, cells: npt.NDArray[np.uint8]) -> None:
    tagged = flows.with_columns(cell=pl.Series(cells)).filter(pl.col("campaign_id").is_not_null())
    tagged = tagged.with_columns(
        campaign_type=pl.col("fraud_pattern_type").cast(pl.String).cast(pl.Enum(v.CAMPAIGN_TYPES)),
        day=pl.Series(micros_of(tagged["ts_utc"]) // DAY_US),
    )
    for measure in (CAMPAIGN_FLOWS, OVERLAY, CAMPAIGN_HOURS):
        evidence.count(measure, tagged)
    own = pl.col("origin_type") != "PURE_FRAUD_FLOW"
    targets = tagged.group_by(CAMPAIGN_TARGETS.keys).agg(
        flows=pl.len().cast(pl.Int64),
        baseline_flows=own.sum().cast(pl.Int64),
        events=pl.col("n_events").cast(pl.Int64).sum(),
        instruments=pl.col("instrument_id").filter(own).drop_nulls().n_unique().cast(pl.Int64),
        accounts=pl.col("account_id").filter(own).n_unique().cast(pl.Int64),
        probed=pl.col("instrument_id").filter(~own).n_unique().cast(pl.Int64),
    )
    evidence.put(CAMPAIGN_TARGETS, targets)


class _Counts(NamedTuple):
    """Counts by cell, filled by the kernel."""

    types: I64
    gaps: I64
    late: I64
    misnumbered: I64
    strays: I64


def _count_events(evidence: Evidence, flows: pl.DataFrame, events: pl.DataFrame, cells: npt.NDArray[np.uint8]) -> None:
    counts = _Counts(np.zeros((CELLS, len(v.EVENT_TYPES)), np.int64), *(np.zeros(CELLS, np.int64) for _ in range(4)))
    n_events = flows["n_events"].to_numpy()
    _walk(
        cells,
        n_events,
        flows["flow_id"].to_numpy(),
        events["flow_id"].to_numpy(),
        (codes_of(events["event_type"]), events["event_seq"].to_numpy()),
        micros_of(events["ts_utc"]),
        counts,
    )
    cell, kind = np.nonzero(counts.types)
    evidence.put(
        EVENT_TYPES,
        pl.DataFrame(
            {
                "cell": cell.astype(np.uint8),
                "event_type": dictionary(kind, v.EVENT_TYPES),
                "n": counts.types[cell, kind],
            }
        ),
    )
    total = counts.types.sum(axis=1)
    there = np.flatnonzero(np.bincount(cells, minlength=CELLS))
    whole = np.bincount(cells, minlength=CELLS)
    tagged = flows["campaign_id"].is_not_null().to_numpy()
    disagree = (flows["fraud_flag"].to_numpy() != tagged) | ((codes_of(flows["fraud_pattern_type"]) > 0) != tagged)
    both = flows["overlay_anomaly_any"].to_numpy() & tagged
    looked = {
        "time_monotone": (counts.gaps, counts.late),
        "seq_contiguous": (total, counts.misnumbered),
        "events_follow_flow": (total, counts.strays),
        "campaign_agrees": (whole, np.bincount(cells[disagree], minlength=CELLS)),
        "anomaly_apart": (whole, np.bincount(cells[both], minlength=CELLS)),
    }
    evidence.put(FLOW_CHECKS, pl.concat([_check(name, *pair, there) for name, pair in looked.items()]))


def _check(name: str, n: npt.NDArray[np.integer], bad: npt.NDArray[np.integer], there: I64) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "cell": there.astype(np.uint8),
            "check": pl.Series([name] * there.size, dtype=pl.Enum(CHECKS)),
            "n": n[there].astype(np.int64),
            "bad": bad[there].astype(np.int64),
        }
    )


@kernel
def _walk(
    cells: npt.NDArray[np.uint8],
    n_events: I32,
    flow_id: I64,
    event_flow: I64,
    labels: tuple[I32, I32],
    ts: I64,
    counts: _Counts,
) -> None:
    e = 0
    kind, seq = labels
    for f in range(n_events.size):
        c = cells[f]
        for k in range(n_events[f]):
            if e >= ts.size:
                counts.strays[c] += 1
                continue
            counts.types[c, kind[e]] += 1
            counts.misnumbered[c] += seq[e] != k
            counts.strays[c] += event_flow[e] != flow_id[f]
            if k > 0:
                counts.gaps[c] += 1
                counts.late[c] += ts[e] <= ts[e - 1]
            e += 1
    if e < ts.size:
        counts.strays[0] += ts.size - e

"""Strategy `carry`: a narrow lane of two booleans a flow, carried to the events shard by shard (POPT.2R).

The lane (`flow_id`, `is_fraud_truth`, `is_fraud_bank_view`, shard) is cut by a hash of the flow into shards of about
`LANE_ROWS` flows; the events, projected to their ids, are cut alike, and each shard is a join of its own. The rest is
expanded once: events of flows with a case join the case lane (label and stamps).

Costs one scan of the flows, two of the events, one hash join a shard and one for the cases, and one sort of all events,
since shards come back in hash order. Memory: the hash table of one shard, the events' ids with row number and shard
(14 B an event, 18 B more while they are hashed), the carried booleans with their row number (4 B an event) twice while
they are sorted, and the case lane at event grain (42 B an event).
"""

from __future__ import annotations

from typing import Final

import numpy as np
import polars as pl

from seg6b.draws.compiled import read_only
from seg6b.draws.mix import U64, entities1
from seg6b.states.s4_labels.event_labels.contract import LabelledFlows
from seg6b.states.s4_labels.event_labels.flow_join import require_covered
from seg6b.states.s4_labels.event_labels.inherited import mutated_flows, stamp_columns, with_labels

LANE_ROWS: Final = 32_768


def label(events: pl.DataFrame, labelled: LabelledFlows) -> pl.DataFrame:
    """Labels of each event; see `contract.Strategy`."""
    carried = _carried(events["flow_id"], labelled)
    held = events.with_columns(
        carried["is_fraud_truth"],
        carried["is_fraud_bank_view"],
        is_mutated=pl.col("flow_id").is_in(mutated_flows(events)),
    )
    told = held.join(_case_lane(labelled), on="flow_id", how="left", maintain_order="left")
    return with_labels(told, labelled.windows)


def _carried(flow_id: pl.Series, labelled: LabelledFlows) -> pl.DataFrame:
    """The two booleans of each event, in the order of the events."""
    flows = labelled.flows
    shards = -(-flows.flow_id.size // LANE_ROWS)
    lane = pl.DataFrame(
        {
            "flow_id": flows.flow_id,
            "is_fraud_truth": labelled.is_fraud,
            "is_fraud_bank_view": labelled.held_for_fraud,
            "shard": _shard(flows.entity, shards),
        }
    )
    shard = _shard(entities1(read_only(flow_id.to_numpy())), shards)
    ids = flow_id.to_frame().with_row_index("row").with_columns(shard=shard)
    pieces = [_carry_shard(ids, lane, k) for k in range(max(1, shards))]
    return pl.concat(pieces).sort("row")


def _carry_shard(ids: pl.DataFrame, lane: pl.DataFrame, shard: int) -> pl.DataFrame:
    own = lane.filter(shard=shard).drop("shard")
    found = ids.filter(shard=shard).drop("shard").join(own, on="flow_id", how="left", maintain_order="left")
    require_covered(found, "is_fraud_truth")
    return found.drop("flow_id")


def _shard(entity: U64, shards: int) -> pl.Series:
    return pl.Series((entity % np.uint64(max(1, shards))).astype(np.uint16))


def _case_lane(labelled: LabelledFlows) -> pl.DataFrame:
    """Label and stamps of the flows with a case."""
    lane = {"flow_id": labelled.flows.flow_id, "bank_event_label": labelled.case_label, **stamp_columns(labelled)}
    return pl.DataFrame(lane).filter(pl.col("bank_event_label").is_not_null())

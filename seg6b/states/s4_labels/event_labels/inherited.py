"""Label columns of events that already carry what they inherit from their flow, as Polars expressions."""

from __future__ import annotations

from functools import reduce
from operator import or_
from typing import Final

import numpy as np
import polars as pl

from seg6b.datasets.frames import nullable
from seg6b.datasets.vocabulary import EVENT_ROLES
from seg6b.policy.bank_view import Windows
from seg6b.states.s4_labels.event_labels.contract import STAMPS, LabelledFlows
from seg6b.states.s4_labels.flows import I64, NEVER
from seg6b.states.s4_labels.truth import MICROS

_ROLE: Final = pl.Enum(EVENT_ROLES)


def stamp_columns(labelled: LabelledFlows) -> dict[str, pl.Series]:
    """The stamps of each flow's case as columns, microseconds, null where nothing happened."""
    return {name: nullable(at, at == NEVER) for name, at in labelled.stamps.items()}


def mutated_flows(events: pl.DataFrame) -> I64:
    """Ids of the flows of which the overlay made an event."""
    return np.unique(events["flow_id"].filter(events["is_fraud_event"]).to_numpy())


def with_labels(events: pl.DataFrame, windows: Windows) -> pl.DataFrame:
    """Add the label columns that follow from inherited ones; one pass, row order kept.

    Args:
        events: columns of the events, and `is_fraud_truth`, `is_mutated` (the overlay made an event of the flow) and
            the five stamps of its case.
        windows: windows of the bank view pack.
    """
    request = pl.col("event_type") == "AUTH_REQUEST"
    primary = pl.col("is_fraud_truth") & pl.when("is_mutated").then("is_fraud_event").otherwise(request)
    role = (
        pl.when(primary)
        .then(pl.lit("PRIMARY_FRAUD_ACTION", _ROLE))
        .when("is_fraud_truth")
        .then(pl.lit("SUPPORTING_EVENT", _ROLE))
        .otherwise(pl.lit("LEGIT_CONTEXT", _ROLE))
    )
    near_a_stamp = reduce(or_, (_near(stamp, windows.case_event_s) for stamp in STAMPS))
    return events.with_columns(
        is_fraud_event_truth=primary,
        truth_event_role=role,
        is_detection_action=_near("detected_at", windows.detection_action_s) & pl.col("opened_at").is_not_null(),
        is_case_event=near_a_stamp & pl.col("opened_at").is_not_null(),
    )


def _near(stamp: str, window_s: int) -> pl.Expr:
    gap = (pl.col("ts_utc").to_physical() - pl.col(stamp)).abs()
    return (gap <= window_s * MICROS).fill_null(value=False)

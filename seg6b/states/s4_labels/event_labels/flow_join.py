"""Strategy `flow_join`: all that events inherit is one table of flow labels, joined to them once (POPT.2U).

Costs one scan of the events and one of the flows, one hash join of all events on `flow_id`, no sort: the join keeps
the order of its left side. Memory: the flow labels with their hash table (some 60 B a flow), and the joined table,
which holds nine flow columns at event grain (42 B an event) until the labels are told. It does not need events in the
order of their flows; an event that finds no flow label is a coverage gap and fails the state.
"""

from __future__ import annotations

import polars as pl

from seg6b.states.s4_labels.event_labels.contract import LabelledFlows, without_label
from seg6b.states.s4_labels.event_labels.inherited import mutated_flows, stamp_columns, with_labels


def label(events: pl.DataFrame, labelled: LabelledFlows) -> pl.DataFrame:
    """Labels of each event; see `contract.Strategy`."""
    joined = events.join(_flow_labels(events, labelled), on="flow_id", how="left", maintain_order="left")
    require_covered(joined, "is_fraud_truth")
    return with_labels(joined, labelled.windows)


def require_covered(joined: pl.DataFrame, column: str) -> None:
    """Refuse events that found no flow label.

    Raises:
        ContractBroken: `E_S4_EVENT_WITHOUT_FLOW_LABEL`, with the first `flow_id` and how many events there are.
    """
    gaps = joined[column].null_count()
    if gaps:
        first = joined["flow_id"].filter(joined[column].is_null())[0]
        raise without_label(first, f"{gaps} events without a flow label")


def _flow_labels(events: pl.DataFrame, labelled: LabelledFlows) -> pl.DataFrame:
    """One row a flow."""
    return pl.DataFrame(
        {
            "flow_id": labelled.flows.flow_id,
            "is_fraud_truth": labelled.is_fraud,
            "is_fraud_bank_view": labelled.held_for_fraud,
            "bank_event_label": labelled.case_label,
            **stamp_columns(labelled),
        }
    ).with_columns(is_mutated=pl.col("flow_id").is_in(mutated_flows(events)))

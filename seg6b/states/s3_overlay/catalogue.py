"""The campaign catalogue: what was planned, and what the published flows really hold."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import polars as pl

from seg6b.datasets import vocabulary as v
from seg6b.datasets.tables import CAMPAIGNS
from seg6b.evidence.tables import Evidence
from seg6b.states.s3_overlay.instances import Instance
from seg6b.states.s3_overlay.plan import Plan

ENTITY_COLUMN: Final = {"INSTRUMENT": "instruments", "ACCOUNT": "accounts", "FLOW": "baseline_flows"}


def catalogue(plan: Plan, evidence: Evidence) -> pl.DataFrame:
    """One row an instance, in campaign id order; an instance without a flow is `INACTIVE`.

    Args:
        plan: the plan of the run.
        evidence: merged evidence of S3 (`campaign_targets`, `campaign_flows`, `flows`).
    """
    realised = _realised(evidence)
    flows = int(evidence.table("flows")["n"].sum())
    rows = [_row(i, n, plan, realised.get(i.campaign_id, {}), flows) for n, i in enumerate(plan.instances)]
    return pl.DataFrame(rows, schema=_schema(plan), orient="row").sort("campaign_id").select(CAMPAIGNS.names)


def _realised(evidence: Evidence) -> Mapping[str, Mapping[str, int]]:
    """Totals of each campaign; its merchants are counted over all cells at once."""
    merchants = evidence.table("campaign_flows").group_by("campaign_id").agg(merchants=pl.col("merchant_id").n_unique())
    totals = evidence.table("campaign_targets").drop("cell").group_by("campaign_id").sum()
    return {str(row["campaign_id"]): row for row in totals.join(merchants, on="campaign_id").to_dicts()}


def _row(instance: Instance, n: int, plan: Plan, realised: Mapping[str, int], flows: int) -> dict[str, object]:
    tagged = realised.get("flows", 0)
    entities = "merchants" if instance.target == "MERCHANT" else ENTITY_COLUMN.get(instance.target, "baseline_flows")
    return {
        "campaign_id": instance.campaign_id,
        "campaign_label": instance.template_id,
        "fraud_rate": tagged / flows if flows else 0.0,
        "campaign_type": instance.campaign_type,
        "fraud_family": instance.fraud_family,
        "template_id": instance.template_id,
        "instance_index": instance.index,
        "target_kind": instance.target,
        "filters_id": instance.filters_id,
        "schedule_mode": instance.schedule_mode,
        "window_start_utc": instance.starts_us[0],
        "window_end_utc": instance.end_us,
        "n_windows": len(instance.starts_us),
        "quota": plan.hunt.quotas[n],
        "domain_size": plan.hunt.domains[n],
        "target_entity_count": realised.get(entities, 0),
        "target_flow_count": tagged,
        "target_event_count": realised.get("events", 0),
        "status": v.CAMPAIGN_STATUS[0 if tagged else 1],
    }


def _schema(plan: Plan) -> dict[str, pl.DataType]:
    """The contract's types; open dictionaries hold what this run uses."""
    templates = sorted({i.template_id for i in plan.instances})
    names = {
        "campaign_id": plan.names.ids,
        "campaign_label": templates,
        "template_id": templates,
        "fraud_family": sorted({i.fraud_family for i in plan.instances}),
        "filters_id": sorted({i.filters_id for i in plan.instances}),
    }
    return {c.name: c.dtype() or pl.Enum(names[c.name]) for c in CAMPAIGNS.columns}

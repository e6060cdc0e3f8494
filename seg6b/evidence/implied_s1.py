"""What the policy implies for S1: draws by cell and decision, and the guards with their observed values."""

from __future__ import annotations

from typing import Final

import polars as pl

from seg6b.evidence.tables import DRAWS, Evidence
from seg6b.policy.packs import Policies

FAMILY_OF: Final = {
    "ACTIVITY_RATE": "entity_attach",
    "ATTACH_PARTY": "entity_attach",
    "ATTACH_POOL": "entity_attach",
    "ATTACH_AWAY": "entity_attach",
    "ATTACH_ACCOUNT": "entity_attach",
    "ATTACH_INSTRUMENT": "entity_attach",
    "ATTACH_DEVICE": "entity_attach",
    "ATTACH_IP": "entity_attach",
    "BOUNDARY_AMBIGUITY": "session_boundary",
}


def implied_draws(evidence: Evidence, policy: Policies) -> pl.DataFrame:
    """Draws by (cell, family, decision) that the candidates counted in `attach_choices` imply under the policy."""
    choices = evidence.table("attach_choices").filter(pl.col("step").is_in(_drawn(policy)))
    implied = choices.select(
        "cell",
        family=pl.col("step").replace_strict(FAMILY_OF, return_dtype=pl.String),
        decision=pl.col("step"),
        n=pl.col("n"),
    )
    return DRAWS.merge(implied)


def _drawn(policy: Policies) -> list[str]:
    """Decisions that the policy leaves open."""
    steps = ["ATTACH_PARTY", "ATTACH_ACCOUNT", "ATTACH_INSTRUMENT", "ATTACH_DEVICE", "ATTACH_IP"]
    if policy.attachment.kind == "pooled":
        steps.append("ATTACH_AWAY")
        if policy.prior.kind == "segments":
            steps.append("ATTACH_POOL")
        if policy.activity.kind == "bursts" and policy.activity.draws_rate:
            steps.append("ACTIVITY_RATE")
    if policy.session.kind == "gap" and policy.behaviour.stochastic_boundary:
        steps.append("BOUNDARY_AMBIGUITY")
    return steps


def implied_guards(evidence: Evidence, policy: Policies) -> pl.DataFrame:
    """Guards that S1 enforces, one a row: `guard`, `limit`, `observed`."""
    sizes, classes, types = evidence.table("sessions"), evidence.table("arrivals"), evidence.table("ip_groups")
    arrivals = int(classes["n"].sum())
    largest = max(sizes["arrival_count"].to_list(), default=0)
    rows = [("session.max_session_arrivals", float(policy.session.max_session_arrivals), float(largest))]
    if policy.attachment.kind == "pooled":
        unknown = int(classes.filter(pl.col("merchant_class") == "__UNK__")["n"].sum())
        proxies = int(types.filter(pl.col("ip_type") == "VPN_PROXY")["n"].sum())
        rows += [
            ("attachment.proxy_share_cap", policy.attachment.proxy_share_cap, proxies / max(1, arrivals)),
            ("attachment.fail_on_missing_profile", 0.0 if policy.attachment.fail_on_missing_profile else 1.0,
             unknown / max(1, arrivals)),
        ]  # fmt: skip
    return pl.DataFrame(rows, schema={"guard": pl.String, "limit": pl.Float64, "observed": pl.Float64}, orient="row")

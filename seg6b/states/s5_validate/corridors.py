"""The warn corridors: what ordinary traffic, fraud, the bank's view and the cases should look like, roughly.

The coarse metrics of the first baseline stand beside the faithful ones, so that runs stay comparable with it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import polars as pl

from seg6b.evidence.laws import Finding
from seg6b.evidence.tables import Evidence
from seg6b.policy.base import Band
from seg6b.policy.validation import FailClosed, Model
from seg6b.states.s5_validate.check import Outcome, found

Figures = dict[str, float | None]


def baseline_realism(evidence: Mapping[str, Evidence], pack: Model) -> Outcome:
    """Declines and refunds by channel, sessions with several flows."""
    flows = evidence["S2"].table("flow_types").with_columns(pl.col("channel_group").cast(pl.String))
    sessions = evidence["S2"].table("session_flows")
    declined = pl.col("baseline_outcome").cast(pl.String) == "AUTH_DECLINED"
    refunded = (pl.col("branch_trace").cast(pl.Int64) & 2) > 0
    seen: Figures = {"multi_flow_sessions": share(sessions, pl.col("n_flows") > 1)}
    for channel in ("ECOM", "POS", "ATM"):
        seen[f"decline.{channel}"] = share(flows.filter(pl.col("channel_group") == channel), declined)
    for channel in ("ECOM", "POS"):
        seen[f"refund.{channel}"] = share(flows.filter(pl.col("channel_group") == channel), refunded)
    if not isinstance(pack, FailClosed):
        return found((), seen, {})
    return _judged(seen, {}, pack.corridors.baseline.model_dump())


def fraud_realism(evidence: Mapping[str, Evidence], pack: Model) -> Outcome:
    """Flows with a campaign, in all and by type; axes that are mutated at all."""
    flows = evidence["S4"].table("truth").with_columns(pl.col("fraud_pattern_type").cast(pl.String))
    overlay = evidence["S3"].table("overlay")
    fraction = share(flows, pl.col("campaign"))
    axes = sum(
        int(overlay.filter((pl.col("mutation_axes").cast(pl.Int64) & (1 << b)) > 0)["n"].sum() > 0) for b in range(5)
    )
    coarse: Figures = {"fraud_fraction_sample": fraction, "mutation_axes": float(axes)}
    if not isinstance(pack, FailClosed):
        return _judged(
            {"fraud_fraction": fraction}, coarse, {"fraud_fraction": pack.corridors.fraud_fraction.model_dump()}
        )
    corridors = pack.corridors.fraud.model_dump()
    least = corridors.pop("min_mutation_axes")
    seen: Figures = {"fraud_fraction": fraction}
    for kind in corridors["campaign_type_share"]:
        seen[f"campaign_type_share.{kind}"] = share(flows, pl.col("campaign") & (pl.col("fraud_pattern_type") == kind))
    outcome = _judged(seen, coarse, corridors)
    few = (
        [Finding("mutation_axes", "too few mutation axes", None, {"seen": axes, "least": least})]
        if axes < least
        else []
    )
    return found((*outcome.findings, *few), outcome.metrics, {**outcome.thresholds, "min_mutation_axes": least})


def bank_view_realism(evidence: Mapping[str, Evidence], pack: Model) -> Outcome:
    """False positives, and detection by truth label."""
    flows = evidence["S4"].table("bank").with_columns(pl.col("fraud_label", "detection_outcome").cast(pl.String))
    rate = share(flows, pl.col("is_fraud_bank_view"))
    coarse: Figures = {"bank_view_rate_sample": rate}
    if not isinstance(pack, FailClosed):
        return _judged({"bank_view_rate": rate}, coarse, {"bank_view_rate": pack.corridors.bank_view_rate.model_dump()})
    seen: Figures = {
        "false_positive": share(flows.filter(pl.col("fraud_label") == "LEGIT"), pl.col("is_fraud_bank_view"))
    }
    for label in ("FRAUD", "ABUSE", "LEGIT"):
        held = flows.filter(pl.col("fraud_label") == label)
        seen[f"detection.{label}"] = share(held, pl.col("detection_outcome") != "NOT_DETECTED")
    return _judged(seen, coarse, pack.corridors.bank_view.model_dump())


def case_realism(evidence: Mapping[str, Evidence], pack: Model) -> Outcome:
    """Flows in cases, flows a case, duration, chargebacks; coarse: case events a flow."""
    flows = evidence["S4"].table("bank")
    cases, spans = evidence["S4"].table("cases"), evidence["S4"].table("case_spans")
    events = evidence["S4"].table("case_events")
    rate = _ratio(int(events["n"].sum()), int(flows["n"].sum()))
    coarse: Figures = {"case_event_rate": rate}
    if not isinstance(pack, FailClosed):
        return _judged({"case_event_rate": rate}, {}, {"case_event_rate": pack.corridors.case_event_rate.model_dump()})
    seen: Figures = {
        "involvement": share(flows, pl.col("case_opened")),
        "flows_per_case": _mean(cases, "n_flows"),
        "duration_s": _mean(spans, "duration_s"),
        "chargeback": share(flows, pl.col("chargeback_outcome").cast(pl.String) != "NO_CHARGEBACK"),
    }
    return _judged(seen, coarse, pack.corridors.case.model_dump())


def share(table: pl.DataFrame, condition: pl.Expr) -> float | None:
    """Share of counted rows for which `condition` holds; None where nothing was counted."""
    return _ratio(int(table.filter(condition)["n"].sum()), int(table["n"].sum()))


def _mean(table: pl.DataFrame, value: str) -> float | None:
    total = table.select((pl.col(value).cast(pl.Int64) * pl.col("n")).sum()).item()
    return _ratio(int(total), int(table["n"].sum()))


def _ratio(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def _judged(seen: Figures, beside: Figures, corridors: Mapping[str, Any]) -> Outcome:
    """Each figure against the corridor of its name; a figure that could not be computed is outside."""
    bands = dict(_bands(corridors))
    return found(_outside(seen, bands), {**seen, **beside}, {name: [b.low, b.high] for name, b in bands.items()})


def _bands(corridors: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Band]]:
    for name, value in corridors.items():
        if set(value) == {"low", "high"}:
            yield f"{prefix}{name}", Band(**value)
        else:
            yield from _bands(value, f"{prefix}{name}.")


def _outside(seen: Figures, bands: Mapping[str, Band]) -> Iterator[Finding]:
    for name, band in bands.items():
        value = seen[name]
        if value is None:
            yield Finding(name, f"{name} has no rows to be computed from")
        elif not band.holds(value):
            yield Finding(name, f"{name} is {value:.6g}, outside [{band.low:.6g}, {band.high:.6g}]")

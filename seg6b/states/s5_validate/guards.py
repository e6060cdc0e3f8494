"""REQ_GUARDRAILS: how large the run has grown, beside how large it may."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final

import polars as pl

from seg6b.datasets import tables as t
from seg6b.errors import EvidenceMissing
from seg6b.evidence.laws import Finding, Ledger
from seg6b.policy.packs import PACKS, Policies
from seg6b.states.s5_validate.check import Outcome, found
from seg6b.states.s5_validate.emitted import broken
from seg6b.states.s5_validate.request import ValidationRequest

View = Callable[[ValidationRequest, Ledger], float]
_SECOND: Final = 1_000_000
_CASE_IDS: Final = f"{t.CASES.name}.case_id"
_SINGLE: Final = (("session", "max_session_arrivals"), ("timing", "flow_guard_s"), ("attachment", "proxy_share_cap"))
_JUDGED_BY_STATE: Final = frozenset({"campaign.max_targets_per_million"})  # small worlds may reach their floors


def guardrails(request: ValidationRequest, ledger: Ledger) -> Outcome:
    """Every guard of every pack beside the value seen; a value beyond its guard is a finding.

    Guards whose value only the owning state can see are listed without one: that state fails on them.
    """
    if request.policy.behaviour.guards is None:
        raise EvidenceMissing(
            "E_S5_NO_GUARDS", "the behaviour pack states no guards", "behaviour", "unguarded", "scoped"
        )
    limits = stated(request.policy)
    seen = observed(request, ledger, limits)
    findings = [*_tripped(limits, seen), *broken(request.evidence, "guards")]
    return found(findings, {name: seen.get(name) for name in limits}, limits)


def stated(policy: Policies) -> dict[str, float]:
    """Every guard by `pack.guard`."""
    limits: dict[str, float] = {}
    for pack in PACKS:
        guards = getattr(getattr(policy, pack, None), "guards", None)
        plain = guards.model_dump() if guards is not None else {}
        limits |= {f"{pack}.{name}": value for name, value in plain.items()}
    for pack, name in _SINGLE:
        value = getattr(getattr(policy, pack, None), name, None)
        if value is not None:
            limits[f"{pack}.{name}"] = value
    return limits


def observed(request: ValidationRequest, ledger: Ledger, wanted: Iterable[str]) -> dict[str, float]:
    """The figure behind each of the wanted guards that evidence shows."""
    return {name: _VIEWS[name](request, ledger) for name in wanted if name in _VIEWS}


def _sessions(_: ValidationRequest, ledger: Ledger) -> float:
    return _per_million(ledger.rows(t.SESSIONS.name), ledger.rows(t.SESSION_ARRIVALS.name))


def _cases(_: ValidationRequest, ledger: Ledger) -> float:
    return _per_million(ledger.rows(_CASE_IDS), ledger.rows(t.SESSION_ARRIVALS.name))


def _cases_of_flows(_: ValidationRequest, ledger: Ledger) -> float:
    return _per_million(ledger.rows(_CASE_IDS), ledger.rows(t.FLOWS_WITH_FRAUD.name))


def _probes(_: ValidationRequest, ledger: Ledger) -> float:
    return _per_million(ledger.rows(f"{t.FLOWS_WITH_FRAUD.name}:probe"), ledger.rows(t.SESSION_ARRIVALS.name))


def _targets(request: ValidationRequest, ledger: Ledger) -> float:
    return _per_million(int(request.catalogue["quota"].sum()), ledger.rows(t.SESSION_ARRIVALS.name))


def _mutations(request: ValidationRequest, _: Ledger) -> float:
    done = request.evidence["S3"].table("overlay").filter(pl.col("n") > 0)["tactic_ids"]
    return max((int(bits).bit_count() for bits in done.unique()), default=0)


def _flow_span(request: ValidationRequest, _: Ledger) -> float:
    return _top(request.evidence["S2"].table("flow_spans")["span_us"]) / _SECOND


def _proxy_share(request: ValidationRequest, _: Ledger) -> float:
    types = request.evidence["S1"].table("ip_groups")
    proxies = types.filter(pl.col("ip_type").cast(pl.String) == "VPN_PROXY")["n"].sum()
    return int(proxies) / max(1, int(types["n"].sum()))


def _instances(request: ValidationRequest, _: Ledger) -> float:
    return request.catalogue.height


def _largest(sized: str, unit: int = 1) -> View:
    return lambda _, ledger: ledger.largest(sized) / unit


def _highest(column: str) -> View:
    return lambda request, _: _top(request.catalogue[column])


def _active_campaigns(request: ValidationRequest, _: Ledger) -> float:
    """Most campaigns with a tagged flow on one day."""
    flows = request.evidence["S3"].table("campaign_hours").filter(pl.col("n") > 0)
    return _top(flows.select("day", "campaign_id").unique().group_by("day").len()["len"])


def _per_million(part: int, whole: int) -> float:
    return round(part * 1_000_000 / max(1, whole), 3)


def _top(values: pl.Series) -> int:
    return int(values.to_numpy().max(initial=0))


def _tripped(limits: Mapping[str, float], seen: Mapping[str, float]) -> Iterator[Finding]:
    for name, limit in limits.items():
        value = seen.get(name)
        least = name.split(".")[1].startswith("min_")
        if value is None or name in _JUDGED_BY_STATE:
            continue
        if value < limit if least else value > limit:
            yield Finding(name, f"guard {name} is exceeded: {value:.9g}, limit {limit:.9g}")


_VIEWS: Final[Mapping[str, View]] = {
    "behaviour.sessions_per_million": _sessions,
    "behaviour.cases_per_million": _cases,
    "behaviour.campaigns_active_per_day": _active_campaigns,
    "behaviour.max_flows_per_session": _largest("session.flows"),
    "behaviour.max_events_per_flow": _largest("flow.events"),
    "session.max_session_arrivals": _largest("session.arrivals"),
    "attachment.proxy_share_cap": _proxy_share,
    "timing.flow_guard_s": _flow_span,
    "campaign.min_instances": _instances,
    "campaign.max_instances": _instances,
    "campaign.max_windows": _highest("n_windows"),
    "campaign.max_targets_per_instance": _highest("quota"),
    "campaign.max_targets_per_million": _targets,
    "overlay.max_mutations_per_flow": _mutations,
    "overlay.max_new_flows_per_million": _probes,
    "overlay.max_amount_factor": _largest("overlaid_flow.amount_factor_ppm", 1_000_000),
    "overlay.max_time_factor": _largest("overlaid_flow.time_factor_ppm", 1_000_000),
    "case.flows_per_case": _largest("case.flows"),
    "case.events_per_case": _largest("case.events"),
    "case.span_s": _largest("case.span_us", _SECOND),
    "case.cases_per_million_flows": _cases_of_flows,
}

"""S5 as a whole: ask every check, reach a verdict, write the bundle, seal it only if the verdict allows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

import polars as pl

from seg6b.evidence.laws import Ledger
from seg6b.policy.behaviour import require_scope
from seg6b.policy.validation import FailClosed
from seg6b.shards.cells import CELLS
from seg6b.states.s5_validate import corridors
from seg6b.states.s5_validate.audit import evidence_audit
from seg6b.states.s5_validate.budgets import OWN_DRAWS, draw_table, rng_budgets, rng_trace
from seg6b.states.s5_validate.check import Check, Outcome, Severity, look
from seg6b.states.s5_validate.guards import guardrails
from seg6b.states.s5_validate.links import link_integrity
from seg6b.states.s5_validate.parity import flow_event_parity, label_coverage
from seg6b.states.s5_validate.realism import critical_cases, critical_truth
from seg6b.states.s5_validate.report import issue_table, report_of, seals, verdict, write_bundle
from seg6b.states.s5_validate.request import ValidationOutcome, ValidationRequest
from seg6b.states.s5_validate.timeline import out_of_bounds, time_monotone
from seg6b.states.s5_validate.uniqueness import LOOKED_UP, unique_keys
from seg6b.states.s5_validate.upstream import sealed_inputs, upstream_gates

Question = Callable[[], Outcome]
_OWN = dict(zip(OWN_DRAWS[1], (CELLS, len(LOOKED_UP)), strict=True))


def run_validation(request: ValidationRequest) -> ValidationOutcome:
    """Validate one run and write its bundle below `request.folder`.

    Raises:
        InputRefused: scenario or seed are outside the scope of the behaviour pack.
    """
    require_scope(request.policy.behaviour, request.axes.scenario_id, request.axes.seed)
    pack = request.policy.validation
    draws = cache(lambda: draw_table(request.states, request.evidence, request.policy, _OWN))
    checks = ask(request, draws)
    status = verdict(checks, pack)
    seal = seals(status, pack)
    upstream = request.upstream.receipt.get("upstream_segments", {})
    report = report_of(request.axes, status, checks, upstream, _settings(request))
    issues = issue_table(checks, request.axes, pack.issue_rows_max)
    files = write_bundle(request.folder, request.axes, report, issues, rng_trace(draws), seal=seal)
    own = {f"{OWN_DRAWS[0]}.{decision}": n for decision, n in _OWN.items()}
    return ValidationOutcome(status, seal, report, files, request.board, own)


def ask(request: ValidationRequest, draws: Callable[[], pl.DataFrame]) -> list[Check]:
    """Every check that the validation pack names, in the order of the contract."""
    questions, pack = _questions(request, draws), request.policy.validation
    required = [look(c, Severity.REQUIRED, q) for c, q in questions.items() if c in pack.required]
    warned = [look(c, Severity.WARN_ONLY, q) for c, q in _corridors(request).items() if c in pack.warn]
    return required + warned


def _questions(request: ValidationRequest, draws: Callable[[], pl.DataFrame]) -> dict[str, Question]:
    ledger = cache(lambda: Ledger.of(request.evidence))
    pack = request.policy.validation
    level = pack.critical_level if isinstance(pack, FailClosed) else "B"
    return {
        "REQ_UPSTREAM_HASHGATES": lambda: upstream_gates(request.upstream),
        "REQ_SEALED_INPUTS_PRESENT": lambda: sealed_inputs(request),
        "REQ_PK_UNIQUENESS": lambda: unique_keys(request, ledger()),
        "REQ_FLOW_EVENT_PARITY": lambda: flow_event_parity(request, ledger()),
        "REQ_FLOW_LABEL_COVERAGE": lambda: label_coverage(request, ledger()),
        "REQ_LINK_INTEGRITY": lambda: link_integrity(request, ledger()),
        "REQ_CRITICAL_TRUTH_REALISM": lambda: critical_truth(request.board, level),
        "REQ_CRITICAL_CASE_TIMELINE": lambda: critical_cases(request.board, level, ledger(), request.evidence),
        "REQ_RNG_BUDGETS": lambda: rng_budgets(draws, request.evidence, request.policy.rng),
        "REQ_TIME_MONOTONE": lambda: time_monotone(request),
        "REQ_SCENARIO_OOB": lambda: out_of_bounds(request, ledger()),
        "REQ_GUARDRAILS": lambda: guardrails(request, ledger()),
        "REQ_EVIDENCE_AUDIT": lambda: evidence_audit(request),
    }


def _corridors(request: ValidationRequest) -> dict[str, Question]:
    evidence, pack = request.evidence, request.policy.validation
    return {
        "WARN_BASELINE_REALISM": lambda: corridors.baseline_realism(evidence, pack),
        "WARN_FRAUD_REALISM": lambda: corridors.fraud_realism(evidence, pack),
        "WARN_BANK_VIEW_REALISM": lambda: corridors.bank_view_realism(evidence, pack),
        "WARN_CASE_REALISM": lambda: corridors.case_realism(evidence, pack),
    }


def _settings(request: ValidationRequest) -> Mapping[str, Any]:
    """Settings of the verdict that belong to no single check."""
    pack, behaviour = request.policy.validation, request.policy.behaviour
    named = ("kind", "required", "warn", "warn_still_pass_max_fraction", "fail_on_any_warn_failure", "issue_rows_max")
    plain = pack.model_dump(mode="json")
    switches = {k: v for k, v in behaviour.model_dump(mode="json").items() if isinstance(v, bool)}
    return {
        **{name: plain[name] for name in (*named, "seal_on", "audit_cells")},
        "scope": behaviour.scope.model_dump(mode="json"),
        "switches": switches,
    }

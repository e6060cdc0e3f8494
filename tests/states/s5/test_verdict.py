from __future__ import annotations

import json
from dataclasses import replace

import polars as pl
import pytest

from seg6b.errors import InputRefused
from seg6b.policy.behaviour import Scope
from seg6b.runs.flag import FLAG, INDEX, verify_bundle
from seg6b.states.s5_validate.check import Check, Outcome, Result, Severity
from seg6b.states.s5_validate.report import ISSUES, REPORT, TRACE, bundle_folder, issue_table, seals, verdict
from seg6b.states.s5_validate.upstream import sealed_digest
from seg6b.states.s5_validate.validate import run_validation


def results(outcome):
    return {c["check_id"]: c["result"] for c in outcome.report["checks"]}


def folder_of(request):
    return request.folder / bundle_folder(request.axes)


def checks(*severities):
    """Failing checks of the severities given, and one that passes of each."""
    broken = Outcome(("wrong",))
    whole = [Check(f"OK_{s}", s, Outcome(())) for s in Severity]
    return [*whole, *(Check(f"BAD_{i}", s, broken) for i, s in enumerate(severities))]


@pytest.fixture
def packs(policy_of):
    return {"fail_closed": policy_of("validation", "full"), "warn_only": policy_of("validation", "lean")}


def test_a_sound_run_passes_and_is_sealed(frames, request_of):
    request = request_of(frames)
    outcome = run_validation(request)
    assert {k: v for k, v in results(outcome).items() if v != "PASS"} == {}
    assert (outcome.status, outcome.sealed) == (Result.PASS, True)
    assert verify_bundle(folder_of(request))
    assert {p.name for p in outcome.files} == {REPORT, ISSUES, TRACE, INDEX, FLAG}
    assert all((request.folder / p).is_file() for p in outcome.files)


def test_a_failed_run_leaves_its_report_and_no_flag(frames, request_of, board_of):
    request = request_of(frames, board=board_of(T2="FAIL"))
    outcome = run_validation(request)
    assert (outcome.status, outcome.sealed) == (Result.FAIL, False)
    assert not (folder_of(request) / FLAG).exists()
    verify_bundle(folder_of(request), sealed=False)
    issues = pl.read_parquet(folder_of(request) / ISSUES)
    assert issues["check_id"].to_list() == ["REQ_CRITICAL_TRUTH_REALISM"]
    assert issues["severity"].to_list() == ["FAIL"]
    assert issues["seed"].to_list() == [42]


@pytest.mark.parametrize(
    ("severities", "expected"),
    [
        ((), Result.PASS),
        ((Severity.WARN_ONLY,), Result.WARN),
        ((Severity.REQUIRED,), Result.FAIL),
        ((Severity.WARN_ONLY, Severity.REQUIRED), Result.FAIL),
    ],
    ids=["nothing", "warn", "required", "both"],
)
def test_the_verdict_follows_the_worst_check(severities, expected, packs):
    assert verdict(checks(*severities), packs["fail_closed"]) is expected


def test_few_warnings_may_pass_and_any_may_fail_where_the_pack_says_so(packs):
    pack = packs["fail_closed"]
    assert (
        verdict(checks(Severity.WARN_ONLY), pack.model_copy(update={"warn_still_pass_max_fraction": 0.5}))
        is Result.PASS
    )
    assert (
        verdict(checks(Severity.WARN_ONLY), pack.model_copy(update={"fail_on_any_warn_failure": True})) is Result.FAIL
    )


@pytest.mark.parametrize(
    ("kind", "sealed"), [("fail_closed", [True, False, False]), ("warn_only", [True, True, False])]
)
def test_what_is_sealed(kind, sealed, packs):
    assert [seals(status, packs[kind]) for status in (Result.PASS, Result.WARN, Result.FAIL)] == sealed


def test_the_issue_table_is_cut_at_its_limit(request_of, frames):
    table = issue_table(_many(30), request_of(frames).axes, 7)
    assert table.height == 7
    assert table["issue_id"].to_list() == list(range(7))


def _many(n):
    from seg6b.evidence.laws import Finding

    return [Check("C", Severity.REQUIRED, Outcome(tuple(Finding("L1", "x", i) for i in range(n))))]


def test_the_report_holds_no_path_time_or_run_id(frames, request_of, tmp_path):
    request = request_of(frames)
    run_validation(request)
    text = (folder_of(request) / REPORT).read_text()
    assert str(tmp_path) not in text
    assert "run_id" not in text
    assert "_utc" not in text


@pytest.mark.parametrize("audit", ["sampled", "full"])
def test_the_bundle_does_not_depend_on_the_audit(frames, request_of, audit, tmp_path):
    request = request_of(frames)
    run_validation(request)
    other = replace(request, audit=audit, folder=tmp_path / "other")
    run_validation(other)
    assert (folder_of(request) / FLAG).read_bytes() == (folder_of(other) / FLAG).read_bytes()


@pytest.mark.parametrize(
    ("scope", "reason"),
    [
        (Scope(scenario_id_allowlist=["other"], seed_allowlist=[], seed_blocklist=[]), "scenario baseline_v1"),
        (Scope(scenario_id_allowlist=["baseline_v1"], seed_allowlist=[], seed_blocklist=[42]), "block list"),
    ],
    ids=["scenario", "seed"],
)
def test_a_run_out_of_scope_is_refused(frames, request_of, scope, reason):
    request = request_of(frames)
    request.policy.behaviour = request.policy.behaviour.model_copy(update={"scope": scope})
    with pytest.raises(InputRefused, match=reason):
        run_validation(request)
    assert not request.folder.exists()


def test_the_trace_names_every_draw(frames, request_of):
    request = request_of(frames)
    run_validation(request)
    trace = json.loads((folder_of(request) / TRACE).read_text())
    rows = [(r["module"], r["family"], r["decision"], r["draws_total"], r["implied_total"]) for r in trace["records"]]
    assert rows == [
        ("6B.S1", "entity_attach", "ATTACH_PARTY", 12, 12),
        ("6B.S2", "flow_shape", "FLOW_TYPE", 12, 12),
        ("6B.S5", "validation_audit", "AUDIT_CELL", 64, 64),
        ("6B.S5", "validation_audit", "ID_SLICE", 3, 3),
    ]


@pytest.mark.parametrize(
    ("leaf", "value"),
    [
        ("corridors__case__chargeback__high", 0.5),
        ("corridors__fraud__campaign_type_share__ATO__low", 0.0),
        ("corridors__fraud__min_mutation_axes", 2),
        ("bounds__flow_grace_s", 1e6),
        ("bounds__case_grace_days", 241.0),
        ("critical_level", "BPLUS"),
        ("warn_still_pass_max_fraction", 0.3),
        ("issue_rows_max", 5),
        ("audit_cells", 3),
    ],
)
def test_every_threshold_stands_in_the_report(frames, request_of, policy_of, leaf, value):
    request = request_of(frames)
    request.policy.validation = policy_of("validation", "full")
    before = run_validation(request).report
    request.policy.validation = policy_of("validation", "full", **{leaf: value})
    assert run_validation(request).report != before


@pytest.mark.parametrize(
    "guard",
    [
        "sessions_per_million",
        "cases_per_million",
        "campaigns_active_per_day",
        "max_flows_per_session",
        "max_events_per_flow",
    ],
)
def test_every_guard_stands_in_the_report_with_what_was_seen(frames, request_of, policy_of, guard):
    request = request_of(frames)
    request.policy.behaviour = policy_of("behaviour", "full", **{f"guards__{guard}": 999_999})
    check = next(c for c in run_validation(request).report["checks"] if c["check_id"] == "REQ_GUARDRAILS")
    assert check["thresholds"][f"behaviour.{guard}"] == 999_999
    assert check["metrics"][f"behaviour.{guard}"] > 0


def test_the_first_baseline_seals_a_warning_and_asks_no_critical_gate(frames, request_of, policy_of, board_of, packs):
    request = request_of(frames, behaviour=policy_of("behaviour", "lean"), board=board_of(T1="FAIL", T8="FAIL"))
    request.policy.validation = packs["warn_only"]
    request = replace(request, policy=replace(request.policy, rng=policy_of("rng", "lean")))
    reseal(request)
    outcome = run_validation(request)
    found = results(outcome)
    assert {k: v for k, v in found.items() if k.startswith("REQ") and v != "PASS"} == {}
    assert not any("CRITICAL" in k or "GUARD" in k for k in found)
    assert (outcome.status, outcome.sealed) == (Result.WARN, True)


def reseal(request):
    """Seal the packs as they are now."""
    for row in request.upstream.sealed:
        kind, _, name = row["path_template"].partition("://")
        if kind == "policy":
            row["sha256_hex"] = request.policy.pack_hash(name)
    request.upstream.receipt["sealed_inputs_digest_6B"] = sealed_digest(request.upstream.sealed)

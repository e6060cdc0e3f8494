"""Each required check fails on one targeted break, and names it."""

from __future__ import annotations

from dataclasses import replace

import polars as pl
import pytest

from seg6b.datasets import tables as t
from seg6b.datasets import world_tables as w
from seg6b.evidence.tables import Evidence
from seg6b.states.s5_validate.upstream import sealed_digest
from seg6b.states.s5_validate.validate import run_validation


def failing(request):
    """Checks that do not pass, with the messages of their issues."""
    outcome = run_validation(request)
    found = {c["check_id"] for c in outcome.report["checks"] if c["result"] != "PASS"}
    issues = pl.concat([pl.read_parquet(request.folder / p) for p in outcome.files if p.suffix == ".parquet"])
    return found, " | ".join(issues["message"])


def edited(evidence, state, table, **columns):
    """The evidence with some columns of one table computed anew."""
    measure, frame = evidence[state].tables[table]
    changed = dict(evidence[state].tables) | {table: (measure, frame.with_columns(**columns))}
    return evidence | {state: Evidence(changed)}


def without(evidence, state, table):
    return evidence | {state: Evidence({k: v for k, v in evidence[state].tables.items() if k != table})}


def one_key_set(key_set, column, by=1):
    """`column` of one key set moved by `by` in every cell."""
    mine = pl.col("key_set").cast(pl.String) == key_set
    return {column: pl.when(mine).then(pl.col(column) + by).otherwise(column)}


def changed(frames, dataset, **columns):
    return frames | {dataset.name: frames[dataset.name].with_columns(**columns)}


def test_a_segment_that_did_not_pass(frames, request_of):
    request = request_of(frames)
    request.upstream.receipt["upstream_segments"]["3B"]["status"] = "FAIL"
    assert failing(request) == ({"REQ_UPSTREAM_HASHGATES"}, "GATE: segment 3B is FAIL")


def test_an_altered_flag(frames, request_of):
    request = request_of(frames)
    (request.upstream.root / "5A" / "_passed.flag").write_text(f"sha256_hex = {'0' * 64}\n")
    found, why = failing(request)
    assert "the flag of segment 5A does not match its bundle" in why
    assert found == {"REQ_UPSTREAM_HASHGATES", "REQ_SEALED_INPUTS_PRESENT"}


def test_a_flag_that_is_not_the_sealed_one(frames, request_of):
    request = request_of(frames)
    request.upstream.receipt["upstream_segments"]["6A"]["bundle_sha256"] = "0" * 64
    assert failing(request) == ({"REQ_UPSTREAM_HASHGATES"}, "GATE: the flag of segment 6A is not the sealed one")


def reseal(request, path, digest):
    """Seal one row by another digest, and the rows anew."""
    for row in request.upstream.sealed:
        if row["path_template"] == path:
            row["sha256_hex"] = digest
    request.upstream.receipt["sealed_inputs_digest_6B"] = sealed_digest(request.upstream.sealed)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda r: (r.upstream.root / "arrivals.parquet").write_bytes(b"other"), "arrivals.parquet is altered"),
        (lambda r: (r.upstream.root / "arrivals.parquet").unlink(), "arrivals.parquet is missing"),
        (
            lambda r: r.world.files.update(site_locations=("sites.parquet",)),
            "site_locations holds files that nobody sealed",
        ),
        (lambda r: r.upstream.sealed.pop(0), "not those of the S0 receipt"),
        (lambda r: r.upstream.receipt.update(manifest_fingerprint="0" * 64), "of another world"),
        (lambda r: reseal(r, "policy://rng", "0" * 64), "policy rng is not the sealed one"),
        (lambda r: reseal(r, "contract://outputs_6B.v2", "0" * 64), "contract outputs_6B.v2 is not the sealed one"),
    ],
    ids=["altered", "missing", "unsealed", "rows", "world", "policy", "contract"],
)
def test_sealed_inputs(frames, request_of, damage, message):
    request = request_of(frames)
    damage(request)
    found, why = failing(request)
    assert found == {"REQ_SEALED_INPUTS_PRESENT"}
    assert message in why


def test_a_key_twice_within_a_party(frames, request_of, evidence_of):
    evidence = edited(evidence_of(frames), "S4", "keys", **one_key_set(t.TRUTH.name, "n_distinct", -1))
    found, why = failing(request_of(frames, evidence=evidence, audit="sampled"))
    assert "REQ_PK_UNIQUENESS" in found
    assert f"duplicate keys in {t.TRUTH.name}" in why


def test_a_session_id_shared_by_two_parties(frames, request_of):
    sessions = frames[t.SESSIONS.name]
    shared = pl.when(pl.int_range(pl.len()) == 0).then(sessions["session_id"][5]).otherwise("session_id")
    found, why = failing(request_of(changed(frames, t.SESSIONS, session_id=shared)))
    assert "REQ_PK_UNIQUENESS" in found
    assert f"{t.SESSIONS.name}.session_id is shared" in why


def test_a_flow_id_shared_by_two_parties_is_not_in_the_evidence_but_is_found(frames, request_of):
    flows = frames[t.FLOWS_WITH_FRAUD.name]
    last = pl.int_range(pl.len()) == flows.height - 1
    shared = pl.when(last).then(flows["flow_id"][0]).otherwise("flow_id")
    _, why = failing(request_of(changed(frames, t.FLOWS_WITH_FRAUD, flow_id=shared)))
    assert f"{t.FLOWS_WITH_FRAUD.name}.flow_id is shared" in why


def test_a_campaign_listed_twice(frames, request_of):
    catalogue = frames[t.CAMPAIGNS.name]
    found, why = failing(request_of(frames, catalogue=pl.concat([catalogue, catalogue])))
    assert "REQ_PK_UNIQUENESS" in found
    assert f"duplicate keys in {t.CAMPAIGNS.name}" in why


@pytest.mark.parametrize(
    ("state", "table", "columns", "law"),
    [
        ("S1", "keys", one_key_set(t.SESSION_ARRIVALS.name, "key_sum"), "L1: arrivals of S1"),
        ("S1", "keys", one_key_set(t.SESSIONS.name, "key_sum"), "L2: keys of"),
        ("S1", "sizes", {"total": pl.col("total") + 1}, "L2: session.arrivals"),
        ("S2", "keys", one_key_set(f"{t.FLOWS.name}.session_id", "key_sum"), "L3: keys of"),
        ("S2", "keys", one_key_set(f"{t.EVENTS.name}.flow_id", "n"), "L4: keys of"),
        ("S3", "keys", one_key_set(f"{t.FLOWS_WITH_FRAUD.name}:baseline", "n"), "L5: keys of"),
        ("S3", "keys", one_key_set(f"{t.EVENTS_WITH_FRAUD.name}:plain", "key_sum"), "L6: keys of"),
        (
            "S3",
            "keys",
            one_key_set(f"{t.EVENTS_WITH_FRAUD.name}:restructured", "n", 2),
            "L6: restructured flows kept more",
        ),
        ("S3", "flow_checks", {"bad": pl.lit(1)}, "S3.seq_contiguous"),
    ],
    ids=["L1", "L2", "L2 sum", "L3", "L4", "L5", "L6", "L6 more", "check"],
)
def test_flow_event_parity(frames, request_of, evidence_of, state, table, columns, law):
    evidence = edited(evidence_of(frames), state, table, **columns)
    found, why = failing(request_of(frames, evidence=evidence, audit="sampled"))
    assert "REQ_FLOW_EVENT_PARITY" in found
    assert law in why


def test_an_arrival_of_the_world_that_is_not_in_s1(frames, request_of):
    request = request_of(frames)
    found, why = failing(replace(request, upstream=replace(request.upstream, arrivals=13)))
    assert found == {"REQ_FLOW_EVENT_PARITY"}
    assert "L1: arrivals of S1 are not those of the world" in why


def test_an_event_inserted_into_an_untouched_flow(frames, request_of):
    events = frames[t.EVENTS_WITH_FRAUD.name]
    loose = pl.when(pl.int_range(pl.len()) == events.height - 1).then(None).otherwise("origin_event_seq")
    found, why = failing(request_of(changed(frames, t.EVENTS_WITH_FRAUD, origin_event_seq=loose)))
    assert found == {"REQ_FLOW_EVENT_PARITY"}
    assert "inserted events outside restructured flows" in why


def test_a_suppressed_event_without_a_declared_mutation(frames, request_of):
    found, why = failing(request_of(changed(frames, t.FLOWS_WITH_FRAUD, structure_modified_flag=pl.lit(value=False))))
    assert found == {"REQ_FLOW_EVENT_PARITY"}
    assert "L6: keys of" in why


def test_a_flow_without_a_bank_view(frames, request_of):
    broken = frames | {t.BANK_VIEW.name: frames[t.BANK_VIEW.name].head(12)}
    found, why = failing(request_of(broken))
    assert "REQ_FLOW_LABEL_COVERAGE" in found
    assert f"L7: keys of {t.BANK_VIEW.name}" in why


def test_as_many_labels_but_of_another_flow(frames, request_of):
    truth = frames[t.TRUTH.name]
    other = pl.when(pl.int_range(pl.len()) == 4).then(truth["flow_id"][3]).otherwise("flow_id")
    found, why = failing(request_of(changed(frames, t.TRUTH, flow_id=other)))
    assert {"REQ_FLOW_LABEL_COVERAGE", "REQ_PK_UNIQUENESS"} <= found
    assert f"L7: keys of {t.TRUTH.name}" in why


def test_a_label_that_contradicts_an_event(frames, request_of, evidence_of):
    evidence = edited(evidence_of(frames), "S4", "label_checks", bad=pl.lit(1))
    found, why = failing(request_of(frames, evidence=evidence, audit="sampled"))
    assert "REQ_FLOW_LABEL_COVERAGE" in found
    assert "S4 counted rows that break covered" in why


def test_campaign_flows_that_the_catalogue_does_not_count(frames, request_of):
    found, why = failing(request_of(changed(frames, t.CAMPAIGNS, target_flow_count=pl.lit(3, pl.Int64))))
    assert found == {"REQ_LINK_INTEGRITY"}
    assert "L8: campaign C1" in why


def test_a_pattern_without_a_campaign(frames, request_of):
    pattern = pl.lit("ATO").cast(frames[t.FLOWS_WITH_FRAUD.name]["fraud_pattern_type"].dtype)
    found, why = failing(request_of(changed(frames, t.FLOWS_WITH_FRAUD, fraud_pattern_type=pattern)))
    assert found == {"REQ_LINK_INTEGRITY"}
    assert "a pattern without a campaign" in why


def test_a_fraud_event_without_a_cause(frames, request_of):
    found, why = failing(request_of(changed(frames, t.EVENTS_WITH_FRAUD, is_fraud_event=pl.lit(value=True))))
    assert found == {"REQ_LINK_INTEGRITY"}
    assert "neither campaign nor anomaly" in why


@pytest.mark.parametrize(
    ("dataset", "column"),
    [
        (w.PARTIES, "party_id"),
        (w.ACCOUNTS, "owner_party_id"),
        (w.INSTRUMENTS, "account_id"),
        (w.IP_LINKS, "device_id"),
        (w.DEVICE_LINKS, "party_id"),
    ],
    ids=["party", "account", "instrument", "ip", "device"],
)
def test_an_entity_that_is_not_its_owners(frames, request_of, dataset, column):
    request = request_of(frames)
    request.world.tables[dataset.name] = request.world.tables[dataset.name].with_columns(pl.col(column) + 1)
    found, why = failing(request)
    assert found == {"REQ_LINK_INTEGRITY"}
    assert "are not linked in the 6A bases" in why


def test_a_terminal_of_the_merchant_is_as_good_as_an_own_device(frames, request_of):
    request = request_of(frames)
    links = request.world.tables[w.DEVICE_LINKS.name]
    request.world.tables[w.DEVICE_LINKS.name] = links.with_columns(
        party_id=pl.lit(None, pl.Int64), merchant_id=pl.lit(7, pl.Int64)
    )
    assert failing(request) == (set(), "")


def test_a_swapped_device_is_judged_by_the_one_before_the_swap(frames, request_of):
    device = frames[t.FLOWS_WITH_FRAUD.name]["device_id"]
    first = pl.int_range(pl.len()) == 0
    swap = {
        "device_id": pl.when(first).then(device[-1]).otherwise("device_id"),
        "swapped_device_id": pl.when(first).then("device_id"),
    }
    assert failing(request_of(changed(frames, t.FLOWS_WITH_FRAUD, **swap))) == (set(), "")
    undeclared = {"device_id": swap["device_id"]}
    assert failing(request_of(changed(frames, t.FLOWS_WITH_FRAUD, **undeclared)))[0] == {"REQ_LINK_INTEGRITY"}


@pytest.mark.parametrize("status", ["FAIL", "INSUFFICIENT"])
@pytest.mark.parametrize(
    ("gate", "check"),
    [(g, "REQ_CRITICAL_TRUTH_REALISM") for g in ("T1", "T2", "T3", "T22")]
    + [(g, "REQ_CRITICAL_CASE_TIMELINE") for g in ("T8", "T9", "T10")],
)
def test_a_critical_gate(frames, request_of, board_of, gate, check, status):
    found, why = failing(request_of(frames, board=board_of(**{gate: status})))
    assert found == {check}
    assert f"{gate} (gate {gate[1:]}) is {status} at B" in why


def test_a_gate_that_was_not_evaluated(frames, request_of, board_of):
    board = board_of()
    del board.gates["T9"]
    assert failing(request_of(frames, board=board)) == ({"REQ_CRITICAL_CASE_TIMELINE"}, "T9: T9 was not evaluated")


@pytest.mark.parametrize(
    ("row", "kind"),
    [(0, "CUSTOMER_DISPUTE_FILED"), (2, "CUSTOMER_DISPUTE_FILED"), (1, "CASE_OPENED")],
    ids=["open", "close", "twice"],
)
def test_a_case_that_is_not_opened_once_and_closed_once(frames, request_of, row, kind):
    dtype = frames[t.CASES.name]["case_event_type"].dtype
    events = pl.when(pl.int_range(pl.len()) == row).then(pl.lit(kind).cast(dtype)).otherwise("case_event_type")
    found, why = failing(request_of(changed(frames, t.CASES, case_event_type=events)))
    assert "REQ_CRITICAL_CASE_TIMELINE" in found
    assert "L9: keys of s4_case_timeline_6B:whole" in why


def test_a_flow_in_two_cases(frames, request_of):
    links = frames[t.CASE_FLOWS.name]
    twice = frames | {t.CASE_FLOWS.name: pl.concat([links, links.head(1).with_columns(case_id=pl.lit(56, pl.Int64))])}
    found, why = failing(request_of(twice))
    assert "REQ_CRITICAL_CASE_TIMELINE" in found
    assert "flows that are in several cases" in why


def test_one_draw_more_than_implied(frames, request_of, evidence_of):
    evidence = edited(evidence_of(frames), "S2", "draws", n=pl.col("n") + 1)
    found, why = failing(request_of(frames, evidence=evidence))
    assert found == {"REQ_RNG_BUDGETS"}
    assert "6B.S2 flow_shape.FLOW_TYPE drew another number than implied" in why


def test_no_draws_at_all(frames, request_of, evidence_of):
    found, why = failing(request_of(frames, evidence=without(evidence_of(frames), "S1", "draws")))
    assert found == {"REQ_RNG_BUDGETS"}
    assert "entity_attach.ATTACH_PARTY must always be drawn" in why


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"decision": pl.lit("COIN")}, "flow_shape.COIN is not registered"),
        ({"family": pl.lit("entity_attach"), "decision": pl.lit("ATTACH_PARTY")}, "registered for S1, drawn by 6B.S2"),
    ],
    ids=["unknown", "module"],
)
def test_an_unregistered_draw(frames, request_of, evidence_of, columns, message):
    evidence = edited(evidence_of(frames), "S2", "draws", **columns)
    found, why = failing(request_of(frames, evidence=evidence))
    assert found == {"REQ_RNG_BUDGETS"}
    assert message in why


@pytest.mark.parametrize("state", ["S2", "S3"])
def test_a_flow_that_runs_back(frames, request_of, evidence_of, state):
    back = pl.when(pl.col("check") == "time_monotone").then(1).otherwise(0)
    evidence = edited(evidence_of(frames), state, "flow_checks", bad=back)
    found, why = failing(request_of(frames, evidence=evidence, audit="sampled"))
    assert "REQ_TIME_MONOTONE" in found
    assert f"{state} counted rows that break time_monotone" in why


def test_a_case_that_runs_back(frames, request_of, evidence_of):
    evidence = edited(evidence_of(frames), "S4", "case_spans", non_monotone=pl.lit(value=True))
    found, why = failing(request_of(frames, evidence=evidence, audit="sampled"))
    assert "REQ_TIME_MONOTONE" in found
    assert "cases whose events run back" in why


@pytest.mark.parametrize(
    ("dataset", "column", "days", "stamp"),
    [
        (t.SESSION_ARRIVALS, "ts_utc", 120, "arrival"),
        (t.SESSION_ARRIVALS, "ts_utc", -1, "arrival"),
        (t.EVENTS, "ts_utc", 90, "s2.auth_request"),
        (t.EVENTS_WITH_FRAUD, "ts_utc", 95, "s3.other"),
        (t.BANK_VIEW, "case_closed_ts", 340, "s4.flow"),
        (t.CASES, "ts_utc", 340, "s4.case"),
    ],
    ids=["late", "early", "request", "grace", "bank", "case"],
)
def test_out_of_bounds(frames, request_of, dataset, column, days, stamp):
    found, why = failing(request_of(changed(frames, dataset, **{column: pl.col(column).dt.offset_by(f"{days}d")})))
    assert found == {"REQ_SCENARIO_OOB"}
    assert f"{stamp} outside its bounds" in why


@pytest.mark.parametrize(
    ("guard", "limit"),
    [
        ("sessions_per_million", 499_999),
        ("cases_per_million", 83_332),
        ("max_flows_per_session", 1),
    ],
)
def test_a_guard_that_trips(frames, request_of, policy_of, guard, limit):
    pack = policy_of("behaviour", "full", **{f"guards__{guard}": limit})
    found, why = failing(request_of(frames, behaviour=pack))
    assert found == {"REQ_GUARDRAILS"}
    assert f"guard behaviour.{guard} is exceeded" in why


def test_a_pack_without_guards_cannot_satisfy_the_guard_check(frames, request_of, policy_of):
    request = request_of(frames, behaviour=policy_of("behaviour", "lean"))
    assert failing(request)[0] == {"REQ_GUARDRAILS"}


@pytest.mark.parametrize("table", ["keys", "sizes", "spans"])
def test_a_missing_ledger_fails_what_rests_on_it(frames, request_of, evidence_of, table):
    found, why = failing(request_of(frames, evidence=without(evidence_of(frames), "S3", table)))
    assert {"REQ_PK_UNIQUENESS", "REQ_FLOW_EVENT_PARITY", "REQ_FLOW_LABEL_COVERAGE", "REQ_SCENARIO_OOB"} <= found
    assert "E_EVIDENCE_MISSING" in why


def test_a_missing_table_fails_its_check_alone(frames, request_of, evidence_of):
    found, why = failing(request_of(frames, evidence=without(evidence_of(frames), "S4", "cases")))
    assert found == {"REQ_EVIDENCE_AUDIT", "WARN_CASE_REALISM"}
    assert "no such evidence table" in why

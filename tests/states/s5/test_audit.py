from __future__ import annotations

from dataclasses import replace

import polars as pl
import pytest

from seg6b.datasets import tables as t
from seg6b.draws.uniform import Draws
from seg6b.states.s5_validate.audit import evidence_audit
from seg6b.states.s5_validate.cells import audited_cells, cell_frames, cell_groups
from seg6b.states.s5_validate.check import Result, Severity, look
from seg6b.states.s5_validate.uniqueness import shared_ids


def test_evidence_of_published_rows_is_found_again(frames, request_of):
    outcome = evidence_audit(request_of(frames))
    assert outcome.findings == ()


@pytest.mark.parametrize(
    ("dataset", "columns", "table"),
    [
        (t.SESSION_ARRIVALS, {"session_id": pl.col("session_id") + 1}, "S1.keys"),
        (t.SESSIONS, {"arrival_count": pl.col("arrival_count") + 1}, "S1.sizes"),
        (t.FLOWS, {"branch_trace": pl.lit(2, pl.Int32)}, "S2.flow_types"),
        (t.EVENTS, {"ts_utc": pl.col("ts_utc").dt.offset_by("1us")}, "S2.spans"),
        (t.FLOWS_WITH_FRAUD, {"mutation_axes": pl.lit(1, pl.Int32)}, "S3.overlay"),
        (t.EVENTS_WITH_FRAUD, {"is_fraud_event": pl.lit(value=True)}, "S3.keys"),
        (t.TRUTH, {"flow_id": pl.col("flow_id") + 1}, "S4.keys"),
        (t.BANK_VIEW, {"is_fraud_bank_view": pl.lit(value=True)}, "S4.bank"),
        (t.EVENT_LABELS, {"event_seq": pl.col("event_seq") + 1}, "S4.keys"),
        (t.CASES, {"n_flows": pl.lit(9, pl.Int32)}, "S4.cases"),
        (t.CASE_FLOWS, {"case_id": pl.lit(56, pl.Int64)}, "S4.keys"),
    ],
    ids=lambda v: v.name if hasattr(v, "name") else "",
)
def test_a_changed_value_in_published_rows_is_found(frames, request_of, evidence_of, dataset, columns, table):
    kept = evidence_of(frames)
    altered = frames | {dataset.name: frames[dataset.name].with_columns(**columns)}
    outcome = evidence_audit(request_of(altered, evidence=kept))
    assert any(f.message.startswith(table) for f in outcome.findings)


def test_a_removed_row_is_found(frames, request_of, evidence_of):
    kept = evidence_of(frames)
    outcome = evidence_audit(request_of(frames | {t.TRUTH.name: frames[t.TRUTH.name][1:]}, evidence=kept))
    assert any(f.message.startswith("S4.truth") or f.message.startswith("S4.keys") for f in outcome.findings)


def test_rows_that_cannot_be_measured_are_a_finding(frames, request_of, evidence_of):
    kept = evidence_of(frames)
    request = request_of(frames | {t.BANK_VIEW.name: frames[t.BANK_VIEW.name].clone()})
    path = request.inputs[t.BANK_VIEW.name].paths()[0]
    pl.read_parquet(path).with_columns(pl.col("detection_ts").cast(pl.Int64)).write_parquet(path)
    outcome = evidence_audit(replace(request, evidence=kept))
    assert len(outcome.findings) == 1
    assert outcome.findings[0].message.startswith("S4 cannot be measured from published rows")


@pytest.mark.parametrize(
    "damage", [lambda p: p.write_bytes(b"torn"), lambda p: _without(p, "fraud_label")], ids=["torn", "column"]
)
def test_an_unreadable_part_fails_the_check(frames, request_of, damage):
    request = request_of(frames | {t.TRUTH.name: frames[t.TRUTH.name].clone()})
    damage(request.inputs[t.TRUTH.name].paths()[0])
    check = look("REQ_EVIDENCE_AUDIT", Severity.REQUIRED, lambda: evidence_audit(request))
    assert check.result is Result.FAIL
    assert check.outcome.findings[0].law == "E_PART_UNREADABLE"


def _without(path, column):
    pl.read_parquet(path).drop(column).write_parquet(path)


def test_a_finding_names_its_cell(frames, request_of, evidence_of):
    kept = evidence_of(frames)
    flows = frames[t.FLOWS.name]
    one = pl.when(pl.col("flow_id") == flows["flow_id"][0]).then(pl.lit(2, pl.Int32)).otherwise("branch_trace")
    altered = frames | {t.FLOWS.name: flows.with_columns(branch_trace=one)}
    request = request_of(altered, evidence=kept)
    cells = {f.cell for f in evidence_audit(request).findings}
    mine = cell_frames(request.states[1], request.inputs, list(cells))
    assert len(cells) == 1
    assert flows["flow_id"][0] in mine[t.FLOWS.name]["flow_id"]


def test_the_audited_cells_are_drawn_from_the_seed():
    first, other = (audited_cells(Draws("ab" * 32, seed, "baseline_v1"), 4, "sampled") for seed in (42, 7))
    assert len(set(first)) == len(set(other)) == 4
    assert first != other
    assert audited_cells(Draws("ab" * 32, 42, "baseline_v1"), 4, "sampled") == first
    assert audited_cells(Draws("ab" * 32, 42, "baseline_v1"), 4, "full") == list(range(64))


def test_a_sampled_audit_looks_at_its_cells_alone(frames, request_of, evidence_of):
    kept = evidence_of(frames)
    altered = frames | {t.FLOWS.name: frames[t.FLOWS.name].with_columns(branch_trace=pl.lit(2, pl.Int32))}
    full = request_of(altered, evidence=kept)
    sampled = replace(full, audit="sampled")
    cells = audited_cells(full.draws, full.policy.validation.audit_cells, "sampled")
    everywhere = {f.cell for f in evidence_audit(full).findings}
    assert {f.cell for f in evidence_audit(sampled).findings} == everywhere & set(cells)


def test_frames_of_all_cells_together_are_the_published_rows(frames, request_of):
    request = request_of(frames)
    for state in request.states:
        held = cell_frames(state, request.inputs, range(64))
        assert {name: f.height for name, f in held.items()} == {name: frames[name].height for name in held}


def test_cells_are_grouped_by_the_size_of_the_world():
    assert cell_groups([1, 5, 9], 1_000) == [[1, 5, 9]]
    assert cell_groups([1, 5, 9], 124_724_153) == [[1], [5], [9]]


def test_ids_are_compared_slice_by_slice(frames, request_of):
    flows = frames[t.FLOWS_WITH_FRAUD.name]
    last = pl.int_range(pl.len()) == flows.height - 1
    twice = flows.with_columns(flow_id=pl.when(last).then(flows["flow_id"][0]).otherwise("flow_id"))
    source = request_of(frames | {t.FLOWS_WITH_FRAUD.name: twice}).inputs[t.FLOWS_WITH_FRAUD.name]
    found = [list(shared_ids(source, t.FLOWS_WITH_FRAUD, "flow_id", (i, 3))) for i in range(3)]
    assert [len(f) for f in found].count(1) == 1
    assert [len(f) for f in found].count(0) == 2

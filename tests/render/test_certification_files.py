"""The four artifacts of a certification: their names, what they say, and that text stays text."""

from __future__ import annotations

import csv
import json

import pytest

from seg6b.render.certification_files import NAMES, write_certification
from seg6b.scoring.certification import Grade
from tests.scoring.certified import certified

FIELD = {
    "draw": 5, "runs": 100, "reached": 96, "share": 0.96, "missed": ["seed 3, world 4"],
    "gates": {"T5": {"share": 0.96, "margin": -0.002, "where": "seed 3, world 4"}},
    "sizes": {"2,500,000 arrivals": "PASS_BPLUS"},
}  # fmt: skip


def test_they_bear_the_names_of_the_build_plan(tmp_path):
    paths = write_certification(certified(), tmp_path)
    stamp = "20260102T030405Z"
    assert [p.name.rsplit(f"_{stamp}", 1)[0] for p in paths] == [f"segment6b_p5_{name}" for name in NAMES]
    assert [p.suffix for p in paths] == [".json", ".csv", ".md", ".json"]
    assert {p: p.read_bytes() for p in write_certification(certified(), tmp_path)} == {p: p.read_bytes() for p in paths}


def test_a_certification_without_runs_has_a_name_too(tmp_path):
    bare = certified(Grade.HOLD_REMEDIATE, runs={}, verdicts={}, values={}, cv={}, budgets=(), generated_utc="")
    assert all("c" * 32 in path.name for path in write_certification(bare, tmp_path))


def test_the_decision_is_for_programs(tmp_path):
    *_, path = write_certification(certified(reasons=("T5 is short",)), tmp_path)
    told = json.loads(path.read_text())
    assert (told["grade"], told["phase"], told["reasons"]) == ("PASS_BPLUS_ROBUST", "P5", ["T5 is short"])
    assert told["cv_max"] == 0.05
    assert told["budgets"] == {"S4": "GREEN", "certification": "AMBER"}


def test_the_comparison_has_a_line_a_gate_and_one_a_further_metric(tmp_path):
    _, path, *_ = write_certification(certified(), tmp_path)
    lines = {line["gate"]: line for line in csv.DictReader(path.read_text().splitlines())}
    assert lines["T5"] == {
        "gate": "T5", "value_42": "0.1", "value_7": "0.11", "b_42": "PASS", "b_7": "PASS", "bplus_42": "PASS",
        "bplus_7": "PASS", "cv": "0.05",
    }  # fmt: skip
    assert (lines["T8"]["value_7"], lines["T17.campaigns"]["cv"]) == ("", "0.0")


@pytest.mark.parametrize("grade", Grade)
def test_the_report_says_grade_reasons_scatter_and_budgets(tmp_path, grade):
    *_, path, _ = write_certification(certified(grade, reasons=("a <b> | c",)), tmp_path)
    text = path.read_text()
    assert text.startswith(f"# Segment 6B certification: {grade}")
    assert "a &lt;b&gt; \\| c" in text
    for word in ("| T5 |", "T17.campaigns", "| certification |", "AMBER", "certification is AMBER"):
        assert word in text


def test_the_report_tells_of_further_seeds_and_worlds(tmp_path):
    *_, path, _ = write_certification(certified(robust=FIELD), tmp_path)
    text = path.read_text()
    assert "96 of 100 further runs reach B+ (96.0%)" in text
    assert "2,500,000 arrivals: PASS_BPLUS" in text
    assert "seed 3, world 4" in text

"""A certification made of numbers."""

from __future__ import annotations

from dataclasses import replace

from seg6b.scoring.certification import Certification, Grade
from seg6b.scoring.closure import BudgetFact

SEEDS = ("42", "7")


def certified(grade=Grade.PASS_BPLUS_ROBUST, **changed):
    made = Certification(
        certification_id="c" * 32, grade=grade, reasons=(), blockers=(), world="default", manifest_fingerprint="f" * 64,
        parameter_hash="a" * 64, posture="bplus", scenario_id="baseline_v1", arrivals=250_000, seeds=(42, 7),
        runs={"42": "1" * 32, "7": "2" * 32}, verdicts=dict.fromkeys(SEEDS, "PASS_BPLUS"),
        values={"T5": {"42": 0.1, "7": 0.11}, "T8": {"42": 0.0, "7": None}},
        passes={level: {g: dict.fromkeys(SEEDS, "PASS") for g in ("T5", "T8")} for level in ("b", "bplus")},
        cv={"T5": 0.05, "T17.campaigns": 0.0}, cv_limits={"b": 0.25, "bplus": 0.15},
        budgets=(BudgetFact("S4", 1.0, 2.0, 3.0, "GREEN"), BudgetFact("certification", 9.0, 8.0, 10.0, "AMBER")),
        statistics={"truth jsd": dict.fromkeys(SEEDS, "PASS")}, gate_file=("v1", "d" * 64),
        generated_utc="2026-01-02T03:04:05.000000Z",
    )  # fmt: skip
    return replace(made, **changed)

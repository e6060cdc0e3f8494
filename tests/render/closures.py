"""Closures as scorers would give them, made of formulas: no run, no timing."""

import hashlib
import math
from statistics import fmean, median, stdev

from seg6b.scoring.closure import ArmScore, BudgetFact, Closure, Decision, Drift, Ratio, RunFacts

SWEEP_ID = "5eed" * 8
AUTHORITY = "a0" * 16
BED = "Xeon, 2 cores, 24 GiB, Linux-6.1, libraries 57d3f2fe1dca"
OVERRIDES = {
    "control": (),
    "c01": ("s4.batch_rows=500000", "s4.compression=snappy"),
    "c02": ("s4.batch_rows=750000", "s4.compression=snappy"),
    "c03": ("s4.batch_rows=750000", "s4.compression=lz4"),
    "c04": ("s4.event_labels=collapsed",),
}
CONTROL_S = (5.31, 5.44, 5.28, 5.39, 5.52)
HISTORY = (
    "authority f621ee01, 500000 snappy: S4 570.62 s",
    "500000 snappy, the same settings again: S4 633.64 s, S5 9.64 s",
    "750000 snappy: S4 694.56 s, S5 10.20 s",
    "decision HOLD_POPT.2_REOPEN: no candidate below 570.62 s",
)
TARGETS = {
    "scorer": "runtime", "state": "S4", "min_reduction": 0.3, "target_s": 420.0, "stretch_s": 500.0,
    "unlocks": "UNLOCK_POPT.3_CONTINUE", "holds": "HOLD_POPT.2_REOPEN",
}  # fmt: skip


def run_id(arm, set_index=1, round_index=1):
    return hashlib.sha256(f"{arm}/{set_index}/{round_index}".encode()).hexdigest()[:32]


def facts(arm, s4, set_index=1, round_index=1, **changes):
    record = {
        "run_id": run_id(arm, set_index, round_index), "arm": arm, "set_index": set_index, "round_index": round_index,
        "seed": 42, "manifest_fingerprint": "f1" * 32, "parameter_hash": "ab" * 32,
        "knobs": {"s4.batch_rows": 250_000, "s4.compression": "zstd", "executor.threads": 0}, "testbed": BED,
        "elapsed_s": {"S0": 0.4, "S1": 4.1, "S2": 3.8, "S3": 2.9, "S4": s4, "S5": 1.6},
        "cpu_s": {"S4": 1.8 * s4, "S5": 2.1}, "executed": ("S4", "S5"),
        "rows": {"s4_flow_truth_labels_6B": 211_200}, "parts": {"s4_flow_truth_labels_6B": 16},
        "digests": {"s4_flow_truth_labels_6B": "1" * 16}, "required": {"REQ_UPSTREAM_HASHGATES": "PASS", "REQ_FLOW_LABEL_COVERAGE": "PASS"},
        "warn_metrics": {"WARN_FRAUD_RATE.rate": 0.0478}, "overall_status": "PASS", "verdict": "PASS_BPLUS",
        "contract": "6B.1", "lanes_s": {"S4": {"input": 1.1, "compute": 5.2, "validate": 0.6, "write": 1.9, "residual": 0.1}},
    }  # fmt: skip
    return RunFacts(**{**record, **changes})


def ratio(pairs, **changes):
    logs = [math.log(p) for p in pairs]
    centre, spread = fmean(logs), stdev(logs) if len(logs) > 1 else 0.0
    half = spread / math.sqrt(len(logs))
    ends = lambda t: (math.exp(centre - t * half), math.exp(centre + t * half))  # noqa: E731
    record = {
        "median": median(pairs), "mean": math.exp(centre), "ci95": ends(2.5), "bootstrap95": ends(2.0),
        "bounds": ends(3.4), "n": len(pairs), "spread": spread,
    }  # fmt: skip
    return Ratio(**{**record, **changes})


def arm(name, decision, share=None, sets=1, **changes):
    """An arm that takes `share` of the control's time, give or take two per cent."""
    record = {"arm": name, "overrides": OVERRIDES[name], "decision": decision, "reasons": (), "run_id": run_id(name)}
    if share is not None:
        wobble = [share * (1.0 + 0.02 * math.sin(3.0 * k + len(name))) for k in range(5 * sets)]
        control = CONTROL_S * sets
        record |= {
            "ratio": ratio(wobble), "set_ratios": tuple(ratio(wobble[5 * k : 5 * k + 5]) for k in range(sets)),
            "lane_ratio": ratio([1.0 - 0.75 * (1.0 - w) for w in wobble]), "control_s": control,
            "elapsed_s": tuple(round(c * w, 4) for c, w in zip(control, wobble, strict=True)),
            "warn_deltas": {"WARN_FRAUD_RATE.rate": 0.0},
            "budgets": (BudgetFact("S4", 5.4 * share, 4.2, 5.0, "GREEN" if share < 0.77 else "RED"), BudgetFact("candidate", 9.0, 11.0, 12.5, "GREEN")),
        }  # fmt: skip
    return ArmScore(**{**record, **changes})


def timed_runs(scores):
    control = [facts("control", 5.6, 1, 0), *(facts("control", s, 1, k) for k, s in enumerate(CONTROL_S, start=1))]
    if any(len(s.elapsed_s) > 5 for s in scores):
        control += [facts("control", s + 0.1, 2, k) for k, s in enumerate(CONTROL_S, start=1)]
    timed = [facts(s.arm, t, 1 + k // 5, 1 + k % 5) for s in scores for k, t in enumerate(s.elapsed_s)]
    return (*control, *timed)


def closure(**changes):
    """A knob lane: one arm kept, one that straddles, one slower, one whose labels collapsed."""
    scores = changes.pop("arms") if "arms" in changes else (
        arm("c01", Decision.KEEP, 0.64, sets=2, reasons=("The ratio lies below 0.700 in both sets.",)),
        arm("c02", Decision.INSUFFICIENT, 0.985, reasons=("The interval straddles 1; 9 more repeats would settle it.",)),
        arm("c03", Decision.REJECT, 1.11, reasons=("Slower than the control.",)),
        arm(
            "c04", Decision.REJECT_SEMANTIC_DRIFT,
            reasons=("s4_flow_truth_labels_6B drifted in fraud_label and truth_rule_id.",),
            drifts=(Drift("s4_flow_truth_labels_6B", 211_200, 211_200, ("fraud_label", "truth_rule_id")), Drift("s4_case_timeline_6B", 41_020, 52_294)),
        ),
    )  # fmt: skip
    record = {
        "lane": "POPT.2R2", "sweep_id": SWEEP_ID, "kind": "optimisation", "owner": "S4", "decision": Decision.KEEP,
        "best": "c01", "marker": "UNLOCK_POPT.3_CONTINUE",
        "reasons": ("c01 takes 36 % less time than the control on S4, in two separate sets.", "The lane asks for 30 %."),
        "arms": scores, "runs": timed_runs(scores), "baseline": facts("authority", 5.4, run_id=AUTHORITY, set_index=0, executed=("S0", "S1", "S2", "S3", "S4", "S5")),
        "targets": TARGETS, "overrides": (), "generated_utc": "2026-02-03T04:05:06Z",
    }  # fmt: skip
    return Closure(**{**record, **changes})


def straddling(**changes):
    """A knob lane that settles nothing and has no authority, under an override."""
    scores = (
        arm("c01", Decision.INSUFFICIENT, 0.99, reasons=("The interval straddles 1: spread.",)),
        arm("c02", Decision.INERT, reasons=("batch_rows cannot bind: the largest shard has 4,000 rows.",), run_id=""),
    )
    record = {
        "decision": Decision.HOLD, "best": "", "marker": "HOLD_POPT.2_REOPEN", "arms": scores, "baseline": None,
        "reasons": ("No authority is pinned for this world, posture and seed.",),
        "overrides": ("UNLOCK_POPT.2_CONTINUE was missing; ran anyway: rehearsal on a small world",),
    }  # fmt: skip
    return closure(**{**record, **changes})


def gate(before, after, b, bplus):
    sides = {"b_before": b[0], "b_after": b[1], "bplus_before": bplus[0], "bplus_after": bplus[1]}
    return {"reference": before, "value": after, **sides}


def remediation(**changes):
    """A policy lane: each arm once, judged by gates."""
    gates = {
        "T5": gate(0.0213, 0.0927, ("FAIL", "PASS"), ("FAIL", "PASS")),
        "T8": gate(0.0, 0.0, ("PASS", "PASS"), ("PASS", "PASS")),
        "T17": gate(6.0, 3.0, ("PASS", "FAIL"), ("FAIL", "FAIL")),
        "T18": gate(None, 0.227, ("INSUFFICIENT", "PASS"), ("INSUFFICIENT", "FAIL")),
    }
    score = ArmScore(
        "c01", ("policy/bank_view=class_sensitive",), Decision.HOLD, ("T17 does not pass B.",), run_id("c01"),
        elapsed_s=(5.6,), warn_deltas={"WARN_FRAUD_RATE.rate": -0.0012}, gates=gates,
        budgets=(BudgetFact("S4", 5.6, 4.2, 5.0, "RED"),),
    )  # fmt: skip
    record = {
        "lane": "P1", "kind": "remediation", "decision": Decision.HOLD, "best": "", "marker": "HOLD_P1_REOPEN",
        "reasons": ("c01 gains T5 and T18 but loses T17.",), "arms": (score,), "targets": {"scorer": "realism"},
        "runs": (facts("control", 5.4), facts("c01", 5.6, parameter_hash="cd" * 32)),
    }  # fmt: skip
    return closure(**{**record, **changes})

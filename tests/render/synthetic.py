"""A board as a default run would give it, made of formulas: no run, no draw."""

import math
from statistics import NormalDist

import polars as pl

from seg6b.datasets import vocabulary as v
from seg6b.evidence.tables import Evidence, Measure
from seg6b.gates.result import GateBoard, GateResult, StatisticResult, Status, Verdict
from seg6b.render.data import BoardData, Budget, Curve
from seg6b.render.rules import zone
from seg6b.runs.receipt import DatasetReceipt, FileReceipt, PartReceipt, RunReceipt, StateReceipt

RUN_ID = "0123456789abcdef0123456789abcdef"
ARRIVALS = 250_000
PASS, FAIL, INSUFFICIENT = Status.PASS, Status.FAIL, Status.INSUFFICIENT
NORMAL = NormalDist()
CLASSES = v.CLASSES[:-1]
ZONES = (
    "Europe/London",
    "Europe/Berlin",
    "America/New_York",
    "Asia/Singapore",
    "Africa/Lagos",
    "America/Sao_Paulo",
    "Asia/Tokyo",
    "Australia/Sydney",
)
DELAYS = {
    "DETECTION_DELAY_V1": (7.2, 1.1, 1.0, 86_400.0),
    "DISPUTE_DELAY_V1": (12.6, 0.9, 3_600.0, 5_184_000.0),
    "CHARGEBACK_DELAY_V1": (13.4, 0.7, 86_400.0, 7_776_000.0),
    "CASE_CLOSE_DELAY_V1": (12.2, 0.8, 3_600.0, 2_592_000.0),
}
GATES = (
    ("T1", "LEGIT share", "share", "hard", "CRITICAL", ("S4",), 0.95217, (0.9498, 0.9545), "> 0", "> 0"),
    (
        "T2",
        "fraud-truth prevalence",
        "share",
        "hard",
        "CRITICAL",
        ("S4", "S3"),
        0.04783,
        (0.0455, 0.0502),
        "in [0.02, 0.30]",
        "in [0.02, 0.30]",
    ),
    (
        "T3",
        "non-overlay NONE rows labelled LEGIT",
        "share",
        "hard",
        "CRITICAL",
        ("S4",),
        0.99996,
        (0.9999, 1.0),
        ">= 0.990",
        ">= 0.995",
    ),
    (
        "T4",
        "campaign rows labelled non-LEGIT",
        "share",
        "hard",
        "HIGH",
        ("S4",),
        1.0,
        (1.0, 1.0),
        ">= 0.990",
        ">= 0.995",
    ),
    (
        "T5",
        "V(bank outcome, merchant class)",
        "V in 0..1",
        "hard",
        "CRITICAL",
        ("S4",),
        0.09271,
        (0.0871, 0.0983),
        ">= 0.05",
        ">= 0.08",
    ),
    (
        "T6",
        "amount vs bank view effect size",
        "d",
        "hard",
        "CRITICAL",
        ("S4",),
        0.1412,
        (0.098, 0.184),
        ">= 0.05",
        ">= 0.08",
    ),
    (
        "T7",
        "class spread of bank-fraud rate",
        "share",
        "hard",
        "HIGH",
        ("S4",),
        0.0852,
        (0.0712, 0.0992),
        ">= 0.03",
        ">= 0.05",
    ),
    ("T8", "negative case-gap rate", "share", "hard", "CRITICAL", ("S4",), 0.0, (0.0, 0.0), "= 0", "= 0"),
    (
        "T9",
        "fixed-spike share of case gaps",
        "share",
        "hard",
        "CRITICAL",
        ("S4",),
        0.0041,
        (0.0032, 0.005),
        "<= 0.50",
        "<= 0.25",
    ),
    ("T10", "cases with non-monotone times", "share", "hard", "CRITICAL", ("S4",), 0.0, (0.0, 0.0), "= 0", "= 0"),
    ("T11", "distinct amounts", "count", "hard", "HIGH", ("S2",), 52_294.0, None, ">= 20", ">= 40"),
    ("T12", "amount p99/p50", "ratio", "hard", "HIGH", ("S2",), 7.42, (7.21, 7.63), ">= 2.5", ">= 3.5"),
    ("T13", "top-8 amount share", "share", "hard", "HIGH", ("S2",), 0.321261, (0.318, 0.3245), "<= 0.85", "<= 0.70"),
    (
        "T14",
        "auth latency median",
        "s",
        "hard",
        "HIGH",
        ("S2",),
        0.7213,
        (0.7198, 0.7228),
        "in [0.3, 8]",
        "in [0.5, 5]",
    ),
    ("T15", "auth latency p99", "s", "hard", "HIGH", ("S2",), 69.83, (68.2, 71.5), "> 30", "> 45"),
    ("T16", "exact-zero latency share", "share", "hard", "HIGH", ("S2",), 0.0, (0.0, 0.0), "<= 0.20", "<= 0.05"),
    (
        "T17",
        "campaign depth, class targeting",
        "V in 0..1",
        "stretch",
        "MED",
        ("S3",),
        0.2269,
        (0.201, 0.2528),
        ">= 0.03, campaigns >= 4, median classes >= 2",
        ">= 0.05, campaigns >= 6, median classes >= 3",
    ),
    (
        "T18",
        "campaign geo depth",
        "V in 0..1",
        "stretch",
        "MED",
        ("S3", "S1"),
        0.4133,
        (0.391, 0.4357),
        ">= 0.03, median zones >= 2",
        ">= 0.05, median zones >= 3",
    ),
    (
        "T19",
        "singleton-session share",
        "share",
        "stretch",
        "MED",
        ("S1",),
        0.7212,
        (0.7189, 0.7235),
        "<= 0.85",
        "<= 0.75",
    ),
    (
        "T20",
        "attachment richness",
        "share",
        "stretch",
        "MED",
        ("S1",),
        0.2041,
        (0.2012, 0.207),
        ">= 0.166327",
        ">= 0.189008",
    ),
    (
        "T21",
        "policy execution coverage",
        "branches of 3",
        "hard",
        "CRITICAL",
        ("S2", "S4", "S5"),
        1.0,
        None,
        ">= 0.666667",
        "= 1",
    ),
    ("T22", "truth-rule collisions", "count", "hard", "CRITICAL", ("S4", "S5"), 0.0, None, "= 0", "= 0"),
)


def receipt(**changes) -> RunReceipt:
    record = {
        "run_id": RUN_ID, "lane": "adhoc", "role": "candidate", "seed": 42, "scenario_id": "baseline",
        "manifest_fingerprint": "ab" * 32, "parameter_hash": "cd" * 32,
        "pack_hashes": {pack: f"{i:02x}" * 32 for i, pack in enumerate(("amount", "bank_view", "case", "delay", "session", "timing", "truth"))},
        "posture": "bplus", "world": {"name": "default", "arrivals": ARRIVALS},
        "knobs": {**{f"s{k}.{n}": x for k in range(1, 6) for n, x in (("batch_rows", 500_000), ("compression", "snappy"))}, "policy/truth": "full", "executor.threads": 2},
        "policy": {"truth": {"policy_id": "truth"}},
        "git_revision": "f8a0fd1" + "0" * 33, "versions": {"python": "3.11.7", "seg6b": "0.1.0", "polars": "2.1.0", "numpy": "2.4.0", "numba": "0.68.0", "pyarrow": "25.0.0"},
        "machine": {"cores": 2, "memory_gib": 24.0, "cpu": "Some CPU @ 2.80GHz", "platform": "Linux-6.1"},
        "started_utc": "2026-03-01T10:00:00.000000Z", "ended_utc": "2026-03-01T10:00:21.500000Z",
        "states": ("S0", "S1", "S2", "S3", "S4", "S5"), "status": "DONE", "mlflow_run_id": "",
    }  # fmt: skip
    return RunReceipt(**{**record, **changes})


def states(**staged: str) -> tuple[StateReceipt, ...]:
    shape = {
        "S0": (0.4, {"s0_gate_receipt_6B": 1}),
        "S1": (4.9, {"s1_arrival_entities_6B": ARRIVALS, "s1_session_index_6B": 160_000}),
        "S2": (3.8, {"s2_flow_anchor_baseline_6B": 210_000, "s2_event_stream_baseline_6B": 590_000}),
        "S3": (
            3.1,
            {
                "s3_campaign_catalogue_6B": 6,
                "s3_flow_anchor_with_fraud_6B": 211_200,
                "s3_event_stream_with_fraud_6B": 593_000,
            },
        ),
        "S4": (
            5.2,
            {
                "s4_flow_truth_labels_6B": 211_200,
                "s4_flow_bank_view_6B": 211_200,
                "s4_event_labels_6B": 593_000,
                "s4_case_timeline_6B": 31_000,
            },
        ),
        "S5": (1.7, {"s5_validation_report_6B": 1}),
    }
    return tuple(state(name, seconds, tables, staged.get(name, "")) for name, (seconds, tables) in shape.items())


def state(name: str, seconds: float, tables: dict[str, int], staged_from: str = "") -> StateReceipt:
    lanes = {
        "total": seconds,
        "input": 0.1 * seconds,
        "compute": 0.5 * seconds,
        "validate": 0.18 * seconds,
        "write": 0.2 * seconds,
        "residual": 0.02 * seconds,
    }
    return StateReceipt(
        state=name, input_key=name.lower() * 32, input_parts={"code": "11" * 32, "policy": "22" * 32}, knobs={"batch_rows": 500_000, "compression": "snappy"},
        started_utc="2026-03-01T10:00:00.000000Z", ended_utc="2026-03-01T10:00:05.000000Z", elapsed_s=lanes, cpu_s={k: 1.4 * s for k, s in lanes.items()},
        peak_rss_mb=812.5, rows=max(tables.values()), datasets={t: dataset(t, rows) for t, rows in tables.items()},
        files=(FileReceipt(f"evidence/{name}/draws.parquet", 2_048, "33" * 32),), rng_draws={"event_timing.auth_response": 210_000}, staged_from=staged_from,
    )  # fmt: skip


def dataset(name: str, rows: int) -> DatasetReceipt:
    parts = tuple(
        PartReceipt(f"part-{i:05d}.parquet", rows // 8, 3_000 + rows * 40 // 8, "44" * 32, (8 * i, 8 * i + 7))
        for i in range(8)
    )
    return DatasetReceipt(
        f"data/layer3/6B/{name}", rows, sum(p.bytes for p in parts), f"{rows}:0123456789abcdef", parts
    )


def gate_board(
    *, failing: tuple[str, ...] = (), insufficient: tuple[str, ...] = (), verdict: Verdict = Verdict.PASS_BPLUS
) -> GateBoard:
    gates = {row[0]: gate(row, failing, insufficient) for row in GATES}
    passed = all(g.b is PASS for g in gates.values() if g.kind == "hard")
    return GateBoard(
        RUN_ID, 42, "realism.v1", gates, statistics(), verdict, "UNLOCK_P1" if passed else "HOLD_REMEDIATE"
    )


def gate(row: tuple, failing: tuple[str, ...], insufficient: tuple[str, ...]) -> GateResult:
    gate_id, title, unit, kind, severity, owner, value, ci95, b_rule, bplus_rule = row
    b = FAIL if gate_id in failing else INSUFFICIENT if gate_id in insufficient else PASS
    if gate_id in insufficient:
        value, ci95 = None, None
    if gate_id in failing and ">=" in b_rule:
        value, ci95 = value * 0.2, tuple(c * 0.2 for c in ci95) if ci95 else None
    elif gate_id in failing:
        value, ci95 = 0.9, (0.88, 0.92)
    return GateResult(
        gate_id, title, unit, kind, severity, owner, value, value, ci95, 0 if value is None else 211_200, b, b, b_rule, bplus_rule,
        margin(b_rule, value), margin(bplus_rule, value),
        detail={"observations": 211_200, "by_class": {"online_24h": 0.11, "office_hours": 0.04}},
    )  # fmt: skip


def margin(rule: str, value: float | None) -> float | None:
    found = zone(rule, None, None)
    return None if value is None or found is None else found.margin(value)


def statistics() -> tuple[StatisticResult, ...]:
    association = [
        StatisticResult(
            f"bank_label.{k}",
            "association",
            x,
            PASS,
            PASS,
            k == "merchant_class",
            211_200,
            {"chi2": 9_120.4, "p_value": 0.0},
        )
        for k, x in (("merchant_class", 0.0927), ("amount_decile", 0.084), ("corridor", 0.081))
    ]
    mixes = [
        StatisticResult(f"mix.{k}", "jsd", x, PASS, PASS, True, 211_200, {"limit_b": 0.08, "limit_bplus": 0.05})
        for k, x in (("truth_label", 0.0001), ("campaign_type", 0.012), ("flow_type.ECOM", 0.0004))
    ]
    delays = [
        StatisticResult(f"delay.{m}", "ks", 0.004 * (i + 1), PASS, PASS, True, 9_000, {"wasserstein_ratio": 0.012})
        for i, m in enumerate(DELAYS)
    ]
    return (
        *association,
        *mixes,
        *delays,
        StatisticResult("auth_to_clear", "w1", None, INSUFFICIENT, INSUFFICIENT, False, 0),
    )


def evidence() -> dict[str, Evidence]:
    return {"S1": s1(), "S2": s2(), "S3": s3(), "S4": s4()}


def table(into: Evidence, name: str, keys: dict[str, list], n: list[int], **others: list[int]) -> None:
    columns = {
        k: pl.Series(values, dtype=pl.Enum(sorted(set(values)))) if values and isinstance(values[0], str) else values
        for k, values in keys.items()
    }
    frame = pl.DataFrame({"cell": pl.Series([0] * len(n), dtype=pl.UInt8), **columns, "n": n, **others})
    into.put(Measure(name, ("cell", *keys), ("n", *others)), frame)


def s1() -> Evidence:
    out = Evidence()
    hours = [(c, h) for c in CLASSES for h in range(168)]
    rhythm = [
        int(
            600
            * (1 + math.sin((h % 24 - 6 - 2 * CLASSES.index(c)) / 24 * 2 * math.pi))
            * (0.6 if h >= 120 and c == "office_hours" else 1.0)
        )
        for c, h in hours
    ]
    table(out, "hour_of_week", {"merchant_class": [c for c, _ in hours], "hour": [h for _, h in hours]}, rhythm)
    table(
        out,
        "sessions",
        {"arrival_count": list(range(1, 41))},
        [int(115_000 * 0.42 ** (k - 1)) + 3 for k in range(1, 41)],
    )
    table(
        out,
        "session_spans",
        {"minutes": list(range(0, 1441, 5))},
        [int(9_000 * math.exp(-m / 120)) + 1 for m in range(0, 1441, 5)],
    )
    table(
        out,
        "boundaries",
        {"boundary_reason": ["FIRST", "HARD_BREAK", "DRAWN", "CAP_ARRIVALS", "CAP_DURATION"]},
        [2_100, 120_000, 31_000, 12, 420],
    )
    return out


def s2() -> Evidence:
    out = Evidence()
    rows = [
        (family, "TAIL", math.exp(mu + sigma * z), n)
        for family, mu, sigma, n in (
            ("PURCHASE", 8.0, 1.1, 90),
            ("CASH_WITHDRAWAL", 8.7, 0.6, 14),
            ("TRANSFER", 9.6, 1.3, 20),
        )
        for z in quantiles(1_000)
    ]
    rows += [("PURCHASE", "POINT", x, 9_000) for x in (499, 999, 1_499, 1_999, 2_499, 4_999, 7_499, 9_999)]
    table(
        out,
        "amounts",
        {
            "amount_family": [r[0] for r in rows],
            "amount_branch": [r[1] for r in rows],
            "amount_minor": [max(1, round(r[2])) for r in rows],
        },
        [r[3] for r in rows],
    )
    latency = [(False, 1e6 * math.exp(-0.35 + 0.5 * z), 200) for z in quantiles(900)] + [
        (True, 1e6 * math.exp(3.6 + 0.6 * z), 30) for z in quantiles(300)
    ]
    table(
        out,
        "latency",
        {"step_up": [r[0] for r in latency], "latency_us": [round(r[1]) for r in latency]},
        [r[2] for r in latency],
    )
    return out


def s3() -> Evidence:
    out = Evidence()
    rows = [
        (1_000 + i, kind, c, z, 5 + (13 * (i + 1) * (j + 2) * (k + 3)) % 37)
        for i, kind in enumerate(v.CAMPAIGN_TYPES)
        for j, c in enumerate(CLASSES)
        for k, z in enumerate(ZONES)
        if (i + j) % 3 and (i * k) % 4 != 3
    ]
    table(
        out,
        "campaign_flows",
        {
            "campaign_id": [r[0] for r in rows],
            "campaign_type": [r[1] for r in rows],
            "merchant_class": [r[2] for r in rows],
            "tzid_primary": [r[3] for r in rows],
        },
        [r[4] for r in rows],
    )
    days = [
        (1_000 + i, day, max(0, int(30 * math.exp(-(((day - 12 * i - 14) / 6) ** 2)))))
        for i in range(6)
        for day in range(90)
    ]
    table(
        out,
        "campaign_hours",
        {"campaign_id": [d[0] for d in days], "day": [20_454 + d[1] for d in days]},
        [d[2] for d in days],
    )
    return out


def s4() -> Evidence:
    out = Evidence()
    labels = {
        "NO_CASE_OPENED": 0.948,
        "BANK_CONFIRMED_LEGIT": 0.017,
        "BANK_CONFIRMED_FRAUD": 0.02,
        "CUSTOMER_DISPUTE_REJECTED": 0.009,
        "CHARGEBACK_WRITTEN_OFF": 0.006,
    }
    bank = [
        (
            c,
            label,
            label in ("BANK_CONFIRMED_FRAUD", "CHARGEBACK_WRITTEN_OFF"),
            round(26_000 * share * (1 if label == "NO_CASE_OPENED" else 0.4 + 0.25 * i)),
        )
        for i, c in enumerate(CLASSES)
        for label, share in labels.items()
    ]
    table(
        out,
        "bank",
        {
            "merchant_class": [r[0] for r in bank],
            "bank_label": [r[1] for r in bank],
            "is_fraud_bank_view": [r[2] for r in bank],
        },
        [r[3] for r in bank],
    )
    amounts = [
        ("PURCHASE", fraud, max(1, round(math.exp(8.0 + 0.35 * fraud + 1.1 * z))), 40 if fraud else 900)
        for fraud in (False, True)
        for z in quantiles(200)
    ]
    table(
        out,
        "bank_amounts",
        {
            "amount_family": [r[0] for r in amounts],
            "bank_label": ["BANK_CONFIRMED_FRAUD" if r[1] else "NO_CASE_OPENED" for r in amounts],
            "is_fraud_bank_view": [r[1] for r in amounts],
            "amount_minor": [r[2] for r in amounts],
        },
        [r[3] for r in amounts],
    )
    truth = [
        ("RULE_NONE_NO_OVERLAY", "LEGIT", 201_000),
        ("POSTURE_MULE_OVERRIDE", "ABUSE", 5_200),
        ("RULE_OVERLAY_ANOMALY_NO_CAMPAIGN", "FRAUD", 2_400),
        ("RULE_CARD_TESTING", "FRAUD", 900),
        ("RULE_ATO", "FRAUD", 420),
        ("RULE_REFUND_ABUSE", "ABUSE", 380),
        ("COLLATERAL_SAME_ACCOUNT_WINDOW", "ABUSE", 210),
        ("RULE_PROMO_FRAUD", "ABUSE", 160),
    ]
    table(
        out,
        "truth",
        {"truth_rule_id": [r[0] for r in truth], "fraud_label": [r[1] for r in truth]},
        [r[2] for r in truth],
    )
    gaps = [max(0, round(math.exp(11.3 + 1.6 * z))) for z in quantiles(800)] + [3_600, 86_400, 86_401]
    table(out, "case_gaps", {"gap_s": gaps, "negative": [False] * len(gaps)}, [30] * 800 + [160, 90, 4])
    delays = [
        (m, ms)
        for m, (mu, sigma, low, high) in DELAYS.items()
        for z in quantiles(500)
        for ms in [round(1e3 * min(max(math.exp(mu + sigma * z), low), high))]
    ]
    table(out, "delays", {"model": [d[0] for d in delays], "ms": [d[1] for d in delays]}, [18] * len(delays))
    return out


def curves() -> dict[str, Curve]:
    return {m: curve(*shape) for m, shape in DELAYS.items()}


def curve(mu: float, sigma: float, low: float, high: float) -> Curve:
    xs = [low * (high / low) ** (k / 200) for k in range(201)]
    ends = [NORMAL.cdf((math.log(x) - mu) / sigma) for x in (low, high)]
    return Curve(tuple(xs), tuple((NORMAL.cdf((math.log(x) - mu) / sigma) - ends[0]) / (ends[1] - ends[0]) for x in xs))


def quantiles(n: int) -> list[float]:
    return [NORMAL.inv_cdf((k + 0.5) / n) for k in range(n)]


def board_data(**changes) -> BoardData:
    record = {
        "receipt": receipt(), "states": states(), "board": gate_board(), "evidence": evidence(), "curves": curves(),
        "budgets": tuple(Budget(s, target, stretch) for s, target, stretch in (("S1", 2.0, 2.2), ("S2", 4.0, 4.6), ("S3", 3.0, 3.4), ("S4", 5.5, 6.0), ("S5", 2.0, 2.4))),
    }  # fmt: skip
    return BoardData(**{**record, **changes})

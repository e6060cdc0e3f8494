"""A run that passes every gate at B+, as evidence small enough to compute by hand: 64 equal cells."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import polars as pl
import pytest

from seg6b.datasets import vocabulary as v
from seg6b.evidence.tables import Evidence, Measure
from seg6b.gates.evaluate import evaluate
from seg6b.gates.laws import truncated_cdf
from seg6b.gates.thresholds import load_thresholds
from seg6b.policy import amount, attachment, bank_view, campaign, delay, flow_shape, timing, truth
from tests.packs import typed, values_of

ROOT = Path(__file__).parents[2]
CELLS = 64
TYPES = {
    "cell": pl.UInt8,
    "n": pl.Int64,
    "merchant_class": pl.Enum(v.CLASSES),
    "fraud_pattern_type": pl.Enum(v.PATTERNS),
    "pattern_source": pl.Enum(v.PATTERN_SOURCES),
    "truth_rule_id": pl.Enum(v.TRUTH_RULES),
    "truth_subtype": pl.Enum(v.TRUTH_SUBTYPES),
    "fraud_label": pl.Enum(v.TRUTH_LABELS),
    "bank_label": pl.Enum(v.BANK_LABELS),
    "amount_family": pl.Enum(v.AMOUNT_FAMILIES),
    "amount_branch": pl.Enum(v.AMOUNT_BRANCHES),
    "offset_model_id": pl.Enum(v.OFFSET_MODELS),
    "model": pl.Enum(v.DELAY_MODELS),
    "campaign_type": pl.Enum(v.CAMPAIGN_TYPES),
    "channel_group": pl.Enum(v.CHANNELS),
    "flow_type_id": pl.Enum(v.FLOW_TYPES),
    "chargeback_outcome": pl.Enum(v.CHARGEBACK_OUTCOMES),
}
PACKS = {
    "campaign": campaign,
    "amount": amount,
    "attachment": attachment,
    "bank_view": bank_view,
    "delay": delay,
    "flow_shape": flow_shape,
    "timing": timing,
    "truth": truth,
}


def frame(columns, rows, cells=CELLS):
    """Rows repeated in every cell, with a `cell` column in front."""
    names = ["cell", *columns.split()]
    data = [[cell, *row] for cell in range(cells) for row in rows]
    return pl.DataFrame(data, schema={c: TYPES.get(c) for c in names}, orient="row")


def samples(law, size):
    """Mid-rank quantiles of a law in whole milliseconds, dealt to the cells in turn: (cell, ms, n)."""
    atoms = np.array(law.atoms.values if law.atoms else [])
    points = np.geomspace(max(law.min, 1e-3), law.max, 100_001)
    points = np.unique(np.concatenate([points, atoms, np.nextafter(atoms, 0.0)]))
    ranks = (np.arange(size) + 0.5) / size
    ms = np.rint(np.interp(ranks, truncated_cdf(law)(points), points) * 1000).astype(np.int64)
    rows = pl.DataFrame({"cell": (np.arange(size) % CELLS).astype(np.uint8), "ms": ms})
    return rows.group_by("cell", "ms").agg(n=pl.len().cast(pl.Int64))


def pack(name, variant):
    return typed(PACKS[name], values_of(ROOT / "conf" / "policy" / name / f"{variant}.yaml"))


@pytest.fixture(scope="session")
def policies():
    return SimpleNamespace(**{name: pack(name, "full") for name in PACKS})


@pytest.fixture(scope="session")
def lean_pack():
    return lambda name: pack(name, "lean")


@pytest.fixture(scope="session")
def thresholds():
    return load_thresholds(values_of(ROOT / "conf" / "gates" / "v1.yaml"))


@pytest.fixture(scope="session")
def make():
    return frame


@pytest.fixture(scope="session")
def drawn():
    return samples


@pytest.fixture(scope="session")
def example(policies):
    return {"S1": arrivals(), "S2": flows(policies), "S3": campaigns(), "S4": {**truths(), **bank(), **cases(policies)}}


@pytest.fixture
def tables(example):
    """Tables by state and name, free to be replaced by a test."""
    return {state: dict(named) for state, named in example.items()}


@pytest.fixture
def board(policies, thresholds):
    """Evaluate tables into a board; keywords replace policies, thresholds or the baseline."""

    def run(found, **changed):
        evidence = {
            state: Evidence({n: (Measure(n, ("cell",)), f) for n, f in named.items()}) for state, named in found.items()
        }
        given = {"policies": policies, "thresholds": thresholds, "run_id": "0" * 32, "seed": 42, **changed}
        return evaluate(evidence, **given)

    return run


def arrivals():
    devices = pl.DataFrame(
        [(cell, cell * 10 + k, 1, 2 if k < 3 else 1) for cell in range(CELLS) for k in range(10)],
        schema={"cell": pl.UInt8, "device_id": pl.Int64, "party_min": pl.Int64, "party_max": pl.Int64},
        orient="row",
    )
    ips = devices.select("cell", ip_id="device_id", device_min="party_min", device_max="party_max", n=pl.lit(1))
    return {
        "sessions": frame("arrival_count n", [[1, 6], [2, 4]]),
        "devices": devices,
        "ips": ips,
        "accounts": frame("n n_multi", [[10, 2]]),
        "linked_entities": frame("linked n", [[4, 1], [5, 8], [6, 1]]),
    }


def flows(policies):
    responses = samples(policies.timing.offsets.auth_response, 12_800)
    clears = samples(policies.timing.offsets.auth_to_clear, 6_400)
    offsets = [
        responses.with_columns(offset_model_id=pl.lit("auth_response", TYPES["offset_model_id"])),
        clears.with_columns(offset_model_id=pl.lit("auth_to_clear", TYPES["offset_model_id"])),
        samples(policies.timing.offsets.atm_auth_to_clear, 640).with_columns(
            offset_model_id=pl.lit("atm_auth_to_clear", TYPES["offset_model_id"])
        ),
    ]
    points = [["PURCHASE", "POINT", 199, 32], ["PURCHASE", "POINT", 4999, 32]]
    tails = [["PURCHASE", "TAIL", 1000 + 10 * k, 2] for k in range(60)] + [["PURCHASE", "TAIL", 90_000, 16]]
    types = [
        ["ECOM", "CARD_AUTH_CLEAR", 170],
        ["ECOM", "CARD_AUTH_DECLINE", 20],
        ["ECOM", "CARD_AUTH_STEPUP_CLEAR", 10],
    ]
    return {
        "amounts": frame("amount_family amount_branch amount_minor n", [*points, *tails]),
        "latency": responses.select("cell", "n", latency_us=pl.col("ms") * 1000, step_up=pl.lit(False)),
        "flow_types": frame("channel_group flow_type_id n", types),
        "offsets": pl.concat(offsets),
    }


def campaigns():
    rows = [
        [f"{k}" * 64, campaign_type, j, v.CLASSES[(k + j) % 8], f"Zone/{(k + j) % 8}", "DE", "FR", 1]
        for k, campaign_type in enumerate(v.CAMPAIGN_TYPES)
        for j in range(3)
    ]
    columns = (
        "campaign_id campaign_type merchant_id merchant_class tzid_primary merchant_country_iso party_country_iso n"
    )
    flows = frame(columns, rows)
    one_by_one = ("baseline_flows", "instruments", "accounts")
    hits = flows.group_by("cell", "campaign_id").agg(pl.col("n").sum().alias(name) for name in one_by_one)
    quotas = {"ATO": 192, "MERCHANT_COLLUSION": 3}
    plan = [[f"{k}" * 64, "QUOTA", quotas.get(t, 192)] for k, t in enumerate(v.CAMPAIGN_TYPES)]
    return {"campaign_flows": flows, "campaign_targets": hits, "campaign_plan": frame("campaign_id item n", plan, 1)}


RULES = {
    "legit": [False, "NONE", False, "HEURISTIC_ONLY", "RULE_NONE_NO_OVERLAY", "NONE", "LEGIT", False],
    "anomaly": [
        False,
        "NONE",
        True,
        "HEURISTIC_ONLY",
        "RULE_OVERLAY_ANOMALY_NO_CAMPAIGN",
        "FRIENDLY_FRAUD",
        "ABUSE",
        True,
    ],
    "ato": [True, "ATO", False, "CAMPAIGN", "RULE_ATO", "ATO", "FRAUD", True],
    "collateral": [False, "NONE", False, "COLLATERAL", "COLLATERAL_SAME_ACCOUNT_WINDOW", "ATO", "FRAUD", True],
    "spared": [False, "NONE", False, "COLLATERAL", "COLLATERAL_SAME_ACCOUNT_WINDOW", "NONE", "LEGIT", False],
}
TRUTH = "campaign fraud_pattern_type overlay_anomaly_any pattern_source truth_rule_id truth_subtype fraud_label is_fraud_truth n"


def truths():
    counts = {"legit": 185, "anomaly": 5, "ato": 5, "collateral": 1, "spared": 4}
    return {"truth": frame(TRUTH, [[*RULES[name], n] for name, n in counts.items()])}


def bank():
    """Two classes of 100 flows a cell: 2 and 20 % bank fraud; bank fraud is dearer."""
    rows = []
    for merchant_class, fraud in (("consumer_daytime", 2), ("online_24h", 20)):
        rows.append([merchant_class, "NO_CASE_OPENED", False, "LEGIT", "NO_CHARGEBACK", "NONE", 100 - fraud])
        rows.append([merchant_class, "BANK_CONFIRMED_FRAUD", True, "ABUSE", "NO_CHARGEBACK", "NONE", fraud])
    losses = [
        ["consumer_daytime", "NO_CASE_OPENED", False, "ABUSE", outcome, kind, 0]
        for outcome in ("BANK_LOSS", "BANK_WIN", "PARTIAL")
        for kind in ("UNAUTHORISED", "SERVICE_DISPUTE", "OTHER")
    ]
    amounts = []
    for k in range(20):
        amounts.append(["PURCHASE", "NO_CASE_OPENED", False, 1000 + 10 * k, 9])
        amounts.append(["PURCHASE", "BANK_CONFIRMED_FRAUD", True, 1100 + 10 * k, 1])
    geo = [["NO_CASE_OPENED", False, "DE", "DE", 178], ["BANK_CONFIRMED_FRAUD", True, "DE", "FR", 22]]
    return {
        "bank": frame(
            "merchant_class bank_label is_fraud_bank_view fraud_label chargeback_outcome chargeback_type n",
            [*rows, *losses],
        ),
        "bank_amounts": frame("amount_family bank_label is_fraud_bank_view amount_minor n", amounts),
        "bank_geo": frame("bank_label is_cross_border merchant_country_iso party_country_iso n", geo),
    }


def cases(policies):
    models = [
        samples(policies.delay.law(m), 1280).with_columns(model=pl.lit(m, TYPES["model"])) for m in v.DELAY_MODELS
    ]
    return {
        "case_gaps": frame("gap_s negative n", [[3600, False, 1], [100, False, 4], [5000, False, 5]]),
        "case_spans": frame(
            "duration_s has_gap non_monotone n",
            [[3700, True, False, 4], [86_401, True, False, 1], [0, False, False, 3]],
        ),
        "delays": pl.concat(models),
    }

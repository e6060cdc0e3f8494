"""Every gate again, slow and plain: rows of published Parquet, dictionaries, and the definitions as they are written.

Nothing here may import seg6b: what agrees with it has been computed twice.
"""

from __future__ import annotations

import json
import math
from collections import Counter, defaultdict
from itertools import combinations, pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from scipy import special

SPIKES = {3600, 86_400, 86_401}
ENOUGH = 500
MICRO = 1_000_000
PATTERNS = ("NONE", "CARD_TESTING", "ATO", "REFUND_ABUSE", "MERCHANT_COLLUSION", "PROMO_FRAUD", "BONUS_ABUSE")


def recompute(run):
    """`{gate: {"value", "raw"}}` of a finished run folder."""
    policy = json.loads((run / "run_receipt.json").read_text())["policy"]
    out = {}
    for part in (truth_gates, bank_gates, case_gates, amount_gates, latency_gates, campaign_gates, arrival_gates):
        out.update(part(run))
    out["T21"] = policy_coverage(run, policy)
    out["T22"] = collisions(run, policy["truth"])
    return {g: v if isinstance(v, dict) else {"value": v, "raw": v} for g, v in out.items()}


def rows(run, dataset, *columns):
    """Tuples of the named columns; times as microseconds, dictionaries as strings."""
    folder = run / "data" / "layer3" / "6B" / dataset
    for path in sorted(Path(folder).rglob("*.parquet")):
        table = pq.ParquetFile(path).read(columns=list(columns))
        plain = []
        for name in columns:
            column = table.column(name)
            plain.append((pc.cast(column, pa.int64()) if pa.types.is_timestamp(column.type) else column).to_pylist())
        yield from zip(*plain, strict=True)


def flows_of_s3(run, *columns):
    return {row[0]: row[1:] for row in rows(run, "s3_flow_anchor_with_fraud_6B", "flow_id", *columns)}


def truth_gates(run):
    flows = flows_of_s3(run, "campaign_id", "fraud_pattern_type", "overlay_anomaly_any")
    legit = fraud = everyone = untouched = untouched_legit = tagged = tagged_fraud = 0
    for flow, is_fraud, label, source in rows(
        run, "s4_flow_truth_labels_6B", "flow_id", "is_fraud_truth", "fraud_label", "pattern_source"
    ):
        campaign, pattern, anomaly = flows[flow]
        everyone += 1
        legit += label == "LEGIT"
        fraud += is_fraud
        if campaign is not None:
            tagged += 1
            tagged_fraud += label != "LEGIT"
        elif pattern == "NONE" and not anomaly and source != "COLLATERAL":
            untouched += 1
            untouched_legit += label == "LEGIT"
    return {
        "T1": legit / everyone,
        "T2": fraud / everyone,
        "T3": untouched_legit / untouched if untouched else None,
        "T4": tagged_fraud / tagged if tagged else None,
    }


def bank_gates(run):
    amounts = flows_of_s3(run, "amount_minor", "amount_family")
    table, by_class, pairs = Counter(), defaultdict(lambda: [0, 0]), []
    for flow, merchant_class, label, is_fraud in rows(
        run, "s4_flow_bank_view_6B", "flow_id", "merchant_class", "bank_label", "is_fraud_bank_view"
    ):
        table[merchant_class, label] += 1
        by_class[merchant_class][0] += is_fraud
        by_class[merchant_class][1] += 1
        pairs.append((*amounts[flow], is_fraud))
    rates = [hits / n for c, (hits, n) in by_class.items() if n >= ENOUGH and c != "__UNK__"]
    return {
        "T5": {"value": corrected_v(table), "raw": plain_v(table)},
        "T6": {"value": effect(within_family(pairs)), "raw": abs(effect([(x, view) for x, _, view in pairs]))},
        "T7": max(rates) - min(rates) if len(rates) > 1 else None,
    }


def within_family(pairs):
    families = defaultdict(list)
    for amount, family, _ in pairs:
        families[family].append(amount)
    scale = {}
    for family, values in families.items():
        mean = math.fsum(values) / len(values)
        scale[family] = mean, math.sqrt(math.fsum((x - mean) ** 2 for x in values) / max(1, len(values) - 1))
    return [((x - scale[f][0]) / scale[f][1] if scale[f][1] else 0.0, view) for x, f, view in pairs]


def effect(pairs):
    groups = [[x for x, view in pairs if bool(view) is wanted] for wanted in (False, True)]
    means = [math.fsum(g) / len(g) for g in groups]
    squares = [math.fsum((x - m) ** 2 for x in g) for g, m in zip(groups, means, strict=True)]
    return (means[1] - means[0]) / math.sqrt(sum(squares) / (len(pairs) - 2))


def plain_v(table):
    _, phi2, r, c = association(table)
    return math.sqrt(phi2 / (min(r, c) - 1)) if min(r, c) > 1 else None


def corrected_v(table):
    n, phi2, r, c = association(table)
    if min(r, c) < 2:
        return None
    phi2 = max(0.0, phi2 - (r - 1) * (c - 1) / (n - 1))
    return math.sqrt(phi2 / (min(r - (r - 1) ** 2 / (n - 1), c - (c - 1) ** 2 / (n - 1)) - 1))


def association(table):
    left, right, n = Counter(), Counter(), sum(table.values())
    for (a, b), count in table.items():
        left[a] += count
        right[b] += count
    chi2 = math.fsum(
        (table[a, b] - left[a] * right[b] / n) ** 2 / (left[a] * right[b] / n) for a in left for b in right
    )
    return n, chi2 / n, len(left), len(right)


def case_gates(run):
    cases = defaultdict(list)
    for case, seq, at in rows(run, "s4_case_timeline_6B", "case_id", "case_event_seq", "ts_utc"):
        cases[case].append((seq, at))
    gaps = negative = spiked = with_gap = backward = long_spiked = 0
    for events in cases.values():
        times = [at for _, at in sorted(events)]
        steps = [b - a for a, b in pairwise(times)]
        gaps += len(steps)
        negative += sum(s < 0 for s in steps)
        spiked += sum(half_even(s) in SPIKES for s in steps)
        if steps:
            with_gap += 1
            backward += min(steps) < 0
            long_spiked += half_even(max(times) - min(times)) in SPIKES
    if not gaps:
        return {"T8": None, "T9": None, "T10": None}
    return {"T8": negative / gaps, "T9": max(spiked / gaps, long_spiked / with_gap), "T10": backward / with_gap}


def half_even(micros):
    whole, rest = divmod(micros, MICRO)
    return whole + (rest * 2 > MICRO or (rest * 2 == MICRO and whole % 2 == 1))


def amount_gates(run):
    amounts = [amount for (amount,) in rows(run, "s2_flow_anchor_baseline_6B", "amount_minor")]
    counts = Counter(amounts)
    return {
        "T11": len(counts),
        "T12": linear_quantile(amounts, 0.99) / linear_quantile(amounts, 0.50),
        "T13": sum(n for _, n in counts.most_common(8)) / len(amounts),
    }


def linear_quantile(values, q):
    values = sorted(values)
    place = (len(values) - 1) * q
    low = math.floor(place)
    high = min(low + 1, len(values) - 1)
    return values[low] + (values[high] - values[low]) * (place - low)


def latency_gates(run):
    first = {}
    for flow, seq, kind, at in rows(run, "s2_event_stream_baseline_6B", "flow_id", "event_seq", "event_type", "ts_utc"):
        if kind in ("AUTH_REQUEST", "AUTH_RESPONSE"):
            first[flow, kind] = min(first.get((flow, kind), (seq, at)), (seq, at))
    latencies = [
        first[flow, "AUTH_RESPONSE"][1] - at
        for (flow, kind), (_, at) in first.items()
        if kind == "AUTH_REQUEST" and (flow, "AUTH_RESPONSE") in first
    ]
    return {
        "T14": linear_quantile(latencies, 0.50) / MICRO,
        "T15": linear_quantile(latencies, 0.99) / MICRO,
        "T16": sum(x == 0 for x in latencies) / len(latencies),
    }


def campaign_gates(run):
    classes, zones = Counter(), Counter()
    for campaign, merchant_class, zone in rows(
        run, "s3_flow_anchor_with_fraud_6B", "campaign_id", "merchant_class", "tzid_primary"
    ):
        if campaign is not None:
            classes[campaign, merchant_class] += 1
            zones[campaign, zone] += 1
    return {
        "T17": {"value": corrected_v(classes), "raw": plain_v(classes)},
        "T18": {"value": corrected_v(zones), "raw": plain_v(zones)},
    }


def arrival_gates(run):
    sessions = [n for (n,) in rows(run, "s1_session_index_6B", "arrival_count")]
    parties, devices, instruments = defaultdict(set), defaultdict(set), defaultdict(set)
    for party, account, instrument, device, ip in rows(
        run, "s1_arrival_entities_6B", "party_id", "account_id", "instrument_id", "device_id", "ip_id"
    ):
        parties[device].add(party)
        devices[ip].add(device)
        instruments[account].update(() if instrument is None else (instrument,))
    shares = [sum(len(users) > 1 for users in used.values()) / len(used) for used in (parties, devices, instruments)]
    return {"T19": sum(n == 1 for n in sessions) / len(sessions), "T20": sum(shares) / 3}


def policy_coverage(run, policy):
    branches = amount_branch(run, policy["amount"]), timing_branch(run, policy["timing"]), delay_branch(run, policy)
    return sum(map(bool, branches)) / 3


def amount_branch(run, amount):
    n, tails = Counter(), Counter()
    for family, branch in rows(run, "s2_flow_anchor_baseline_6B", "amount_family", "amount_branch"):
        n[family] += 1
        tails[family] += branch == "TAIL"
    mass = {f: 1.0 if "points" in amount else (amount["families"][f]["points"] or {"mass": 0.0})["mass"] for f in n}
    total, tail = sum(n.values()), sum(tails.values())
    expected = sum(n[f] * (1 - mass[f]) for f in n) / total
    error = math.sqrt(sum(n[f] * mass[f] * (1 - mass[f]) for f in n)) / total
    return 0 < tail < total and abs(tail / total - expected) <= max(0.01, 3 * error)


def timing_branch(run, timing):
    drawn = [
        us // 1000
        for model, us in rows(run, "s2_event_stream_baseline_6B", "offset_model_id", "latency_us")
        if model == "auth_response"
    ]
    flows = sum(1 for _ in rows(run, "s2_flow_anchor_baseline_6B", "flow_id"))
    if "offsets" not in timing or not drawn:
        return False
    law = timing["offsets"]["auth_response"]
    return len(drawn) == flows and distance_beyond_noise(drawn, law) <= 0.01


def delay_branch(run, policy):
    samples = defaultdict(list)
    close = {}
    for flow, *seconds in rows(
        run,
        "s4_flow_bank_view_6B",
        "flow_id",
        "detection_delay_s",
        "dispute_delay_s",
        "chargeback_delay_s",
        "close_delay_s",
    ):
        for model, value in zip(
            ("DETECTION_DELAY_V1", "DISPUTE_DELAY_V1", "CHARGEBACK_DELAY_V1"), seconds[:3], strict=True
        ):
            if value is not None:
                samples[model].append(round(value * 1000))
        close[flow] = seconds[3]
    for flow, kind in rows(run, "s4_case_timeline_6B", "flow_id", "case_event_type"):
        if kind == "CASE_CLOSED" and close.get(flow) is not None:
            samples["CASE_CLOSE_DELAY_V1"].append(round(close[flow] * 1000))
    for model, law in policy["delay"]["models"].items():
        found = samples[model]
        bounds = {round(law["min"] * 1000), round(law["max"] * 1000)}
        if (
            not found
            or sum(x in bounds for x in found) / len(found) >= 0.05
            or distance_beyond_noise(found, law) > 0.02
        ):
            return False
    return True


def distance_beyond_noise(milliseconds, law):
    """Kolmogorov-Smirnov against the law truncated to its bounds and rounded to milliseconds, less 1.36/sqrt(n)."""
    values, counts = np.unique(milliseconds, return_counts=True)
    above = np.cumsum(counts) / counts.sum()
    below = above - counts / counts.sum()
    gap = np.maximum(np.abs(above - cdf(law, (values + 0.5) / 1000)), np.abs(below - cdf(law, (values - 0.5) / 1000)))
    return gap.max() - 1.36 / math.sqrt(counts.sum())


def cdf(law, x):
    out = np.zeros(x.size)
    for value, share in zip(*((law["atoms"] or {}).get(k, []) for k in ("values", "probs")), strict=True):
        out += law["atom_mass"] * share * (x >= value)
    if law["tail"]:
        low, high = (smooth(law["tail"], np.array([law[end]], float)) for end in ("min", "max"))
        inside = smooth(law["tail"], np.clip(x, law["min"], law["max"]))
        out += (1 - law["atom_mass"]) * (inside - low) / (high - low)
    return out


def smooth(tail, x):
    if tail["law"] == "MIXTURE_V1":
        return sum(part["weight"] * smooth(part["law"], x) for part in tail["components"])
    if tail["law"] == "LOGNORMAL_V1":
        with np.errstate(divide="ignore"):
            return special.ndtr((np.log(x) - tail["mu"]) / tail["sigma"])
    if tail["law"] == "GAMMA_V1":
        return special.gammainc(tail["k"], x / tail["theta"])
    return -np.expm1(-tail["rate"] * x)


def collisions(run, truth):
    flows = flows_of_s3(run, "campaign_id", "fraud_pattern_type", "overlay_anomaly_any")
    blind = truth["kind"] == "reduced_key"
    tiers = [truth["rules"]] if blind else [truth["direct_campaign"], truth["overlay_flags"], [truth["default"]]]

    def holding(tier, pattern, anomaly, campaign):
        if campaign != (pattern != "NONE"):
            return []
        return [r for r in tier if r["pattern"] == pattern and (blind or r["anomaly"] in (None, anomaly))]

    cases = [(p, a, c) for p in PATTERNS for a in (False, True) for c in (False, True)]
    pairs = set()
    for case in cases:
        for tier in tiers:
            held = sorted(r["rule_id"] for r in holding(tier, *case))
            pairs.update(combinations(held, 2))
    apart = set() if blind else {truth["collateral"]["rule_id"], truth["posture"]["rule_id"]}
    wrong = 0
    for flow, recorded in rows(run, "s4_flow_truth_labels_6B", "flow_id", "truth_rule_id"):
        campaign, pattern, anomaly = flows[flow]
        held = next((h for tier in tiers if (h := holding(tier, pattern, anomaly, campaign is not None))), [])
        if len(held) != 1:
            wrong += 1
        elif recorded != held[0]["rule_id"]:
            default = not blind and held[0]["rule_id"] == truth["default"]["rule_id"]
            wrong += not (default and recorded in apart)
    return len(pairs) + wrong

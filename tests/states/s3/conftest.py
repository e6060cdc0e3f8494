"""Hand-made flows, events and a world of postures, and S3 run on them: one batch in memory, or the whole state."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import polars as pl
import pytest

from seg6b.datasets import vocabulary as v
from seg6b.datasets import world_tables as w
from seg6b.datasets.frames import conform, micros_of
from seg6b.datasets.tables import CAMPAIGNS, EVENTS, EVENTS_WITH_FRAUD, FLOWS, FLOWS_WITH_FRAUD
from seg6b.draws.mix import draw_all, entities1, id64_all, text64
from seg6b.draws.uniform import Draws
from seg6b.policy import campaign, overlay
from seg6b.runs.axes import Axes
from seg6b.runs.meter import Meter
from seg6b.runs.output import StateOutput
from seg6b.settings.knobs import StateKnobs
from seg6b.shards.cells import route_of
from seg6b.shards.executor import Threads
from seg6b.states.context import Input, StateContext
from seg6b.states.s3_overlay.state import run
from tests.packs import typed, values_of

CONF = Path(__file__).resolve().parents[3] / "conf" / "policy"
START = datetime(2026, 1, 1, tzinfo=UTC)
START_US = int(START.timestamp()) * 1_000_000
DAYS = 90
COUNTRIES = ("CH", "DE", "FR", "GB", "IT", "NL")
ZONES = tuple(f"Europe/{c}" for c in ("Amsterdam", "Berlin", "London", "Paris", "Rome", "Zurich"))
CURRENCIES = ("CHF", "EUR", "GBP")
OFFSETS = {"STEP_UP_CHALLENGE": 1000, "STEP_UP_COMPLETE": 4000, "AUTH_RESPONSE": 700, "CLEARING": 3_000_000}
MODELS = {
    "AUTH_REQUEST": "NONE",
    "STEP_UP_CHALLENGE": "step_up_start",
    "STEP_UP_COMPLETE": "step_up_complete",
    "AUTH_RESPONSE": "auth_response",
    "CLEARING": "auth_to_clear",
    "REFUND": "clear_to_refund",
    "REVERSAL": "auth_to_reversal",
}


def plain(pack, variant):
    """A pack as plain data."""
    return values_of(CONF / pack / f"{variant}.yaml")


def changed(data, changes):
    """A copy of `data` with dotted keys set; numbers index lists."""
    out = copy.deepcopy(data)
    for key, value in changes.items():
        *parents, last = (int(k) if k.isdigit() else k for k in key.split("."))
        at = out
        for parent in parents:
            at = at[parent]
        at[last] = value
    return out


def policies(campaigns="bplus", overlays="full", *, switches=(True, True), campaign_changes=None, overlay_changes=None):
    """The packs of S3; variants by name or as plain data."""
    first = plain("campaign", campaigns) if isinstance(campaigns, str) else campaigns
    second = plain("overlay", overlays) if isinstance(overlays, str) else overlays
    return SimpleNamespace(
        campaign=typed(campaign, changed(first, campaign_changes or {})),
        overlay=typed(overlay, changed(second, overlay_changes or {})),
        behaviour=SimpleNamespace(overlay=switches[0], anomaly_overlay=switches[1]),
    )


def only(template, **changes):
    """The tuned catalogue with one template; `changes` are set in it, quotas become plain counts."""
    data = plain("campaign", "bplus")
    (chosen,) = [t for t in data["templates"] if t["campaign_type"] == template]
    chosen["activation"] = {"mode": "DETERMINISTIC", "count": changes.pop("count", 1)}
    chosen["quota"] = {"rate_per_million": 1e-6, "floor": changes.pop("quota", 5)}
    chosen.update(changes)
    for key in [k for k, value in chosen.items() if value is ...]:
        del chosen[key]
    data["templates"] = [chosen]
    data["filters"] = {chosen["filter"]: data["filters"][chosen["filter"]]}
    data["guards"]["min_instances"] = 1
    return data


def uniform(name, n):
    """`n` uniforms of their own name."""
    return draw_all(entities1(np.arange(n, dtype=np.int64)), text64("test", name))


def event_list(spec):
    """Events of one flow: (type, milliseconds after AUTH_REQUEST, latency in milliseconds, amount)."""
    amount, rows, at = spec["amount"], [("AUTH_REQUEST", 0, 0, spec["amount"])], 0
    if spec["step_up"]:
        rows += [("STEP_UP_CHALLENGE", 1000, 1000, amount), ("STEP_UP_COMPLETE", 5000, 4000, amount)]
        at = 5000
    at += spec["response_ms"]
    rows.append(("AUTH_RESPONSE", at, spec["response_ms"], amount))
    if spec["reversal"]:
        rows.append(("REVERSAL", at + 9000, at + 9000, -amount))
    elif spec["clears"]:
        rows.append(("CLEARING", spec["clear_ms"], spec["clear_ms"], spec["clear"]))
        if spec["refund"]:
            rows.append(("REFUND", spec["clear_ms"] + 600_000, 600_000, -spec["refund"]))
    return rows


def complete(number, given):
    """A flow with every default filled in."""
    party = given.get("party", 1)
    spec = {
        "party": party, "at": 0.0, "channel": "ECOM", "type": "CARD_AUTH_CLEAR", "amount": 1000, "refund": 0,
        "reversal": False, "step_up": False, "response_ms": 700, "clear_ms": 3_000_000, "account": party * 10,
        "instrument": party * 100, "device": party * 1000, "ip": 7000 + party % 50, "merchant": 500, "site": None,
        "class": "online_24h", "merchant_country": "DE", "party_country": "DE", "zone": "Europe/Berlin",
        "segment": "RETAIL_FAMILY", "role": "CLEAN", "flow": 1_000_000 + number,
    } | given  # fmt: skip
    declined = spec["type"] == "CARD_AUTH_DECLINE"
    spec["clears"] = not declined and spec["type"] != "BANK_TRANSFER"
    spec["step_up"] = spec["step_up"] or spec["type"] == "CARD_AUTH_STEPUP_CLEAR"
    spec["clear"] = given.get("clear", spec["amount"])
    spec["outcome"] = {
        "CARD_AUTH_DECLINE": "AUTH_DECLINED", "BANK_TRANSFER": "TRANSFER_COMPLETED", "ATM_WITHDRAWAL": "CASH_DISPENSED"
    }.get(spec["type"], "AUTH_SETTLED")  # fmt: skip
    return spec


def _flow_row(spec, events):
    at = START + timedelta(seconds=spec["at"])
    stamp = {kind: at + timedelta(milliseconds=ms) for kind, ms, _, _ in events}
    paid = {kind: amount for kind, _, _, amount in events}
    return {
        "flow_id": spec["flow"], "session_id": spec["flow"] + 5, "flow_index_within_session": 0, "n_arrivals": 1,
        "merchant_id": spec["merchant"], "arrival_seq": spec["flow"], "party_id": spec["party"],
        "account_id": spec["account"], "instrument_id": spec["instrument"], "device_id": spec["device"],
        "ip_id": spec["ip"], "ts_utc": at, "flow_type_id": spec["type"], "baseline_outcome": spec["outcome"],
        "channel_group": spec["channel"], "currency_iso": "EUR", "amount_minor": spec["amount"],
        "auth_amount_minor": spec["amount"], "clear_amount_minor": paid.get("CLEARING"),
        "refund_amount_minor": paid.get("REFUND"), "reversal_amount_minor": paid.get("REVERSAL"),
        "auth_response_ts": stamp["AUTH_RESPONSE"], "clear_ts": stamp.get("CLEARING"),
        "refund_ts": stamp.get("REFUND"), "reversal_ts": stamp.get("REVERSAL"), "n_events": len(events),
        "merchant_class": spec["class"], "merchant_country_iso": spec["merchant_country"],
        "party_country_iso": spec["party_country"], "party_segment_id": spec["segment"],
        "party_fraud_role": spec["role"],
        "is_cross_border": spec["merchant_country"] != spec["party_country"], "tzid_primary": spec["zone"],
        "is_virtual": spec["site"] is None, "site_id": spec["site"],
        "edge_id": None if spec["site"] is not None else 9, "amount_family": "PURCHASE", "amount_branch": "TAIL",
        "flow_plan_rule_id": "SINGLE_ARRIVAL",
        "branch_trace": 1 * spec["step_up"] + 2 * bool(spec["refund"]) + 16 * (spec["type"] == "CARD_AUTH_DECLINE"),
    }  # fmt: skip


def _event_rows(spec, events):
    at = START + timedelta(seconds=spec["at"])
    declined = spec["type"] == "CARD_AUTH_DECLINE"
    for seq, (kind, ms, latency, amount) in enumerate(events):
        yield {
            "flow_id": spec["flow"], "event_seq": seq, "event_type": kind, "ts_utc": at + timedelta(milliseconds=ms),
            "amount_minor": amount, "currency_iso": "EUR",
            "response_code": ("DECLINED" if declined else "APPROVED") if kind == "AUTH_RESPONSE" else None,
            "offset_model_id": MODELS[kind], "latency_us": latency * 1000, "session_id": spec["flow"] + 5,
        }  # fmt: skip


OPEN = {
    "currency_iso": CURRENCIES, "merchant_country_iso": COUNTRIES, "party_country_iso": COUNTRIES, "tzid_primary": ZONES
}  # fmt: skip


def _typed(dataset, rows):
    schema = {c.name: c.dtype() or pl.Enum(OPEN[c.name]) for c in dataset.columns}
    return conform(dataset, pl.DataFrame(rows, schema=schema, orient="row"), "E_TEST")


def flows(specs):
    """Flows and events in the order of parties and times."""
    filled = [complete(i, dict(s)) for i, s in enumerate(specs)]
    route = route_of(np.array([s["party"] for s in filled], np.int64))
    order = sorted(range(len(filled)), key=lambda i: (int(route[i]), filled[i]["at"]))
    filled = [filled[i] for i in order]
    lists = [event_list(s) for s in filled]
    return (
        _typed(FLOWS, [_flow_row(s, e) for s, e in zip(filled, lists, strict=True)]),
        _typed(EVENTS, [row for s, e in zip(filled, lists, strict=True) for row in _event_rows(s, e)]),
    )


def crowd(n, parties=40, seed="crowd"):
    """`n` specs of mixed flows over the horizon."""
    u = {k: uniform(f"{seed}.{k}", n) for k in ("party", "at", "channel", "type", "amount", "branch", "place", "ip")}
    types = ("CARD_AUTH_CLEAR",) * 8 + ("CARD_AUTH_DECLINE", "CARD_AUTH_STEPUP_CLEAR")
    specs = []
    for i in range(n):
        party = int(u["party"][i] * parties) + 1
        place = int(u["place"][i] * 60)
        at = round(u["at"][i] * (DAYS * 86_400 - 60), 3)
        kind = types[int(u["type"][i] * 10)]
        amount = int(50 + 20_000 * u["amount"][i] ** 3)
        refund = amount if u["branch"][i] < 0.05 and kind != "CARD_AUTH_DECLINE" else 0
        specs.append(
            {
                "party": party, "at": at, "channel": ("ECOM", "ECOM", "POS", "HYBRID")[int(u["channel"][i] * 4)],
                "type": kind, "amount": amount, "refund": refund, "reversal": u["branch"][i] > 0.98 and not refund,
                "account": party * 10 + i % 2, "instrument": party * 100 + i % 3, "device": party * 1000 + i % 2,
                "ip": 7000 + int(u["ip"][i] * 50), "merchant": 500 + place, "site": 5000 + place * 2 + i % 2,
                "class": v.CLASSES[place % 8], "merchant_country": COUNTRIES[place % 6],
                "party_country": COUNTRIES[party % 6], "zone": ZONES[(place // 2) % 6],
                "segment": v.SEGMENTS[party % len(v.SEGMENTS)],
                "role": v.PARTY_FRAUD_ROLES[(party // 3) % 5] if party % 3 == 0 else "CLEAN",
            }
        )  # fmt: skip
        if kind == "CARD_AUTH_DECLINE":
            specs[-1] |= {"reversal": False}
    return specs


def _enum(values, vocabulary):
    return pl.Series(values, dtype=pl.Enum(vocabulary))


@dataclass
class HandWorld:
    """The tables of a world that S3 reads, written by hand."""

    parties: int = 60
    proxies: int = 12
    risky: int = 8
    sites: bool = True
    arrivals: int = 20_000
    start: datetime = START
    end: datetime = START + timedelta(days=DAYS)
    scenario_id: str = "baseline_v1"
    manifest_fingerprint: str = "f" * 64
    tables: dict = field(default_factory=dict)

    def __post_init__(self):
        ips = 7000 + np.arange(60)
        kinds = ["VPN_PROXY" if i >= 60 - self.proxies else ("RESIDENTIAL", "MOBILE")[i % 2] for i in range(60)]
        devices = np.concatenate([np.arange(1, self.parties + 1) * 1000, 900_000 + np.arange(self.risky)])
        roles = ["CLEAN_DEVICE"] * self.parties + ["HIGH_RISK_DEVICE"] * self.risky
        merchants = 500 + np.arange(60)
        country = [COUNTRIES[i % 6] for i in range(60)]
        site = np.arange(120 if self.sites else 0)
        self.tables = {
            w.IPS.name: {"ip_id": ips, "ip_type": _enum(kinds, v.IP_TYPES)},
            w.DEVICES.name: {
                "device_id": devices, "device_type": _enum(["MOBILE_PHONE"] * devices.size, v.DEVICE_TYPES),
            },
            w.DEVICE_ROLES.name: {
                "device_id": devices, "fraud_role_device": _enum(roles, v.DEVICE_FRAUD_ROLES),
            },
            w.MERCHANT_ROLES.name: {
                "merchant_id": merchants,
                "fraud_role_merchant": _enum([("NORMAL", "COLLUSIVE", "MSB")[i % 3] for i in range(60)], v.MERCHANT_FRAUD_ROLES),
                "risk_tier": _enum([v.RISK_TIERS[i % 4] for i in range(60)], v.RISK_TIERS),
            },
            w.PARTY_ROLES.name: {
                "party_id": np.arange(1, self.parties + 1),
                "risk_tier": _enum([v.RISK_TIERS[i % 4] for i in range(self.parties)], v.RISK_TIERS),
            },
            w.IP_LINKS.name: {
                "ip_id": np.concatenate([7000 + np.arange(self.risky) % 60, [7000]]),
                "device_id": np.concatenate([900_000 + np.arange(self.risky), [1000]]),
            },
            w.SITES.name: {
                "site_id": 5000 + site, "merchant_id": 500 + site // 2,
                "country_iso": _enum([country[s // 2] for s in site], COUNTRIES),
            },
        }  # fmt: skip

    def table(self, dataset, columns=None):
        """One upstream table."""
        frame = pl.DataFrame(self.tables[dataset.name])
        frame = frame.with_columns(pl.selectors.integer().cast(pl.Int64))
        return frame if columns is None else frame.select(columns)


@dataclass(frozen=True)
class Result:
    """What S3 published."""

    base: pl.DataFrame
    base_events: pl.DataFrame
    flows: pl.DataFrame
    events: pl.DataFrame
    catalogue: pl.DataFrame
    output: StateOutput
    policy: SimpleNamespace

    @property
    def evidence(self):
        """Merged evidence."""
        return self.output.evidence()

    @property
    def hit(self):
        """Baseline flows of campaigns."""
        return self.flows.filter(pl.col("fraud_flag") & (pl.col("origin_type") != "PURE_FRAUD_FLOW"))

    @property
    def probes(self):
        """Pure fraud flows."""
        return self.flows.filter(pl.col("origin_type") == "PURE_FRAUD_FLOW")

    @property
    def digests(self):
        """Content digests by dataset."""
        return {name: str(out.digest) for name, out in self.output.datasets.items()}

    def events_of(self, flow_id):
        """Events of one flow."""
        return self.events.filter(pl.col("flow_id") == flow_id)


def overlaid(frames, policy, root, *, world=None, seed=42, parts=1, threads=1, batch_rows=500_000):
    """S3 on flows and events in `parts` parts."""
    base, events = frames
    axes = Axes("f" * 64, "p" * 64, seed, "baseline_v1")
    source = StateOutput(root / "in", "S2", axes, "snappy", Meter())
    party, count = base["party_id"].to_numpy(), base["n_events"].to_numpy()
    starts = np.concatenate([[0], np.flatnonzero(np.diff(party)) + 1, [party.size]])
    cuts = [int(starts[round(i * (starts.size - 1) / parts)]) for i in range(parts + 1)]
    ends = np.concatenate([[0], np.cumsum(count)])
    for index, (low, high) in enumerate(pairwise(cuts)):
        sink = source.sink(index)
        sink.emit({FLOWS: base[low:high], EVENTS: events[int(ends[low]) : int(ends[high])]}, (0, 63))
        sink.close()
    inputs = {d.name: Input(source.folder(d), tuple(source.datasets[d.name].parts)) for d in (FLOWS, EVENTS)}
    meter = Meter()
    output = StateOutput(root / "out", "S3", axes, "snappy", meter)
    ctx = StateContext(
        "S3", axes, Draws("f" * 64, seed, "baseline_v1"), policy, StateKnobs(batch_rows=batch_rows),
        world or HandWorld(), inputs, Threads(threads), output, meter, root / "scratch", lambda _: None,
    )  # fmt: skip
    run(ctx)
    for dataset in (CAMPAIGNS, FLOWS_WITH_FRAUD, EVENTS_WITH_FRAUD):
        output.complete(dataset)
    read = [pl.concat([pl.read_parquet(output.folder(d) / p.name) for p in output.datasets[d.name].parts])
            for d in (FLOWS_WITH_FRAUD, EVENTS_WITH_FRAUD, CAMPAIGNS)]  # fmt: skip
    return Result(base, events, *read, output, policy)


class Bench:
    """The functions above, for tests."""

    START_US = START_US
    World = HandWorld
    flows = staticmethod(flows)
    crowd = staticmethod(crowd)
    only = staticmethod(only)
    plain = staticmethod(plain)
    changed = staticmethod(changed)
    policies = staticmethod(policies)
    overlaid = staticmethod(overlaid)
    micros_of = staticmethod(micros_of)
    ids = staticmethod(id64_all)


@pytest.fixture(scope="session")
def bench():
    return Bench


@pytest.fixture(scope="session")
def people():
    """About 4,000 mixed flows of 60 parties."""
    return flows(crowd(4_000, parties=60))


@pytest.fixture(scope="session")
def ordinary(people, tmp_path_factory):
    """The people under the tuned packs."""
    return overlaid(people, policies(), tmp_path_factory.mktemp("ordinary"))

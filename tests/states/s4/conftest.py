"""Hand-made flows of S3: every column that S4 reads, with defaults, and the events that go with them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import polars as pl
import pytest

from seg6b.datasets import vocabulary as v
from seg6b.datasets.frames import utc
from seg6b.datasets.tables import EVENTS_WITH_FRAUD, FLOWS_WITH_FRAUD
from seg6b.draws.mix import entities1
from seg6b.draws.uniform import Draws
from seg6b.policy import bank_view, case, delay, truth
from seg6b.settings.knobs import StateKnobs
from seg6b.shards.cells import route_of
from seg6b.states.mapping import Batch
from seg6b.states.s4_labels.flows import READS
from seg6b.states.s4_labels.state import label_batch
from tests.packs import typed, values_of

CONF = Path(__file__).resolve().parents[3] / "conf" / "policy"
START = datetime(2026, 1, 1, tzinfo=UTC)
PACKS = {"truth": truth, "bank_view": bank_view, "delay": delay, "case": case}
COUNTRIES = ["DE", "FR", "GB"]
CAMPAIGNS = ["c1", "c2"]
DEFAULTS = {
    "party_id": 1,
    "account_id": 10,
    "instrument_id": 100,
    "merchant_id": 7,
    "at": 0.0,
    "response": 1.0,
    "clear": 3000.0,
    "refund": None,
    "reversal": None,
    "flow_type_id": "CARD_AUTH_CLEAR",
    "baseline_outcome": "AUTH_SETTLED",
    "channel_group": "ECOM",
    "amount_minor": 1500,
    "merchant_class": "consumer_daytime",
    "merchant_country_iso": "DE",
    "party_country_iso": "DE",
    "party_fraud_role": "CLEAN",
    "amount_family": "PURCHASE",
    "branch_trace": 0,
    "campaign_id": None,
    "fraud_pattern_type": "NONE",
    "overlay_anomaly_any": False,
    "tactic_ids": 0,
    "overlaid": (),
}


def load_pack(pack, variant="full", **changes):
    """A pack variant from `conf/policy`, with top-level keys replaced."""
    return typed(PACKS[pack], values_of(CONF / pack / f"{variant}.yaml") | changes)


def at(seconds):
    """Microseconds of a time in seconds since the start of the horizon."""
    return round(START.timestamp() * 1_000_000) + round(seconds * 1_000_000)


def moment(seconds):
    return START + timedelta(seconds=seconds)


def flow_frames(flows):
    """S3's flows and events from dictionaries; `at`, `response`, … are seconds, the last four after `at`."""
    rows = [DEFAULTS | {"flow_id": 1000 + i} | flow for i, flow in enumerate(flows)]
    events = [event for row in rows for event in _events(row)]
    counts = [len(_events(row)) for row in rows]
    enums = {c.name: pl.Enum(c.vocab) for c in FLOWS_WITH_FRAUD.columns if c.vocab} | {
        "merchant_country_iso": pl.Enum(COUNTRIES),
        "party_country_iso": pl.Enum(COUNTRIES),
        "campaign_id": pl.Enum(CAMPAIGNS),
    }
    plain = {
        name: pl.Series([row[name] for row in rows], dtype=enums.get(name, FLOWS_WITH_FRAUD[name].dtype()))
        for name in READS.anchor_columns
        if name in DEFAULTS or name == "flow_id"
    }
    anchor = pl.DataFrame(plain).with_columns(
        ts_utc=_stamps([row["at"] for row in rows]),
        auth_response_ts=_stamps([_plus(row, "response") for row in rows]),
        clear_ts=_stamps([_plus(row, "clear") for row in rows]),
        reversal_ts=_stamps([_plus(row, "reversal") for row in rows]),
        n_events=pl.Series(counts, dtype=pl.Int32),
        is_cross_border=pl.col("merchant_country_iso") != pl.col("party_country_iso"),
    )
    follower = pl.DataFrame(
        {
            "flow_id": pl.Series([e[0] for e in events], dtype=pl.Int64),
            "event_seq": pl.Series([e[1] for e in events], dtype=pl.Int32),
            "event_type": pl.Series([e[2] for e in events], dtype=pl.Enum(v.EVENT_TYPES)),
            "ts_utc": _stamps([e[3] for e in events]),
            "is_fraud_event": pl.Series([e[4] for e in events], dtype=pl.Boolean),
        }
    )
    return anchor.select(READS.anchor_columns), follower.select(READS.follower_columns)


def _events(row):
    steps = [("AUTH_REQUEST", 0.0), ("AUTH_RESPONSE", row["response"]), ("CLEARING", row["clear"])]
    steps += [("REFUND", row["refund"]), ("REVERSAL", row["reversal"])]
    told = [(kind, offset) for kind, offset in steps if offset is not None]
    return [
        (row["flow_id"], seq, kind, row["at"] + offset, kind in row["overlaid"])
        for seq, (kind, offset) in enumerate(told)
    ]


def _plus(row, name):
    return None if row[name] is None else row["at"] + row[name]


def _stamps(seconds):
    null = np.array([s is None for s in seconds], np.bool_)
    return utc(np.array([0 if s is None else at(s) for s in seconds], np.int64), null)


def in_party_order(anchor, follower):
    """Frames as S3 publishes them: parties by routing hash, events following their flows."""
    route = route_of(anchor["party_id"].to_numpy())
    ordered = (
        anchor.with_columns(_route=pl.Series(route)).sort("_route", "party_id", "ts_utc", "flow_id").drop("_route")
    )
    rank = ordered.select("flow_id").with_row_index("_rank")
    events = follower.join(rank, on="flow_id").sort("_rank", "event_seq").drop("_rank")
    return ordered, events.select(follower.columns)


def many_flows(size, parties=400, seed=1):
    """A varied population: every class, family, channel, subtype and branch occurs."""
    draws = Draws("f" * 64, seed, "made_by_hand")
    entity = entities1(np.arange(size, dtype=np.int64))

    def u(name):
        return draws.uniform("hand", name, entity)

    def choose(name, values, weights=None):
        cum = np.cumsum(np.ones(len(values)) if weights is None else np.array(weights, float))
        index = np.searchsorted(cum / cum[-1], u(name), side="right")
        return np.array(values, dtype=object)[index]

    pattern = choose("pattern", v.PATTERNS, [0.8] + [0.2 / 6] * 6)
    anomaly = (pattern == "NONE") & (u("anomaly") < 0.1)
    fate = choose("fate", ["settled", "declined", "reversed", "uncleared", "stepped"], [0.7, 0.08, 0.03, 0.04, 0.15])
    party = (u("party") ** 2 * parties).astype(np.int64) + 1
    account = party * 10 + (u("account") < 0.3)
    role = np.array(v.PARTY_FRAUD_ROLES, dtype=object)[np.where(party % 7 < 3, 0, party % 5)]
    family = choose("family", v.AMOUNT_FAMILIES, [0.7, 0.15, 0.15])
    scale = np.where(family == "PURCHASE", 1500, np.where(family == "TRANSFER", 3300, 9500))
    amount = np.maximum(1, scale * np.exp(3.0 * (u("amount") - 0.5) * 2)).astype(np.int64)
    where = choose("where", COUNTRIES)
    home = np.where(u("home") < 0.7, where, choose("away", COUNTRIES))
    time = np.sort(u("time")) * 40 * 86400
    rows = []
    for i in range(size):
        cleared = fate[i] in ("settled", "stepped")
        tactic = 64 if pattern[i] == "CARD_TESTING" and fate[i] == "declined" else 0
        rows.append(
            {
                "flow_id": int(10_000_000 + i),
                "party_id": int(party[i]),
                "account_id": int(account[i]),
                "instrument_id": None if family[i] == "TRANSFER" and i % 2 else int(account[i] * 10),
                "merchant_id": int(i % 50 + 1),
                "at": float(time[i]),
                "clear": 3000.0 if cleared else None,
                "reversal": 500.0 if fate[i] == "reversed" else None,
                "refund": 9000.0 if fate[i] == "settled" and i % 20 == 0 else None,
                "flow_type_id": "BANK_TRANSFER" if family[i] == "TRANSFER" else "CARD_AUTH_CLEAR",
                "baseline_outcome": "AUTH_DECLINED" if fate[i] == "declined" and not tactic else "AUTH_SETTLED",
                "channel_group": v.CHANNELS[i % 5],
                "amount_minor": int(amount[i]),
                "merchant_class": v.CLASSES[int(u_class)] if (u_class := i * 7919 % 9) < 9 else "",
                "merchant_country_iso": where[i],
                "party_country_iso": home[i],
                "party_fraud_role": role[i],
                "amount_family": family[i],
                "branch_trace": int(fate[i] == "stepped"),
                "campaign_id": None if pattern[i] == "NONE" else CAMPAIGNS[i % 2],
                "fraud_pattern_type": pattern[i],
                "overlay_anomaly_any": bool(anomaly[i]),
                "tactic_ids": tactic,
                "overlaid": ("CLEARING",) if pattern[i] == "REFUND_ABUSE" and cleared else (),
            }
        )
    return in_party_order(*flow_frames(rows))


@pytest.fixture(scope="session")
def pack():
    return load_pack


@pytest.fixture(scope="session")
def policies():
    """`policies("full", truth=…)`: the packs that S4 reads, both switches on unless said otherwise."""

    def build(variant="full", *, collateral=True, posture=True, **packs):
        chosen = {name: packs.get(name) or load_pack(name, variant) for name in PACKS}
        return SimpleNamespace(behaviour=SimpleNamespace(collateral=collateral, posture=posture), **chosen)

    return build


@pytest.fixture(scope="session")
def roomy(policies, pack):
    """The full packs, with room for the many cases of hand-made flows."""
    full = pack("case")
    guards = full.guards.model_copy(update={"cases_per_million_flows": 400_000})
    return policies(case=full.model_copy(update={"guards": guards}))


@pytest.fixture(scope="session")
def context(policies):
    """What `label_batch` needs of a state context."""

    def build(variant="full", seed=42, knobs=None, **packs):
        draws = Draws("a" * 64, seed, "baseline_v1")
        return SimpleNamespace(policy=policies(variant, **packs), draws=draws, knobs=knobs or StateKnobs())

    return build


@pytest.fixture(scope="session")
def made():
    """The builders of this file."""
    return SimpleNamespace(frames=flow_frames, many=many_flows, order=in_party_order, at=at, moment=moment)


@pytest.fixture(scope="session")
def labelled(context):
    """`labelled(flows)`: the emitted frames by short name, and the evidence of the draws."""

    def run(flows, variant="full", seed=42, knobs=None, **packs):
        anchor, follower = flows if isinstance(flows, tuple) else flow_frames(flows)
        emission, _ = label_batch(context(variant, seed, knobs, **packs), Batch(anchor, follower, (0, 63)))
        frames = {dataset.name: frame for dataset, frame in emission.frames.items()}
        frames |= {FLOWS_WITH_FRAUD.name: anchor, EVENTS_WITH_FRAUD.name: follower}
        short = {name.removeprefix("s4_").removesuffix("_6B"): frame for name, frame in frames.items()}
        return SimpleNamespace(frames=frames, draws=emission.evidence, **short)

    return run

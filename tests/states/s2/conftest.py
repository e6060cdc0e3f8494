"""Hand-made session arrivals, and S2 run on them: one batch in memory, or the whole state in a folder."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from seg6b.datasets import vocabulary as v
from seg6b.datasets.frames import conform, dictionary, utc
from seg6b.datasets.tables import EVENTS, FLOWS, SESSION_ARRIVALS
from seg6b.draws.mix import draw_all, entities1, id64_all, text64
from seg6b.draws.uniform import Draws
from seg6b.evidence.measure_s2 import measure_s2
from seg6b.evidence.tables import Evidence, merged
from seg6b.policy import amount, behaviour, flow_shape, timing
from seg6b.policy.packs import PACKS, Policies
from seg6b.runs.axes import Axes
from seg6b.runs.meter import Meter
from seg6b.runs.output import StateOutput
from seg6b.settings.knobs import StateKnobs
from seg6b.shards.cells import cell_of, route_of
from seg6b.shards.executor import Threads
from seg6b.states.context import Input, StateContext
from seg6b.states.mapping import Batch
from seg6b.states.s2_flows.state import READS, flows_of, rules_of, run
from tests.packs import typed, values_of

CONF = Path(__file__).resolve().parents[3] / "conf" / "policy"
START = datetime(2026, 1, 1, tzinfo=UTC)
START_US = int(START.timestamp() * 1e6)
MODULES = {"behaviour": behaviour, "flow_shape": flow_shape, "amount": amount, "timing": timing}
COUNTRIES, CURRENCIES, ZONES = ["DE", "FR", "GB"], ["EUR", "GBP"], ["Europe/Berlin", "Europe/London"]


def policies(posture="full", **changes):
    """The packs of S2; `changes` are `pack={dotted.key: value}` or `pack="variant"`."""
    held = dict.fromkeys(PACKS)
    for name, module in MODULES.items():
        change = changes.get(name, {})
        variant = change if isinstance(change, str) else posture
        path = CONF / name / f"{variant}.yaml"
        values = values_of(path if path.exists() else CONF / name / "full.yaml")
        for key, value in ({} if isinstance(change, str) else change).items():
            *parents, last = key.split(".")
            at = values
            for parent in parents:
                at = at[parent]
            at[last] = value
        held[name] = typed(module, values)
    return Policies(**held)


def arrivals(rows):
    """Session arrivals from `(party, session, merchant, seconds, channel)`; arrival_seq is the row's number."""
    party, session, merchant, seconds, channel = (list(c) for c in zip(*rows, strict=True))
    return table(
        np.array(party), np.array(session), np.array(merchant), np.array(seconds, np.float64) * 1e6,
        np.array([v.CHANNELS.index(c) for c in channel]),
    )  # fmt: skip


def table(party, session, merchant, micros, channel):
    """All columns of `s1_arrival_entities_6B`, in the order of parties and times."""
    n = party.size
    order = np.lexsort((np.arange(n), micros, route_of(party.astype(np.int64))))
    party, session, merchant, micros, channel = (x[order] for x in (party, session, merchant, micros, channel))
    ids = {name: id64_all(entities1(party * 7 + k), text64("id", name)) for k, name in enumerate(("a", "i", "d", "p"))}
    cross = merchant % 3 != party % 3
    frame = pl.DataFrame(
        {
            "merchant_id": merchant.astype(np.int64),
            "arrival_seq": order.astype(np.int64),
            "ts_utc": utc((START_US + micros).astype(np.int64)),
            "party_id": party.astype(np.int64),
            "account_id": ids["a"],
            "instrument_id": ids["i"],
            "device_id": ids["d"],
            "ip_id": ids["p"],
            "session_id": session.astype(np.int64),
            "channel_group": dictionary(channel, v.CHANNELS),
            "zone_representation": dictionary(merchant % 2, ZONES),
            "bucket_index": (micros // 3_600_000_000).astype(np.int32),
            "tzid_primary": dictionary(merchant % 2, ZONES),
            "ts_local_primary": utc((START_US + micros).astype(np.int64)).dt.replace_time_zone(None),
            "is_virtual": merchant % 2 == 0,
            "site_id": pl.Series(merchant.astype(np.int64)).set(pl.Series(merchant % 2 == 0), None),
            "edge_id": pl.Series(merchant.astype(np.int64)).set(pl.Series(merchant % 2 == 1), None),
            "routing_universe_hash": dictionary(np.full(n, -1), ["x"]),
            "merchant_class": dictionary(merchant % len(v.CLASSES), v.CLASSES),
            "merchant_country_iso": dictionary(merchant % 3, COUNTRIES),
            "merchant_currency": dictionary(merchant % 2, CURRENCIES),
            "party_segment_id": dictionary(party % len(v.SEGMENTS), v.SEGMENTS),
            "party_country_iso": dictionary(party % 3, COUNTRIES),
            "party_fraud_role": dictionary(party % len(v.PARTY_FRAUD_ROLES), v.PARTY_FRAUD_ROLES),
            "is_cross_border": cross,
            "attach_rule_id": dictionary(np.zeros(n, np.int64), v.ATTACH_RULES),
            "attach_score": np.full(n, 0.5),
            "attach_rng_family": dictionary(np.zeros(n, np.int64), v.ATTACH_FAMILIES),
        }
    )
    return conform(SESSION_ARRIVALS, frame, "E_TEST")


def uniform(name, n):
    """`n` uniforms of their own name."""
    return draw_all(entities1(np.arange(n, dtype=np.int64)), text64("test", name))


def traffic(n, per_party=119, merchants=40):
    """`n` arrivals of parties that come in bursts, to a few merchants of five channels each."""
    party = np.minimum((uniform("party", n) * (n / per_party)).astype(np.int64), n // per_party) + 1
    favourite = (uniform("favourite", n) * 4).astype(np.int64)
    merchant = 100 + (party * 13 + favourite * 7) % merchants
    burst = (uniform("burst", n) * per_party / 2).astype(np.int64)
    start = uniform("block", n // per_party * 1000 + 1000)[(party * 31 + burst) % (n // per_party * 1000 + 1000)]
    micros = np.floor((start * 89 * 86400 + uniform("within", n) * 7200) * 1e6)
    order = np.lexsort((micros, party))
    party, merchant, micros = party[order], merchant[order], micros[order]
    fresh = np.concatenate([[True], (np.diff(party) != 0) | (np.diff(micros) > 5400e6)])
    session = id64_all(entities1(np.cumsum(fresh)), text64("test", "session"))
    return table(party, session, merchant, micros, merchant % len(v.CHANNELS))


@dataclass(frozen=True)
class Result:
    """What S2 made of a frame."""

    arrivals: pl.DataFrame
    flows: pl.DataFrame
    events: pl.DataFrame
    evidence: Evidence
    policy: Policies

    def types(self, flow_id):
        """Event types of one flow in order."""
        return self.events.filter(pl.col("flow_id") == flow_id)["event_type"].cast(pl.String).to_list()


def context(policy, *, seed=42, root=None, inputs=None, threads=1, batch_rows=500_000):
    """A context of S2 without a world."""
    axes, meter = Axes("f" * 64, "p" * 64, seed, "baseline_v1"), Meter()
    return StateContext(
        "S2", axes, Draws("f" * 64, seed, "baseline_v1"), policy, StateKnobs(batch_rows=batch_rows), None,
        inputs or {}, Threads(threads), StateOutput(root or Path(), "S2", axes, "snappy", meter), meter,
        (root or Path()) / "scratch", lambda _: None,
    )  # fmt: skip


def emit(frame, policy, seed=42):
    """What the kernel of S2 makes of one batch."""
    anchor = frame.select(READS.anchor_columns)
    cells = cell_of(frame["party_id"].to_numpy())
    return flows_of(rules_of(context(policy, seed=seed)), Batch(anchor, pl.DataFrame(), (cells.min(), cells.max())))


def in_memory(frame, policy, seed=42):
    """S2 on one batch, measured."""
    anchor = frame.select(READS.anchor_columns)
    made = emit(frame, policy, seed)
    frames = {d.name: conform(d, f, "E_TEST") for d, f in made.frames.items()}
    found = measure_s2({SESSION_ARRIVALS.name: anchor, **frames})
    return Result(anchor, frames[FLOWS.name], frames[EVENTS.name], merged([found, made.evidence]), policy)


def on_disk(frame, policy, root, *, parts=1, threads=1, batch_rows=500_000):
    """S2 on parts in a folder; returns the output of the state."""
    source = StateOutput(root / "in", "S1", Axes("f" * 64, "p" * 64, 42, "baseline_v1"), "snappy", Meter())
    party = frame["party_id"].to_numpy()
    starts = np.concatenate([[0], np.flatnonzero(np.diff(party)) + 1, [party.size]])
    cuts = [starts[round(i * (starts.size - 1) / parts)] for i in range(parts + 1)]
    for index, (low, high) in enumerate(itertools.pairwise(cuts)):
        sink = source.sink(index)
        sink.emit({SESSION_ARRIVALS: frame[int(low) : int(high)]}, (0, 63))
        sink.close()
    held = Input(source.folder(SESSION_ARRIVALS), tuple(source.datasets[SESSION_ARRIVALS.name].parts))
    ctx = context(
        policy, root=root / "out", inputs={SESSION_ARRIVALS.name: held}, threads=threads, batch_rows=batch_rows
    )  # fmt: skip
    run(ctx)
    return ctx.output


class Bench:
    """The functions above, for tests."""

    conf = CONF
    modules = MODULES
    arrivals = staticmethod(arrivals)
    traffic = staticmethod(traffic)
    policies = staticmethod(policies)
    emit = staticmethod(emit)
    in_memory = staticmethod(in_memory)
    on_disk = staticmethod(on_disk)
    replace = staticmethod(replace)


@pytest.fixture(scope="session")
def bench():
    return Bench


@pytest.fixture(scope="session")
def crowd():
    """About 20,000 arrivals in bursts."""
    return traffic(20_000)


@pytest.fixture(scope="session")
def ordinary(crowd):
    """The crowd under the full packs, amounts conditioned."""
    return in_memory(crowd, policies(amount="bplus"))

"""Hand-made worlds for S1: a zoo in which every segment, channel, class, kind, role and group occurs."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import polars as pl
import pyarrow.parquet as pq
import pytest

from seg6b.datasets import vocabulary as v
from seg6b.datasets import world_tables as w
from seg6b.datasets.frames import conform
from seg6b.datasets.parts import read_parts
from seg6b.datasets.tables import SESSION_ARRIVALS, SESSIONS
from seg6b.draws.mix import entities2
from seg6b.draws.uniform import Draws
from seg6b.policy import activity, attachment, behaviour, prior, session
from seg6b.runs.axes import Axes
from seg6b.runs.meter import Meter
from seg6b.runs.output import StateOutput
from seg6b.settings.knobs import StateKnobs
from seg6b.shards.executor import Threads
from seg6b.states.context import StateContext
from seg6b.states.s1_attach import state
from seg6b.world.sealed import SealedWorld
from tests.packs import typed, values_of

CONF = Path(__file__).resolve().parents[3] / "conf" / "policy"
PACKS = {"attachment": attachment, "prior": prior, "activity": activity, "session": session, "behaviour": behaviour}
START = datetime(2026, 1, 1, tzinfo=UTC)
OPEN = {
    "channel_group": ("mixed", "card_present", "ATM", "carrier_pigeon"),
    "zone_representation": ("Europe/Berlin", "Europe/Paris"),
    "tzid_primary": ("Europe/Berlin", "Europe/Paris"),
    "routing_universe_hash": ("aa", "bb"),
    "country_iso": ("FR", "DE", "JP"),
    "home_country_iso": ("FR", "DE", "JP"),
    "legal_country_iso": ("FR", "DE", "JP"),
    "primary_currency": ("EUR", "JPY"),
    "region_id": ("EMEA",),
    "home_region_id": ("EMEA",),
    "tzid": ("Europe/Berlin",),
}


def load_pack(name, variant="full", **changes):
    return typed(PACKS[name], values_of(CONF / name / f"{variant}.yaml") | changes)


def load_packs(variant="full", **packs):
    """The packs that S1 reads; `packs` replaces some."""
    return SimpleNamespace(**{name: packs.get(name) or load_pack(name, variant) for name in PACKS})


def frame(dataset, rows):
    """A frame of a world table from rows of plain values, nulls where a column is not named."""
    columns = {}
    for column in dataset.columns:
        dtype = column.dtype() or pl.Enum(OPEN[column.name])
        columns[column.name] = pl.Series([row.get(column.name) for row in rows], dtype=dtype)
    return conform(dataset, pl.DataFrame(columns), "E_TEST")


@dataclass
class Zoo:
    """Rows of every table; a test adds to them or removes some before it seals the world."""

    rows: dict = field(default_factory=lambda: {d.name: [] for d in (*w.WORLD_TABLES, w.ARRIVALS)})
    next_id: int = 1_000

    def id(self):
        self.next_id += 7
        return self.next_id

    def add(self, dataset, **row):
        self.rows[dataset.name].append(row)
        return row

    def merchant(
        self, name, *, mcc=5411, posture="card_present", country="DE", terminals=0, profile="consumer_daytime"
    ):
        self.add(
            w.MERCHANT_SEEDS,
            merchant_id=name,
            mcc=mcc,
            channel=posture,
            home_country_iso=country,
            primary_currency="EUR",
        )
        if profile:
            self.add(w.MERCHANT_CLASSES, merchant_id=name, primary_demand_class=profile)
        for _ in range(terminals):
            device = self.device(name, None, role="MERCHANT_TERMINAL")
            self.ip(device, "CORPORATE", role="MERCHANT_ENDPOINT")
        return name

    def party(self, name, *, segment="RETAIL_FAMILY", country="DE", role="CLEAN", tier="STANDARD", holdings=2):
        kind = segment.split("_")[0]
        self.add(w.PARTIES, party_id=name, party_type=kind, segment_id=segment, region_id="EMEA", country_iso=country)
        self.add(w.PARTY_ROLES, party_id=name, fraud_role_party=role, risk_tier=tier)
        self.add(w.HOLDINGS, owner_party_id=name, account_type="RETAIL_CURRENT_BASIC", account_count=holdings)
        return name

    def account(self, party, kind="RETAIL_CURRENT_BASIC", instruments=("RETAIL_DEBIT_CARD_PHYSICAL",)):
        name = self.id()
        self.add(
            w.ACCOUNTS, account_id=name, owner_party_id=party, account_type=kind, party_type="RETAIL",
            segment_id="RETAIL_FAMILY", region_id="EMEA", country_iso="DE",
        )  # fmt: skip
        for instrument in instruments:
            self.add(
                w.ACCOUNT_INSTRUMENTS,
                account_id=name,
                instrument_id=self.id(),
                instrument_type=instrument,
                scheme="VISA",
            )
        return name

    def device(self, merchant, party, role="PRIMARY_OWNER"):
        name = self.id()
        self.add(w.DEVICE_LINKS, device_id=name, party_id=party, merchant_id=merchant, link_role=role)
        return name

    def ip(self, device, kind="RESIDENTIAL", role="TYPICAL_DEVICE_IP"):
        name = self.id()
        self.add(w.IPS, ip_id=name, ip_type=kind, asn_class="CONSUMER_ISP", country_iso="DE")
        self.add(w.IP_LINKS, ip_id=name, device_id=device, link_role=role)
        return name

    def simple_party(self, name, **facts):
        """A party with one account, one card, one device, one IP."""
        self.party(name, **facts)
        self.account(name)
        self.ip(self.device(None, name))
        return name

    def rich_party(self, name, **facts):
        """A party with several candidates at every step."""
        self.party(name, **facts)
        cards = (
            "RETAIL_DEBIT_CARD_PHYSICAL",
            "RETAIL_DEBIT_CARD_VIRTUAL",
            "WALLET_DEVICE_TOKEN",
            "PARTY_BANK_ACCOUNT_DOMESTIC",
        )
        self.account(name, "RETAIL_CURRENT_BASIC", cards)
        self.account(name, "RETAIL_SAVINGS_INSTANT", cards[::-1])
        self.account(name, "RETAIL_CREDIT_CARD_STANDARD", ("RETAIL_CREDIT_CARD_PHYSICAL", "RETAIL_CREDIT_CARD_VIRTUAL"))
        self.account(name, "RETAIL_PERSONAL_LOAN_UNSECURED", ("RETAIL_CREDIT_CARD_PHYSICAL",))
        self.account(name, "MERCHANT_SETTLEMENT_ACCOUNT", ("RETAIL_CREDIT_CARD_PHYSICAL",))
        for role in ("PRIMARY_OWNER", "SECONDARY_USER"):
            device = self.device(None, name, role)
            for kind in ("RESIDENTIAL", "MOBILE", "PUBLIC_WIFI", "DATACENTRE", "VPN_PROXY"):
                self.ip(device, kind)
            self.ip(device, "RESIDENTIAL", "RECENT_LOGIN_IP")
            self.ip(device, "RESIDENTIAL", "SHARED_PUBLIC_WIFI")
        third = self.device(None, name, "ASSOCIATED_ACCOUNT_ACCESS")
        self.ip(third, "RESIDENTIAL")
        self.ip(third, "VPN_PROXY")
        return name

    def arrival(self, merchant, seq, seconds, *, virtual=False, channel="mixed", zone="Europe/Berlin"):
        at = START + timedelta(seconds=seconds)
        self.add(
            w.ARRIVALS, merchant_id=merchant, arrival_seq=seq, ts_utc=at, bucket_index=int(seconds // 3600),
            zone_representation=zone, channel_group=channel, tzid_primary=zone,
            ts_local_primary=(at + timedelta(hours=1)).replace(tzinfo=None), is_virtual=virtual,
            site_id=None if virtual else merchant + 1, edge_id=merchant + 2 if virtual else None,
            routing_universe_hash="aa",
        )  # fmt: skip

    def seal(self, root, cuts=()):
        """Write the tables and the arrivals (in files cut at the row numbers `cuts`); the world as S1 opens it."""
        files = {}
        for dataset in w.WORLD_TABLES:
            pq.write_table(frame(dataset, self.rows[dataset.name]).to_arrow(), root / f"{dataset.name}.parquet")
            files[dataset.name] = (f"{dataset.name}.parquet",)
        arrivals = frame(w.ARRIVALS, self.rows[w.ARRIVALS.name])
        edges = [0, *cuts, arrivals.height]
        names = [f"arrivals-{i}.parquet" for i in range(len(edges) - 1)]
        for name, start, stop in zip(names, edges[:-1], edges[1:], strict=True):
            pq.write_table(arrivals[start:stop].to_arrow(), root / name, row_group_size=500)
        files[w.ARRIVALS.name] = tuple(names)
        keys = entities2(arrivals["merchant_id"].to_numpy(), arrivals["arrival_seq"].to_numpy()).sum(dtype=np.uint64)
        manifest = SimpleNamespace(checks={"arrival_key_sum": str(int(keys.view(np.int64)))})
        return SealedWorld(root, "ab" * 32, "baseline_v1", START, START, arrivals.height, files, {}, manifest)


@dataclass
class Outcome:
    """A finished S1: its digests, and its frames and evidence as they are asked for."""

    digests: dict
    ctx: StateContext

    @cached_property
    def arrivals(self):
        return self._rows(SESSION_ARRIVALS)

    @cached_property
    def sessions(self):
        return self._rows(SESSIONS)

    @cached_property
    def evidence(self):
        return self.ctx.output.evidence()

    def _rows(self, dataset):
        return read_parts(sorted(self.ctx.output.folder(dataset).glob("*.parquet")))


def attach(world, root, policy=None, seed=42, threads=1, **knobs):
    """Run S1 as the pipeline would."""
    meter, settings = Meter(), StateKnobs(**knobs)
    axes = Axes(world.manifest_fingerprint, "0" * 64, seed, world.scenario_id)
    output = StateOutput(root / "out", "S1", axes, settings.compression, meter)
    draws = Draws(world.manifest_fingerprint, seed, world.scenario_id)
    ctx = StateContext(
        "S1", axes, draws, policy or load_packs(), settings, world, {}, Threads(threads), output, meter,
        root / "scratch", lambda _: None,
    )  # fmt: skip
    state.run(ctx)
    return Outcome({name: str(out.digest) for name, out in output.datasets.items()}, ctx)


MERCHANTS = {
    "ECOM": {"posture": "card_not_present"},
    "POS": {"terminals": 2},
    "ATM": {"mcc": 6011, "terminals": 1},
    "BANK_RAIL": {"mcc": 4829, "posture": "card_not_present"},
    "QUASI_CASH": {"mcc": 6012, "posture": "card_not_present"},
    "HYBRID": {"terminals": 1},
}


def build_zoo(arrivals_a_merchant=250, parties_a_segment=2):
    """Every segment in two countries, every kind of merchant in them, and one in a country without parties."""
    zoo = Zoo()
    tiers = v.RISK_TIERS
    for s, segment in enumerate(v.SEGMENTS):
        for c, country in enumerate(("DE", "FR")):
            for k in range(parties_a_segment):
                n = (s * 2 + c) * parties_a_segment + k
                zoo.rich_party(
                    100_000 + 13 * n, segment=segment, country=country, tier=tiers[n % 4], holdings=1 + n % 5
                )
    for c, country in enumerate(("DE", "FR", "JP")):
        for m, facts in enumerate(MERCHANTS.values()):
            merchant = zoo.merchant(500 + 100 * c + 10 * m, country=country, **facts)
            for k in range(arrivals_a_merchant):
                virtual = "posture" not in facts and facts.get("terminals") == 1 and "mcc" not in facts and k % 2 == 0
                zoo.arrival(merchant, k + 1, (k * 7_777 + m * 311 + c * 97) % (14 * 86_400), virtual=virtual)
    return zoo


@pytest.fixture(scope="session")
def zoo_world(tmp_path_factory):
    return build_zoo().seal(tmp_path_factory.mktemp("zoo"), cuts=(1_000, 2_600))


@pytest.fixture(scope="session")
def zoo_outcome(zoo_world, tmp_path_factory):
    return attach(zoo_world, tmp_path_factory.mktemp("zoo-run"))


@pytest.fixture(scope="session")
def crowd(tmp_path_factory):
    """Many parties and 20,000 arrivals of the zoo's merchants, for shares."""
    zoo = build_zoo(arrivals_a_merchant=1_200, parties_a_segment=6)
    return zoo.seal(tmp_path_factory.mktemp("crowd"))

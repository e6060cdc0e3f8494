"""A small published world, written out by hand in contract-v1 form, and tiny generated ones."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

import polars as pl
import pytest

from seg6b.world.provide import WorldSettings, provide

FP = "ab" * 32
PH = "cd" * 32
SEED = 42
SCENARIO = "baseline_v1"
SEGMENTS = {"1A": 1, "1B": 1, "2A": 1, "2B": 1, "3A": 1, "3B": 1, "5A": 2, "5B": 2, "6A": 3}
ROUTE = "ef" * 32

# merchant, seq, time (UTC), wall time, virtual
ARRIVALS = [
    (11, 1, "2026-01-01T00:10:00.000001Z", "2026-01-01T01:10:00.000001", False),
    (11, 2, "2026-01-01T09:30:00.500000Z", "2026-01-01T10:30:00.500000", False),
    (11, 3, "2026-01-02T23:59:59.999999Z", "2026-01-03T00:59:59.999999", False),
    (2**62 + 7, 1, "2026-01-01T12:00:00.000000Z", "2026-01-01T12:00:00.000000", True),
    (2**62 + 7, 2, "2026-01-02T12:00:00.000000Z", "2026-01-02T12:00:00.000000", True),
]


def axes(frame, *, parameter_hash=True):
    named = {"seed": SEED, "manifest_fingerprint": FP}
    if parameter_hash:
        named["parameter_hash"] = PH
    return frame.with_columns(**{k: pl.lit(v) for k, v in named.items()})


def arrivals_frame():
    merchant, seq, ts, local, virtual = zip(*ARRIVALS, strict=True)
    hours = [(int(t[8:10]) - 1) * 24 + int(t[11:13]) for t in ts]
    zone = ["Europe/Berlin" if m == 11 else "Europe/London" for m in merchant]
    frame = pl.DataFrame(
        {
            "scenario_id": [SCENARIO] * len(seq),
            "merchant_id": pl.Series(merchant, dtype=pl.UInt64),
            "arrival_seq": list(seq),
            "ts_utc": list(ts),
            "bucket_index": hours,
            "zone_representation": zone,
            "channel_group": ["mixed"] * len(seq),
            "tzid_primary": zone,
            "ts_local_primary": list(local),
            "tzid_settlement": pl.Series([None] * len(seq), dtype=pl.String),
            "is_virtual": list(virtual),
            "site_id": pl.Series([None if v else 501 for v in virtual], dtype=pl.UInt64),
            "edge_id": pl.Series([601 if v else None for v in virtual], dtype=pl.UInt64),
            "routing_universe_hash": [ROUTE] * len(seq),
            "lambda_realised": [0.5] * len(seq),
            "s4_spec_version": ["v1"] * len(seq),
        }
    )
    return frame.with_columns(
        seed=pl.lit(SEED, dtype=pl.UInt64), manifest_fingerprint=pl.lit(FP), parameter_hash=pl.lit("99" * 32)
    )


def ids(*values):
    return pl.Series(values, dtype=pl.Int64)


def tables():
    merchants = [11, 2**62 + 7]
    people = pl.DataFrame(
        {
            "party_id": ids(1, 2),
            "party_type": ["RETAIL", "BUSINESS"],
            "segment_id": ["RETAIL_FAMILY", "BUSINESS_SME"],
            "region_id": ["EMEA", "EMEA"],
            "country_iso": ["DE", "GB"],
        }
    )
    accounts = pl.DataFrame(
        {
            "account_id": ids(101, 102),
            "owner_party_id": ids(1, 2),
            "account_type": ["RETAIL_CURRENT_BASIC", "BUSINESS_CURRENT"],
        }
    ).join(people.rename({"party_id": "owner_party_id"}), on="owner_party_id")
    instruments = pl.DataFrame(
        {
            "instrument_id": ids(201, 202),
            "account_id": ids(101, 102),
            "owner_party_id": ids(1, 2),
            "instrument_type": ["RETAIL_DEBIT_CARD_PHYSICAL", "BUSINESS_DEBIT_CARD_PHYSICAL"],
            "scheme": ["VISA", "MASTERCARD"],
        }
    )
    devices = pl.DataFrame(
        {
            "device_id": ids(301, 302),
            "device_type": ["MOBILE_PHONE", "LAPTOP"],
            "os_family": ["IOS", "LINUX"],
            "primary_party_id": ids(1, 2),
            "home_region_id": ["EMEA", "EMEA"],
            "home_country_iso": ["DE", "GB"],
        }
    )
    entity = {
        "s1_party_base_6A": people,
        "s2_account_base_6A": accounts,
        "s2_party_product_holdings_6A": accounts.select("owner_party_id", "account_type", account_count=pl.lit(1)),
        "s3_instrument_base_6A": instruments,
        "s3_account_instrument_links_6A": instruments.select("account_id", "instrument_id", "instrument_type", "scheme"),
        "s4_device_base_6A": devices,
        "s4_ip_base_6A": pl.DataFrame({
            "ip_id": ids(401), "ip_type": ["RESIDENTIAL"], "asn_class": ["CONSUMER_ISP"], "country_iso": ["DE"],
        }),
        "s4_device_links_6A": pl.DataFrame({
            "device_id": ids(301, 302), "party_id": ids(1, 2), "account_id": ids(None, None),
            "instrument_id": ids(None, None), "link_role": ["PRIMARY_OWNER"] * 2,
        }),
        "s4_ip_links_6A": pl.DataFrame({
            "ip_id": ids(401, 401), "device_id": ids(301, 302), "party_id": ids(1, 2), "link_role": ["TYPICAL_DEVICE_IP"] * 2,
        }),
        "s5_party_fraud_roles_6A": roles("party_id", "fraud_role_party", [1, 2], ["CLEAN", "MULE"]),
        "s5_account_fraud_roles_6A": roles("account_id", "fraud_role_account", [101, 102], ["CLEAN_ACCOUNT"] * 2),
        "s5_merchant_fraud_roles_6A": roles("merchant_id", "fraud_role_merchant", merchants, ["NORMAL"] * 2),
        "s5_device_fraud_roles_6A": roles("device_id", "fraud_role_device", [301, 302], ["CLEAN_DEVICE"] * 2),
        "s5_ip_fraud_roles_6A": roles("ip_id", "fraud_role_ip", [401], ["SHARED_IP"]),
    }  # fmt: skip
    return {
        **{f"data/layer3/6A/{n}/seed={SEED}/parameter_hash={PH}/manifest_fingerprint={FP}/{n}.parquet": axes(f) for n, f in entity.items()},
        f"data/layer2/5A/merchant_class_profile/manifest_fingerprint={FP}/merchant_class_profile_5A.parquet": pl.DataFrame({
            "merchant_id": ids(*merchants), "primary_demand_class": ["consumer_daytime", "online_24h"],
            "classes_seen": [["consumer_daytime"], ["online_24h"]],
        }),
        f"data/layer2/5A/merchant_zone_profile/manifest_fingerprint={FP}/merchant_zone_profile_5A.parquet": pl.DataFrame({
            "merchant_id": ids(*merchants), "legal_country_iso": ["DE", "GB"], "tzid": ["Europe/Berlin", "Europe/London"],
            "demand_class": ["consumer_daytime", "online_24h"], "demand_subclass": ["a", "b"],
        }),
        f"data/layer1/1A/merchant_seed/manifest_fingerprint={FP}/merchant_seed.parquet": pl.DataFrame({
            "merchant_id": ids(*merchants), "mcc": [5411, 5815], "channel": ["card_present", "card_not_present"],
            "home_country_iso": ["DE", "GB"],
        }),
        f"data/layer1/1B/site_locations/seed={SEED}/manifest_fingerprint={FP}/site_locations.parquet": pl.DataFrame({
            "site_id": ids(501), "merchant_id": ids(11), "country_iso": ["DE"], "tzid": ["Europe/Berlin"],
        }),
    }  # fmt: skip


def roles(key, column, values, named):
    return pl.DataFrame({key: ids(*values), column: named, "risk_tier": ["STANDARD"] * len(values)})


def arrival_files(layout):
    frame = arrivals_frame()
    base = f"data/layer2/5B/arrival_events/seed={SEED}/manifest_fingerprint={FP}/scenario_id={SCENARIO}"
    if layout == "single":
        return {f"{base}/part-0.parquet": frame}
    if layout == "many":
        return {f"{base}/part-{i:05d}.parquet": frame[i : i + 1] for i in reversed(range(frame.height))}
    zones = {"Europe/Berlin": "de", "Europe/London": "gb"}
    return {
        f"{base}/is_virtual={str(name == 'gb').lower()}/zone={name}/{name}.parquet": frame.filter(
            pl.col("tzid_primary") == zone
        )
        for zone, name in zones.items()
    }


def write_parquet(root, name, frame):
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    frame.write_parquet(path)
    return path


def write_bundle(root, segment):
    folder = root / f"data/layer{SEGMENTS[segment]}/{segment}/validation/manifest_fingerprint={FP}"
    folder.mkdir(parents=True, exist_ok=True)
    report = json.dumps({"segment": segment, "status": "PASS"}).encode()
    (folder / "report.json").write_bytes(report)
    digest = hashlib.sha256(report).hexdigest()
    (folder / "index.json").write_text(json.dumps({"items": [{"path": "report.json", "sha256_hex": digest}]}))
    (folder / "_passed.flag").write_text(f"sha256_hex = {digest}\n")
    return folder


def write_lists(root):
    """Lists of sealed inputs: 5A and 5B name upstream files that 6B never sees, 6A names a table that it reads."""
    merchant_seed = f"data/layer1/1A/merchant_seed/manifest_fingerprint={FP}/merchant_seed.parquet"
    sealed = hashlib.sha256((root / merchant_seed).read_bytes()).hexdigest()
    row = {
        "path_template": merchant_seed.replace(FP, "{manifest_fingerprint}"),
        "sha256_hex": sealed,
        "status": "REQUIRED",
    }
    elsewhere = {"path_template": "data/layer1/2A/tz/{manifest_fingerprint}/x.parquet", "sha256_hex": "0" * 64}
    for segment, rows in (("5A", [elsewhere]), ("5B", [elsewhere]), ("6A", [elsewhere, row])):
        path = (
            root
            / f"data/layer{SEGMENTS[segment]}/{segment}/sealed_inputs/manifest_fingerprint={FP}/sealed_inputs_{segment}.json"
        )
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(rows))


class Published:
    """A published world on disk, open to damage."""

    def __init__(self, root: Path, layout: str) -> None:
        self.root = root
        self.frames = arrival_files(layout) | tables()
        for name, frame in self.frames.items():
            write_parquet(root, name, frame)
        for segment in SEGMENTS:
            write_bundle(root, segment)
        write_lists(root)

    def path(self, word):
        return next(self.root / name for name in self.frames if word in name)

    def change(self, word, *columns, **named):
        """Rewrite the file whose path contains `word` with other columns."""
        path = self.path(word)
        pl.read_parquet(path, hive_partitioning=False).with_columns(*columns, **named).write_parquet(path)
        write_lists(self.root)

    def rewrite(self, word, change):
        """Rewrite the file whose path contains `word` as `change` of its frame."""
        path = self.path(word)
        change(pl.read_parquet(path, hive_partitioning=False)).write_parquet(path)
        write_lists(self.root)

    def remove(self, word):
        self.path(word).unlink()

    def bundle(self, segment):
        return self.root / f"data/layer{SEGMENTS[segment]}/{segment}/validation/manifest_fingerprint={FP}"


@pytest.fixture
def published(tmp_path):
    """`published(layout)`: a hand-written published world in one of its part layouts."""
    return lambda layout="single": Published(tmp_path / "source", layout)


@pytest.fixture
def adopt(tmp_path):
    """`adopt(source)`: the sealed world adopted from it."""

    def run(source, scenario_id=SCENARIO):
        settings = WorldSettings("parquet", source=str(source.root), scenario_id=scenario_id)
        return provide(settings, tmp_path / "worlds", threads=1)

    return run


@pytest.fixture(scope="session")
def worlds(tmp_path_factory):
    return tmp_path_factory.mktemp("worlds")


@pytest.fixture(scope="session")
def tiny(worlds):
    return provide(WorldSettings("tiny", 20_000, 1), worlds)


@pytest.fixture
def tiny_copy(tiny, tmp_path):
    """A tiny world that may be damaged."""
    root = tmp_path / tiny.manifest_fingerprint
    shutil.copytree(tiny.root, root)
    for path in root.rglob("*"):
        path.chmod(0o755 if path.is_dir() else 0o644)
    return root

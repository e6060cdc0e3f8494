import hashlib
from datetime import UTC, datetime

import polars as pl
import pytest

from seg6b.datasets import world_tables as w
from seg6b.datasets.parts import read_parts
from seg6b.world.contract import schema_faults

FP = "ab" * 32


@pytest.mark.parametrize("layout", ["single", "many", "nested"])
def test_a_published_world_becomes_canonical(published, adopt, layout):
    world = adopt(published(layout))
    arrivals = read_parts(world.arrival_parts()).sort("merchant_id", "arrival_seq")
    assert (world.manifest_fingerprint, world.arrivals, world.manifest.seed) == (FP, 5, 42)
    assert (world.start, world.end) == (datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 3, tzinfo=UTC))
    assert arrivals["merchant_id"].to_list() == [11, 11, 11, 2**62 + 7, 2**62 + 7]
    assert arrivals["ts_utc"][2] == datetime(2026, 1, 2, 23, 59, 59, 999999, tzinfo=UTC)
    assert arrivals["ts_local_primary"][0] == datetime(2026, 1, 1, 1, 10, 0, 1)  # noqa: DTZ001 - wall time
    assert arrivals["is_virtual"].to_list() == [False, False, False, True, True]
    assert not [f for path in world.arrival_parts() for f in schema_faults(w.ARRIVALS, path)]


def test_every_layout_has_the_same_content(published, adopt, tmp_path):
    digests = []
    for layout in ("single", "many", "nested"):
        source = published(layout)
        digests.append(adopt(source).digests)
        source.root.rename(tmp_path / f"source-{layout}")
    assert digests[0] == digests[1] == digests[2]


def test_axis_columns_and_unknown_columns_are_left_behind(published, adopt):
    world = adopt(published())
    assert world.table(w.PARTIES).columns == list(w.PARTIES.names)
    assert world.table(w.DEVICE_LINKS)["merchant_id"].null_count() == 2


def test_an_adopted_world_is_found_again(published, adopt):
    source = published()
    first = adopt(source)
    sealed = (first.root / "world.json").stat().st_mtime_ns
    assert adopt(source).root == first.root
    assert (first.root / "world.json").stat().st_mtime_ns == sealed


def test_currency_follows_from_the_country(published, adopt):
    seeds = adopt(published()).table(w.MERCHANT_SEEDS).sort("merchant_id")
    assert seeds["primary_currency"].to_list() == ["EUR", "GBP"]


@pytest.mark.parametrize(
    ("absent", "dataset", "rows"),
    [
        ("merchant_zone_profile", w.MERCHANT_ZONES, 2),
        ("site_locations", w.SITES, 0),
        ("merchant_class_profile", w.MERCHANT_CLASSES, 2),
        ("s2_party_product_holdings", w.HOLDINGS, 2),
        ("s3_account_instrument_links", w.ACCOUNT_INSTRUMENTS, 2),
    ],
    ids=lambda v: getattr(v, "name", str(v)),
)
def test_tables_that_may_be_absent_are_derived(published, adopt, absent, dataset, rows):
    source = published()
    source.remove(absent)
    assert adopt(source).table(dataset).height == rows


def drop(column):
    return lambda s: s.rewrite("arrival_events", lambda f: f.drop(column))


def arrivals(**columns):
    return lambda s: s.change("arrival_events", **columns)


def rows(change):
    return lambda s: s.rewrite("arrival_events", change)


def nth(column, value, row=1, dtype=None):
    pick = pl.int_range(pl.len()) == row
    return pl.when(pick).then(pl.lit(value, dtype=dtype)).otherwise(pl.col(column)).alias(column)


def flag(text):
    return lambda s: (s.bundle("3A") / "_passed.flag").write_text(text)


def swap_flags(s):
    (s.bundle("3A") / "_passed.flag").write_bytes((s.bundle("3B") / "_passed.flag").read_bytes())


DEFECTS = {
    "arrivals-missing": (lambda s: s.remove("arrival_events"), "E_WORLD_TABLE_MISSING: the source has no arrivals"),
    "table-missing": (lambda s: s.remove("s4_ip_links"), "E_WORLD_TABLE_MISSING: the source lacks s4_ip_links_6A of segment 6A"),
    "seeds-missing": (lambda s: s.remove("merchant_seed"), "E_WORLD_FILE_MISSING: a listed file is missing"),
    "no-country": (
        lambda s: s.rewrite("merchant_seed", lambda f: f.drop("home_country_iso")),
        "E_WORLD_COLUMN_MISSING: a required column is missing .*column home_country_iso",
    ),
    "no-class": (
        lambda s: (s.remove("merchant_class_profile"), s.remove("merchant_zone_profile")),
        "E_WORLD_TABLE_MISSING: the source lacks merchant_class_profile_5A of segment 5A",
    ),
    "listed-file-altered": (
        lambda s: pl.read_parquet(s.path("merchant_seed"), hive_partitioning=False).with_columns(mcc=1).write_parquet(s.path("merchant_seed")),
        "E_WORLD_FILE_ALTERED: a listed file was altered .*merchant_seed.parquet",
    ),
    "list-missing": (
        lambda s: next(s.root.rglob("sealed_inputs_5B.json")).unlink(),
        "E_WORLD_SEALED_INPUTS: the sealed inputs of segment 5B are missing or cannot be read",
    ),
    "segment-missing": (
        lambda s: (s.bundle("2B") / "_passed.flag").unlink(),
        "E_WORLD_SEGMENT_MISSING: upstream segment 2B has not passed",
    ),
    "flag-wrong": (swap_flags, "E_WORLD_FLAG_MISMATCH: the flag of segment 3A does not match its bundle"),
    "flag-form": (flag("sha256 = 12\n"), "E_WORLD_FLAG_FORM: the flag of segment 3A has not the form of one"),
    "bundle-file-altered": (
        lambda s: (s.bundle("5A") / "report.json").write_text("{}"),
        "E_WORLD_FILE_ALTERED: a file of the bundle of segment 5A was altered",
    ),
    "bundle-file-missing": (
        lambda s: (s.bundle("5A") / "report.json").unlink(),
        "E_WORLD_FILE_MISSING: a file of the bundle of segment 5A is missing",
    ),
    "index-broken": (
        lambda s: (s.bundle("1A") / "index.json").write_text("{"),
        "E_WORLD_INDEX: the index of an upstream bundle cannot be read",
    ),
    "key-twice": (
        rows(lambda f: f.with_columns(nth("arrival_seq", 1, dtype=pl.Int64))),
        "E_WORLD_DUPLICATE_KEY: an arrival key occurs more than once .*merchant_id 11, arrival_seq 1: 2 times",
    ),
    "channel-unknown": (arrivals(channel_group=pl.lit("kiosk")), "E_WORLD_ENUM: an unknown value .*channel_group.*got kiosk"),
    "vocabulary-unknown": (
        lambda s: s.change("s1_party_base", segment_id=pl.lit("RETAIL_MARTIAN")),
        "E_WORLD_ENUM: an unknown value .*column segment_id.*got RETAIL_MARTIAN",
    ),
    "country-unknown": (
        lambda s: s.change("s1_party_base", country_iso=pl.lit("Germany")),
        "E_WORLD_ENUM: an unknown value .*column country_iso.*got Germany",
    ),
    "time-null": (
        rows(lambda f: f.with_columns(nth("ts_utc", None, dtype=pl.String))),
        "E_WORLD_NULL: a null time in a required column .*column ts_utc.*got 1 nulls",
    ),
    "time-form": (
        rows(lambda f: f.with_columns(nth("ts_utc", "2026-01-01 09:30:00"))),
        "E_WORLD_TIME: 1 times cannot be read .*got 2026-01-01 09:30:00",
    ),
    "time-milliseconds": (
        rows(lambda f: f.with_columns(nth("ts_utc", "2026-01-01T09:30:00.500Z"))),
        "E_WORLD_TIME: 1 times cannot be read",
    ),
    "null": (
        rows(lambda f: f.with_columns(nth("tzid_primary", None, dtype=pl.String))),
        "E_WORLD_NULL: a null in a required column .*column tzid_primary",
    ),
    "unsorted": (rows(lambda f: f.reverse()), "E_WORLD_UNSORTED: a published file is not sorted .*row 1"),
    "empty-part": (rows(lambda f: f.head(0)), "E_WORLD_EMPTY_PART: a published file holds no row .*part-0.parquet"),
    "column-missing": (drop("bucket_index"), "E_WORLD_COLUMN_MISSING: .*column bucket_index"),
    "type-id": (arrivals(merchant_id=pl.col("merchant_id").cast(pl.String)), "E_WORLD_TYPE: .*column merchant_id.*got String; expected id64"),
    "type-bool": (arrivals(is_virtual=pl.lit("no")), "E_WORLD_TYPE: .*column is_virtual"),
    "type-time": (arrivals(ts_utc=pl.col("bucket_index")), "E_WORLD_TYPE: .*column ts_utc"),
    "type-enum": (lambda s: s.change("s1_party_base", party_type=pl.lit(1)), "E_WORLD_TYPE: .*column party_type"),
    "id-too-large": (
        arrivals(merchant_id=pl.lit(2**63, dtype=pl.UInt64)),
        "E_WORLD_RANGE: a number out of range .*got 9223372036854775808; expected 1 .. 9223372036854775807",
    ),
    "id-zero": (lambda s: s.change("s1_party_base", party_id=pl.lit(0)), "E_WORLD_RANGE: .*column party_id.*got 0"),
    "site-and-edge": (arrivals(edge_id=pl.lit(601, dtype=pl.UInt64)), "E_WORLD_SITE_EDGE: arrivals with neither or both"),
    "bucket": (
        rows(lambda f: f.with_columns(nth("bucket_index", 7, dtype=pl.Int64))),
        "E_WORLD_BUCKET: bucket_index contradicts ts_utc .*merchant 11, arrival 2",
    ),
    "axis": (arrivals(seed=pl.lit(7, dtype=pl.UInt64)), "E_WORLD_AXIS: an axis column differs from the path .*got 7; expected 42"),
    "merchant-unknown": (
        lambda s: s.rewrite("merchant_seed", lambda f: f.head(1)),
        "E_WORLD_MERCHANT_UNKNOWN: 1 merchants of the arrivals have no country",
    ),
    "currency-unknown": (
        lambda s: s.change("merchant_seed", home_country_iso=pl.lit("QQ")),
        "E_WORLD_CURRENCY: countries whose currency is not known .*got QQ",
    ),
    "entity-key-twice": (
        lambda s: s.change("s3_instrument_base", instrument_id=pl.lit(201)),
        "E_WORLD_DUPLICATE_KEY: a key occurs more than once .*s3_instrument_base_6A.*instrument_id 201: 2 times",
    ),
    "reference": (
        lambda s: s.change("s4_ip_links", device_id=pl.lit(999) + pl.int_range(pl.len())),
        "E_WORLD_REFERENCE: 2 rows refer to an id that nobody defines .*s4_ip_links_6A, column device_id.*got 999",
    ),
    "not-parquet": (
        lambda s: s.path("arrival_events").write_bytes(b"PAR1 and no more"),
        "E_WORLD_FILE_UNREADABLE: a published file cannot be read .*part-0.parquet",
    ),
    "fingerprint-form": (
        lambda s: next(s.root.glob("data/layer2/5B/arrival_events/seed=42/*")).rename(
            s.root / "data/layer2/5B/arrival_events/seed=42/manifest_fingerprint=xyz"
        ),
        "E_WORLD_TOKEN: the fingerprint of the source has not the form of one",
    ),
}  # fmt: skip


@pytest.mark.parametrize("defect", DEFECTS)
def test_each_defect_is_refused_in_one_line_and_leaves_nothing(published, adopt, tmp_path, defect):
    damage, message = DEFECTS[defect]
    source = published()
    damage(source)
    with pytest.raises(Exception, match=message) as caught:
        adopt(source)
    assert "\n" not in str(caught.value)
    assert caught.value.exit_code in {1, 2}
    assert not [p for p in (tmp_path / "worlds").glob("*") if not p.name.endswith(".lock")]


def test_the_next_correct_command_works(published, adopt):
    source = published()
    flag("broken")(source)
    with pytest.raises(Exception, match=r"E_WORLD_FLAG_FORM"):
        adopt(source)
    swap = source.bundle("3B") / "_passed.flag"
    report = (source.bundle("3A") / "report.json").read_bytes()
    (source.bundle("3A") / "_passed.flag").write_text(f"sha256_hex = {hashlib.sha256(report).hexdigest()}\n")
    assert swap.exists()
    assert adopt(source).arrivals == 5


def test_a_key_in_two_files_is_found(published, adopt):
    source = published("many")
    source.rewrite("part-00001", lambda f: f.with_columns(arrival_seq=pl.lit(3)))
    with pytest.raises(Exception, match=r"E_WORLD_DUPLICATE_KEY.*several files.*merchant_id 11, arrival_seq 3"):
        adopt(source)


def test_interleaved_files_without_a_double_key_are_adopted(published, adopt):
    source = published("many")
    source.rewrite("part-00001", lambda f: f.with_columns(arrival_seq=pl.lit(9)))
    assert adopt(source).arrivals == 5


def test_two_worlds_in_one_source_are_refused(published, adopt):
    source = published()
    other = (
        source.root
        / f"data/layer2/5B/arrival_events/seed=42/manifest_fingerprint={'12' * 32}/scenario_id=baseline_v1/part-0.parquet"
    )
    other.parent.mkdir(parents=True)
    other.write_bytes(source.path("arrival_events").read_bytes())
    with pytest.raises(Exception, match=r"E_WORLD_TOKEN: the paths of the source do not name one manifest_fingerprint"):
        adopt(source)


def test_equal_fingerprint_with_other_rows_is_a_conflict(published, adopt):
    source = published()
    adopt(source)
    source.change("s1_party_base", country_iso=pl.lit("FR"))
    with pytest.raises(Exception, match=r"E_WORLD_CONFLICT: .*got s1_party_base_6A"):
        adopt(source)


def test_a_scenario_that_is_not_there(published, adopt):
    with pytest.raises(Exception, match=r"E_WORLD_TABLE_MISSING: the source has no arrivals of the scenario.*stress"):
        adopt(published(), scenario_id="stress_peak_online_v1")


def test_a_source_that_is_no_world(tmp_path, adopt):
    class Nowhere:
        root = tmp_path

    with pytest.raises(Exception, match=r"E_WORLD_SOURCE: the source holds no published world"):
        adopt(Nowhere())

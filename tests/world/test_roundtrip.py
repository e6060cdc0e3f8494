"""A generated world, published in contract-v1 form, comes back with the same content."""

import hashlib
import json

import polars as pl
import pytest

from seg6b.datasets.column import Kind
from seg6b.datasets.world_tables import ARRIVALS, WORLD_TABLES
from seg6b.world.layout import PLACE_OF, SEALING_SEGMENTS, SEGMENTS, Axes, bundle_folder, sealed_inputs_path
from seg6b.world.provide import WorldSettings, provide

WALL = "%Y-%m-%dT%H:%M:%S%.6f"


def contract_v1(dataset, frame, axes):
    """Strings for dictionaries and times, uint64 merchants, axis columns."""
    columns = []
    for column in dataset.columns:
        series = frame[column.name]
        if column.kind in {Kind.VOCAB, Kind.WORLD}:
            series = series.cast(pl.String)
        elif column.kind is Kind.UTC:
            series = series.dt.strftime(WALL + "Z")
        elif column.kind is Kind.LOCAL:
            series = series.dt.strftime(WALL)
        elif column.name == "merchant_id":
            series = series.cast(pl.UInt64)
        columns.append(series)
    return pl.DataFrame(columns).with_columns(
        seed=pl.lit(axes.seed, dtype=pl.UInt64), manifest_fingerprint=pl.lit(axes.manifest_fingerprint)
    )


@pytest.fixture
def source(tiny, tmp_path):
    root = tmp_path / "published"
    axes = Axes(tiny.manifest_fingerprint, 1, "baseline_v1", "aa" * 32)
    for dataset in (ARRIVALS, *WORLD_TABLES):
        frame = pl.concat([pl.from_arrow(_read(tiny.root / f)) for f in tiny.files[dataset.name]])
        pieces = [frame] if dataset is not ARRIVALS else [frame[:7_000], frame[7_000:9_001], frame[9_001:]]
        for number, piece in enumerate(pieces):
            path = root / PLACE_OF[dataset.name].path(axes, number)
            path.parent.mkdir(parents=True, exist_ok=True)
            contract_v1(dataset, piece, axes).write_parquet(path)
    for segment in SEGMENTS:
        folder = root / bundle_folder(segment, axes.manifest_fingerprint)
        folder.mkdir(parents=True)
        (folder / "x.json").write_text("{}")
        (folder / "index.json").write_text(json.dumps([{"path": "x.json"}]))
        (folder / "_passed.flag").write_text(f"sha256_hex = {hashlib.sha256(b'{}').hexdigest()}\n")
    for segment in SEALING_SEGMENTS:
        path = root / sealed_inputs_path(segment, axes.manifest_fingerprint)
        path.parent.mkdir(parents=True)
        path.write_text("[]")
    return root


def _read(path):
    import pyarrow.parquet as pq

    return pq.read_table(path)


def test_the_same_rows_come_back(tiny, source, tmp_path):
    world = provide(WorldSettings("parquet", source=str(source)), tmp_path / "worlds", threads=2)
    assert world.digests == tiny.digests
    assert world.arrival_key_sum == tiny.arrival_key_sum
    assert (world.start, world.end) == (tiny.start, tiny.end)
    assert world.manifest.origin == "adopted"
    assert len(world.arrival_parts()) == 3

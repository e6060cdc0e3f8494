"""Adopting as a whole: verify the source, convert it in a staging folder, seal it under its own fingerprint."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import polars as pl

from seg6b.datasets.world_tables import ARRIVALS, WORLD_TABLES
from seg6b.errors import ContractBroken
from seg6b.shards.executor import Executor
from seg6b.world.adopt.arrivals import Adopted, adopt_arrivals
from seg6b.world.adopt.entities import check_integrity, entity_tables
from seg6b.world.adopt.listed import check_listed
from seg6b.world.adopt.merchants import merchant_tables
from seg6b.world.adopt.source import Source
from seg6b.world.bundles import verify_bundle
from seg6b.world.contract import contract_digest
from seg6b.world.layout import FLAG, SEGMENTS, bundle_folder
from seg6b.world.manifest import SEAL_VERSION, SegmentSeal, WorldManifest
from seg6b.world.staging import Staging
from seg6b.world.writing import Stream, TableWriter, seal_datasets, seal_files

Told = Callable[[int, int], None]
HOURS_A_DAY: Final = 24


def adopt_world(source: Source, name: str, staging: Staging, executor: Executor, told: Told) -> WorldManifest:
    """Convert a published world into `staging` and return its seal.

    Raises:
        Refusal: any defect of the source, in one line.
    """
    segments = _bundles(source)
    check_listed(source, executor)
    axes = source.axes
    entities = entity_tables(source)
    parts = adopt_arrivals(source, staging.root, axes, executor)
    seen = pl.concat([p.merchants for p in parts]).unique().sort("merchant_id", "tzid_primary")
    tables = entities | merchant_tables(source, seen)
    check_integrity(tables)
    writer = TableWriter(staging.root, axes)
    writer.write(tables)
    writer.close(WORLD_TABLES)
    stream = Stream.union([p.stream for p in parts])
    told(stream.digest.rows, stream.digest.rows)
    _copy_documents(source, staging.root)
    start, end = _horizon(parts, source)
    return WorldManifest(
        version=SEAL_VERSION,
        name=name,
        origin="adopted",
        recipe=source.recipe,
        manifest_fingerprint=axes.manifest_fingerprint,
        seed=axes.seed,
        scenario_id=axes.scenario_id,
        upstream_parameter_hash=axes.parameter_hash,
        start=start.isoformat(),
        end=end.isoformat(),
        arrivals=stream.digest.rows,
        contract=contract_digest(),
        checks={
            "arrival_key_sum": str(stream.key_sum),
            "arrival_keys_unique": "verified: no (merchant_id, arrival_seq) occurs twice",
            "arrivals_sorted": "verified: every published file is in the order (merchant_id, ts_utc, arrival_seq)",
            "references": "verified: every id is defined by its base table",
        },
        datasets=seal_datasets(staging.root, writer.digests | {ARRIVALS.name: stream.digest}),
        segments=segments,
        files=seal_files(staging.root, executor),
    )


def _bundles(source: Source) -> dict[str, SegmentSeal]:
    segments = {}
    for segment in SEGMENTS:
        folder = bundle_folder(segment, source.axes.manifest_fingerprint)
        digest = verify_bundle(source.root / folder, segment, str(source.root / folder), "E_WORLD")
        segments[segment] = SegmentSeal(folder, f"{folder}/{FLAG}", digest)
    return segments


def _copy_documents(source: Source, root: Path) -> None:
    for path in source.documents():
        target = root / path.relative_to(source.root)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)


def _horizon(parts: list[Adopted], source: Source) -> tuple[datetime, datetime]:
    """Start and end of the horizon: hour buckets count from the start, the end closes the last day they reach."""
    origins = {p.origin_us for p in parts}
    if len(origins) != 1:
        raise ContractBroken(
            "E_WORLD_BUCKET", "files count their hour buckets from different starts", str(source.root),
            ", ".join(str(o) for o in sorted(origins)[:3]), "one start of the horizon",
            "Publish the upstream files again; nothing was adopted.",
        )  # fmt: skip
    start = datetime.fromtimestamp(origins.pop() / 1_000_000, UTC)
    days = -(-(max(p.last_bucket for p in parts) + 1) // HOURS_A_DAY)
    return start, start + timedelta(days=days)

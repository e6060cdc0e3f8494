"""What the upstream segments publish beside their tables: validation bundles and lists of sealed inputs."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

from seg6b.runs.disk import write_json
from seg6b.world.bundles import write_bundle
from seg6b.world.layout import (
    FLAG,
    LAYERS,
    PLACES,
    SEALING_SEGMENTS,
    SEGMENTS,
    bundle_folder,
    sealed_inputs_path,
)
from seg6b.world.manifest import SegmentSeal


def write_upstream(root: Path, fingerprint: str, digests: Mapping[str, str]) -> dict[str, SegmentSeal]:
    """Write the bundle of every segment and the sealed inputs of 5A, 5B and 6A."""
    segments = {}
    for segment in SEGMENTS:
        owned = {p.dataset.name: digests[p.dataset.name] for p in PLACES if p.segment == segment}
        report = {
            "manifest_fingerprint": fingerprint,
            "segment": segment,
            "overall_status": "PASS",
            "datasets": owned,
        }
        folder = bundle_folder(segment, fingerprint)
        sha256 = write_bundle(root / folder, fingerprint, segment, {"validation_report.json": report})
        segments[segment] = SegmentSeal(folder, f"{folder}/{FLAG}", sha256)
    for segment in SEALING_SEGMENTS:
        write_json(root / sealed_inputs_path(segment, fingerprint), _sealed_inputs(fingerprint, segment, segments))
    return segments


def _sealed_inputs(fingerprint: str, segment: str, segments: Mapping[str, SegmentSeal]) -> list[dict[str, object]]:
    """The upstream gates that a segment read, one row each."""
    before = SEGMENTS[: SEGMENTS.index(segment)]
    return [
        {
            "manifest_fingerprint": fingerprint,
            "owner_layer": LAYERS[name],
            "owner_segment": name,
            "manifest_key": f"validation_passed_flag_{name}",
            "path_template": bundle_folder(name, "{manifest_fingerprint}") + f"/{FLAG}",
            "partition_keys": ["manifest_fingerprint"],
            "schema_ref": f"schemas.{name}#validation/passed_flag",
            "role": "upstream_gate",
            "status": "REQUIRED",
            "read_scope": "METADATA_ONLY",
            "sha256_hex": hashlib.sha256(f"sha256_hex = {segments[name].sha256}\n".encode()).hexdigest(),
        }
        for name in before
    ]

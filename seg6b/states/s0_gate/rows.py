"""`sealed_inputs_6B`: one row for everything that S1..S5 may read, and the digest over all rows."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass

from seg6b.datasets.tables import CONTRACT_VERSION
from seg6b.runs.disk import sha256_of
from seg6b.world.layout import LAYERS, PLACE_OF, SEALING_SEGMENTS, sealed_inputs_path
from seg6b.world.sealed import SealedWorld


@dataclass(frozen=True, slots=True)
class SealedRow:
    """One input; the fields are those of the contract.

    A `path_template` is a path below the world folder, or `policy://`, `contract://` and `gates://` for what is sealed
    by its own digest and is no file of the world.
    """

    manifest_fingerprint: str
    owner_layer: int
    owner_segment: str
    manifest_key: str
    path_template: str
    partition_keys: tuple[str, ...]
    schema_ref: str
    role: str
    status: str
    read_scope: str
    sha256_hex: str
    upstream_bundle_id: str | None = None
    notes: str | None = None


def sealed_rows(world: SealedWorld, packs: Mapping[str, str], contracts: Mapping[str, str]) -> list[SealedRow]:
    """All rows, in the order (owner_layer, owner_segment, manifest_key, path_template)."""
    fingerprint = world.manifest_fingerprint
    rows = [
        *_tables(world),
        *_flags(world),
        *_upstream_lists(world),
        *(_own(fingerprint, "policy", name, sha256) for name, sha256 in packs.items()),
        *(_own(fingerprint, _kind(name), name, sha256) for name, sha256 in contracts.items()),
    ]
    return sorted(rows, key=lambda r: (r.owner_layer, r.owner_segment, r.manifest_key, r.path_template))


def sealed_digest(rows: Iterable[SealedRow]) -> str:
    """SHA-256 over the rows in order, each as JSON with sorted keys, no spaces, ASCII."""
    digest = hashlib.sha256()
    for row in rows:
        digest.update(json.dumps(asdict(row), sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode())
    return digest.hexdigest()


def _tables(world: SealedWorld) -> Iterable[SealedRow]:
    """Every file of every table; its bytes were hashed by the gate."""
    for name, files in world.files.items():
        place = PLACE_OF[name]
        for number, path in enumerate(files):
            yield SealedRow(
                manifest_fingerprint=world.manifest_fingerprint,
                owner_layer=LAYERS[place.segment],
                owner_segment=place.segment,
                manifest_key=f"{name}[{number:05d}]",
                path_template=path,
                partition_keys=place.tokens,
                schema_ref=f"{CONTRACT_VERSION}#upstream/{name}",
                role=place.role,
                status="REQUIRED",
                read_scope="ROW_LEVEL",
                sha256_hex=world.manifest.files[path].sha256,
                upstream_bundle_id=world.manifest.segments[place.segment].sha256,
                notes=f"content digest of the table: {world.digests[name]}",
            )


def _flags(world: SealedWorld) -> Iterable[SealedRow]:
    for segment, seal in world.manifest.segments.items():
        yield SealedRow(
            manifest_fingerprint=world.manifest_fingerprint,
            owner_layer=LAYERS[segment],
            owner_segment=segment,
            manifest_key=f"validation_passed_flag_{segment}",
            path_template=seal.flag,
            partition_keys=("manifest_fingerprint",),
            schema_ref=f"{CONTRACT_VERSION}#upstream/passed_flag",
            role="upstream_gate",
            status="REQUIRED",
            read_scope="METADATA_ONLY",
            sha256_hex=world.manifest.files[seal.flag].sha256,
            upstream_bundle_id=seal.sha256,
        )


def _upstream_lists(world: SealedWorld) -> Iterable[SealedRow]:
    for segment in SEALING_SEGMENTS:
        path = sealed_inputs_path(segment, world.manifest_fingerprint)
        yield SealedRow(
            manifest_fingerprint=world.manifest_fingerprint,
            owner_layer=LAYERS[segment],
            owner_segment=segment,
            manifest_key=f"sealed_inputs_{segment}",
            path_template=path,
            partition_keys=("manifest_fingerprint",),
            schema_ref=f"{CONTRACT_VERSION}#upstream/sealed_inputs",
            role="upstream_gate",
            status="REQUIRED",
            read_scope="METADATA_ONLY",
            sha256_hex=sha256_of(world.root / path),
            upstream_bundle_id=world.manifest.segments[segment].sha256,
        )


def _own(fingerprint: str, kind: str, name: str, sha256: str) -> SealedRow:
    """A policy pack, a contract or the gate file, sealed by the digest of its content."""
    return SealedRow(
        manifest_fingerprint=fingerprint,
        owner_layer=3,
        owner_segment="6B",
        manifest_key=f"{kind}/{name}",
        path_template=f"{kind}://{name}",
        partition_keys=(),
        schema_ref=f"{CONTRACT_VERSION}#{kind}/{name}",
        role=kind,
        status="REQUIRED",
        read_scope="METADATA_ONLY",
        sha256_hex=sha256,
    )


def _kind(name: str) -> str:
    return "gates" if name.startswith("gates") else "contract"

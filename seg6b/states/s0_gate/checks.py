"""What the gate verifies before anything is sealed: segments, bytes, schemas, contract, identity."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from seg6b.datasets.world_tables import ARRIVALS, WORLD_TABLES
from seg6b.errors import ContractBroken, Damaged, InputRefused
from seg6b.runs.disk import files_under, sha256_of
from seg6b.shards.executor import Executor
from seg6b.world.bundles import verify_bundle
from seg6b.world.contract import contract_digest, schema_faults
from seg6b.world.layout import MANIFEST, SEGMENTS
from seg6b.world.manifest import FileSeal, fingerprint_of
from seg6b.world.sealed import SealedWorld

AGAIN: Final = "Restore the file, or remove the world's folder and make the world again."


def verify_world(world: SealedWorld, executor: Executor) -> None:
    """Refuse a world that is not, to the byte, what was sealed.

    Raises:
        InputRefused: a segment has not passed, or a table is missing.
        Damaged: a file is missing, altered or unlisted, or a flag does not match its bundle.
        ContractBroken: a table does not follow the contract, or the world follows another one.
    """
    _contract(world)
    _segments(world)
    _files(world, executor)
    _unlisted(world)
    _schemas(world)
    _identity(world)


def _contract(world: SealedWorld) -> None:
    if world.manifest.contract != contract_digest():
        raise ContractBroken(
            "E_S0_CONTRACT_DRIFT", "the world was sealed under another contract", str(world.root / MANIFEST),
            world.manifest.contract, contract_digest(), "Make the world again with this version of seg6b.",
        )  # fmt: skip


def _segments(world: SealedWorld) -> None:
    """Every upstream segment has a bundle whose flag, index and files agree with each other and with the seal."""
    for segment in SEGMENTS:
        seal = world.manifest.segments.get(segment)
        if seal is None:
            raise InputRefused(
                "E_S0_SEGMENT_MISSING", f"upstream segment {segment} is not part of the world",
                str(world.root / MANIFEST), "", ", ".join(SEGMENTS), "Adopt a world with all nine bundles.",
            )  # fmt: skip
        stated = verify_bundle(world.root / seal.bundle, segment, str(world.root / seal.bundle), "E_S0")
        if stated != seal.sha256:
            raise Damaged(
                "E_S0_FLAG_MISMATCH", f"the flag of segment {segment} is not the one that was sealed",
                str(world.root / seal.flag), stated, seal.sha256, AGAIN,
            )  # fmt: skip


def _files(world: SealedWorld, executor: Executor) -> None:
    """Every sealed file has its sealed bytes; all threads hash, the first fault in path order is told."""

    def fault(item: tuple[str, FileSeal]) -> Damaged | None:
        path, seal = world.root / item[0], item[1]
        found = sha256_of(path) if path.is_file() else ""
        if found == seal.sha256:
            return None
        code, what = ("E_S0_FILE_ALTERED", "altered") if found else ("E_S0_FILE_MISSING", "missing")
        return Damaged(code, f"a sealed file is {what}", str(path), found or "nothing there", seal.sha256, AGAIN)

    for damage in executor.map(fault, sorted(world.manifest.files.items())):
        if damage is not None:
            raise damage


def _unlisted(world: SealedWorld) -> None:
    known = {*world.manifest.files, MANIFEST}
    for path in files_under(world.root):
        if str(path.relative_to(world.root)) not in known:
            raise Damaged(
                "E_S0_FILE_UNSEALED", "a file in the world's folder that nobody sealed", str(path), "",
                "the files that world.json lists", "Remove the file.",
            )  # fmt: skip


def _schemas(world: SealedWorld) -> None:
    for dataset in (ARRIVALS, *WORLD_TABLES):
        if not world.files.get(dataset.name):
            raise InputRefused(
                "E_S0_TABLE_MISSING", "a table that 6B reads is not part of the world", dataset.name, "",
                "every upstream table", "Make or adopt the world again.",
            )  # fmt: skip
        for name in world.files[dataset.name]:
            faults = schema_faults(dataset, world.root / name)
            if faults:
                raise ContractBroken(
                    "E_S0_SCHEMA_UNKNOWN", f"{len(faults)} columns break the contract", str(world.root / name),
                    "; ".join(faults[:4]), f"the columns of {dataset.name}", AGAIN,
                )  # fmt: skip


def _identity(world: SealedWorld) -> None:
    """A generated world is called by its content; any world lies in the folder of its name."""
    manifest = world.manifest
    if manifest.origin == "generated":
        named = fingerprint_of(world.digests, world.scenario_id, (manifest.start, manifest.end))
        if named != manifest.manifest_fingerprint:
            raise Damaged(
                "E_S0_FINGERPRINT", "the seal names another content", str(world.root / MANIFEST),
                manifest.manifest_fingerprint, named, AGAIN,
            )  # fmt: skip


def folder_of(target: Path, dataset: str, fingerprint: str) -> Path:
    """Where S0 puts one of its products, below `target`."""
    return target / f"data/layer3/6B/{dataset}/manifest_fingerprint={fingerprint}"

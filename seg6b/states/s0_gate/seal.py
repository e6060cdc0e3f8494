"""The gate as a whole: verify, then write the receipt and the sealed inputs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from seg6b.datasets.tables import CONTRACT_VERSION, OUTPUTS
from seg6b.errors import UsageError
from seg6b.runs.axes import Axes
from seg6b.runs.disk import write_json
from seg6b.shards.executor import Executor
from seg6b.states.s0_gate.checks import folder_of, verify_world
from seg6b.states.s0_gate.rows import SealedRow, sealed_digest, sealed_rows
from seg6b.world.contract import contract_digest
from seg6b.world.sealed import SealedWorld


@dataclass(frozen=True, slots=True)
class GateOutcome:
    """What S0 leaves behind.

    Attributes:
        receipt: `s0_gate_receipt_6B`.
        rows: `sealed_inputs_6B`.
        digest: `sealed_inputs_digest_6B`.
        files: what was written, receipt first.
    """

    receipt: Mapping[str, Any]
    rows: tuple[SealedRow, ...]
    digest: str
    files: tuple[Path, ...]


@dataclass(frozen=True, slots=True)
class Sealing:
    """What is sealed beside the world.

    Attributes:
        packs: hash of each policy pack, by name.
        contracts: SHA-256 of further contracts, by name; names beginning with `gates` are gate files.
    """

    packs: Mapping[str, str]
    contracts: Mapping[str, str]


def seal(world: SealedWorld, axes: Axes, sealing: Sealing, target: Path, executor: Executor) -> GateOutcome:
    """Verify `world` and write S0's two files below `target`.

    Args:
        world: the world that the run will read.
        axes: of the run; fingerprint and scenario must be the world's.
        sealing: policies and contracts of the run.
        target: folder that stands for the run folder.
        executor: hashes files side by side.

    Raises:
        UsageError: the run names another world or scenario.
        InputRefused, Damaged, ContractBroken: as `verify_world`.
    """
    _same_world(world, axes)
    verify_world(world, executor)
    contracts = own_contracts() | dict(sealing.contracts)
    rows = sealed_rows(world, sealing.packs, contracts)
    digest = sealed_digest(rows)
    receipt = {
        "manifest_fingerprint": axes.manifest_fingerprint,
        "parameter_hash": axes.parameter_hash,
        "spec_version_6B": CONTRACT_VERSION,
        "upstream_segments": _segments(world),
        "contracts_6B": _contracts(contracts),
        "sealed_inputs_digest_6B": digest,
    }
    files = (
        folder_of(target, "s0_gate_receipt", axes.manifest_fingerprint) / "s0_gate_receipt_6B.json",
        folder_of(target, "sealed_inputs", axes.manifest_fingerprint) / "sealed_inputs_6B.json",
    )
    write_json(files[0], receipt)
    write_json(files[1], [asdict(row) for row in rows])
    return GateOutcome(receipt, tuple(rows), digest, files)


def own_contracts() -> dict[str, str]:
    """Digests of the two contracts that this code speaks: upstream tables read, 6B tables written."""
    return {
        f"upstream_{CONTRACT_VERSION}": contract_digest(),
        f"outputs_{CONTRACT_VERSION}": contract_digest(t for tables in OUTPUTS.values() for t in tables),
    }


def _same_world(world: SealedWorld, axes: Axes) -> None:
    asked = (axes.manifest_fingerprint, axes.scenario_id)
    held = (world.manifest_fingerprint, world.scenario_id)
    if asked != held:
        raise UsageError(
            "E_S0_AXES", "the run names another world or scenario", str(world.root), " ".join(asked), " ".join(held), ""
        )


def _segments(world: SealedWorld) -> dict[str, dict[str, str]]:
    return {
        segment: {
            "status": "PASS",
            "bundle_path": seal.bundle,
            "bundle_sha256": seal.sha256,
            "flag_path": seal.flag,
        }
        for segment, seal in world.manifest.segments.items()
    }


def _contracts(contracts: Mapping[str, str]) -> dict[str, dict[str, str]]:
    return {
        name: {
            "logical_id": name,
            "path": f"{'gates' if name.startswith('gates') else 'contract'}://{name}",
            "sha256_hex": sha256,
            "schema_ref": f"{CONTRACT_VERSION}#{name}",
            "role": "gates" if name.startswith("gates") else "contract",
        }
        for name, sha256 in contracts.items()
    }

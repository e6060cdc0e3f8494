"""REQ_UPSTREAM_HASHGATES and REQ_SEALED_INPUTS_PRESENT: what S0 accepted is still there, and is all there is.

Large files were hashed by S0 in the same run; here they must exist. Flags, bundles and files up to 32 MiB are hashed
again, with a full audit all of them. Policies and contracts are sealed by the digest of their content.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from seg6b.errors import Refusal
from seg6b.evidence.laws import Finding
from seg6b.policy.packs import Policies
from seg6b.runs.disk import sha256_of
from seg6b.states.s0_gate.seal import own_contracts
from seg6b.states.s5_validate.check import Outcome, found
from seg6b.states.s5_validate.request import Upstream, ValidationRequest
from seg6b.world.bundles import verify_bundle

SEGMENTS: Final = ("1A", "1B", "2A", "2B", "3A", "3B", "5A", "5B", "6A")
_REHASHED: Final = 32 << 20


def upstream_gates(upstream: Upstream) -> Outcome:
    """Every upstream segment passed, its flag is the sealed one, and its bundle still has that digest."""
    segments = upstream.receipt["upstream_segments"]
    findings = [f for s in SEGMENTS for f in _gate(upstream.root, s, segments.get(s))]
    return found(findings, {"segments": len(segments)}, {"segments": list(SEGMENTS)})


def sealed_inputs(request: ValidationRequest) -> Outcome:
    """Every required row of the seal stands for a file with its digest, and every file of the world is sealed."""
    upstream, rows = request.upstream, list(request.upstream.sealed)
    findings = [
        *_digest(rows, str(upstream.receipt["sealed_inputs_digest_6B"])),
        *_fingerprint(upstream, request.axes.manifest_fingerprint),
        *(f for row in rows if row["status"] == "REQUIRED" for f in _held(request, row)),
        *_unsealed_packs(request.policy, rows),
        *_unsealed(request.world.files, rows),
    ]
    required = sum(row["status"] == "REQUIRED" for row in rows)
    return found(findings, {"sealed": len(rows), "required": required}, {"missing_or_altered": 0, "unsealed": 0})


def sealed_digest(rows: Sequence[Mapping[str, Any]]) -> str:
    """SHA-256 over the rows, each as JSON with sorted keys, no spaces, ASCII, in their order."""
    digest = hashlib.sha256()
    for row in rows:
        digest.update(json.dumps(dict(row), sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode())
    return digest.hexdigest()


def _gate(root: Path, segment: str, entry: Mapping[str, Any] | None) -> Iterator[Finding]:
    if entry is None or entry["status"] != "PASS":
        status = "MISSING" if entry is None else entry["status"]
        yield Finding("GATE", f"segment {segment} is {status}")
        return
    try:
        flag = verify_bundle(root / entry["bundle_path"], segment, entry["bundle_path"], "E_S5")
    except Refusal as error:
        yield Finding("GATE", f"segment {segment}: {error.what}")
        return
    if flag != entry["bundle_sha256"]:
        yield Finding("GATE", f"the flag of segment {segment} is not the sealed one")


def _digest(rows: Sequence[Mapping[str, Any]], sealed: str) -> Iterator[Finding]:
    if sealed_digest(rows) != sealed:
        yield Finding("SEAL", "the sealed inputs are not those of the S0 receipt")


def _fingerprint(upstream: Upstream, fingerprint: str) -> Iterator[Finding]:
    if upstream.receipt["manifest_fingerprint"] != fingerprint:
        yield Finding("SEAL", "the S0 receipt is of another world")


def _held(request: ValidationRequest, row: Mapping[str, Any]) -> Iterator[Finding]:
    """A file by its bytes, a policy or contract of ours by its digest; gate files are judged with the board."""
    kind, _, name = row["path_template"].partition("://")
    if not name:
        yield from _file(request.upstream.root, row, request.audit)
    elif kind in {"policy", "contract"}:
        held = _pack_hashes(request.policy) if kind == "policy" else own_contracts()
        if held.get(name) != row["sha256_hex"]:
            yield Finding("SEAL", f"{kind} {name} is not the sealed one")


def _pack_hashes(policy: Policies) -> dict[str, str]:
    return {name: policy.pack_hash(name) for name in policy.plain()}


def _unsealed_packs(policy: Policies, rows: Sequence[Mapping[str, Any]]) -> Iterator[Finding]:
    sealed = {row["path_template"] for row in rows}
    for name in policy.plain():
        if f"policy://{name}" not in sealed:
            yield Finding("SEAL", f"policy {name} was not sealed")


def _file(root: Path, row: Mapping[str, Any], audit: str) -> Iterator[Finding]:
    path = root / row["path_template"]
    if not path.is_file():
        yield Finding("SEAL", f"sealed file {row['path_template']} is missing")
    elif (audit == "full" or path.stat().st_size <= _REHASHED) and sha256_of(path) != row["sha256_hex"]:
        yield Finding("SEAL", f"sealed file {row['path_template']} is altered")


def _unsealed(files: Mapping[str, Sequence[str]], rows: Sequence[Mapping[str, Any]]) -> Iterator[Finding]:
    sealed = {row["path_template"] for row in rows}
    for name, paths in sorted(files.items()):
        loose = [p for p in paths if p not in sealed]
        if loose:
            yield Finding(
                "SEAL", f"{name} holds files that nobody sealed, such as {loose[0]}", None, {"files": len(loose)}
            )

"""All packs of one run: `Policies`, their canonical text, and the `parameter_hash` that names them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, get_type_hints

from pydantic import TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from seg6b.errors import UsageError
from seg6b.policy import (
    activity,
    amount,
    attachment,
    bank_view,
    behaviour,
    campaign,
    case,
    delay,
    flow_shape,
    overlay,
    prior,
    rng,
    session,
    timing,
    truth,
    validation,
)


@dataclass(frozen=True, slots=True)
class Policies:
    """One typed pack a field. Two equal `Policies` mean the same data for the same world and seed."""

    behaviour: behaviour.Model
    attachment: attachment.Model
    prior: prior.Model
    activity: activity.Model
    session: session.Model
    flow_shape: flow_shape.Model
    amount: amount.Model
    timing: timing.Model
    campaign: campaign.Model
    overlay: overlay.Model
    truth: truth.Model
    bank_view: bank_view.Model
    delay: delay.Model
    case: case.Model
    validation: validation.Model
    rng: rng.Model

    def plain(self) -> dict[str, Any]:
        """All packs as plain data, every default written out."""
        return {name: getattr(self, name).model_dump(mode="json") for name in PACKS}

    def canonical(self, pack: str) -> str:
        """One pack as canonical JSON: sorted keys, no spaces, every default written out."""
        return json.dumps(getattr(self, pack).model_dump(mode="json"), sort_keys=True, separators=(",", ":"))

    def pack_hash(self, pack: str) -> str:
        """SHA-256 of one pack's canonical JSON."""
        return hashlib.sha256(f"{pack}:{self.canonical(pack)}".encode()).hexdigest()

    @property
    def parameter_hash(self) -> str:
        """SHA-256 over the hashes of all packs, in name order."""
        return hashlib.sha256("\n".join(self.pack_hash(p) for p in sorted(PACKS)).encode()).hexdigest()


PACKS = tuple(f.name for f in fields(Policies))


def load_policies(packs: Mapping[str, Any], origin: str = "conf/policy") -> Policies:
    """Validate plain data, one mapping a pack; every fault of every pack is told at once."""
    unknown = sorted(set(packs) - set(PACKS))
    faults = [f"{name}: no such pack" for name in unknown]
    models: dict[str, Any] = {}
    hints = get_type_hints(Policies, include_extras=True)
    for name in PACKS:
        if name not in packs:
            faults.append(f"{name}: missing")
            continue
        try:
            models[name] = TypeAdapter(hints[name]).validate_json(json.dumps(packs[name]))
        except ValidationError as error:
            faults += [f"{_place(name, packs[name], f)}: {f['msg']} (got {f['input']!r:.80})" for f in error.errors()]
    if faults:
        raise UsageError(
            "E_POLICY_INVALID",
            f"{len(faults)} faults in policy packs",
            origin,
            " | ".join(faults[:8]),
            "packs as docs/policies describe them",
            "Correct the named keys; `--cfg job` shows the composed packs.",
        )
    policies = Policies(**models)
    crossed = _crossed(policies)
    if crossed:
        raise UsageError(
            "E_POLICY_MISMATCH", f"{len(crossed)} places where packs do not fit each other", origin,
            " | ".join(crossed[:8]), "packs of one posture", "Choose variants that belong together.",
        )  # fmt: skip
    return policies


def _crossed(policies: Policies) -> list[str]:
    """What no pack can see alone: references from one pack into another."""
    if policies.attachment.kind == "pooled" and policies.prior.kind == "segments":
        return [f"prior.{fault}" for fault in prior.mismatches(policies.attachment, policies.prior)]
    return []


def _place(name: str, here: Any, fault: ErrorDetails) -> str:  # noqa: ANN401 - plain data of any kind
    """The key as it is written: pydantic's location names the chosen model of each union too, which no file does."""
    steps = [name]
    for step in fault["loc"]:
        inside = step in here if isinstance(here, Mapping) else isinstance(here, list) and isinstance(step, int)
        if inside:
            steps.append(str(step))
            here = here[step]
    missing = [str(fault["loc"][-1])] if fault["type"] == "missing" else []
    return ".".join(steps + missing)

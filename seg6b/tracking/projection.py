"""What of a run is shown to MLflow: parameters, metrics and tags, as plain values."""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from seg6b.gates.result import GateBoard, Status
from seg6b.runs.receipt import RunReceipt, StateReceipt

LONGEST_PARAM: Final = 500
LONGEST_TAG: Final = 5000


@dataclass(frozen=True, slots=True)
class Projection:
    """The values of one MLflow run, by name."""

    params: dict[str, str] = field(default_factory=dict)
    metrics: dict[str, float] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)


def project_run(receipt: RunReceipt, states: Sequence[StateReceipt], board: GateBoard | None) -> Projection:
    """Everything that MLflow is told of a run.

    Over-long parameters become tags `param.<name>`; over-long tags are cut and carry the digest of the whole, which
    stands in the receipt.
    """
    params = {_key(k): _text(v) for k, v in _params(receipt) if v not in ("", None)}
    long = {f"param.{k}": v for k, v in params.items() if len(v) > LONGEST_PARAM}
    tags = {**_tags(receipt, states, board), **long}
    metrics = {**_state_metrics(receipt, states), **(_gate_metrics(board) if board else {})}
    return Projection(
        {k: v for k, v in params.items() if len(v) <= LONGEST_PARAM},
        {_key(k): float(v) for k, v in metrics.items() if math.isfinite(v)},
        {_key(k): _fitted(v) for k, v in tags.items() if v},
    )


def _params(receipt: RunReceipt) -> Iterator[tuple[str, Any]]:
    yield "seed", receipt.seed
    yield "scenario_id", receipt.scenario_id
    yield "manifest_fingerprint", receipt.manifest_fingerprint
    yield "parameter_hash", receipt.parameter_hash
    yield "posture", receipt.posture
    yield from _flat("world", receipt.world)
    variants = {name: v for name, v in receipt.knobs.items() if name.startswith("policy/")}
    yield from _flat("", {name: v for name, v in receipt.knobs.items() if name not in variants})
    for pack, digest in receipt.pack_hashes.items():
        yield f"policy.{pack}", f"{variants.get(f'policy/{pack}', '')} {digest[:12]}".strip()


def _state_metrics(receipt: RunReceipt, states: Sequence[StateReceipt]) -> dict[str, float]:
    """Times of the states that this run executed; a linked state's time belongs to the run it came from."""
    out: dict[str, float] = {}
    executed = [s for s in states if not s.staged_from]
    for state in executed:
        for lane, seconds in state.elapsed_s.items():
            out[f"elapsed_s.{state.state}" if lane == "total" else f"elapsed_s.{state.state}.{lane}"] = seconds
        out[f"cpu_s.{state.state}"] = state.cpu_s.get("total", 0.0)
        out[f"peak_rss_mb.{state.state}"] = state.peak_rss_mb
        total = state.elapsed_s.get("total", 0.0)
        if total > 0.0 and state.rows > 0:
            out[f"rows_per_s.{state.state}"] = state.rows / total
    for state in states:
        out |= {f"parts.{name}": float(len(d.parts)) for name, d in state.datasets.items()}
    elapsed = sum(s.elapsed_s.get("total", 0.0) for s in executed)
    if executed:
        out |= {"elapsed_s.total": elapsed, "peak_rss_mb.max": max(s.peak_rss_mb for s in executed)}
    arrivals = receipt.world.get("arrivals")
    if elapsed > 0.0 and isinstance(arrivals, int) and len(executed) == len(states):
        out["arrivals_per_s"] = arrivals / elapsed
    return out


def _gate_metrics(board: GateBoard) -> dict[str, float]:
    out: dict[str, float] = {}
    for gate_id, gate in board.gates.items():
        if gate.value is not None:
            out[f"gate.{gate_id}"] = gate.value
        out[f"gate_b.{gate_id}"] = float(gate.b is Status.PASS)
        out[f"gate_bplus.{gate_id}"] = float(gate.bplus is Status.PASS)
    gates = board.gates.values()
    out["gates.b"] = float(sum(g.b is Status.PASS for g in gates))
    out["gates.bplus"] = float(sum(g.bplus is Status.PASS for g in gates))
    out["gates.insufficient"] = float(sum(g.b is Status.INSUFFICIENT for g in gates))
    return out


def _tags(receipt: RunReceipt, states: Sequence[StateReceipt], board: GateBoard | None) -> dict[str, str]:
    staged = {s.state: s.staged_from for s in states if s.staged_from}
    tags = {
        "seg6b.run_id": receipt.run_id,
        "mlflow.runName": f"{receipt.lane} {receipt.run_id[:8]} seed {receipt.seed}",
        "mlflow.source.name": "seg6b.lane",
        "mlflow.source.git.commit": receipt.git_revision,
        "role": receipt.role,
        "lane": receipt.lane,
        "posture": receipt.posture,
        "seed": str(receipt.seed),
        "status": receipt.status,
        "world": _text(receipt.world.get("name", "")),
        "git_revision": receipt.git_revision,
        "machine": _text(receipt.machine),
        "source_run": " ".join(sorted(set(staged.values()))),
        "states_executed": " ".join(s.state for s in states if not s.staged_from),
        "states_linked": " ".join(staged),
    }
    tags |= {f"version.{name}": version for name, version in receipt.versions.items()}
    if board is not None:
        tags |= {"verdict": board.verdict, "phase_decision": board.phase_decision, "gate_file": board.gate_file}
        tags |= {"failing": _failing(board), "mlflow.note.content": _note(receipt, board)}
    return tags


def _failing(board: GateBoard) -> str:
    return " ".join(g.gate_id for g in board.gates.values() if g.b is not Status.PASS)


def _note(receipt: RunReceipt, board: GateBoard) -> str:
    lines = [
        f"**{board.verdict}**, {board.phase_decision}; run `{receipt.run_id}`, seed {receipt.seed}.",
        f"Not at B: {_failing(board) or 'none'}. The whole board is the artifact `gateboard.html`.",
    ]
    return "\n\n".join(lines)


def _flat(prefix: str, tree: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for key, value in tree.items():
        name = f"{prefix}.{key}" if prefix else str(key)
        if isinstance(value, Mapping):
            yield from _flat(name, value)
        else:
            yield name, value


def _text(value: Any) -> str:  # noqa: ANN401 - knobs are plain data of any kind
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True, default=str)


def _key(name: str) -> str:
    return re.sub(r"[^\w./ :-]", "_", name)[:250]


def _fitted(value: str) -> str:
    if len(value) <= LONGEST_TAG:
        return value
    mark = f" … sha256 {hashlib.sha256(value.encode()).hexdigest()}"
    return value[: LONGEST_TAG - len(mark)] + mark

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
from seg6b.runs.meter import split_of
from seg6b.runs.receipt import RunReceipt, StateReceipt
from seg6b.tracking.roles import made_as

LONGEST_PARAM: Final = 500
LONGEST_TAG: Final = 5000
_HASH_SHOWN: Final = 16


@dataclass(frozen=True, slots=True)
class Projection:
    """The values of one MLflow run, by name: parameters of any plain kind, metrics, tags."""

    params: Mapping[str, Any] = field(default_factory=dict)
    metrics: Mapping[str, float] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)

    def __or__(self, other: Projection) -> Projection:
        """Both; where a name stands in both, the other's value."""
        return Projection(
            {**self.params, **other.params}, {**self.metrics, **other.metrics}, {**self.tags, **other.tags}
        )


def project_run(receipt: RunReceipt, states: Sequence[StateReceipt], board: GateBoard | None) -> Projection:
    """What MLflow is told of a run: enough to compare it with another one, not all that the receipts hold."""
    shown = dict(_params(receipt))
    metrics = {**_state_metrics(states), **(_gate_metrics(board) if board else {})}
    return Projection(shown, metrics, _tags(receipt, states, board))


def fitted(shown: Projection) -> Projection:
    """`shown` as a store takes it.

    Over-long parameters become tags `param.<name>`; over-long tags are cut and carry the digest of the whole, which
    stands in the receipt. Empty values, and metrics that are no finite number, are left out.
    """
    params = {_key(k): _text(v) for k, v in shown.params.items() if v not in ("", None)}
    long = {f"param.{k}": v for k, v in params.items() if len(v) > LONGEST_PARAM}
    return Projection(
        {k: v for k, v in params.items() if len(v) <= LONGEST_PARAM},
        {_key(k): float(v) for k, v in shown.metrics.items() if math.isfinite(v)},
        {_key(k): _cut(v) for k, v in {**shown.tags, **long}.items() if v},
    )


def _params(receipt: RunReceipt) -> Iterator[tuple[str, Any]]:
    yield "seed", receipt.seed
    yield "scenario_id", receipt.scenario_id
    yield "manifest_fingerprint", receipt.manifest_fingerprint[:_HASH_SHOWN]
    yield "parameter_hash", receipt.parameter_hash[:_HASH_SHOWN]
    yield "posture", receipt.posture
    yield from _flat("world", receipt.world)
    yield from knob_params(receipt.knobs, receipt.pack_hashes)


def knob_params(knobs: Mapping[str, Any], pack_hashes: Mapping[str, str]) -> Iterator[tuple[str, Any]]:
    """Knobs by name, and of each policy pack its variant with the beginning of its hash."""
    variants = {name.removeprefix("policy/"): v for name, v in knobs.items() if name.startswith("policy/")}
    yield from _flat("", {name: v for name, v in knobs.items() if not name.startswith("policy/")})
    for pack in dict.fromkeys([*variants, *pack_hashes]):
        yield f"policy.{pack}", f"{variants.get(pack, '')} {pack_hashes.get(pack, '')[:8]}".strip()


def _state_metrics(states: Sequence[StateReceipt]) -> dict[str, float]:
    """Times of the states that this run executed; a linked state's time belongs to the run it came from.

    So a run that linked any has no total to compare with that of another run. MLflow's plots begin with the first
    metric that two runs share: the gate state S0 comes last.
    """
    executed = sorted((s for s in states if not s.staged_from), key=lambda s: s.state == "S0")
    total = {s.state: s.elapsed_s.get("total", 0.0) for s in executed}
    out = {f"elapsed_s.{name}": seconds for name, seconds in total.items()}
    if executed and len(executed) == len(states):
        out["elapsed_s.total"] = sum(total.values())
    for s in executed:
        for name, times in (("lane_s", s.elapsed_s), ("lane_cpu_s", s.cpu_s)):
            out |= {f"{name}.{s.state}.{lane}": v for lane, v in split_of(times).items() if v > 0.0}
        out[f"peak_rss_mb.{s.state}"] = s.peak_rss_mb
        if total[s.state] > 0.0 and s.rows > 0:
            out[f"rows_per_s.{s.state}"] = s.rows / total[s.state]
    for s in states:
        out |= {f"parts.{name}": float(len(d.parts)) for name, d in s.datasets.items()}
    return out


def _gate_metrics(board: GateBoard) -> dict[str, float]:
    out: dict[str, float] = {}
    for gate_id, gate in board.gates.items():
        if gate.value is not None:
            out[f"gate.{gate_id}"] = gate.value
        out[f"gate_b.{gate_id}"] = float(gate.b is Status.PASS)
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
        "role": made_as(receipt),
        "lane": receipt.lane,
        "git_revision": receipt.git_revision,
        "machine": _listed(receipt.machine),
        "versions": _listed(receipt.versions),
        "source_run": " ".join(sorted(set(staged.values()))),
        "states_executed": " ".join(s.state for s in states if not s.staged_from),
        "states_linked": " ".join(staged),
    }
    if board is not None:
        tags |= {"verdict": board.verdict, "phase_decision": board.phase_decision, "gate_file": board.gate_file}
        tags |= {"failing": _failing(board), "mlflow.note.content": _note(receipt, board)}
    return tags


def _listed(facts: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {fact}" for name, fact in facts.items())


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


def _cut(value: str) -> str:
    if len(value) <= LONGEST_TAG:
        return value
    mark = f" … sha256 {hashlib.sha256(value.encode()).hexdigest()}"
    return value[: LONGEST_TAG - len(mark)] + mark

"""`gates.json`: a board as plain data and back. No time, no path, no host: only the run id tells two runs apart."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

from seg6b.gates.result import GateBoard, GateResult, StatisticResult, Status, Verdict


def to_json(board: GateBoard) -> str:
    """The board as JSON: gates in order, keys of details sorted, floats as Python prints them, never NaN."""
    data = {
        "run_id": board.run_id,
        "seed": board.seed,
        "gate_file": board.gate_file,
        "gate_file_digest": board.gate_file_digest,
        "verdict": board.verdict.value,
        "phase_decision": board.phase_decision,
        "gates": {gate_id: _gate(result) for gate_id, result in board.gates.items()},
        "statistics": [_statistic(line) for line in board.statistics],
    }
    return json.dumps(data, indent=1, allow_nan=False) + "\n"


def from_json(text: str) -> GateBoard:
    """The board that `to_json` wrote."""
    data = json.loads(text)
    return GateBoard(
        run_id=data["run_id"],
        seed=data["seed"],
        gate_file=data["gate_file"],
        gate_file_digest=data["gate_file_digest"],
        gates={gate_id: _read_gate(gate_id, entry) for gate_id, entry in data["gates"].items()},
        statistics=tuple(_read_statistic(line) for line in data["statistics"]),
        verdict=Verdict(data["verdict"]),
        phase_decision=data["phase_decision"],
    )


def _gate(result: GateResult) -> dict[str, Any]:
    return {
        "title": result.title,
        "value": _number(result.value),
        "raw": _number(result.raw),
        "ci95": None if result.ci95 is None else [_number(end) for end in result.ci95],
        "unit": result.unit,
        "n": result.n,
        "b": result.b.value,
        "bplus": result.bplus.value,
        "b_rule": result.b_rule,
        "bplus_rule": result.bplus_rule,
        "b_margin": _number(result.b_margin),
        "bplus_margin": _number(result.bplus_margin),
        "severity": result.severity,
        "class": result.kind,
        "owner": list(result.owner),
        "detail": _plain(result.detail),
    }


def _read_gate(gate_id: str, entry: Mapping[str, Any]) -> GateResult:
    return GateResult(
        gate_id=gate_id,
        title=entry["title"],
        unit=entry["unit"],
        kind=entry["class"],
        severity=entry["severity"],
        owner=tuple(entry["owner"]),
        value=entry["value"],
        raw=entry["raw"],
        ci95=None if entry["ci95"] is None else (entry["ci95"][0], entry["ci95"][1]),
        n=entry["n"],
        b=Status(entry["b"]),
        bplus=Status(entry["bplus"]),
        b_rule=entry["b_rule"],
        bplus_rule=entry["bplus_rule"],
        b_margin=entry["b_margin"],
        bplus_margin=entry["bplus_margin"],
        detail=entry["detail"],
    )


def _statistic(line: StatisticResult) -> dict[str, Any]:
    return {
        "name": line.name,
        "test": line.test,
        "value": _number(line.value),
        "b": line.b.value,
        "bplus": line.bplus.value,
        "blocking": line.blocking,
        "n": line.n,
        "detail": _plain(line.detail),
    }


def _read_statistic(line: Mapping[str, Any]) -> StatisticResult:
    return StatisticResult(
        name=line["name"],
        test=line["test"],
        value=line["value"],
        b=Status(line["b"]),
        bplus=Status(line["bplus"]),
        blocking=line["blocking"],
        n=line["n"],
        detail=line["detail"],
    )


def _number(value: float | None) -> float | None:
    """A finite float, with no minus before a zero; None for what JSON cannot say."""
    if value is None or not math.isfinite(value):
        return None
    return float(value) + 0.0


def _plain(value: Any) -> Any:  # noqa: ANN401 - details are free-form
    if isinstance(value, Mapping):
        return {str(key): _plain(value[key]) for key in sorted(value, key=str)}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if value is None or isinstance(value, str | bool | int):
        return value
    return _number(float(value))

"""Facts of a run: what scorers read, from its receipts, its gates and its S5 report; saved, they outlive its data."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from seg6b.errors import Damaged, EvidenceMissing
from seg6b.gates.board_file import read_board
from seg6b.gates.result import GateBoard
from seg6b.runs.disk import read_record, write_json
from seg6b.runs.folder import RunFolder
from seg6b.runs.keys import library_versions
from seg6b.runs.machine import describe_machine
from seg6b.runs.meter import split_of
from seg6b.runs.receipt import RunReceipt, StateReceipt
from seg6b.runs.verify import state_receipts
from seg6b.scoring.closure import RunFacts

REPORT: Final = "s5_validation_report_6B.json"
PASS: Final = "PASS"


def run_facts(run: RunFolder, arm: str = "", set_index: int = 0, round_index: int = 0) -> RunFacts:
    """Facts of a finished run.

    Args:
        run: its folder; of a pruned run only the S5 report is missing.
        arm: its arm; empty takes arm, set and round from its receipt.
        set_index: its set.
        round_index: its round.

    Raises:
        EvidenceMissing: the run has not ended well.
        Damaged: a receipt, the board or the report cannot be read.
    """
    receipt = run.receipt()
    states, board = state_receipts(run), read_board(run)
    if receipt.status != "DONE" or board is None:
        raise EvidenceMissing(
            "E_SCORE_RUN_UNFINISHED", "the run has not ended", str(run.path), receipt.status, "DONE",
            f"Finish it: add run_id={run.run_id} to the command that made it.",
        )  # fmt: skip
    slot = (arm, set_index, round_index) if arm else (receipt.arm, receipt.set_index, receipt.round_index)
    datasets = {name: d for r in states.values() for name, d in sorted(r.datasets.items())}
    required, warned, status = _checks(run, receipt)
    return RunFacts(
        run_id=run.run_id,
        arm=slot[0],
        set_index=slot[1],
        round_index=slot[2],
        seed=receipt.seed,
        manifest_fingerprint=receipt.manifest_fingerprint,
        parameter_hash=receipt.parameter_hash,
        knobs=receipt.knobs,
        testbed=testbed(receipt),
        elapsed_s={name: r.elapsed_s["total"] for name, r in states.items()},
        cpu_s={name: r.cpu_s["total"] for name, r in states.items()},
        executed=tuple(name for name, r in states.items() if not r.staged_from),
        rows={name: d.rows for name, d in datasets.items()},
        parts={name: len(d.parts) for name, d in datasets.items()},
        digests={name: d.digest for name, d in datasets.items()},
        required=required,
        warn_metrics=warned,
        overall_status=status,
        verdict=str(board.verdict),
        contract=_contract(states),
        lanes_s={name: split_of(r.elapsed_s) for name, r in states.items()},
        lanes_cpu_s={name: split_of(r.cpu_s) for name, r in states.items()},
        gates=gate_facts(board),
    )


def gate_facts(board: GateBoard) -> dict[str, dict[str, Any]]:
    """What scorers read of a board, by gate id."""
    return {
        gate: {
            "value": g.value,
            "ci95": list(g.ci95) if g.ci95 else None,
            "b": str(g.b),
            "bplus": str(g.bplus),
            "b_margin": g.b_margin,
            "bplus_margin": g.bplus_margin,
            "class": g.kind,
        }
        for gate, g in board.gates.items()
    }


def failed_checks(run: RunFacts) -> tuple[str, ...]:
    """Required checks of S5 that did not pass; empty also where its report is gone."""
    return tuple(check for check, result in run.required.items() if result != PASS)


def checks_pass(run: RunFacts) -> bool:
    """Whether all required checks of S5 passed; unknown checks are no pass."""
    return bool(run.required) and not failed_checks(run)


def testbed(receipt: RunReceipt) -> str:
    """Machine and library versions in one line: times of two testbeds are never compared.

    >>> from types import SimpleNamespace
    >>> machine = {"cpu": "Xeon", "cores": 2, "memory_gib": 23.9, "platform": "Linux-6.1"}
    >>> testbed(SimpleNamespace(machine=machine, versions={"seg6b": "0.1.0", "numpy": "2.2"}))
    'Xeon, 2 cores, 24 GiB, Linux-6.1, libraries 2b82fd0dbdcb'
    """
    return _testbed(receipt.machine, {k: v for k, v in receipt.versions.items() if k != "seg6b"})


def this_testbed() -> str:
    """That of this process, as a receipt written now would tell it."""
    return _testbed(describe_machine(), library_versions())


def _testbed(machine: Mapping[str, Any], libraries: Mapping[str, str]) -> str:
    digest = hashlib.sha256(json.dumps(dict(libraries), sort_keys=True).encode()).hexdigest()[:12]
    memory = round(float(machine.get("memory_gib", 0.0)))
    place = f"{machine.get('cpu', '')}, {machine.get('cores', '')} cores, {memory} GiB, {machine.get('platform', '')}"
    return f"{place}, libraries {digest}"


def save_facts(folder: Path, name: str, facts: RunFacts) -> None:
    """Keep the facts of a slot, or of the `authority`, with the sweep.

    Args:
        folder: the sweep's folder.
        name: the slot's name.
        facts: of its run.
    """
    write_json(_path(folder, name), facts)


def saved_facts(folder: Path, name: str) -> RunFacts | None:
    """What `save_facts` kept, None where it kept nothing."""
    path = _path(folder, name)
    return read_record(path, RunFacts) if path.exists() else None


def _path(folder: Path, name: str) -> Path:
    return folder / "facts" / f"{name}.json"


def _checks(run: RunFolder, receipt: RunReceipt) -> tuple[dict[str, str], dict[str, float], str]:
    """Results of the required checks, warn metrics, overall status; all empty where the report is gone."""
    path = run.path / "data/layer3/6B/validation" / f"manifest_fingerprint={receipt.manifest_fingerprint}" / REPORT
    if not path.exists():
        return {}, {}, ""
    try:
        plain = json.loads(path.read_text(encoding="utf-8"))
        checks = {c["check_id"]: c for c in plain["checks"]}
        required = {name: str(c["result"]) for name, c in checks.items() if c["severity"] == "REQUIRED"}
        warned = [(name, c["metrics"]) for name, c in checks.items() if c["severity"] == "WARN_ONLY"]
        metrics = {f"{name}.{key}": v for name, found in warned for key, v in _numbers(found).items()}
        return required, metrics, str(plain["overall_status"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise _unreadable(path, error) from error


def _numbers(metrics: Mapping[str, Any]) -> dict[str, float]:
    return {k: float(v) for k, v in metrics.items() if isinstance(v, int | float) and not isinstance(v, bool)}


def _contract(states: Mapping[str, StateReceipt]) -> str:
    return ", ".join(sorted({r.input_parts.get("contract", "") for r in states.values()}))


def _unreadable(path: Path, error: Exception) -> Damaged:
    return Damaged(
        "E_SCORE_UNREADABLE",
        "evidence of a run cannot be read",
        str(path),
        f"{type(error).__name__}: {error}"[:120],
        "the file as it was published",
        "Restore the file; `python -m seg6b verify` names every other one that differs.",
    )

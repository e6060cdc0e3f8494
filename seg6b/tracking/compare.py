"""Candidate against authority: which two runs a comparison shows, and where MLflow's own page of it is."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import quote

from seg6b.errors import EvidenceMissing
from seg6b.runs.folder import find_runs, resolve_run
from seg6b.runs.pins import Role, pins
from seg6b.runs.receipt import RunReceipt
from seg6b.runs.sweep import CONTROL
from seg6b.tracking.index import Index, Known

_VIEW: Final = "workflowType=machine_learning"


@dataclass(frozen=True, slots=True)
class Pair:
    """Two runs to hold against each other, by run id."""

    candidate: str
    authority: str


def choose_pair(root: Path, candidate: str = "", authority: str = "") -> Pair:
    """The runs of a comparison.

    Args:
        root: project root.
        candidate: a run id or the beginning of one; empty takes the newest finished run that is neither a control, nor
            a further repeat, nor the authority itself.
        authority: likewise; empty takes the one that is pinned for the candidate's world, posture, seed and scenario.

    Raises:
        UsageError: no such run.
        EvidenceMissing: no run is finished, or no authority is pinned for it.
    """
    held = {p.place: p.run_id for p in pins(root) if p.role is Role.AUTHORITY}
    given = resolve_run(root, authority).run_id if authority else ""
    chosen = resolve_run(root, candidate).receipt() if candidate else _newest(root, {given, *held.values()})
    against = given or held.get(_place(chosen), "")
    if not against:
        raise EvidenceMissing(
            "E_COMPARE_NO_AUTHORITY", "no authority is pinned for this world, posture, seed and scenario", "",
            f"run {chosen.run_id}", "a pinned authority", "Pin one: python -m seg6b pin RUN --role authority",
        )  # fmt: skip
    return Pair(chosen.run_id, against)


def experiments_address(base: str) -> str:
    """MLflow's list of experiments."""
    return f"{base}/#/experiments?{_VIEW}"


def compare_address(base: str, index: Index, pair: Pair) -> str:
    """MLflow's page that shows the candidate beside the authority.

    Raises:
        EvidenceMissing: the store does not have one of them.
    """
    shown = [_shown(index.runs, pair.candidate), _shown(index.runs, pair.authority)]
    runs = [known.mlflow_id for known in shown]
    experiments = list(dict.fromkeys(known.experiment for known in shown))
    return f"{base}/#/compare-runs?runs={_quoted(runs)}&experiments={_quoted(experiments)}&{_VIEW}"


def _newest(root: Path, others: set[str]) -> RunReceipt:
    receipts = [run.receipt() for run in find_runs(root)]
    fit = [r for r in receipts if r.status == "DONE" and r.arm != CONTROL and r.run_id not in others and _first(r)]
    if not fit:
        raise EvidenceMissing(
            "E_COMPARE_NO_CANDIDATE", "no finished run to compare", str(root / "mlruns" / "runs"), "",
            "a finished run beside the authority", "Make one: python -m seg6b.lane",
        )  # fmt: skip
    return max(fit, key=lambda r: (r.ended_utc, r.run_id))


def _first(receipt: RunReceipt) -> bool:
    """Whether a run stands for its arm; runs outside sweeps stand for themselves."""
    return not receipt.sweep_id or (receipt.set_index, receipt.round_index) == (1, 1)


def _place(receipt: RunReceipt) -> tuple[str, str, int, str]:
    return (receipt.manifest_fingerprint, receipt.posture, receipt.seed, receipt.scenario_id)


def _shown(runs: Mapping[str, Known], run_id: str) -> Known:
    known = runs.get(run_id)
    if known is None or known.deleted:
        raise EvidenceMissing(
            "E_COMPARE_UNTRACKED", "the tracking store does not have this run", "", run_id, "a run that it was told of",
            "Tell it: python -m seg6b sync",
        )  # fmt: skip
    return known


def _quoted(items: Sequence[str]) -> str:
    return quote(json.dumps(list(items), separators=(",", ":")), safe="")

"""Closing a baseline lane: its run is locked as the authority, its evidence is reported, its decision is written down.

A baseline of the realism scorer (P0) reports the gateboard, one of the runtime scorer (POPT.0) where the time goes.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from seg6b.gates.record import HARD
from seg6b.gates.result import GateBoard, Status, Verdict
from seg6b.lane.candidate import Outcome, board_of
from seg6b.lane.phase import recorded_overrides
from seg6b.render.baseline_files import write_baseline
from seg6b.render.closure_files import lane_slug
from seg6b.render.report_files import write_reports
from seg6b.render.rows import owners_to_reopen
from seg6b.runs import ledger
from seg6b.runs.disk import disk_faults
from seg6b.runs.folder import RunFolder
from seg6b.runs.pins import Pin, Role, authority, pin, verified
from seg6b.scoring.baseline import RuntimeBaseline, baseline_faults, runtime_baseline
from seg6b.scoring.closure import Decision
from seg6b.scoring.facts import run_facts
from seg6b.settings.job import Job
from seg6b.settings.rules import SCORERS
from seg6b.shards.executor import Threads

BASELINE: Final = "baseline"
RUNTIME: Final = SCORERS["optimisation"]


def lock_baseline(job: Job, outcome: Outcome) -> tuple[str, ...]:
    """Pin the run where no authority stands, write its reports and its line in the ledger; lines that say so.

    Each step is done once, however often this is called for the same run. P0 locks its run as it is; a runtime baseline
    is not locked where a required check failed or a state was linked.

    Args:
        job: of kind `baseline`.
        outcome: its finished run.

    Raises:
        Refusal: a disk, a pin or the ledger cannot be used; the same command with `run_id=` closes it.
    """
    root, run, receipt = job.root, outcome.run, outcome.receipt
    with disk_faults("E_LANE_DISK", root / "reports", run.way_on):
        place = (receipt.manifest_fingerprint, receipt.posture, receipt.seed, receipt.scenario_id)
        stands = authority(root, *place)
        if job.lane.closure.scorer == RUNTIME:
            body, paths = _time(job, outcome, stands)
        else:
            paths = write_reports(board_of(job, outcome), root / "reports", lane_slug(job.lane.id))
            _pin_where_none_stands(job, outcome, stands)
            body = decision_of(job, outcome.board, run.run_id)
        if ledger.closures(root, job.lane.id)[-1:] != [body]:
            ledger.append(root, ledger.CLOSURE, body)
    return (
        f"decision  {body['decision']}, {body['marker'] or 'no marker'}: {body['reasons'][0]}",
        *_held(job, run, authority(root, *place)),
        *(f"report    {path.relative_to(root)}" for path in paths if _shown(path)),
    )


def decision_of(job: Job, board: GateBoard, run_id: str) -> dict[str, Any]:
    """The ledger's line: failing gates by owner, and the gates that veto every promotion while they do not pass B."""
    failing = board.verdict is Verdict.FAIL_REALISM
    veto = [g.gate_id for g in board.gates.values() if g.kind == HARD and g.b is not Status.PASS]
    owners = dict(owners_to_reopen(board))
    told = "; ".join(f"reopen {owner} for {gates}" for owner, gates in owners.items())
    return {
        "lane": job.lane.id,
        "decision": "HOLD" if failing else "KEEP",
        "run_id": run_id,
        "marker": job.lane.closure.holds if failing else job.lane.closure.unlocks,
        "reasons": [f"{board.verdict}: {told}" if told else str(board.verdict)],
        "owners": owners,
        "veto": veto,
    }


def _time(job: Job, outcome: Outcome, stands: Pin | None) -> tuple[dict[str, Any], list[Path]]:
    """Line and files of a runtime baseline; they are of the authority where one stands, whichever run was made."""
    held = outcome.run if stands is None else verified(job.root, stands, Threads.of(job.threads))
    found = runtime_baseline(held, job.lane, job.budgets, recorded_overrides(job.root, job.lane.id))
    if found.decision is Decision.KEEP:
        _pin_where_none_stands(job, outcome, stands)
    return time_decision(found), write_baseline(found, job.root / "reports", job.lane.history)


def time_decision(found: RuntimeBaseline) -> dict[str, Any]:
    """The ledger's line: hotspots in order, and the status of each budget."""
    return {
        "lane": found.lane,
        "decision": str(found.decision),
        "run_id": found.receipt.run_id,
        "marker": found.marker,
        "reasons": list(found.reasons),
        "order": list(found.hotspots.order),
        "budgets": {b.name: b.status for b in found.budgets.lines},
    }


def _pin_where_none_stands(job: Job, outcome: Outcome, stands: Pin | None) -> None:
    if stands is None:
        reason = f"baseline of {job.lane.id}"
        verdict = str(outcome.board.verdict)
        pin(job.root, outcome.run, Role.AUTHORITY, verdict, Threads.of(job.threads), reason=reason)


def _held(job: Job, run: RunFolder, stands: Pin | None) -> Iterator[str]:
    """Which run is the authority now, and how to give its place to this one where only this one can be the baseline."""
    if stands is None:
        yield f"baseline  {run.run_id[:8]}, not locked"
    elif stands.run_id == run.run_id:
        yield f"baseline  {run.run_id[:8]}, locked as authority"
    else:
        yield f"baseline  {run.run_id[:8]}, authority stays {stands.run_id[:8]}"
        if job.lane.closure.scorer == RUNTIME and _fit(run) and not _fit(RunFolder.of(job.root, stands.run_id)):
            yield f'way on    python -m seg6b pin {run.run_id} --role authority --replace --reason "…"'
            yield f"          then the same command with run_id={run.run_id}"


def _fit(run: RunFolder) -> bool:
    return not any(baseline_faults(run_facts(run)))


def _shown(path: Path) -> bool:
    return path.suffix == ".html" or "_baseline_lock_" in path.name

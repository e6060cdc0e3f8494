"""Closing a baseline lane: its run is locked as the authority, its board is reported, its decision is written down."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from seg6b.gates.record import HARD
from seg6b.gates.result import GateBoard, Status, Verdict
from seg6b.lane.candidate import Outcome, board_of
from seg6b.render.closure_files import lane_slug
from seg6b.render.report_files import write_reports
from seg6b.render.rows import owners_to_reopen
from seg6b.runs import ledger
from seg6b.runs.disk import disk_faults
from seg6b.runs.pins import Role, authority, pin
from seg6b.settings.job import Job
from seg6b.shards.executor import Threads

BASELINE: Final = "baseline"


def lock_baseline(job: Job, outcome: Outcome) -> tuple[str, ...]:
    """Pin the run where no authority stands, write its gateboard and its line in the ledger; lines that say so.

    Each step is done once, however often this is called for the same run.

    Args:
        job: of kind `baseline`.
        outcome: its finished run.

    Raises:
        Refusal: a disk, a pin or the ledger cannot be used; the same command with `run_id=` closes it.
    """
    root, run, receipt = job.root, outcome.run, outcome.receipt
    with disk_faults("E_LANE_DISK", root / "reports", run.way_on):
        paths = write_reports(board_of(job, outcome), root / "reports", lane_slug(job.lane.id))
        place = (receipt.manifest_fingerprint, receipt.posture, receipt.seed, receipt.scenario_id)
        stands = authority(root, *place)
        if stands is None:
            reason = f"baseline of {job.lane.id}"
            pin(root, run, Role.AUTHORITY, str(outcome.board.verdict), Threads.of(job.threads), reason=reason)
        body = decision_of(job, outcome.board, run.run_id)
        if all(entry.body != body for entry in ledger.entries(root)):
            ledger.append(root, ledger.CLOSURE, body)
    held = f"authority stays {stands.run_id[:8]}" if stands and stands.run_id != run.run_id else "locked as authority"
    return (
        f"decision  {body['decision']}, {body['marker'] or 'no marker'}: {body['reasons'][0]}",
        f"baseline  {run.run_id[:8]}, {held}",
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


def _shown(path: Path) -> bool:
    return path.suffix == ".html"

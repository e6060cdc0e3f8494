"""`seg6b report`: the report files of a run or of a closed sweep, written again from files alone."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Annotated, Final

import typer
import yaml

from seg6b.cli.options import AsJson, Root
from seg6b.errors import EvidenceMissing, UsageError
from seg6b.gates.board_file import read_board
from seg6b.lane.budgets import scaled_budgets
from seg6b.lane.phase import recorded_overrides
from seg6b.policy.packs import load_policies
from seg6b.render.closure_files import write_closure
from seg6b.render.curves import policy_curves
from seg6b.render.data import BoardData
from seg6b.render.report_files import write_reports
from seg6b.runs.axes import Axes
from seg6b.runs.disk import disk_faults, read_record
from seg6b.runs.folder import RunFolder, find_runs, resolve_run
from seg6b.runs.sweep_folder import SweepFolder, find_sweeps, resolve_sweep
from seg6b.runs.verify import state_receipts
from seg6b.scoring.basis import saved_basis
from seg6b.scoring.closure import Closure
from seg6b.states.execute import read_state_evidence
from seg6b.states.pipeline import ROW_STATES, STATES
from seg6b.states.validate_task import validation_status

BUDGETS: Final = Path(__file__).resolve().parents[2] / "conf" / "budgets" / "build_plan.yaml"
PASSED: Final = "PASS"
_PHASE: Final = re.compile(r"p\d{1,2}")

What = Annotated[str, typer.Argument(help="A run id or a sweep id, or the beginning of one (four digits or more).")]
Phase = Annotated[str, typer.Option("--phase", help="Phase that a run's gateboard is named after: p0, p1, …")]


def report(what: What, root: Root = Path(), phase: Phase = "p0", *, as_json: AsJson = False) -> None:
    """Write the gateboard of a run, or the closure of a sweep, below reports/ again; print the paths."""
    if not _PHASE.fullmatch(phase):
        raise UsageError("E_REPORT_PHASE", "not a phase", "--phase", repr(phase), "p and a number, such as p0", "")
    base = root.resolve()
    folder = base / "reports"
    with disk_faults("E_REPORT_DISK", folder):
        paths = _written(base, what, folder, phase)
    if as_json:
        typer.echo(json.dumps({"paths": [str(path) for path in paths]}, indent=2))
    else:
        typer.echo("\n".join(str(path) for path in paths))


def _written(root: Path, what: str, folder: Path, phase: str) -> list[Path]:
    sweeps = [sweep for sweep in find_sweeps(root) if sweep.sweep_id.startswith(what)]
    if not sweeps:
        return write_reports(board_data(root, resolve_run(root, what)), folder, phase)
    if any(run.run_id.startswith(what) for run in find_runs(root)):
        raise UsageError("E_REPORT_AMBIGUOUS", "a sweep and a run begin so", "", what, "more digits of one", "")
    return _closure(resolve_sweep(root, what), folder)


def _closure(sweep: SweepFolder, folder: Path) -> list[Path]:
    """The files of a closed sweep."""
    if not sweep.closure_path.exists():
        raise EvidenceMissing(
            "E_REPORT_OPEN", "the sweep is not closed", str(sweep.closure_path), "no closure.json", "a closed sweep",
            "Run the command that began it again: it goes on. "
            f"`python -m seg6b score {sweep.sweep_id[:8]}` judges what is there.",
        )  # fmt: skip
    return write_closure(read_record(sweep.closure_path, Closure), folder, saved_basis(sweep.path).history)


def board_data(root: Path, run: RunFolder) -> BoardData:
    """All that the board of a finished run shows, from its folder, the ledger and `conf/budgets`.

    Raises:
        EvidenceMissing: the run has not ended, or its data was pruned.
    """
    receipt, states, board = run.receipt(), state_receipts(run), read_board(run)
    missing = [s.name for s in ROW_STATES if not run.evidence_path(s.name).is_dir()]
    if receipt.status != "DONE" or missing or board is None:
        raise EvidenceMissing(
            "E_REPORT_EVIDENCE", "the run has no evidence to draw its board from", str(run.path),
            f"{receipt.status}, no evidence of {', '.join(missing)}" if missing else receipt.status,
            "a finished run with its data",
            "Finish the run; if it was pruned, bring it back: python -m seg6b undelete.",
        )  # fmt: skip
    axes = Axes(receipt.manifest_fingerprint, receipt.parameter_hash, receipt.seed, receipt.scenario_id)
    status = validation_status(run, axes)
    notes = () if status == PASSED else (f"S5 validation: {status}; the run is not sealed.",)
    limits = yaml.safe_load(BUDGETS.read_text(encoding="utf-8"))
    return BoardData(
        receipt=receipt,
        states=tuple(states[name] for name in STATES),
        board=board,
        evidence={s.name: read_state_evidence(run, s) for s in ROW_STATES},
        curves=policy_curves(load_policies(receipt.policy, str(run.receipt_path))),
        budgets=scaled_budgets(limits, int(receipt.world["arrivals"])),
        notes=(*notes, *recorded_overrides(root, receipt.lane)),
    )

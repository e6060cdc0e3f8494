"""The board of a finished run from its folder alone: evaluated again, or with all that is drawn from it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import yaml

from seg6b.errors import EvidenceMissing
from seg6b.evidence.tables import Evidence
from seg6b.gates.board_file import read_board
from seg6b.gates.damage import Damage, damaged
from seg6b.gates.evaluate import evaluate
from seg6b.gates.result import GateBoard
from seg6b.gates.thresholds import Thresholds, load_thresholds
from seg6b.lane.baseline import used_by
from seg6b.lane.budgets import scaled_budgets
from seg6b.lane.phase import recorded_overrides
from seg6b.policy.packs import load_policies
from seg6b.render.curves import policy_curves
from seg6b.render.data import BoardData
from seg6b.runs.axes import Axes
from seg6b.runs.folder import RunFolder
from seg6b.runs.verify import state_receipts
from seg6b.scoring.facts import PASS
from seg6b.states.execute import read_state_evidence
from seg6b.states.pipeline import ROW_STATES, STATES
from seg6b.states.validate_task import validation_status

CONF: Final = Path(__file__).resolve().parents[2] / "conf"
GATE_FILES: Final = CONF / "gates"
BUDGETS: Final = CONF / "budgets" / "build_plan.yaml"


def board_again(run: RunFolder) -> GateBoard:
    """The board of a finished run: its evidence, the packs of its receipt, the gate file and the baseline it names.

    Raises:
        EvidenceMissing: the run has no evidence any more, or its gate file is gone.
    """
    evidence, judge = _read_again(run)
    return judge(evidence)


def damaged_boards(run: RunFolder, damages: Sequence[Damage]) -> list[GateBoard]:
    """The boards that a finished run would have under each damage of its evidence; the run stays as it is.

    Raises:
        EvidenceMissing: as `board_again`.
    """
    evidence, judge = _read_again(run)
    return [judge(damaged(evidence, damage)) for damage in damages]


def _read_again(run: RunFolder) -> tuple[Mapping[str, Evidence], Callable[[Mapping[str, Evidence]], GateBoard]]:
    """The evidence of a finished run, and how its gates are read from it."""
    receipt, stored = run.receipt(), read_board(run)
    missing = [s.name for s in ROW_STATES if not run.evidence_path(s.name).is_dir()]
    if missing or stored is None:
        raise EvidenceMissing(
            "E_SCORE_EVIDENCE", "the run has no evidence to read its gates from", str(run.path),
            f"no evidence of {', '.join(missing)}" if missing else "no gates.json", "a finished run with its data",
            "Finish the run; if it was pruned, bring it back: python -m seg6b undelete.",
        )  # fmt: skip
    evidence = {s.name: read_state_evidence(run, s) for s in ROW_STATES}
    policies = load_policies(receipt.policy, str(run.receipt_path))
    thresholds, baseline = gate_file_of(stored), used_by(stored)
    return evidence, lambda found: evaluate(found, policies, thresholds, run.run_id, receipt.seed, baseline)


def gate_file_of(board: GateBoard) -> Thresholds:
    """The gate file that a board was judged by.

    Raises:
        EvidenceMissing: no file below `conf/gates` has its digest.
    """
    digest = board.gate_file_digest
    found = [load_thresholds(yaml.safe_load(p.read_text(encoding="utf-8"))) for p in sorted(GATE_FILES.glob("*.yaml"))]
    for thresholds in found:
        if thresholds.digest == digest:
            return thresholds
    raise EvidenceMissing(
        "E_SCORE_GATE_FILE", "the gate file that the run was judged by is not there", str(GATE_FILES), digest[:16],
        f"one of: {', '.join(f'{t.version} ({t.digest[:16]})' for t in found)}",
        "A threshold changes only with a new version of the file; restore the old one beside it.",
    )  # fmt: skip


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
    return BoardData(
        receipt=receipt,
        states=tuple(states[name] for name in STATES),
        board=board,
        evidence={s.name: read_state_evidence(run, s) for s in ROW_STATES},
        curves=policy_curves(load_policies(receipt.policy, str(run.receipt_path))),
        budgets=scaled_budgets(build_plan_budgets(), int(receipt.world["arrivals"])),
        notes=board_notes(root, receipt.lane, validation_status(run, axes)),
    )


def board_notes(root: Path, lane: str, status: str) -> tuple[str, ...]:
    """What must stand on a board: that S5 did not seal the run, and overrides of its lane.

    Args:
        root: project root.
        lane: lane of the run.
        status: overall status of S5, as `validation_status` says it.
    """
    unsealed = () if status == PASS else (f"S5 validation: {status}; the run is not sealed.",)
    return (*unsealed, *recorded_overrides(root, lane))


def build_plan_budgets() -> dict[str, Any]:
    """`conf/budgets/build_plan.yaml`, as plain data."""
    return dict(yaml.safe_load(BUDGETS.read_text(encoding="utf-8")))

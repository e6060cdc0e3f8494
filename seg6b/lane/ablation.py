"""Gathering the ablation table: the closure of its lane, and the control's evidence under every named damage."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Final

from seg6b.gates.damage import DAMAGES
from seg6b.lane.boards import damaged_boards
from seg6b.lane.differences import LAST
from seg6b.render.ablation_table import write_ablation
from seg6b.runs.folder import RunFolder
from seg6b.runs.sweep import CONTROL
from seg6b.scoring.ablation import read_ablation
from seg6b.scoring.closure import Closure
from seg6b.scoring.facts import gate_facts
from seg6b.scoring.realism import gate_changes
from seg6b.states.pipeline import ROW_STATES

REPORT: Final = "ablation.md"


def ablation_report(root: Path, closure: Closure) -> list[Path]:
    """Write `reports/ablation.md`, where the closing rule names gates that have to fall and the control ended.

    Raises:
        EvidenceMissing: the evidence of the control was pruned.
    """
    control = next((run for run in closure.runs if run.arm == CONTROL), None)
    if not closure.targets.get("falls") or control is None:
        return []
    boards = damaged_boards(RunFolder.of(root, control.run_id), DAMAGES)
    changes = [gate_changes(control, replace(control, gates=gate_facts(board))) for board in boards]
    moved = list(zip(DAMAGES, changes, strict=True))
    return [write_ablation(read_ablation(closure, readers, moved), root / "reports" / REPORT)]


def readers(pack: str) -> tuple[str, ...]:
    """States that read a pack; what no state of rows reads is read by the validation.

    >>> readers("amount"), readers("behaviour"), readers("rng")
    (('S2',), ('S1', 'S2', 'S3', 'S4'), ('S5',))
    """
    return tuple(state.name for state in ROW_STATES if pack in state.packs) or (LAST,)

"""A closure under the rule that its winner be witnessed by a replay; what the replay said is kept with the sweep."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Final

from seg6b.runs.disk import read_record, write_json
from seg6b.scoring.closure import Closure, Decision
from seg6b.scoring.replay import ReplayWitness

FILE: Final = "witness.json"


def save_witness(folder: Path, witness: ReplayWitness) -> None:
    """Keep what a replay said with the sweep, in its folder."""
    write_json(folder / FILE, witness)


def saved_witness(folder: Path) -> ReplayWitness | None:
    """What `save_witness` kept, None where it kept nothing."""
    path = folder / FILE
    return read_record(path, ReplayWitness) if path.exists() else None


def under_witness(closure: Closure, witness: ReplayWitness | None) -> Closure:
    """The closure with what the replay of its winner says; a winner that is not borne out is none.

    Args:
        closure: of a sweep whose closing rule asks for a witness.
        witness: of its winner; None where the replay was not run yet, and the lane is on hold until it was.
    """
    best = next((arm for arm in closure.arms if arm.arm == closure.best), None)
    if best is None or best.decision is not Decision.KEEP:
        return closure
    holds = str(closure.targets.get("holds") or "")
    if witness is None or witness.run_id != best.run_id:
        missing = f"{best.arm}: its replay witness is still to be run"
        return replace(closure, decision=Decision.HOLD, marker=holds, reasons=(missing, *closure.reasons))
    if witness.identical:
        said = f"replay {witness.witness_id[:8]} bears it out: {len(witness.datasets)} datasets are identical"
        return replace(closure, reasons=(*closure.reasons, said), witness=witness)
    against = f"replay {witness.witness_id[:8]} differs: {'; '.join(witness.faults[:3])}"
    rejected = replace(best, decision=Decision.REJECT_SEMANTIC_DRIFT, reasons=(against, *best.reasons))
    return replace(
        closure,
        decision=Decision.REJECT_SEMANTIC_DRIFT,
        best="",
        marker=holds,
        reasons=(f"{best.arm}: {against}",),
        arms=tuple(rejected if arm.arm == best.arm else arm for arm in closure.arms),
        witness=witness,
    )

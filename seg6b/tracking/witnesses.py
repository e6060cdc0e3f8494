"""`project_witness`: a witness lane, shown to MLflow as a parent run with a nested child for every run of it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from seg6b.runs.folder import RunFolder
from seg6b.scoring.witness import WitnessClosure
from seg6b.tracking.run_sets import RunSet, project_set
from seg6b.tracking.settings import MLflowSettings


def project_witness(
    closure: WitnessClosure, root: Path, settings: MLflowSettings, artifacts: Sequence[Path] = ()
) -> str:
    """Log a witness lane to its experiment; done again, it brings the same runs up to date.

    Args:
        closure: what was decided.
        root: project root.
        settings: where to.
        artifacts: its files, copied to the parent.

    Returns:
        MLflow's id of the parent; empty where tracking is switched off.

    Raises:
        Damaged: a receipt of a run cannot be read.
        ResourceRefused: the store cannot be used; the closure itself is not affected.
    """
    if not settings.enabled:
        return ""
    runs = [
        (RunFolder.of(root, run.run_id), {"mlflow.runName": run.arm, "decision": str(closure.decision)})
        for run in (*closure.runs, *closure.again)
    ]
    decided = RunSet(closure.lane, closure.witness_id, _tags(closure), closure.generated_utc)
    return project_set(decided, runs, settings, artifacts)


def _tags(closure: WitnessClosure) -> dict[str, str]:
    return {
        "role": "witness",
        "decision": str(closure.decision),
        "marker": closure.marker,
        "reason": "; ".join(closure.reasons),
        "parameter_hash": closure.run.parameter_hash,
        "replay": str(closure.replay.verdict),
    }

"""`project_witness`: a witness lane, shown to MLflow as a parent run with a nested child for every run of it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from seg6b.runs.folder import RunFolder
from seg6b.scoring.witness import WitnessClosure
from seg6b.tracking.project import project_folder
from seg6b.tracking.projection import Projection
from seg6b.tracking.settings import MLflowSettings
from seg6b.tracking.store import open_store
from seg6b.tracking.sweeps import close_parent, project_parent


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
    runs = {run.arm: RunFolder.of(root, run.run_id) for run in (*closure.runs, *closure.again)}
    begun = min(run.receipt().started_utc for run in runs.values())
    parent = project_parent(settings, closure.lane, closure.witness_id, begun, _tags(closure))
    for name, run in runs.items():
        named = {"mlflow.runName": name, "decision": str(closure.decision)}
        project_folder(run, settings, parent, also=Projection(tags=named))
    with open_store(settings) as client:
        for path in artifacts:
            client.log_artifact(parent, str(path))
    close_parent(settings, parent, failed=False, ended_utc=closure.generated_utc)
    return parent


def _tags(closure: WitnessClosure) -> dict[str, str]:
    return {
        "role": "witness",
        "decision": str(closure.decision),
        "marker": closure.marker,
        "reason": "; ".join(closure.reasons),
        "parameter_hash": closure.run.parameter_hash,
        "replay": str(closure.replay.verdict),
    }

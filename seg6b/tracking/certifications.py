"""`project_certification`: a certification, shown to MLflow as a parent run with a nested child for every seed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from seg6b.runs.folder import RunFolder
from seg6b.scoring.certification import Certification
from seg6b.tracking.project import project_folder
from seg6b.tracking.projection import Projection
from seg6b.tracking.settings import MLflowSettings
from seg6b.tracking.store import open_store
from seg6b.tracking.sweeps import close_parent, project_parent

EXPERIMENT: Final = "P5"


def project_certification(
    certified: Certification, runs: Mapping[int, RunFolder], settings: MLflowSettings, artifacts: Sequence[Path] = ()
) -> str:
    """Log a certification to the experiment of its lane; done again, it brings the same runs up to date.

    Args:
        certified: what was decided.
        runs: the run of each seed.
        settings: where to.
        artifacts: its files, copied to the parent.

    Returns:
        MLflow's id of the parent; empty where tracking is switched off, or nothing was run.

    Raises:
        Damaged: a receipt of a run cannot be read.
        ResourceRefused: the store cannot be used; the certification itself is not affected.
    """
    if not settings.enabled or not runs:
        return ""
    begun = min(run.receipt().started_utc for run in runs.values())
    parent = project_parent(settings, EXPERIMENT, certified.certification_id, begun, _tags(certified))
    for seed, run in runs.items():
        verdict = certified.verdicts[str(seed)]
        named = {"mlflow.runName": f"seed {seed}", "decision": verdict, "grade": str(certified.grade)}
        project_folder(run, settings, parent, also=Projection(tags=named))
    with open_store(settings) as client:
        for path in artifacts:
            client.log_artifact(parent, str(path))
    close_parent(settings, parent, failed=False, ended_utc=certified.generated_utc)
    return parent


def _tags(certified: Certification) -> dict[str, str]:
    return {
        "role": "certification",
        "decision": str(certified.grade),
        "marker": str(certified.grade),
        "reason": "; ".join(certified.reasons),
        "parameter_hash": certified.parameter_hash,
        "gate_file": certified.gate_file[0],
        "mlflow.runName": f"{EXPERIMENT} certification {certified.certification_id[:8]}",
        "mlflow.source.name": "seg6b certify",
        "mlflow.note.content": f"**{certified.grade}** " + "; ".join(certified.reasons),
    }

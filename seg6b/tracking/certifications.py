"""`project_certification`: a certification, shown to MLflow as a parent run with a nested child for every seed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from seg6b.runs.folder import RunFolder
from seg6b.scoring.certification import Certification
from seg6b.tracking.run_sets import RunSet, project_set
from seg6b.tracking.settings import MLflowSettings

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
    grade, verdicts = str(certified.grade), certified.verdicts
    named = [
        (run, {"mlflow.runName": f"seed {seed}", "decision": verdicts[str(seed)], "grade": grade})
        for seed, run in runs.items()
    ]
    decided = RunSet(EXPERIMENT, certified.certification_id, _tags(certified), certified.generated_utc)
    return project_set(decided, named, settings, artifacts)


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

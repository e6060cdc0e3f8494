"""`project_set`: runs that were decided on together, shown to MLflow as a closed parent with a nested child each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from seg6b.runs.folder import RunFolder
from seg6b.tracking.project import project_folder
from seg6b.tracking.projection import Projection
from seg6b.tracking.settings import MLflowSettings
from seg6b.tracking.store import open_store
from seg6b.tracking.sweeps import close_parent, project_parent


@dataclass(frozen=True, slots=True)
class RunSet:
    """What stands for the set.

    Attributes:
        experiment: where it is logged.
        identity: 32 lower hex that names it.
        tags: of the parent.
        ended_utc: when it was decided.
    """

    experiment: str
    identity: str
    tags: Mapping[str, str]
    ended_utc: str


def project_set(
    decided: RunSet,
    runs: Sequence[tuple[RunFolder, Mapping[str, str]]],
    settings: MLflowSettings,
    artifacts: Sequence[Path],
) -> str:
    """Log the runs, each with its own tags, below their parent; the id of the parent.

    Done again, it brings the same runs up to date.

    Raises:
        Damaged: a receipt of a run cannot be read.
        ResourceRefused: the store cannot be used.
    """
    begun = min(run.receipt().started_utc for run, _ in runs)
    parent = project_parent(settings, decided.experiment, decided.identity, begun, dict(decided.tags))
    for run, tags in runs:
        project_folder(run, settings, parent, also=Projection(tags=dict(tags)))
    with open_store(settings) as client:
        for path in artifacts:
            client.log_artifact(parent, str(path))
    close_parent(settings, parent, failed=False, ended_utc=decided.ended_utc)
    return parent

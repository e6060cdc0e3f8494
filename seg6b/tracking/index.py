"""What the store knows of this project: its runs by run id, its sweeps by sweep id."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from seg6b.tracking.settings import MLflowSettings
from seg6b.tracking.store import follow_move, open_store

if TYPE_CHECKING:
    from mlflow.tracking import MlflowClient

RUN: Final = "seg6b.run_id"
SWEEP: Final = "seg6b.sweep_id"
_ID: Final = re.compile(r"[0-9a-f]{32}")
_PAGE: Final = 500


@dataclass(frozen=True, slots=True)
class Known:
    """One run as the store has it.

    Attributes:
        mlflow_id: MLflow's run id.
        experiment: id of its experiment.
        status: `RUNNING`, `FINISHED`, `FAILED`, `KILLED` or `SCHEDULED`.
        deleted: whether somebody deleted it there.
        tags: its tags.
        metrics: the last value of each metric.
    """

    mlflow_id: str
    experiment: str
    status: str
    deleted: bool
    tags: dict[str, str]
    metrics: dict[str, float]


@dataclass(frozen=True, slots=True)
class Index:
    """Everything that carries our tags."""

    runs: dict[str, Known] = field(default_factory=dict)
    sweeps: dict[str, Known] = field(default_factory=dict)


def take_index(settings: MLflowSettings) -> Index:
    """Read the store; artifacts of a project folder that was moved are found again first.

    Raises:
        ResourceRefused: the store cannot be used.
    """
    with open_store(settings) as client:
        follow_move(client, settings)
        experiments = [e.experiment_id for e in client.search_experiments()]
        return Index(_tagged(client, experiments, RUN), _tagged(client, experiments, SWEEP))


def _tagged(client: MlflowClient, experiments: list[str], tag: str) -> dict[str, Known]:
    """Runs with an id of ours as tag, by it; of one that was deleted and made again the living one counts."""
    found = [(run.data.tags[tag], _known(run)) for run in _pages(client, experiments, f"tags.`{tag}` LIKE '%'")]
    ours = [(name, known) for name, known in found if _ID.fullmatch(name)]
    return dict(sorted(ours, key=lambda item: not item[1].deleted))


def _pages(client: MlflowClient, experiments: list[str], wanted: str) -> Iterator[Any]:
    from mlflow.entities import ViewType  # noqa: PLC0415 - importing MLflow takes seconds

    token: str | None = None
    while experiments and (token is None or token):
        page = client.search_runs(experiments, wanted, ViewType.ALL, _PAGE, page_token=token)
        yield from page
        token = page.token or ""


def _known(run: Any) -> Known:  # noqa: ANN401 - MLflow is not typed
    info = run.info
    gone = info.lifecycle_stage == "deleted"
    return Known(info.run_id, info.experiment_id, info.status, gone, dict(run.data.tags), dict(run.data.metrics))


def retag(settings: MLflowSettings, index: Index, wanted: Mapping[str, Mapping[str, str]]) -> tuple[str, ...]:
    """Set tags where they read otherwise.

    Args:
        settings: the store.
        index: what it holds.
        wanted: run id → tags; runs that the store does not have are passed over.

    Returns:
        The run ids that were changed.

    Raises:
        ResourceRefused: the store cannot be used.
    """
    known = {run_id: index.runs[run_id] for run_id in wanted if run_id in index.runs}
    stale = [i for i, run in known.items() if not run.deleted and not wanted[i].items() <= run.tags.items()]
    if stale:
        with open_store(settings) as client:
            for run_id in stale:
                for name, value in wanted[run_id].items():
                    client.set_tag(known[run_id].mlflow_id, name, value)
    return tuple(stale)

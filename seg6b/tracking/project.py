"""`project`: one run, shown to MLflow; done twice, it shows the same run."""

from __future__ import annotations

import getpass
import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from seg6b.gates.result import GateBoard
from seg6b.runs.receipt import RunReceipt, StateReceipt
from seg6b.tracking.projection import Projection, project_run
from seg6b.tracking.settings import MLflowSettings
from seg6b.tracking.store import experiment_id, open_store, store_lock

if TYPE_CHECKING:
    from mlflow.entities import DatasetInput
    from mlflow.tracking import MlflowClient

_STATUS: Final = {"DONE": "FINISHED", "FAILED": "FAILED", "RUNNING": "RUNNING"}
_METRICS_A_CALL: Final = 800
_OTHERS_A_CALL: Final = 100


def project(
    receipt: RunReceipt,
    states: Sequence[StateReceipt],
    board: GateBoard | None,
    artifacts: Sequence[Path],
    settings: MLflowSettings,
    parent_id: str | None = None,
    *,
    tags: Mapping[str, str] | None = None,
) -> str:
    """Log a run to the experiment named after its lane.

    Args:
        receipt: the run.
        states: its states.
        board: its gates; None where S5 did not happen.
        artifacts: files to copy; those in a folder `states` keep it, the others go to the top.
        settings: where to.
        parent_id: MLflow id of the parent run of a sweep.
        tags: further tags, such as `decision` and `owner`; they win.

    Returns:
        MLflow's run id; empty where tracking is switched off. A run that is already there (by its tag
        `seg6b.run_id`) is brought up to date, not doubled.

    Raises:
        ResourceRefused: the store cannot be used; nothing of the run itself is affected.
    """
    if not settings.enabled:
        return ""
    shown = project_run(receipt, states, board)
    nesting = {"mlflow.parentRunId": parent_id} if parent_id else {}
    shown = Projection(shown.params, shown.metrics, {**shown.tags, **nesting, **(tags or {})})
    started, ended = _millis(receipt.started_utc), _millis(receipt.ended_utc or receipt.started_utc)
    with open_store(settings) as client:
        experiment = experiment_id(client, settings, receipt.lane)
        run_id = _born(client, settings, experiment, started, ("seg6b.run_id", receipt.run_id))
        _log(client, run_id, shown, ended)
        client.log_inputs(run_id, datasets=[_world(receipt)])
        for path in artifacts:
            client.log_artifact(run_id, str(path), "states" if path.parent.name == "states" else None)
        _end(client, run_id, _STATUS.get(receipt.status, "FAILED"), ended)
    return run_id


def project_parent(
    settings: MLflowSettings, experiment: str, sweep_id: str, started_utc: str, tags: Mapping[str, str]
) -> str:
    """MLflow id of a sweep's parent run, created where it does not exist yet; found again by its sweep id.

    Raises:
        ResourceRefused: the store cannot be used.
    """
    if not settings.enabled:
        return ""
    with open_store(settings) as client:
        where = experiment_id(client, settings, experiment)
        run_id = _born(client, settings, where, _millis(started_utc), ("seg6b.sweep_id", sweep_id))
        _log(client, run_id, Projection(tags={"mlflow.runName": f"{experiment} sweep {sweep_id[:8]}", **tags}), 0)
    return run_id


def close_parent(settings: MLflowSettings, parent_id: str, *, failed: bool, ended_utc: str) -> None:
    """End a sweep's parent run."""
    if settings.enabled and parent_id:
        with open_store(settings) as client:
            _end(client, parent_id, "FAILED" if failed else "FINISHED", _millis(ended_utc))


def _born(
    client: MlflowClient, settings: MLflowSettings, experiment: str, started: int, identity: tuple[str, str]
) -> str:
    """The run that carries the identity tag; its tag is set in the same call that creates it."""
    name, value = identity
    with store_lock(settings):
        found = client.search_runs([experiment], f"tags.`{name}` = '{value}'", max_results=1)
        if found:
            return str(found[0].info.run_id)
        run = client.create_run(experiment, start_time=started, tags={name: value, "mlflow.user": _user()})
    return str(run.info.run_id)


def _log(client: MlflowClient, run_id: str, shown: Projection, at: int) -> None:
    """One call where it fits; the stamp is the run's end, so that a second projection repeats the same points."""
    from mlflow.entities import Metric, Param, RunTag  # noqa: PLC0415 - importing MLflow takes seconds

    metrics = [Metric(k, v, at, 0) for k, v in shown.metrics.items()]
    params = [Param(k, v) for k, v in shown.params.items()]
    tags = [RunTag(k, v) for k, v in shown.tags.items()]
    while metrics or params or tags:
        client.log_batch(run_id, metrics[:_METRICS_A_CALL], params[:_OTHERS_A_CALL], tags[:_OTHERS_A_CALL])
        metrics, params, tags = metrics[_METRICS_A_CALL:], params[_OTHERS_A_CALL:], tags[_OTHERS_A_CALL:]


def _world(receipt: RunReceipt) -> DatasetInput:
    """The world as MLflow's dataset input."""
    from mlflow.entities import Dataset, DatasetInput, InputTag  # noqa: PLC0415

    fingerprint = receipt.manifest_fingerprint
    world = Dataset(
        name=f"world {receipt.world.get('name', '')}".strip(),
        digest=fingerprint[:32],
        source_type="seg6b.world",
        source=json.dumps({"manifest_fingerprint": fingerprint, "scenario_id": receipt.scenario_id}),
        schema="{}",
        profile=json.dumps(receipt.world, sort_keys=True, default=str),
    )
    return DatasetInput(world, [InputTag("mlflow.data.context", "world")])


def _end(client: MlflowClient, run_id: str, status: str, at: int) -> None:
    if status == "RUNNING":
        client.update_run(run_id, status)
    else:
        client.set_terminated(run_id, status, end_time=at)


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"


def _millis(stamp: str) -> int:
    return int(datetime.fromisoformat(stamp).timestamp() * 1000)

"""One run of the store: born once, told what it does not know yet, ended."""

from __future__ import annotations

import getpass
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Final

from seg6b.tracking.projection import Projection, fitted
from seg6b.tracking.settings import MLflowSettings
from seg6b.tracking.store import store_lock

if TYPE_CHECKING:
    from mlflow.tracking import MlflowClient

_METRICS_A_CALL: Final = 800
_OTHERS_A_CALL: Final = 100


def born(
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


def log(client: MlflowClient, run_id: str, shown: Projection, at: int) -> None:
    """Tell what the store does not know yet, in one call where it fits.

    A parameter cannot be told twice: one that reads otherwise now goes to the tag `param.<name>`. A metric that is
    another one now becomes a later point than the one before.
    """
    from mlflow.entities import Metric, Param, RunTag  # noqa: PLC0415 - importing MLflow takes seconds

    new, known = fitted(shown), client.get_run(run_id).data
    changed = [k for k, v in new.metrics.items() if known.metrics.get(k) != v]
    metrics = [Metric(k, new.metrics[k], _later(client, run_id, k, at, known.metrics), 0) for k in changed]
    params = [Param(k, v) for k, v in new.params.items() if k not in known.params]
    corrected = {f"param.{k}": v for k, v in new.params.items() if known.params.get(k, v) != v}
    tags = [RunTag(k, v) for k, v in {**new.tags, **corrected}.items() if known.tags.get(k) != v]
    while metrics or params or tags:
        client.log_batch(run_id, metrics[:_METRICS_A_CALL], params[:_OTHERS_A_CALL], tags[:_OTHERS_A_CALL])
        metrics, params, tags = metrics[_METRICS_A_CALL:], params[_OTHERS_A_CALL:], tags[_OTHERS_A_CALL:]


def end(client: MlflowClient, run_id: str, status: str, at: int) -> None:
    """Set status and end of a run; one that is `RUNNING` has no end."""
    if status == "RUNNING":
        client.update_run(run_id, status)
    else:
        client.set_terminated(run_id, status, end_time=at)


def millis(stamp: str) -> int:
    """An RFC 3339 time in milliseconds since 1970."""
    return int(datetime.fromisoformat(stamp).timestamp() * 1000)


def _later(client: MlflowClient, run_id: str, metric: str, at: int, known: Mapping[str, float]) -> int:
    if metric not in known:
        return at
    return max(at, 1 + max(point.timestamp for point in client.get_metric_history(run_id, metric)))


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"

"""Opening the tracking store: once prepared, never in anybody's global state, and quick to say that it is not there."""

from __future__ import annotations

import os
import socket
import sqlite3
import warnings
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from filelock import FileLock, Timeout

from seg6b.errors import ResourceRefused
from seg6b.tracking.relocate import relocate
from seg6b.tracking.settings import MLflowSettings

if TYPE_CHECKING:
    from mlflow.tracking import MlflowClient

_PORTS: Final = {"http": 80, "https": 443, "postgresql": 5432, "mysql": 3306, "mssql": 1433}
_QUIET: Final = {"MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true", "MLFLOW_LOGGING_LEVEL": "CRITICAL"}
_PATIENCE: Final = {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2", "MLFLOW_HTTP_REQUEST_TIMEOUT": "20"}
_LOCK_S: Final = 60.0
_INHERITED: Final = ("MLFLOW_RUN_ID", "MLFLOW_EXPERIMENT_ID", "MLFLOW_EXPERIMENT_NAME")


def prepare(settings: MLflowSettings, experiment: str) -> None:
    """Create or migrate the store and create the experiment, once, before any job logs.

    Raises:
        ResourceRefused: the store is locked, read-only, damaged or unreachable.
    """
    if settings.enabled:
        with open_store(settings) as client:
            experiment_id(client, settings, experiment)


@contextmanager
def open_store(settings: MLflowSettings) -> Iterator[MlflowClient]:
    """A client of the store; whatever goes wrong inside is told as one refusal."""
    _refuse_unreachable(settings)
    quiet_environment()
    from mlflow.exceptions import MlflowException  # noqa: PLC0415 - importing MLflow takes seconds
    from sqlalchemy.exc import SQLAlchemyError  # noqa: PLC0415

    try:
        yield _client(settings)
    except (MlflowException, SQLAlchemyError, OSError) as error:
        raise _refusal(settings, str(error)) from error


def quiet_environment() -> None:
    """No telemetry, no chatter, short patience, and no run id inherited from a parent process."""
    for name in _INHERITED:
        os.environ.pop(name, None)
    os.environ.update({k: v for k, v in _QUIET.items() if k != "MLFLOW_LOGGING_LEVEL"})
    for name, value in {**_QUIET, **_PATIENCE}.items():
        os.environ.setdefault(name, value)


def experiment_id(client: MlflowClient, settings: MLflowSettings, experiment: str) -> str:
    """Id of the experiment: found, revived or created; a moved project folder is followed."""
    location = settings.artifact_location(experiment)
    with store_lock(settings):
        found = client.get_experiment_by_name(experiment)
        if found is None:
            return str(client.create_experiment(experiment, artifact_location=location))
        if found.lifecycle_stage == "deleted":
            client.restore_experiment(found.experiment_id)
        _follow(settings, found.artifact_location, location)
        return str(found.experiment_id)


def follow_move(client: MlflowClient, settings: MLflowSettings) -> None:
    """Where the project folder was moved: point every experiment's artifacts to where they lie now."""
    with store_lock(settings):
        for found in client.search_experiments():
            _follow(settings, found.artifact_location, settings.artifact_location(found.name))


def _follow(settings: MLflowSettings, recorded: str, wanted: str | None) -> None:
    """Only from one project folder to another: an artifact store elsewhere keeps its address."""
    if settings.sqlite_path is None or wanted is None or recorded == wanted or not wanted.startswith("file:"):
        return
    own = "/".join(["", "mlruns", "artifacts", wanted.rpartition("/")[2]])
    if recorded.startswith("file:") and recorded.endswith(own):
        relocate(settings.sqlite_path, recorded, wanted)


@contextmanager
def store_lock(settings: MLflowSettings) -> Iterator[None]:
    """Hold the tracking lock of this project; whoever makes or migrates the store may need it for a while."""
    wait = max(settings.timeout_s, _LOCK_S)
    settings.lock_path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(settings.lock_path, timeout=wait):
            yield
    except Timeout as error:
        raise _refusal(settings, f"another process held {settings.lock_path} for {wait:g} s") from error


def _client(settings: MLflowSettings) -> MlflowClient:
    from mlflow.exceptions import MlflowException  # noqa: PLC0415
    from mlflow.tracking import MlflowClient  # noqa: PLC0415

    with store_lock(settings), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return MlflowClient(tracking_uri=settings.store_uri)
        except MlflowException as error:
            if settings.sqlite_path is None or "out-of-date database schema" not in str(error):
                raise
        _migrate(settings)
        return MlflowClient(tracking_uri=settings.store_uri)


def _migrate(settings: MLflowSettings) -> None:
    """Bring an older SQLite store up to this MLflow; a copy of it stays beside it."""
    from mlflow.db import upgrade  # noqa: PLC0415

    path = settings.sqlite_path
    if path is not None:
        with closing(sqlite3.connect(path)) as old, closing(sqlite3.connect(path.with_suffix(".before.db"))) as copy:
            old.backup(copy)
    upgrade.callback(settings.store_uri)


def _refuse_unreachable(settings: MLflowSettings) -> None:
    """Ask the store for a sign of life before MLflow does, whose own retries can last for minutes."""
    path = settings.sqlite_path
    try:
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            with closing(sqlite3.connect(path, timeout=settings.timeout_s, isolation_level=None)) as probe:
                probe.execute("BEGIN IMMEDIATE")
                probe.execute("CREATE TABLE seg6b_probe (x)")
                probe.execute("ROLLBACK")
            return
        parts = urlsplit(settings.store_uri)
        port = parts.port or _PORTS.get(parts.scheme.partition("+")[0])
        if parts.hostname and port:
            socket.create_connection((parts.hostname, port), timeout=settings.timeout_s).close()
    except (sqlite3.Error, OSError, ValueError) as error:
        raise _refusal(settings, str(error)) from error


def _refusal(settings: MLflowSettings, reason: str) -> ResourceRefused:
    return ResourceRefused(
        "E_TRACKING_STORE",
        "the tracking store cannot be used",
        _without_secrets(settings.store_uri),
        next((line for line in reason.strip().splitlines() if not line.startswith("(raised as")), "")[:200],
        "a store that answers and can be written",
        "Every run itself is safe; `python -m seg6b sync` tells the store when it answers again.",
    )


def _without_secrets(uri: str) -> str:
    """The address without user, password and query."""
    parts = urlsplit(uri)
    if not parts.hostname:
        return uri
    place = parts.netloc.rpartition("@")[2]
    return f"{parts.scheme}://{place}{parts.path}"

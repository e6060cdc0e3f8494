import os
import sqlite3
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

from seg6b.tracking.settings import MLflowSettings
from seg6b.tracking.store import _migrate, follow_move, open_store, prepare

PREPARE = "import sys, pathlib; from seg6b.tracking import settings, store; store.prepare(settings.MLflowSettings(pathlib.Path(sys.argv[1])), sys.argv[2])"


def test_processes_that_start_together_create_one_experiment(tmp_path):
    command = [sys.executable, "-c", PREPARE, str(tmp_path), "adhoc"]
    with ThreadPoolExecutor(3) as pool:
        done = list(pool.map(lambda _: subprocess.run(command, capture_output=True, text=True, check=False), range(3)))
    assert [(d.returncode, d.stderr) for d in done] == [(0, "")] * 3
    with open_store(MLflowSettings(tmp_path)) as client:
        assert sorted(e.name for e in client.search_experiments()) == ["Default", "adhoc"]


def test_importing_the_room_does_not_import_mlflow():
    code = "import sys, seg6b.tracking.project, seg6b.tracking.store; print('mlflow' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_telemetry_is_off_and_the_run_id_forgotten(settings, monkeypatch):
    monkeypatch.setenv("MLFLOW_RUN_ID", "f" * 32)
    monkeypatch.delenv("DO_NOT_TRACK", raising=False)
    prepare(settings, "adhoc")
    assert (os.environ["MLFLOW_DISABLE_TELEMETRY"], os.environ["DO_NOT_TRACK"]) == ("true", "true")
    assert "MLFLOW_RUN_ID" not in os.environ


def test_older_store_is_migrated_and_kept(tmp_path):
    settings = MLflowSettings(tmp_path)
    head = _store_before_last_migration(settings)
    _migrate(settings)
    assert _version(settings.sqlite_path) == head
    assert _version(settings.sqlite_path.with_suffix(".before.db")) != head


def test_older_store_is_opened(tmp_path):
    settings = MLflowSettings(tmp_path)
    head = _store_before_last_migration(settings)
    prepare(settings, "adhoc")
    assert _version(settings.sqlite_path) == head


def _version(database):
    with closing(sqlite3.connect(database)) as connection:
        return connection.execute("SELECT version_num FROM alembic_version").fetchone()[0]


def _store_before_last_migration(settings):
    """A store of an older MLflow: all migrations but the last; returns the last one's name."""
    from alembic import command
    from alembic.script import ScriptDirectory
    from mlflow.store.db.utils import _get_alembic_config, create_sqlalchemy_engine
    from mlflow.store.tracking.dbmodels.initial_models import Base

    settings.sqlite_path.parent.mkdir(parents=True)
    engine = create_sqlalchemy_engine(settings.store_uri)
    Base.metadata.create_all(engine)
    config = _get_alembic_config(settings.store_uri)
    script = ScriptDirectory.from_config(config)
    head = script.get_current_head()
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, script.get_revision(head).down_revision)
    engine.dispose()
    return head


def test_relative_sqlite_path_is_taken_from_the_root(tmp_path):
    settings = MLflowSettings(tmp_path, uri="sqlite:///elsewhere/store.db")
    assert settings.store_uri == f"sqlite:///{tmp_path}/elsewhere/store.db"
    assert MLflowSettings(tmp_path, uri="http://127.0.0.1:5000").artifact_location("adhoc") is None
    assert MLflowSettings(tmp_path, artifact_root="s3://bucket/x/").artifact_location("a/b") == "s3://bucket/x/a_b"


def test_artifact_store_elsewhere_keeps_its_address(settings):
    away = MLflowSettings(settings.root, artifact_root="s3://bucket/x")
    prepare(away, "adhoc")
    prepare(settings, "adhoc")
    with open_store(settings) as client:
        assert client.get_experiment_by_name("adhoc").artifact_location == "s3://bucket/x/adhoc"


def test_every_experiment_of_a_moved_project_is_followed(settings, tmp_path):
    for name in ("adhoc", "POPT.1"):
        prepare(settings, name)
    moved = MLflowSettings(tmp_path / "new")
    (tmp_path / "new").mkdir()
    (tmp_path / "mlruns").rename(tmp_path / "new" / "mlruns")
    with open_store(moved) as client:
        follow_move(client, moved)
        places = {e.name: e.artifact_location for e in client.search_experiments()}
    assert {places["adhoc"], places["POPT.1"]} == {moved.artifact_location(n) for n in ("adhoc", "POPT.1")}

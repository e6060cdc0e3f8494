"""Fixtures that many rooms share: composed jobs, and finished runs of the tiny and the default world.

Under `pytest -n` every worker has its own session; what `once` makes they share, and only read.
"""

from __future__ import annotations

import json
import os
import tempfile
from functools import cache
from pathlib import Path

import pytest
from filelock import FileLock
from hypothesis import HealthCheck, settings

os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("DO_NOT_TRACK", "true")

# how long an example takes says what else the machine does
settings.register_profile("any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any machine")

CONF = Path(__file__).resolve().parents[1] / "conf"


def pytest_collection_modifyitems(items):
    """The commands of the street first: each takes seconds, and no worker should be left alone with one at the end."""
    items.sort(key=lambda item: "street" not in item.path.parts)


@pytest.fixture(scope="session")
def once(tmp_path_factory):
    """`once("name", make)`: what `make(folder)` returned (as JSON), made by the first worker that asks for it."""
    base = tmp_path_factory.getbasetemp()
    shared = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "once"
    shared.mkdir(exist_ok=True)

    def get(name, make):
        told = shared / f"{name}.json"
        with FileLock(shared / f"{name}.lock"):
            if not told.exists():
                folder = shared / name
                folder.mkdir(exist_ok=True)
                told.write_text(json.dumps(make(folder)))
        return json.loads(told.read_text())

    return get


@pytest.fixture(scope="module")
def other_disk(tmp_path_factory):
    """A folder on another file system than the tests' own."""
    own = tmp_path_factory.getbasetemp().stat().st_dev
    places = [Path(p) for p in ("/dev/shm", tempfile.gettempdir(), Path.cwd()) if Path(p).is_dir()]  # noqa: S108
    elsewhere = next((p for p in places if p.stat().st_dev != own and os.access(p, os.W_OK)), None)
    if elsewhere is None:
        pytest.skip("there is only one file system here")
    with tempfile.TemporaryDirectory(dir=elsewhere, prefix=".other-disk-") as folder:
        yield Path(folder)


@pytest.fixture(scope="session")
def session_root(once):
    """One project root for the session: its worlds are made once."""
    return Path(once("root", str))


@pytest.fixture(scope="session")
def job(session_root):
    """`job("world=tiny", …)`: a composed job, as the command line would compose it, that is not tracked.

    It links no state from another run unless it is told to: what ran twice is then comparable.
    """
    from hydra import compose, initialize_config_dir
    from hydra.core.global_hydra import GlobalHydra
    from omegaconf import open_dict

    from seg6b.settings.load import load_job
    from seg6b.settings.schema import register

    register()

    @cache
    def build(*overrides, root=session_root):
        GlobalHydra.instance().clear()
        with initialize_config_dir(version_base="1.3", config_dir=str(CONF)):
            given = [f"root={root}", *_alone(overrides), *overrides]
            config = compose("config", given, return_hydra_config=True)
            choices = dict(config.hydra.runtime.choices)
            plain = config.copy()
            with open_dict(plain):
                plain.pop("hydra")
            return load_job(plain, choices)

    return build


def _alone(overrides):
    """Overrides that keep a job to itself, unless `overrides` say otherwise."""
    kept = {"tracking": "off", "source_run": "none"}
    return [f"{k}={v}" for k, v in kept.items() if not any(o.startswith(f"{k}=") for o in overrides)]


@pytest.fixture(scope="session")
def candidate(job):
    """`candidate("world=tiny", …)`: the outcome of a finished run."""
    from seg6b.lane.candidate import run_candidate
    from seg6b.runs.progress import Silent

    return lambda *overrides: run_candidate(job(*overrides), Silent())


@pytest.fixture(scope="session")
def tiny_run(once, candidate):
    """Folder of a finished run on the tiny world."""
    return Path(once("tiny-run", lambda _: str(candidate("world=tiny").run.path)))


@pytest.fixture(scope="session")
def default_run(once, candidate):
    """Folder of a finished run on the default world."""
    return Path(once("default-run", lambda _: str(candidate("world=default").run.path)))


@pytest.fixture(scope="session")
def dplus_run(once, candidate):
    """Folder of a finished run of D+ on the default world."""
    return Path(once("dplus-run", lambda _: str(candidate("world=default", "posture=dplus").run.path)))

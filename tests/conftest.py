"""Fixtures that many rooms share: composed jobs, and finished runs of the tiny and the default world."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("DO_NOT_TRACK", "true")

CONF = Path(__file__).resolve().parents[1] / "conf"


@pytest.fixture(scope="session")
def session_root(tmp_path_factory):
    """One project root for the session: its worlds are made once."""
    return tmp_path_factory.mktemp("root")


@pytest.fixture(scope="session")
def job(session_root):
    """`job("world=tiny", …)`: a composed job, as the command line would compose it; tracking is off."""
    from hydra import compose, initialize_config_dir
    from hydra.core.global_hydra import GlobalHydra

    from seg6b.settings.load import load_job
    from seg6b.settings.schema import register

    register()

    def build(*overrides, root=session_root):
        GlobalHydra.instance().clear()
        with initialize_config_dir(version_base="1.3", config_dir=str(CONF)):
            config = compose("config", [f"root={root}", "tracking=off", *overrides], return_hydra_config=True)
            choices = dict(config.hydra.runtime.choices)
            plain = config.copy()
            from omegaconf import open_dict

            with open_dict(plain):
                plain.pop("hydra")
            return load_job(plain, choices)

    return build


@pytest.fixture(scope="session")
def candidate(job):
    """`candidate("world=tiny", …)`: the outcome of a finished run."""
    from seg6b.lane.candidate import run_candidate
    from seg6b.runs.progress import Silent

    return lambda *overrides: run_candidate(job(*overrides), Silent())


@pytest.fixture(scope="session")
def tiny_run(candidate):
    """Folder of a finished run on the tiny world."""
    return candidate("world=tiny").run.path


@pytest.fixture(scope="session")
def default_run(candidate):
    """Folder of a finished run on the default world."""
    return candidate("world=default").run.path

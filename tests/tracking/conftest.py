"""A store for each test: made once, then copied, because making one takes as long as all that is done with it."""

from __future__ import annotations

import shutil

import pytest

from seg6b.tracking.settings import MLflowSettings
from seg6b.tracking.store import prepare


@pytest.fixture(scope="session")
def empty_store(tmp_path_factory):
    """The file of a store without experiments of ours."""
    settings = MLflowSettings(tmp_path_factory.mktemp("store"))
    prepare(settings, "Default")
    return settings.sqlite_path


@pytest.fixture
def settings(tmp_path, empty_store):
    """A project root with an empty store; a locked one is not waited for."""
    settings = MLflowSettings(tmp_path, timeout_s=0.5)
    settings.sqlite_path.parent.mkdir(parents=True)
    shutil.copy(empty_store, settings.sqlite_path)
    return settings

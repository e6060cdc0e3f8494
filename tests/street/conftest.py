"""One finished small run, against which the runs with accidents are held; and a browser."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.street.browser import Opened, chromium
from tests.street.compared import build
from tests.street.lanes import SMALL, only_run, run_lane


@pytest.fixture(scope="session")
def finished_root(once):
    """Root of one finished small run, which the tests only read."""

    def make(root):
        assert run_lane(root).whole
        return str(root)

    return Path(once("finished", make))


@pytest.fixture(scope="session")
def finished(finished_root):
    """Folder of that run."""
    return only_run(finished_root)


@pytest.fixture(scope="session")
def usual_code(finished):
    """Its exit code: on a world this small a gate may fail, which is no refusal."""
    return int(json.loads((finished / "gates.json").read_text())["verdict"] == "FAIL_REALISM")


@pytest.fixture
def root(tmp_path, finished_root):
    """A root without runs, on the world of the finished run."""
    (tmp_path / "mlruns").mkdir()
    (tmp_path / "mlruns" / "world").symlink_to(finished_root / "mlruns" / "world")
    return tmp_path


@pytest.fixture(scope="session")
def small_job(job):
    """The job of the finished run; `dataclasses.replace` gives it another root or a run to go on with."""
    return job(*SMALL)


@pytest.fixture(scope="session")
def compared(job, tmp_path_factory):
    """A project with an authority and a closed sweep, told to MLflow; only read."""
    return build(tmp_path_factory.mktemp("compared"), job)


@pytest.fixture(scope="module")
def browser():
    with chromium() as found:
        yield found


@pytest.fixture
def opened(browser):
    """`opened(path, width, scheme)`: the page in a browser without a network, once its plots are drawn."""
    contexts = []

    def go(path, width=1280, scheme="light"):
        contexts.append(browser.new_context(viewport={"width": width, "height": 844}, color_scheme=scheme))
        contexts[-1].set_offline(True)
        return Opened(contexts[-1].new_page(), path)

    yield go
    for context in contexts:
        context.close()

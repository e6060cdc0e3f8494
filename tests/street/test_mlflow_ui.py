"""MLflow's real UI, started by our command: candidate and authority side by side, on this machine alone."""

from __future__ import annotations

import json
import signal
import subprocess
import sys

import psutil
import pytest

from tests.street.lanes import PROJECT, environment


@pytest.fixture(scope="module")
def served(compared):
    """What `seg6b ui` says, and its process; ended as a person ends it."""
    command = [sys.executable, "-m", "seg6b", "ui", "--port", "0", "--json", "--root", str(compared.root)]
    process = subprocess.Popen(
        command, cwd=PROJECT, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),  # noqa: PLW1509 - no threads yet
    )  # fmt: skip
    said = ""
    while not said.rstrip().endswith("}"):
        line = process.stdout.readline()
        assert line, process.communicate()
        said += line
    family = [process, *psutil.Process(process.pid).children(recursive=True)]
    yield json.loads(said), family
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    assert process.returncode in {0, 130}, err
    assert "Traceback" not in out + err
    assert not any(psutil.pid_exists(p.pid) for p in family[1:])


def scrolled_to(page, wanted):
    """Whether `wanted` stands in the table of metrics, of which MLflow draws only the rows in view."""
    values = page.locator(".ReactVirtualized__Grid").last
    for _ in range(40):
        if page.get_by_text(wanted, exact=True).count():
            return True
        values.evaluate("grid => grid.scrollBy(0, 200)")
        page.wait_for_timeout(100)
    return False


def test_the_compare_page_shows_what_a_reviewer_asks_first(served, browser, compared):
    page = browser.new_context(viewport={"width": 1280, "height": 1600}).new_page()
    page.set_default_timeout(20_000)
    page.goto(served[0]["compare_url"])
    for text in ("s4.compression", "elapsed_s.S4", "KEEP_PROVISIONAL"):
        page.get_by_text(text, exact=True).first.wait_for(state="attached")
    body = page.inner_text("body")
    assert "Comparing 2 Runs" in body
    assert "c01 s4.compression=lz4" in body, "the candidate's name says what it tried"
    assert compared.authority.run_id[:8] in body
    assert scrolled_to(page, "ratio_vs_authority.S4")
    page.context.close()


def test_it_listens_on_this_machine_alone(served):
    processes = [psutil.Process(p.pid) for p in served[1][1:] if psutil.pid_exists(p.pid)]
    heard = {c.laddr.ip for p in processes for c in p.net_connections("tcp") if c.status == psutil.CONN_LISTEN}
    assert heard == {"127.0.0.1"}

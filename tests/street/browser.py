"""A real browser without a network, and what a page complains of in it."""

import shutil
from contextlib import contextmanager

import pytest
from playwright.sync_api import sync_playwright

ARGUMENTS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@contextmanager
def chromium():
    path = shutil.which("chromium")
    if path is None:
        pytest.fail("no browser: `apt-get install -y chromium fonts-dejavu-core`, as .ci/run does", pytrace=False)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(ARGUMENTS))
        yield browser
        browser.close()


class Opened:
    """A board in a browser without a network, with everything it complained of and asked for."""

    def __init__(self, page, path):
        self.page, self.complaints, self.requests = page, [], []
        self.page.on("console", lambda m: self.complaints.append(m.text) if m.type in ("error", "warning") else None)
        self.page.on("pageerror", lambda e: self.complaints.append(str(e)))
        self.page.on("request", lambda r: self.requests.append(r.url))
        self.page.goto(path.as_uri())
        self.page.wait_for_selector("html[data-ready]", state="attached", timeout=60_000)

    def ask(self, script):
        return self.page.evaluate(script)

import re
import shutil
from dataclasses import replace
from importlib.resources import files

import pytest
from typer.testing import CliRunner

from seg6b.cli.app import app
from seg6b.render.closure_files import write_closure
from seg6b.render.popt import write_summary
from seg6b.render.story import write_story
from tests.render.closures import HISTORY, closure, remediation
from tests.render.stories import story
from tests.render.summaries import summary

HOSTILE = "</script><img src=x onerror=\"document.title='taken'\">%{y}<b>"
KINDS = {
    "mlruns/runs/*/gateboard.html",
    "reports/segment6b_p0_realism_gateboard_*.html",
    "reports/segment6b_popt2r2_closure_*.html",
    "reports/remediation_story.html",
    "reports/popt_summary.html",
}


def hostile():
    arms = tuple(
        replace(
            s, overrides=(HOSTILE,), reasons=(HOSTILE,), drifts=tuple(replace(d, dataset=HOSTILE) for d in s.drifts)
        )
        for s in closure().arms
    )
    return closure(arms=arms, reasons=(HOSTILE,), overrides=(HOSTILE,), lane=HOSTILE, marker=HOSTILE, owner=HOSTILE)


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    folder = tmp_path_factory.mktemp("closures")
    built = {"knobs": (closure(), HISTORY), "policy": (remediation(), ()), "hostile": (hostile(), (HOSTILE,))}
    return {name: write_closure(*build, folder / name, lines)[2] for name, (*build, lines) in built.items()}


@pytest.mark.parametrize(
    ("name", "width", "scheme", "plots"),
    [("knobs", 1280, "dark", 4), ("knobs", 390, "light", 4), ("policy", 390, "dark", 1)],
)
def test_closure_is_whole_without_a_network(opened, pages, name, width, scheme, plots):
    board = opened(pages[name], width, scheme)
    assert board.complaints == []
    assert board.requests == [pages[name].as_uri()]
    assert board.ask("document.documentElement.scrollWidth <= innerWidth")
    drawn = "[...document.querySelectorAll('[data-plot]')].filter(p => p.querySelector('.main-svg .trace')).length"
    assert board.ask(drawn) == plots
    board.page.click("#arm-1 summary")
    assert board.page.is_visible("#arm-1 .facts")
    assert board.ask("document.documentElement.scrollWidth <= innerWidth")


def test_hostile_texts_are_inert(opened, pages):
    board = opened(pages["hostile"], 390)
    assert board.complaints == []
    assert board.requests == [pages["hostile"].as_uri()]
    assert board.page.title() == f"Segment 6B closure {HOSTILE}"
    assert board.ask("document.querySelectorAll('img').length") == 0
    assert board.ask("document.documentElement.scrollWidth <= innerWidth")
    assert HOSTILE in board.page.inner_text("#arm-1")


@pytest.fixture(scope="module")
def every_kind(finished_root, tmp_path_factory):
    """One file of each kind of HTML that the project writes, made by its own commands."""
    root = tmp_path_factory.mktemp("kinds")
    shutil.copytree(finished_root / "mlruns" / "runs", root / "mlruns" / "runs")
    run = next((root / "mlruns" / "runs").iterdir()).name
    told = CliRunner().invoke(app, ["report", run[:8], "--root", str(root)])
    assert told.exit_code == 0, told.output
    write_closure(closure(), root / "reports", HISTORY)
    write_story(story(), root / "reports" / "remediation_story.html")
    write_summary(summary(), root / "reports" / "popt_summary.html")
    found = sorted(root.rglob("*.html"))
    return {re.sub(r"[0-9a-f]{32}", "*", str(path.relative_to(root))): path for path in found}


def test_every_page_opens_without_a_network(opened, every_kind):
    assert set(every_kind) == KINDS
    for kind, path in every_kind.items():
        board = opened(path)
        assert (kind, board.complaints, board.requests) == (kind, [], [path.as_uri()])


def test_every_template_of_a_page_is_one_of_these_kinds():
    templates = (files("seg6b.render") / "templates").iterdir()
    extending = {t.name for t in templates if 'extends "page.html.j2"' in t.read_text(encoding="utf-8")}
    assert extending == {"gateboard.html.j2", "closure.html.j2", "story.html.j2", "popt.html.j2"}

import pytest

from seg6b.gates.result import Verdict
from seg6b.render.gateboard import write_gateboard
from tests.render.synthetic import board_data, gate_board

BOARDS = {
    "passing": board_data,
    "failing": lambda: board_data(
        board=gate_board(failing=("T1", "T5"), insufficient=("T17",), verdict=Verdict.FAIL_REALISM)
    ),
    "bare": lambda: board_data(evidence={}, curves={}, budgets=()),
}


@pytest.fixture(scope="module")
def boards(tmp_path_factory):
    folder = tmp_path_factory.mktemp("boards")
    for name, build in BOARDS.items():
        write_gateboard(build(), folder / f"{name}.html")
    return folder


@pytest.mark.parametrize(
    ("name", "width", "scheme"),
    [
        ("passing", 1280, "light"),
        ("passing", 1280, "dark"),
        ("passing", 390, "light"),
        ("passing", 390, "dark"),
        ("failing", 390, "light"),
        ("failing", 1280, "dark"),
        ("bare", 390, "light"),
    ],
)
def test_board_is_whole_without_a_network(opened, boards, name, width, scheme):
    path = boards / f"{name}.html"
    board = opened(path, width, scheme)
    assert board.complaints == []
    assert board.requests == [path.as_uri()]
    assert board.ask("document.documentElement.scrollWidth <= innerWidth")
    wanted = board.ask("document.querySelectorAll('[data-plot]').length")
    assert (
        board.ask("[...document.querySelectorAll('[data-plot]')].filter(p => p.querySelector('.main-svg')).length")
        == wanted
    )
    assert wanted == (1 if name == "bare" else 18)


def test_plots_show_marks(opened, boards):
    board = opened(boards / "passing.html")
    counted = "name => document.querySelectorAll(`#${name} ${sel}`).length"
    marks = {
        "bank-by-class": ".bars .point",
        "amounts": ".scatter path.js-line",
        "state-elapsed": ".bars .point",
        "delay-dispute-delay-v1": "path.js-line",
    }
    for name, selector in marks.items():
        assert board.page.evaluate(f"([name, sel]) => ({counted})(name)", [name, selector]) > 0, name
    assert board.ask("document.querySelectorAll('#hour-of-week .heatmaplayer image').length") == 1


def test_colours_follow_the_scheme(opened, boards):
    board = opened(boards / "passing.html")
    ink = "getComputedStyle(document.querySelector('#amounts .xtick text')).fill"
    before = board.ask(ink)
    board.ask("document.documentElement.removeAttribute('data-ready')")
    board.page.emulate_media(color_scheme="dark")
    board.page.wait_for_selector("html[data-ready]", state="attached", timeout=60_000)
    assert board.ask(ink) != before


def test_injected_script_does_not_run(opened, boards, tmp_path):
    html = (boards / "bare.html").read_text(encoding="utf-8")
    path = tmp_path / "injected.html"
    path.write_text(html.replace("<main", "<script>document.title = 'taken'</script><main"), encoding="utf-8")
    board = opened(path)
    assert board.page.title() != "taken"
    assert any("Content Security Policy" in c for c in board.complaints)


def test_details_of_a_gate_open(opened, boards):
    board = opened(boards / "passing.html", 390)
    board.page.click("#T5 summary")
    assert board.page.is_visible("#T5 .facts")
    assert board.ask("document.documentElement.scrollWidth <= innerWidth")

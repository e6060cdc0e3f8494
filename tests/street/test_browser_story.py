import time
from dataclasses import replace

import pytest

from seg6b.render.story import write_story
from tests.render.stories import baseline, candidate, gates, story, wave
from tests.street.browser import Opened
from tests.street.test_browser_closure import HOSTILE

DRAWN = "[...document.querySelectorAll('[data-plot]')].filter(p => p.querySelector('.main-svg .trace, .main-svg image')).length"
FITS = "(frame => frame.scrollWidth <= frame.clientWidth + 1)(document.querySelector('.heat-frame'))"
WIDE = "document.documentElement.scrollWidth <= innerWidth"


def hostile():
    words = dict.fromkeys(("lane", "kind", "title", "goal", "owner", "decision", "marker"), HOSTILE)
    tried = (candidate(HOSTILE, HOSTILE, overrides=(HOSTILE * 3,), reasons=(HOSTILE,)),)
    part = wave("P1", gates(), **words, candidates=tried, overrides=(HOSTILE,), reasons=(HOSTILE,))
    return story(baseline(), part, replace(part, phase=HOSTILE), world=HOSTILE, notes=(HOSTILE,))


def pruned():
    return story(baseline(), wave("P1", gates(), board=None))


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    folder = tmp_path_factory.mktemp("stories")
    built = {"whole": story(), "hostile": hostile(), "pruned": pruned()}
    return {name: write_story(told, folder / f"{name}.html") for name, told in built.items()}


@pytest.mark.parametrize(
    ("name", "width", "scheme"),
    [("whole", 1280, "light"), ("whole", 390, "dark"), ("pruned", 390, "light")],
)
def test_story_is_whole_without_a_network(opened, pages, name, width, scheme):
    began = time.monotonic()
    page = opened(pages[name], width, scheme)
    assert time.monotonic() - began < 20.0
    assert page.complaints == []
    assert page.requests == [pages[name].as_uri()]
    assert page.ask(WIDE)
    assert (
        page.ask(DRAWN)
        == page.ask("document.querySelectorAll('[data-plot]').length")
        == {"whole": 31, "pruned": 1}[name]
    )


@pytest.fixture(scope="module")
def whole(browser, pages):
    """The whole story on a wide screen, opened once."""
    context = browser.new_context(viewport={"width": 1280, "height": 844})
    context.set_offline(True)
    yield Opened(context.new_page(), pages["whole"])
    context.close()


@pytest.mark.parametrize("link", ["thead a[href='#phase-p3']", "td a[href='#phase-p5-2']", "td a[href='#phase-p0']"])
def test_columns_and_cells_lead_to_their_phase(whole, link):
    whole.ask("scrollTo(0, 0)")
    whole.page.click(f".heat {link} >> nth=0")
    phase = link.split("#")[1].removesuffix("']")
    assert whole.ask("location.hash") == f"#{phase}"
    assert 0 <= whole.ask(f"document.getElementById('{phase}').getBoundingClientRect().top") < 200


def test_map_is_readable_without_scrolling_sideways(whole):
    assert whole.ask(FITS)
    cut = "[...document.querySelectorAll('.heat td a')].filter(a => a.scrollWidth > a.clientWidth + 1).length"
    assert whole.ask(cut) == 0
    assert whole.ask("document.querySelector('.heat').getBoundingClientRect().height") < 1100


def test_head_of_the_map_stays_in_sight(whole):
    whole.ask("document.querySelector('.heat tfoot').scrollIntoView({block: 'center'})")
    head = whole.ask("document.querySelector('.heat thead th').getBoundingClientRect().top")
    nav = whole.ask("document.querySelector('nav').getBoundingClientRect().bottom")
    assert nav - 2 <= head <= nav + 20


def test_levels_differ_in_shape_as_in_colour(whole):
    look = """level => {
        const style = getComputedStyle(document.querySelector(`.heat td a.level-${level} .shape`));
        return [style.borderRadius, style.transform, style.clipPath, style.borderTopWidth].join();
    }"""
    assert len({whole.page.evaluate(look, level) for level in ("bplus", "b", "fail", "insufficient")}) == 4


def test_map_and_pairs_fit_on_paper(whole):
    whole.page.emulate_media(media="print")
    whole.ask("document.body.style.width = '718px'")  # paper is narrower than the screen that the plots were drawn on
    assert whole.ask(FITS)
    whole.ask("scrollTo(0, 0)")
    a4 = 1047  # CSS pixels between margins of 1 cm
    assert whole.ask("document.querySelector('.heat-frame').getBoundingClientRect().bottom") < a4
    assert whole.ask("[...document.querySelectorAll('.canvas')].every(c => c.scrollWidth <= c.clientWidth + 2)")
    rows = "[...document.querySelectorAll('.pairs .plot')].map(p => Math.round(p.getBoundingClientRect().top))"
    tops = whole.ask(rows)
    assert tops[::2] == tops[1::2]
    whole.ask("document.body.style.width = ''")
    whole.page.emulate_media(media="screen")


def test_hostile_texts_are_inert(opened, pages):
    page = opened(pages["hostile"], 390)
    assert page.complaints == []
    assert page.page.title() == f"Segment 6B remediation, {HOSTILE}"
    assert page.ask("document.querySelectorAll('img').length") == 0
    assert page.ask(WIDE)

from dataclasses import replace

import pytest

from seg6b.render.popt import write_summary
from seg6b.render.popt_data import Hotspot
from tests.render.summaries import arm_line, lane_line, summary
from tests.street.test_browser_closure import HOSTILE

WIDE = "document.documentElement.scrollWidth <= innerWidth"
DRAWN = "[...document.querySelectorAll('[data-plot]')].filter(p => p.querySelector('.main-svg .trace')).length"
CUT = "[...document.querySelectorAll('.rungs td, .past td')].filter(c => c.scrollWidth > c.clientWidth + 1).length"


def hostile():
    words = dict.fromkeys(("lane", "file", "owner", "goal", "decision", "marker"), HOSTILE)
    lists = dict.fromkeys(("requires", "history", "reasons", "overrides", "strategies"), (HOSTILE,))
    lists["history"] = (f"{HOSTILE}: S4 570.62 s",)
    arm = arm_line(HOSTILE, overrides=(HOSTILE,), reasons=(HOSTILE,))
    worth = replace(summary().worth[0], key=HOSTILE, now=HOSTILE)
    spot = Hotspot(HOSTILE, 1.0, {HOSTILE: 0.5}, 0.5)
    return summary(lane_line(**words, **lists, arms=(arm,)), world=HOSTILE, hotspots=(spot,), worth=(worth,))


@pytest.mark.parametrize(
    ("told", "width", "scheme"), [(summary, 1280, "light"), (summary, 390, "dark"), (hostile, 390, "light")]
)
def test_summary_is_whole_without_a_network(opened, tmp_path, told, width, scheme):
    path = write_summary(told(), tmp_path / "popt_summary.html")
    page = opened(path, width, scheme)
    assert page.complaints == []
    assert page.requests == [path.as_uri()]
    assert page.ask(WIDE)
    assert page.ask(DRAWN) == 4
    assert page.ask(CUT) == 0
    assert page.ask("document.querySelectorAll('img').length") == 0
    assert page.page.title().startswith("Segment 6B POPT, ")

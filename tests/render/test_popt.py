from dataclasses import replace

import plotly.graph_objects as go
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seg6b.render.plots.intervals import Line, Series, intervals
from seg6b.render.plots.ladder import ladder_plot, past_plot, worth_plot
from seg6b.render.plots.treemap import hotspot_treemap
from seg6b.render.popt import summary_html, write_summary
from seg6b.render.popt_data import Cost, Gain, Hotspot
from seg6b.render.popt_words import headline, open_points, outcome, past_rows, rows, tiles
from seg6b.render.wording import ABSENT
from tests.render.page import Page
from tests.render.summaries import arm_line, baseline, lane_line, not_run, summary

HOSTILE = "</script><script>alert(1)</script>\"'><img src=x onerror=alert(1)>"


@pytest.fixture(scope="module")
def page():
    return Page(summary_html(summary()))


def told(found):
    return {name: (figure, remark) for name, figure, remark in tiles(found)}


def test_the_page_says_how_far_the_ladder_was_walked(page):
    found = summary()
    assert outcome(found) == "UNLOCK_POPT.3_CONTINUE"
    assert headline(found) == "4 of 5 lanes are decided; POPT.2R holds; not run: POPT.3."
    assert told(found)["Lanes"] == ("4 of 5", "3 unlocked, 1 not")
    assert headline(found) in page.said
    assert "Override: UNLOCK_POPT.2_CONTINUE is missing; overridden: rehearsal" in page.said
    assert set(page.figures) == {"ladder-ratios", "hotspots-map", "worth-ratios", "past-times"}


def test_a_gain_that_may_be_none_is_no_greatest_gain():
    found = summary()
    assert told(found)["Greatest gain"] == ("40\u00a0%", "of its state's time, s4.event_labels")
    unsure = replace(found.worth[0], alone=Gain(0.2, (0.1, 1.0), 3, "x"))
    assert "Greatest gain" not in told(replace(found, worth=(unsure,)))


def test_equal_summaries_give_equal_bytes(tmp_path):
    one, two = (write_summary(summary(), tmp_path / name).read_bytes() for name in ("a.html", "b.html"))
    assert one == two


def test_every_figure_is_one_that_plotly_takes(page):
    for figure in page.figures.values():
        go.Figure(figure)


def test_rows_of_a_lane_begin_with_its_control():
    control, *arms = rows(lane_line())
    assert (control.name, control.overrides[0], control.elapsed, control.ratio) == (
        "control",
        "s4.event_labels=recompute",
        "5.00 s",
        ABSENT,
    )
    assert [(row.name, row.decision, row.best) for row in arms] == [
        ("c01", "KEEP", True), ("c02", "REJECT", False), ("c03", "INSUFFICIENT", False),
    ]  # fmt: skip
    assert (arms[0].elapsed, arms[0].memory, arms[0].parts, arms[0].reason) == (
        "3.00 s",
        "800 MB",
        "12",
        "c01 says why",
    )
    assert arms[0].ratio == "0.600"
    assert [row.name for row in rows(baseline())] == ["the run"]
    assert rows(not_run("POPT.4")) == []


def test_an_arm_that_was_not_timed_has_dashes():
    (_, row) = rows(lane_line(arms=(arm_line(cost=Cost(None, None, 0), ratio=None, decision="INERT"),)))
    assert {row.elapsed, row.ratio, row.memory, row.parts} == {ABSENT}


def test_areas_of_the_treemap_are_whole():
    spots = summary().hotspots
    trace = hotspot_treemap(spots).figure["data"][0]
    area = dict(zip(trace["ids"], trace["values"], strict=True))
    for spot in spots:
        mine = [area[i] for i, parent in zip(trace["ids"], trace["parents"], strict=True) if parent == spot.state]
        assert sum(mine) == pytest.approx(area[spot.state])
        assert area[spot.state] == pytest.approx(spot.elapsed_s)
        assert area[f"{spot.state} residual"] == pytest.approx(0.1 * spot.elapsed_s)


def test_a_treemap_shows_whatever_lanes_there_are():
    drawn = hotspot_treemap((Hotspot("S1", 2.0, {"compute": 0.5, "waiting": 0.5}, 0.0), Hotspot("S2", 1.0, {}, 1.0)))
    assert drawn.figure["data"][0]["ids"] == ["S1", "S1 compute", "S1 waiting", "S2", "S2 residual"]
    assert hotspot_treemap(()) is None
    assert hotspot_treemap((Hotspot("S1", 0.0, {}, 1.0),)) is None


def test_colours_follow_the_lane_not_its_rank():
    first = Hotspot("S1", 2.0, {"write": 0.6, "input": 0.4}, 0.0)
    second = Hotspot("S2", 2.0, {"input": 0.9, "write": 0.1}, 0.0)
    trace = hotspot_treemap((first, second)).figure["data"][0]
    hue = dict(zip(trace["ids"], trace["marker"]["colors"], strict=True))
    assert hue["S1 write"] == hue["S2 write"] != hue["S1 input"] == hue["S2 input"]


def test_seconds_stand_a_million_arrivals_and_are_no_ratio():
    drawn = past_plot(summary())
    plan, control, arms = drawn.figure["data"]
    there = {row: x for row, x in zip(plan["y"], plan["x"], strict=True) if row.startswith("POPT.0")}
    assert there == pytest.approx({"POPT.0, S1": 13.3375, "POPT.0, S2": 1.4245, "POPT.0, S4": 5.632})
    assert dict(zip(control["y"], control["x"], strict=True))["POPT.2U, S4"] == 10.0
    assert arms["x"][0] == 6.0
    assert "No ratio is taken across machines" in drawn.caption


def test_history_stands_beside_ours():
    row = next(row for row in past_rows(summary()) if row.lane == "POPT.2U")
    assert row.then == ("404 s to 571 s", "4.04 s to 5.71 s")
    assert row.now == ("3.00 s to 6.50 s", "6 s to 13 s")
    assert (row.then_marker, row.now_marker) == ("HOLD_POPT.2_REOPEN", "UNLOCK_POPT.3_CONTINUE")
    left = past_rows(summary())[-1]
    assert (left.now, left.now_marker) == ((ABSENT, ""), "")


def test_what_is_open_is_named():
    found = dict(open_points(summary()))
    assert found["POPT.3"] == "not run here; it requires UNLOCK_POPT.3_CONTINUE"
    assert found["s4.columns"] == "alone and on top not measured"
    assert "s4.event_labels" not in found
    assert "POPT.2U" not in found


def test_nothing_to_draw_is_said():
    bare = summary(not_run("POPT.3", history=()), hotspots=(), worth=(), states=())
    assert [ladder_plot(bare.lanes), worth_plot(()), past_plot(bare)] == [None, None, None]
    said = Page(summary_html(bare)).said
    assert "No hotspot map was written." in said
    assert "NOT_RUN" in outcome(bare)


def test_hostile_texts_are_inert():
    hostile = (HOSTILE,)
    arm = arm_line(HOSTILE, decision=HOSTILE, overrides=hostile, reasons=hostile)
    words = dict.fromkeys(("lane", "file", "kind", "owner", "goal", "state", "decision", "marker", "best"), HOSTILE)
    lists = dict.fromkeys(("requires", "history", "reasons", "overrides", "strategies"), hostile)
    spot = Hotspot(HOSTILE, 1.0, {HOSTILE: 0.5}, 0.5)
    worth = replace(summary().worth[0], key=HOSTILE, state=HOSTILE, plan=HOSTILE, now=HOSTILE)
    found = summary(
        lane_line(**words, **lists, arms=(arm,)), world=HOSTILE, testbed=HOSTILE, hotspots=(spot,), worth=(worth,)
    )
    page = Page(summary_html(found))
    assert not [tag for tag, _ in page.elements if tag == "img"]
    assert len([tag for tag, _ in page.elements if tag == "script"]) == 3


ENDS = st.floats(0.01, 100.0)


@given(st.lists(st.tuples(ENDS, ENDS, ENDS), min_size=1, max_size=6))
def test_points_of_intervals_are_in_sight_and_ends_meet_them(triples):
    lines = []
    for k, triple in enumerate(triples):
        low, mean, high = sorted(triple)
        lines.append(Line(f"arm {k}", "kept", mean, (low, high), 3))
    drawn = intervals(lines, (Series("kept", "var(--pass)", "circle"),), "ratio", "control")
    low, high = (10.0**end for end in drawn["layout"]["xaxis"]["range"])
    (trace,) = drawn["data"]
    assert all(low < mean < high for mean in [1.0, *trace["x"]])
    assert [m + up for m, up in zip(trace["x"], trace["error_x"]["array"], strict=True)] == pytest.approx(
        [line.ci95[1] for line in lines]
    )
    assert [m - down for m, down in zip(trace["x"], trace["error_x"]["arrayminus"], strict=True)] == pytest.approx(
        [line.ci95[0] for line in lines]
    )

import json
import re
from dataclasses import replace

import plotly.graph_objects as go
import pytest

from seg6b.gates.result import Status
from seg6b.render.plots.paired import aligned
from seg6b.render.plots.shape import Plot, axis, figure
from seg6b.render.story import story_html, write_story
from seg6b.render.story_heat import Level, anchors, heat_map
from seg6b.render.story_runtime import time_table
from seg6b.render.story_words import holds_now, open_points
from seg6b.scoring.closure import BudgetFact
from tests.render.page import Page
from tests.render.stories import AT_B, P3, SEEDS, baseline, candidate, certification, gates, story, wave

HOSTILE = "</script><script>alert(1)</script>\"'><img src=x onerror=alert(1)>"
LEVEL = re.compile(r"level-(bplus|b|fail|insufficient|absent)\b")


@pytest.fixture(scope="module")
def html():
    return story_html(story())


@pytest.fixture(scope="module")
def page(html):
    return Page(html)


def hostile():
    tried = (candidate(HOSTILE, HOSTILE, overrides=(HOSTILE,), reasons=(HOSTILE,)),)
    words = dict.fromkeys(("lane", "kind", "title", "goal", "owner", "decision", "marker", "run_id"), HOSTILE)
    lists = {"alternatives": ((HOSTILE, HOSTILE),), "reasons": (HOSTILE,), "overrides": (HOSTILE,)}
    named = {**gates(failing=("T1",)), HOSTILE: replace(gates()["T5"], gate_id=HOSTILE, title=HOSTILE, b_rule=HOSTILE)}
    budget = (BudgetFact(HOSTILE, 1.0, 2.0, 3.0, HOSTILE),)
    part = wave("P1", gates(), **words, **lists, candidates=tried, budgets=budget)
    certified = certification(
        HOSTILE, passes={HOSTILE: dict.fromkeys(SEEDS, HOSTILE)}, cv={HOSTILE: 9.0}, blockers=(HOSTILE,),
        reasons=(HOSTILE,), verdicts=dict.fromkeys(SEEDS, HOSTILE), phase=HOSTILE,
    )  # fmt: skip
    parts = (baseline(), replace(part, gates=named), replace(part, phase=HOSTILE), certified)
    return story(*parts, notes=(HOSTILE,), world=HOSTILE, generated_utc=HOSTILE)


def cells(html):
    """Level, words a screen reader says, and shape of every cell of the map."""
    map_ = html[html.index('<table class="heat">') : html.index("</table>", html.index('<table class="heat">'))]
    return re.findall(r'<td><a class="level-(\w+)[^>]*>(.*?)</a></td>', map_)


def test_nothing_is_loaded(page):
    loads = [v for _, attrs in page.elements for k, v in attrs.items() if k in ("src", "href", "data", "srcset")]
    assert [v for v in loads if not v.startswith(("#", "data:,"))] == []
    assert [t for t, _ in page.elements if t == "script"] == ["script"] * 3


def test_links_lead_to_elements_of_the_page(page):
    ids = [a["id"] for _, a in page.elements if "id" in a]
    assert len(ids) == len(set(ids))
    assert {a["href"][1:] for t, a in page.elements if t == "a"} <= set(ids)


def test_figures_are_valid_plotly(page):
    drawn = {a["data-plot"] for _, a in page.elements if "data-plot" in a}
    assert drawn == set(page.figures)
    for drawing in page.figures.values():
        text = re.sub(r"var\(--[\w-]+\)", "#123456", json.dumps(drawing))
        assert go.Figure(json.loads(text)).data


def test_the_page_is_small_enough_to_send(html, page):
    assert len(html.encode()) < 6_000_000
    assert len(page.blocks["figures"]) < 1_200_000


def test_headline_says_from_what_to_what(page):
    top = page.said[: page.said.index("Gates by phase")]
    assert "PASS_BPLUS_ROBUST" in top.replace("_ ", "_")
    assert (
        "From D+, FAIL_REALISM in P0, to PASS_BPLUS_ROBUST in P5 (2): 2 of 22 gates passed B, now 22 of 22 pass B and 22 pass B+."
        in top
    )
    assert "Holds on seeds 42, 7, 101, 202; the widest variation between them is 0.109 (T9)." in top


def test_each_column_leads_to_its_phase(page, html):
    heads = re.findall(r'<th scope="col"><a href="#(phase-[\w-]+)">', html)
    assert heads == ["phase-p0", "phase-p1", "phase-p2", "phase-p3", "phase-p4", "phase-p5", "phase-p6", "phase-p5-2"]
    sections = [a["id"] for t, a in page.elements if t == "section" and a.get("class") == "phase"]
    assert sections == heads


def test_rows_are_grouped_by_wave():
    heat = heat_map(story())
    assert [band.wave.phase for band in heat.bands] == ["P1", "P2", "P3", "P4"]
    assert [row.gate_id for row in heat.bands[0].rows][-3:] == ["T10", "T21", "T22"]
    assert all(len(row.cells) == len(heat.columns) for band in heat.bands for row in band.rows)


def test_gates_that_no_wave_owns_stand_last():
    found = gates()
    extra = {f"Y{k}": replace(found["T5"], gate_id=f"Y{k}") for k in (2, 10, 1)}
    last = heat_map(story(wave("P1", {**extra, **found}))).bands[-1]
    assert (last.wave.name, [row.gate_id for row in last.rows]) == ("Further gates", ["Y1", "Y2", "Y10"])


def test_colour_never_speaks_alone(html):
    found = cells(html)
    assert len(found) == 22 * 8
    words = {
        "bplus": "B+",
        "b": "B",
        "fail": "fails B",
        "insufficient": "too little data, not passed",
        "absent": "not measured",
    }
    for level, inside in found:
        assert 'class="shape"' in inside
        assert f'<span class="spoken">{words[level]}</span>' in inside
    shapes = {"bplus", "b", "fail", "insufficient"}
    assert shapes <= {level for level, _ in found}


def test_insufficient_has_not_passed():
    heat = heat_map(story(wave("P2", gates(insufficient=P3))))
    rows = {row.gate_id: row.cells[0] for band in heat.bands for row in band.rows}
    assert rows["T17"].level is Level.INSUFFICIENT
    assert "not passed" in rows["T17"].said
    assert (heat.columns[0].at_b, heat.columns[0].at_bplus, heat.columns[0].gates) == (20, 20, 22)
    assert ("Gates in P2", "T17, T18: too little data, not passed") in open_points(
        story(wave("P2", gates(insufficient=P3))), heat
    )


def test_what_lacks_data_at_b_is_not_at_bplus():
    odd = replace(gates()["T5"], b=Status.INSUFFICIENT, bplus=Status.PASS)
    heat = heat_map(story(wave("P1", {"T5": odd})))
    assert heat.bands[0].rows[0].cells[0].level is Level.INSUFFICIENT


def test_a_gate_that_a_run_lacks_is_absent():
    found = gates()
    del found["T5"]
    row = next(r for r in heat_map(story(baseline(), wave("P1", found))).bands[0].rows if r.gate_id == "T5")
    assert [cell.level for cell in row.cells] == [Level.FAIL, Level.ABSENT]


@pytest.mark.parametrize(
    ("changes", "level"),
    [
        ({}, Level.BPLUS),
        ({"short": ("T5",)}, Level.B),
        ({"short": ("T5",), "passes_b": {"T5": dict.fromkeys(SEEDS, "FAIL")}}, Level.FAIL),
        ({"short": ("T5",), "verdicts": dict.fromkeys(SEEDS, "FAIL_REALISM")}, Level.FAIL),
        ({"short": ("T5",), "passes_b": {"T5": dict.fromkeys(SEEDS, "PASS")}, "verdicts": {}}, Level.B),
        ({"passes": {"T5": dict.fromkeys(SEEDS[:3], "PASS")}}, Level.INSUFFICIENT),
        ({"passes": {"T5": dict.fromkeys(SEEDS, "INSUFFICIENT")}, "verdicts": {}}, Level.INSUFFICIENT),
        ({"passes": {"T5": {**dict.fromkeys(SEEDS, "PASS"), 7: "FAIL"}}, "verdicts": {}}, Level.FAIL),
        ({"seeds": ()}, Level.INSUFFICIENT),
    ],
    ids=[
        "all",
        "short of B+",
        "below B",
        "verdict fails",
        "B is given",
        "seed missing",
        "too little data",
        "one seed",
        "no seed",
    ],
)
def test_a_certified_gate_is_as_good_as_its_worst_seed(changes, level):
    row = next(r for r in heat_map(story(certification(**changes))).bands[0].rows if r.gate_id == "T5")
    assert row.cells[0].level is level


def test_a_verdict_of_b_says_nothing_of_stretch_gates():
    heat = heat_map(story(certification("PASS_B", ("T5", "T19"))))
    rows = {row.gate_id: row.cells[0].level for band in heat.bands for row in band.rows}
    assert (rows["T5"], rows["T19"]) == (Level.B, Level.FAIL)


def test_phase_shows_what_was_tried_and_why_not(page):
    said = page.said
    assert "c01 policy/truth=full policy/delay=full REJECT gates that passed B no longer do: T4" in said
    assert "move the threshold no threshold is moved to meet the data" in said
    assert "Override of the phase law. UNLOCK_P3 was missing; ran anyway: rehearsal" in said


def test_baseline_says_what_each_wave_has_to_mend(page):
    assert "What each wave has to mend P1 Truth, bank view, delays and cases T1, T2, T3, T5" in page.said
    assert "P4 Sessions and attachment T19, T20" in page.said


def test_gates_move_with_their_intervals(page):
    assert "FAIL → INSUFFICIENT FAIL → INSUFFICIENT" in page.said
    assert re.search(
        r"T20 attachment richness FAIL → PASS FAIL → PASS 0\.04082 \[0\.04024, 0\.0414\] 0\.2041 \[0\.2012, 0\.207\]",
        page.said,
    )


def test_plots_stand_before_and_after(page):
    names = [a["id"] for t, a in page.elements if t == "figure"]
    drills = [n for n in names if n.startswith("phase-")]
    assert len(drills) == 2 * (5 + 2 + 2 + 3 + 3)
    assert [n.endswith("-before") for n in drills] == [True, False] * (len(drills) // 2)
    assert "Before, P0 Where fraud truth comes from" in page.said
    assert "After, P1 Where fraud truth comes from" in page.said


def test_a_pruned_run_is_said_and_an_older_one_stands_in():
    pruned = wave("P1", gates(at_b=AT_B), board=None)
    page = Page(story_html(story(baseline(), pruned, wave("P2", gates(at_b=AT_B)))))
    assert "The data of P1 was pruned: gates and decisions are kept, plots are not." in page.said
    assert "The data of P1 was pruned: before is P0." in page.said
    assert "Before, P0 Amounts by family" in page.said
    assert any(
        "P1 its data was pruned" in " ".join(point) for point in open_points(story(pruned), heat_map(story(pruned)))
    )


def test_without_any_run_before_nothing_is_compared():
    page = Page(story_html(story(baseline(board=None), wave("P1", gates()))))
    assert "No run before P1 has its data still" in page.said
    assert [n for n in page.figures if n.startswith("phase-")] == []


def test_missing_evidence_costs_one_side():
    bare = wave("P2", gates())
    bare = replace(bare, board=replace(bare.board, evidence={}))
    page = Page(story_html(story(baseline(), bare)))
    assert page.said.count("Nothing to draw: S2 left no evidence.") == 2
    assert {"phase-p2-0-before", "phase-p2-1-before"} <= set(page.figures)


def test_times_carry_their_budget(page):
    rows = dict(time_table(story()))
    assert [*rows][:6] == ["S0", "S1", "S2", "S3", "S4", "S5"]
    assert [(c.took, c.status) for c in rows["S4"]][-2:] == [("4.90 s", "GREEN"), ("5.40 s", "AMBER")]
    assert rows["certification"][0].took == "\N{EN DASH}"
    assert page.figures["time-by-phase"]["data"][3]["x"][-1] == 3.1


def test_a_linked_state_has_no_time_of_the_phase():
    part = wave("P1", gates(), budgets=())
    states = tuple(replace(s, staged_from="9" * 32 if s.state == "S1" else "") for s in part.board.states)
    told = story(replace(part, board=replace(part.board, states=states)))
    assert dict(time_table(told))["S1"][0].took == "linked"
    assert "S1" not in [t["name"] for t in Page(story_html(told)).figures["time-by-phase"]["data"]]


def test_certification_shows_seeds_and_scatter(page):
    assert "Seed 42 PASS_ B" in page.said
    assert "T17.campaigns" in page.said
    assert "B+ allows 0.15, the widest is T9 0.109" in page.said
    assert "too wide for B+" not in page.said
    wide = Page(story_html(story(certification(cv={"T5": float("inf"), "T9": 0.2}))))
    assert wide.said.count("too wide for B+") == 2
    assert "T5 undefined" in wide.said


def test_a_seed_that_is_missing_is_not_passed():
    missing = certification(
        "HOLD_REMEDIATE", seeds=(42, 7), passes={"T5": {42: "PASS"}}, values={"T5": {42: 0.09}}, verdicts={42: "PASS_B"}, blockers=("P5-B1 seed 7 is missing",)
    )  # fmt: skip
    page = Page(story_html(story(missing)))
    assert "Blocker. P5-B1 seed 7 is missing" in page.said
    assert "too little data, not passed 0.09 PASS \N{EN DASH} INSUFFICIENT" in page.said


def test_open_points_end_the_page(page):
    assert "P3 it ran under an override" in page.said
    held = story(baseline(), wave("P1", gates(failing=("T5",)), marker="HOLD_P1_REOPEN", decision="HOLD"))
    points = open_points(held, heat_map(held))
    assert ("Certification", "none was made yet") in points
    assert ("Gates in P1", "T5: fails B") in points
    assert ("P1", "it holds: HOLD_P1_REOPEN") in points


def test_a_phase_that_was_opened_again_no_longer_holds():
    first = wave("P1", gates(failing=("T5",)), marker="HOLD_P1_REOPEN")
    told = story(first, wave("P1", gates()))
    assert anchors(told) == ["phase-p1", "phase-p1-2"]
    assert ("P1", "it holds: HOLD_P1_REOPEN") not in open_points(told, heat_map(told))


def test_what_came_after_the_certification_is_not_certified():
    told = story(baseline(), certification("PASS_B", AT_B), wave("P6", gates()))
    assert holds_now(told, heat_map(told)).endswith("P6 came after it and is not certified.")
    assert ("Certification", "it is older than P6") in open_points(told, heat_map(told))


def test_a_road_without_phases_is_told():
    page = Page(story_html(replace(story(), phases=())))
    assert "No phase has been walked yet." in page.said
    assert page.figures == {}


def test_hostile_texts_stay_text():
    html = story_html(hostile())
    page = Page(html)
    assert [t for t, _ in page.elements if t == "script"] == ["script"] * 3
    assert [t for t, _ in page.elements if t == "img"] == []
    assert HOSTILE in page.said
    assert all(re.fullmatch(r"[\w-]+", a["id"]) for _, a in page.elements if "id" in a)
    assert not any(
        "<" in name for trace in page.figures["time-by-phase"]["data"] for name in (*trace["y"], trace["name"])
    )


def test_equal_stories_give_equal_bytes(tmp_path):
    first, second = (write_story(story(), tmp_path / name) for name in ("a.html", "b.html"))
    assert first.read_bytes() == second.read_bytes()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.html", "b.html"]


def bars(values, names=("a", "b"), **layout):
    trace = {"type": "bar", "orientation": "h", "y": list(names), "x": list(values)}
    return Plot(
        "p",
        "p",
        "Said.",
        figure([trace], height=100, x=axis("share", rangemode="tozero"), y=axis(type="category"), **layout),
    )


def test_bars_share_one_scale():
    pair = aligned(bars((0.1, 0.2)), bars((0.3, 0.4)))
    assert [p.figure["layout"]["xaxis"]["range"] for p in pair] == [pytest.approx([0.0, 0.42])] * 2
    assert [p.caption for p in pair] == ["Said."] * 2


def test_bars_too_unlike_keep_their_own_scale_and_say_so():
    pair = aligned(bars((0.0, 1.0)), bars((0.01, 0.02)))
    assert ["range" in p.figure["layout"]["xaxis"] for p in pair] == [False, False]
    assert pair[0].caption == "Said. The scales of before and after differ."


def test_names_of_both_sides_stand_in_one_order():
    pair = aligned(bars((0.1, 0.2), ("gone", "b")), bars((0.2, 0.1), ("b", "new")))
    axes = [p.figure["layout"]["yaxis"] for p in pair]
    assert [a["categoryarray"] for a in axes] == [["gone", "b", "new"]] * 2
    assert [a["range"] for a in axes] == [[-0.5, 2.5]] * 2
    assert [p.figure["layout"]["height"] for p in pair] == [121] * 2


def test_a_row_of_all_others_keeps_each_side_to_its_own_names():
    pair = aligned(bars((0.1, 0.2)), bars((0.2, 0.1), ("all other zones", "a")))
    assert ["categoryarray" in p.figure["layout"]["yaxis"] for p in pair] == [False, False]


def test_logarithmic_axes_share_ends_and_ticks():
    def curve(low, high, ticks):
        x = axis("", type="log", range=[low, high], tickvals=list(ticks), ticktext=[str(t) for t in ticks])
        return Plot(
            "p", "p", "", figure([{"type": "scatter", "x": [1], "y": [1]}], height=100, x=x, y=axis(range=[0, 1]))
        )

    pair = aligned(curve(0, 2, (1, 10)), curve(1, 3, (10, 100)))
    assert [p.figure["layout"]["xaxis"]["range"] for p in pair] == [[0, 3]] * 2
    assert pair[0].figure["layout"]["xaxis"]["ticktext"] == ["1", "10", "100"]


def test_heat_maps_share_their_colours():
    def cells_of(top):
        trace = {"type": "heatmap", "x": ["a"], "y": ["b"], "z": [[top]]}
        kinds = {"x": axis(type="category"), "y": axis(type="category")}
        return Plot("p", "p", "", figure([trace], height=100, **kinds), scale=("0 %", f"{top}"))

    pair = aligned(cells_of(0.9), cells_of(0.3))
    assert [p.figure["data"][0]["zmax"] for p in pair] == [0.9, 0.9]
    assert [p.scale for p in pair] == [("0 %", "0.9")] * 2


def test_aligning_leaves_the_plots_alone():
    before, after = bars((0.1, 0.2)), bars((0.3, 0.4))
    aligned(before, after)
    assert "range" not in before.figure["layout"]["xaxis"]
    assert aligned(before, replace(after, figure={})) == (before, replace(after, figure={}))

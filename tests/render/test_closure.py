import csv
import io
import json
import math
import re
from dataclasses import replace

import plotly.graph_objects as go
import pytest

from seg6b.render.closure_files import closure_name, elapsed_name, lane_slug, write_closure
from seg6b.render.closure_page import closure_html
from seg6b.render.closure_table import show_closure
from seg6b.render.closure_text import closure_markdown
from seg6b.scoring.closure import Decision
from tests.render.closures import HISTORY, SWEEP_ID, arm, closure, ratio, remediation, run_id, straddling
from tests.render.page import Page

HOSTILE = "</script><img src=x onerror=alert(1)>|*x*"
BUILDS = {"knobs": closure, "straddling": straddling, "policy": remediation}


@pytest.fixture(scope="module", params=BUILDS)
def page(request):
    return Page(closure_html(BUILDS[request.param](), HISTORY))


@pytest.fixture(scope="module")
def knobs():
    return Page(closure_html(closure(), HISTORY))


def told(closed, **stream):
    stream = io.StringIO()
    show_closure(closed, [], stream)
    return stream.getvalue()


def hostile():
    scores = tuple(replace(s, overrides=(HOSTILE,), reasons=(HOSTILE,)) for s in closure().arms)
    return closure(arms=scores, reasons=(HOSTILE,), overrides=(HOSTILE,), marker=HOSTILE, lane=HOSTILE)


def test_nothing_is_loaded(page):
    loads = [v for _, attrs in page.elements for k, v in attrs.items() if k in ("src", "href", "data", "srcset")]
    assert [v for v in loads if not v.startswith(("#", "data:,"))] == []
    assert [t for t, _ in page.elements if t == "script"] == ["script"] * 3


def test_only_the_pages_own_scripts_may_run(page):
    (policy,) = [a["content"] for t, a in page.elements if a.get("http-equiv") == "Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; script-src 'sha256-")
    assert "unsafe-eval" not in policy


def test_figures_are_valid_plotly(page):
    drawn = {a["data-plot"] for _, a in page.elements if "data-plot" in a}
    assert drawn == set(page.figures)
    for figure in page.figures.values():
        text = re.sub(r"var\(--[\w-]+\)", "#123456", json.dumps(figure))
        assert go.Figure(json.loads(text)).data


def test_decision_and_reasons_stand_on_top(knobs):
    top = knobs.said[: knobs.said.index("Arms Time History")]
    assert "KEEP UNLOCK_POPT.3_CONTINUE c01 (s4.batch_rows=500000, s4.compression=snappy) is" in top
    assert "in two separate sets." in top
    assert "below 0.700" in top


def test_every_arm_shows_its_ratio_and_decision(knobs):
    values = [a["value"] for t, a in knobs.elements if t == "data"]
    assert values == [str(s.ratio.mean) if s.ratio else "" for s in closure().arms]
    for score in closure().arms:
        assert score.decision in knobs.said
        assert score.reasons[0] in knobs.said


def test_drift_names_dataset_columns_and_rows():
    html = closure_html(closure())
    assert "<code>fraud_<wbr>label</code>, <code>truth_<wbr>rule_<wbr>id</code>" in html
    assert "columns not compared; 41,020 rows, expected 52,294" in html


def test_override_stands_on_the_board():
    override = straddling().overrides[0]
    assert f"Override. {override}" in Page(closure_html(straddling())).said
    assert f"> Override: {override}" in closure_markdown(straddling())
    assert f"Override: {override}" in told(straddling())


def test_forest_draws_the_scorers_figures(knobs):
    c01 = closure().arms[0].ratio
    deciding, narrow, point = knobs.figures["forest"]["data"][:3]
    assert deciding["x"] == list(c01.bounds)
    assert narrow["x"] == list(c01.ci95)
    assert point["x"] == [c01.mean]
    names = [(note["text"], note["x"]) for note in knobs.figures["forest"]["layout"]["annotations"]]
    assert names == [("required", 0.7), ("control", 1.0)]


def test_forest_shows_each_set_of_a_recurring_gain(knobs):
    sets = [t["x"][0] for t in knobs.figures["forest"]["data"] if t.get("marker", {}).get("symbol") == "square"]
    assert sets == [one.mean for one in closure().arms[0].set_ratios]


def test_an_endless_interval_is_left_open():
    wide = ratio([0.9, 1.1], ci95=(0.0, math.inf), bounds=(0.0, math.inf))
    figures = Page(closure_html(closure(arms=(replace(arm("c01", Decision.INSUFFICIENT, 1.0), ratio=wide),)))).figures
    assert figures["forest"]["data"][0]["x"] == [0.0]
    assert figures["forest"]["layout"]["xaxis"]["range"][1] < 2.0


def test_rounds_are_lines_broken_between_sets(knobs):
    control = knobs.figures["paired-runs"]["data"][0]
    assert control["name"] == "control"
    assert control["y"] == [5.31, 5.44, 5.28, 5.39, 5.52, None, 5.41, 5.54, 5.38, 5.49, 5.62]
    assert 5.6 not in control["y"], "the warm-up is no round"


def test_states_are_stacked_medians(knobs):
    s4, s5 = knobs.figures["time-by-state"]["data"]
    assert (s4["name"], s5["name"]) == ("S4", "S5")
    assert dict(zip(s4["y"], s4["x"], strict=True))["control"] == 5.425
    assert set(s5["x"]) == {1.6}


def test_history_is_drawn_with_the_targets(knobs):
    figure = knobs.figures["history-times"]
    assert figure["data"][0]["x"] == [694.56, 633.64, 570.62]
    assert [note["text"] for note in figure["layout"]["annotations"]] == ["target", "stretch"]
    assert HISTORY[3] in knobs.said


def test_gates_of_a_policy_show_what_was_won_and_lost():
    page = Page(closure_html(remediation()))
    tones = [a["class"] for t, a in page.elements if t == "tr" and a.get("class") in ("won", "lost", "same")]
    assert tones == ["won", "same", "lost", "won"]
    assert "| T17 | 6 | 3 | \N{MINUS SIGN}3 | PASS → FAIL | FAIL |" in closure_markdown(remediation())
    assert set(page.figures) == {"time-by-state"}


def test_hostile_texts_stay_text():
    page = Page(closure_html(hostile(), (HOSTILE,)))
    assert [t for t, _ in page.elements if t == "script"] == ["script"] * 3
    assert [t for t, _ in page.elements if t == "img"] == []
    assert HOSTILE in page.said


def test_hostile_texts_stay_cells_in_markdown():
    said = closure_markdown(hostile(), (HOSTILE,))
    assert "<" not in said
    lines = [line for line in said.splitlines() if line.startswith("| ")]
    assert {len(re.findall(r"(?<!\\)\|", line)) for line in lines} == {12}


def test_four_files_under_the_plans_names(tmp_path):
    paths = write_closure(closure(), tmp_path, HISTORY)
    best = run_id("c01")
    named = [f"segment6b_popt2r2_closure_{best}.{x}" for x in ("json", "md", "html")]
    assert [p.name for p in paths] == [*named, f"segment6b_popt2r2_state_elapsed_{best}.csv"]
    assert sorted(tmp_path.iterdir()) == sorted(paths)
    plain = json.loads(paths[0].read_text(encoding="utf-8"))
    assert (plain["decision"], plain["marker"], len(plain["arms"])) == ("KEEP", "UNLOCK_POPT.3_CONTINUE", 4)


def test_csv_has_a_row_a_run_and_state(tmp_path):
    text = write_closure(closure(), tmp_path)[3].read_text(encoding="utf-8")
    rows = list(csv.DictReader(text.splitlines()))
    closed = closure()
    assert len(rows) == 6 * (len(closed.runs) + 1)
    first = next(r for r in rows if r["arm"] == "c01" and r["state"] == "S4")
    assert float(first["elapsed_s"]) == closed.arms[0].elapsed_s[0]


def test_names_fall_back_to_the_first_run_then_to_the_sweep():
    no_winner = closure(best="", arms=(replace(arm("c01", Decision.INERT), run_id=""), arm("c02", Decision.REJECT)))
    assert closure_name(no_winner, "md") == f"segment6b_popt2r2_closure_{run_id('c02')}.md"
    nothing = closure(best="", arms=(), runs=(), baseline=None)
    assert elapsed_name(nothing) == f"segment6b_popt2r2_state_elapsed_{SWEEP_ID}.csv"


@pytest.mark.parametrize("lane", ["../../etc/x", "A B.C", "x" * 300, HOSTILE])
def test_no_lane_leaves_its_folder(lane, tmp_path):
    paths = write_closure(closure(lane=lane), tmp_path / "reports")
    assert {p.parent for p in paths} == {tmp_path / "reports"}
    assert re.fullmatch(r"[a-z0-9_-]{1,60}", lane_slug(lane))


def test_a_sweep_without_any_run_is_told():
    nothing = closure(best="", decision=Decision.HOLD, arms=(), runs=(), baseline=None)
    page = Page(closure_html(nothing))
    assert "No arm was run." in page.said
    assert page.figures == {}
    assert "No arm was run." in closure_markdown(nothing)


def test_same_closure_same_bytes():
    assert closure_html(closure(), HISTORY) == closure_html(closure(), HISTORY)


def test_terminal_says_what_to_do_next():
    said = told(closure())
    reason = 'python -m seg6b pin 46e28d3c --role authority --replace --reason "POPT.2R2: c01 kept"'
    assert run_id("c01").startswith("46e28d3c")
    assert reason in said
    assert "python -m seg6b prune" in said
    assert "\x1b" not in said


def test_terminal_tells_how_to_pin_where_no_authority_stands():
    said = told(straddling())
    assert f"python -m seg6b pin {run_id('control')[:8]} --role authority " in said
    assert "c02 cannot bind at this size" in said


def test_a_named_control_is_told_wherever_the_lane_is_judged():
    targets = closure().targets | {"control": {"s1.attach": "join_chain", "s1.sessions": "two_pass"}}
    judged = closure(targets=targets)
    said = "The lane names knobs of its control: s1.attach=join_chain, s1.sessions=two_pass."
    assert said in closure_markdown(judged)
    assert said in Page(closure_html(judged)).text
    assert said in told(judged)
    assert "names knobs" not in told(closure())
    alone = told(closure(targets=targets, baseline=None))
    assert "seg6b.lane +lane=popt0" in alone
    assert "seg6b pin" not in alone


def test_terminal_says_how_many_repeats_would_settle():
    score = arm("c01", Decision.INSUFFICIENT, 0.99)
    said = told(
        closure(best="", decision=Decision.INSUFFICIENT, arms=(replace(score, ratio=replace(score.ratio, more=3)),))
    )
    assert "3 more repeats would settle c01" in said
    assert "lane.repeats=8 " in said


def test_square_brackets_are_no_markup():
    assert "[bold]x[/bold]" in told(closure(reasons=("[bold]x[/bold]",)))

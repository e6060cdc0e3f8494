import json
import re
import time

import plotly.graph_objects as go
import pytest

from seg6b.evidence.tables import Evidence
from seg6b.gates.result import Verdict
from seg6b.render.gateboard import gateboard_html, write_gateboard
from seg6b.render.sections import RUNTIME, SECTIONS, drawn
from seg6b.render.wording import interval, number
from tests.render.page import Page
from tests.render.synthetic import board_data, evidence, gate_board, receipt, s4, states, table

PLOTS = [plot for section in (*SECTIONS, RUNTIME) for plot in drawn(section, board_data())]
HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>"


@pytest.fixture(scope="module")
def html():
    return gateboard_html(board_data())


@pytest.fixture(scope="module")
def page(html):
    return Page(html)


def test_nothing_is_loaded(page):
    loads = [
        v
        for _, attrs in page.elements
        for k, v in attrs.items()
        if k in ("src", "href", "data", "poster", "srcset", "action")
    ]
    assert [v for v in loads if not v.startswith(("#", "data:,"))] == []
    assert re.findall(r"url\(|@import|https?:", page.blocks["style"]) == []
    assert [
        e for e in page.elements if e[0] in ("iframe", "object", "embed", "img", "link") and e[1].get("rel") != "icon"
    ] == []


def test_policy_admits_no_network_and_only_the_own_scripts(page):
    (policy,) = [
        a["content"] for t, a in page.elements if t == "meta" and a.get("http-equiv") == "Content-Security-Policy"
    ]
    assert policy.startswith("default-src 'none'; script-src 'sha256-")
    assert "unsafe-eval" not in policy
    assert policy.count("'sha256-") == 2


def test_size_and_time():
    began = time.process_time()
    html = gateboard_html(board_data())
    assert time.process_time() - began < 1.5
    assert len(html.encode()) < 6_000_000


def test_every_gate_shows_its_own_figures(page):
    board = gate_board()
    values = [a["value"] for t, a in page.elements if t == "data"]
    assert values == [str(g.value) for g in board.gates.values()]
    said = " ".join(page.text)
    for gate in board.gates.values():
        assert number(gate.value) in said
        assert interval(gate.ci95) in said
        assert gate.b_rule in said
        assert gate.bplus_rule in said


def test_verdict_is_on_top(page):
    said = " ".join(page.text).split()
    assert said.index("PASS_BPLUS") < 12
    assert "UNLOCK_P1" in said[:15]


def test_failing_board_routes_to_owners():
    board = gate_board(failing=("T5", "T13"), insufficient=("T17",), verdict=Verdict.FAIL_REALISM)
    said = " ".join(
        " ".join(Page(gateboard_html(board_data(board=board, notes=("Override: <b>because</b>",)))).text).split()
    )
    assert "Reopen S2 for T13; S3 for T17; S4 for T5." in said
    assert "16 of 18 hard gates pass B; 19 of 22 gates pass B+; 1 lacks data." in said
    assert "Override: <b>because</b>" in said


def test_hostile_names_stay_text():
    bad = s4()
    del bad.tables["bank"]
    table(bad, "bank", {"merchant_class": [HOSTILE], "bank_label": [HOSTILE], "is_fraud_bank_view": [True]}, [7])
    data = board_data(
        receipt=receipt(lane=HOSTILE, posture=HOSTILE), evidence={**evidence(), "S4": bad}, notes=(HOSTILE,)
    )
    html = gateboard_html(data)
    page = Page(html)
    assert [t for t, _ in page.elements if t == "script"] == ["script"] * 3
    assert [t for t, _ in page.elements if t == "img"] == []
    assert HOSTILE in " ".join(page.text)
    names = page.figures["bank-by-class"]["data"][0]["y"]
    assert [n for n in names if "script" in n] == [
        "&lt;script&gt;alert(1)&lt;/script&gt;\"'&gt;&lt;img src=x onerror=alert(1)&gt;"
    ]


@pytest.mark.parametrize("plot", PLOTS, ids=lambda p: p.name)
def test_figures_are_valid_plotly(plot):
    assert plot.figure, plot.caption
    text = re.sub(r"var\(--[\w-]+\)", "#123456", json.dumps(plot.figure))
    assert go.Figure(json.loads(text)).data


@pytest.mark.parametrize("plot", PLOTS, ids=lambda p: p.name)
def test_figures_hold_bins_not_samples(plot):
    assert len(json.dumps(plot.figure)) < 60_000


def test_names_of_plots_are_unique():
    names = [p.name for p in PLOTS]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("state", ["S1", "S2", "S3", "S4"])
def test_missing_evidence_costs_its_plots_only(state):
    data = board_data(evidence={k: v for k, v in evidence().items() if k != state})
    html = gateboard_html(data)
    assert "Nothing to draw: " in html
    assert "PASS_BPLUS" in html


def test_empty_evidence_is_said():
    nothing = Evidence()
    table(
        nothing,
        "campaign_flows",
        {"campaign_id": [], "campaign_type": [], "merchant_class": [], "tzid_primary": []},
        [],
    )
    html = gateboard_html(board_data(evidence={"S3": nothing}))
    assert "S3 counted nothing in campaign_flows" in html


def test_collapsed_run_still_draws():
    flat = {"S1": Evidence(), "S2": Evidence(), "S4": Evidence()}
    table(flat["S1"], "sessions", {"arrival_count": [1]}, [9])
    table(flat["S1"], "session_spans", {"minutes": [0]}, [9])
    table(flat["S2"], "latency", {"step_up": [False], "latency_us": [0]}, [9])
    table(flat["S2"], "amounts", {"amount_family": ["PURCHASE"], "amount_minor": [0]}, [9])
    table(flat["S4"], "case_gaps", {"gap_s": [-3_600, 0], "negative": [True, False]}, [4, 5])
    table(flat["S4"], "delays", {"model": ["DISPUTE_DELAY_V1"], "ms": [3_600_000]}, [9])
    table(flat["S4"], "bank_amounts", {"is_fraud_bank_view": [True], "amount_minor": [499]}, [9])
    html = gateboard_html(board_data(evidence=flat, board=gate_board(insufficient=("T14", "T15"))))
    assert "9 gaps; 4 negative (T8)" in html
    assert "Median 0 s (T14)" in html


def test_latency_marks_are_the_gates_values(page):
    marks = [a["text"] for a in page.figures["auth-latency"]["layout"]["annotations"]]
    assert marks == ["p50 0.721 s", "p99 69.8 s"]


def test_shares_of_a_class_add_up_with_no_case(page):
    figure = page.figures["bank-by-class"]["data"]
    worst = sum(trace["x"][-1] for trace in figure)
    assert 0.05 < worst < 0.2


def test_linked_state_shows_no_time_of_its_own():
    html = gateboard_html(board_data(states=states(S1="9" * 32)))
    assert "linked from 99999999" in html
    assert "1 more were linked" in html


def test_written_whole(tmp_path):
    path = tmp_path / "run" / "gateboard.html"
    write_gateboard(board_data(), path)
    assert path.read_text(encoding="utf-8").endswith("</html>")
    assert [p.name for p in path.parent.iterdir()] == ["gateboard.html"]


def test_same_board_same_bytes():
    assert gateboard_html(board_data()) == gateboard_html(board_data())

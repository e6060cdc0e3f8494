"""A lane of parts: fewer of them is what it is for, and no state that wrote them may lose time by it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from seg6b.render.closure_page import closure_html
from seg6b.render.closure_text import closure_markdown
from seg6b.scoring.closure_json import closure_json
from seg6b.scoring.score import next_rounds
from tests.render.page import Page
from tests.scoring.sweeps import closed, rounds, slot_of, sweep

S3_ROWS, S4_ROWS = "s3_flow_anchor_with_fraud_6B", "s4_event_labels_6B"
RULE = {
    "state": "S3", "min_fewer_parts": 0.5, "datasets": [S3_ROWS, S4_ROWS], "max_slower": 0.05,
    "unlocks": "UNLOCK_NEXT", "holds": "HOLD_IT",
}  # fmt: skip
EVEN = (1.01, 0.99, 1.0, 0.995, 1.005)
FASTER = (0.80, 0.82, 0.81, 0.79, 0.80)
SLOWER = (1.20, 1.22, 1.21, 1.19, 1.20)
WIDE = (0.90, 1.12, 0.95, 1.08, 0.97)


def runs_of(s3, s4=EVEN, parts=(2, 4), control=(8, 8), sets=(1, 2)):
    """Runs of c01 beside the control: times of both states by ratio, parts of both datasets."""
    found = []
    for run in [run for k in sets for run in rounds("c01", s4, k)]:
        mine, ratio = run.arm == "c01", s3[run.round_index - 1]
        found.append(
            replace(
                run,
                elapsed_s=run.elapsed_s | {"S3": 50.0 * (ratio if mine else 1.0)},
                executed=("S3", "S4", "S5"),
                parts=dict(zip((S3_ROWS, S4_ROWS), parts if mine else control, strict=True)),
            )
        )
    return found


def judged(*args, rule=RULE, **how):
    return closed(sweep(closure=rule, lane="POPT.3", owner="S3"), runs_of(*args, **how))


@pytest.mark.parametrize("s3", [EVEN, FASTER], ids=["as-fast", "faster"])
def test_fewer_parts_and_no_slower_state_unlock(s3):
    closure = judged(s3)
    assert (closure.decision, closure.marker, closure.best) == ("KEEP", "UNLOCK_NEXT", "c01")
    assert "S3 is not slower by more than 5.0 % in two separate sets of runs" in closure.reasons[0]


def test_one_set_is_provisional_and_is_run_again():
    plan, runs = sweep(closure=RULE, owner="S3"), runs_of(EVEN, sets=(1,))
    closure = closed(plan, runs)
    assert (closure.decision, closure.marker) == ("KEEP_PROVISIONAL", "HOLD_IT")
    assert next_rounds(plan, [slot_of(run) for run in runs], closure) == {"c01": (2, 5)}


@pytest.mark.parametrize(
    ("s3", "s4", "named"), [(SLOWER, EVEN, "S3"), (EVEN, SLOWER, "S4"), (FASTER, SLOWER, "S4")],
    ids=["owner", "other", "other-though-the-owner-gains"],
)  # fmt: skip
def test_fewer_parts_with_a_slower_state_hold(s3, s4, named):
    closure = judged(s3, s4)
    assert (closure.decision, closure.marker, closure.best) == ("REJECT", "HOLD_IT", "")
    assert f"{named} is slower by more than 5.0 %" in closure.reasons[0]


@pytest.mark.parametrize("which", ["owner", "other"])
def test_what_is_not_shown_to_be_no_loss_is_run_on(which):
    s3, s4 = (WIDE, EVEN) if which == "owner" else (EVEN, WIDE)
    closure = judged(s3, s4, sets=(1,))
    assert (closure.decision, closure.marker) == ("INSUFFICIENT", "HOLD_IT")
    assert "neither slower by more than 5.0 % nor shown not to be" in closure.reasons[0]


def test_a_loss_within_the_allowance_is_none():
    slightly = tuple(1.02 * ratio for ratio in EVEN)
    assert judged(slightly).decision == "KEEP"
    assert judged(slightly, rule=RULE | {"max_slower": 0.01}).decision != "KEEP"


def test_without_an_allowance_a_gain_is_asked_for():
    strict = RULE | {"max_slower": 0.0}
    assert judged(EVEN, rule=strict).decision == "INSUFFICIENT"
    assert judged(FASTER, FASTER, rule=strict).marker == "UNLOCK_NEXT"


@pytest.mark.parametrize("parts", [(5, 2), (2, 5), (8, 8), (9, 1)])
def test_too_many_parts_are_rejected_whatever_the_speed(parts):
    closure = judged(FASTER, FASTER, parts=parts)
    assert (closure.decision, closure.marker) == ("REJECT", "HOLD_IT")
    assert closure.reasons[0].startswith("c01: 50 % fewer parts are asked for: s")
    assert closure.arms[0].ratio is None


def test_half_the_parts_are_enough():
    assert judged(EVEN, parts=(4, 4)).marker == "UNLOCK_NEXT"


def test_the_worst_run_of_the_arm_counts():
    runs = runs_of(EVEN)
    last = max(k for k, run in enumerate(runs) if run.arm == "c01")
    runs[last] = replace(runs[last], parts={S3_ROWS: 7, S4_ROWS: 4})
    assert closed(sweep(closure=RULE, owner="S3"), runs).decision == "REJECT"


def test_rows_are_looked_at_before_parts():
    runs = [replace(r, digests={}) if r.arm == "c01" else r for r in runs_of(EVEN)]
    assert closed(sweep(closure=RULE, owner="S3"), runs).decision == "REJECT_SEMANTIC_DRIFT"


def test_the_closure_shows_the_parts():
    closure = judged(EVEN)
    plain, board = closure_json(closure), Page(closure_html(closure)).said
    assert plain["metrics"]["part_counts"][S3_ROWS] == {"control": 8, "candidate": 2, "fewer": 0.75}
    assert plain["metrics"]["fewer_parts_pass"] is True
    assert plain["metrics"]["non_regression_pass"] is True
    assert plain["targets"]["min_fewer_parts"] == 0.5
    assert f"| c01 | {S3_ROWS} | 8 | 2 | 75\N{NO-BREAK SPACE}% |" in closure_markdown(closure)
    assert f"parts of {S4_ROWS} 4 of 8, 50 % fewer" in board
    assert "Fewer parts 50 %" in board


def test_other_lanes_count_no_parts():
    closure = judged(FASTER, FASTER, rule={"state": "S3"})
    assert closure.arms[0].parts == ()
    assert "part_counts" not in closure_json(closure)["metrics"]
    assert "## Parts" not in closure_markdown(closure)

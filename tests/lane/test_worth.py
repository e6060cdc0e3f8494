from dataclasses import replace

import pytest

from seg6b.lane.worth import worth
from seg6b.runs.sweep import CONTROL
from seg6b.scoring.closure import Decision, Drift
from seg6b.settings.strategies import PLAN
from tests.render.closures import arm, closure, facts

NOW = {"s4.event_labels": "fused", "s4.campaign_map": "lookup", "s4.timeline": "long_form", "s4.columns": "pruned"}
PLANNED = {key: PLAN[key] for key in NOW}
LABELS = "s4.event_labels"


def measured(control, changed, share=0.5, lane="WORTH", pairs=5, **changes):
    """A closure of one arm that has `changed` otherwise than `control`."""
    score = arm("c01", Decision.KEEP, share)
    score = replace(score, ratio=replace(score.ratio, n=pairs), **changes)
    knobs = {CONTROL: control, "c01": control | changed}
    runs = tuple(facts(name, 5.0, knobs={"s4.batch_rows": 1, **own}) for name, own in knobs.items())
    return closure(lane=lane, arms=(score,), runs=runs)


def found(*closures, now=NOW):
    return {one.key: one for one in worth(closures, {"s4.batch_rows": 1, **now})}


def test_alone_is_a_strategy_of_ours_among_the_build_plans():
    one = measured(PLANNED, {LABELS: "fused"}, 0.5)
    gain = found(one)[LABELS].alone
    ratio = one.arms[0].ratio
    assert (gain.mean, gain.ci95, gain.n, gain.lane) == (ratio.mean, ratio.ci95, 5, "WORTH")
    assert found(one)[LABELS].on_top is None


def test_on_top_is_the_inverse_of_going_back():
    one = measured(NOW, {LABELS: "recompute"}, 2.0)
    gain, ratio = found(one)[LABELS].on_top, one.arms[0].ratio
    assert gain.mean == pytest.approx(1.0 / ratio.mean)
    assert gain.ci95 == pytest.approx((1.0 / ratio.ci95[1], 1.0 / ratio.ci95[0]))
    assert gain.ci95[0] < gain.mean < gain.ci95[1]
    assert found(one)[LABELS].alone is None


def test_the_only_strategy_of_a_state_is_alone_and_on_top():
    one = measured({LABELS: "recompute"}, {LABELS: "fused"})
    gains = found(one, now={LABELS: "fused"})[LABELS]
    assert gains.alone == gains.on_top is not None


NOTHING = {
    "two strategies at once": measured(PLANNED, {LABELS: "fused", "s4.columns": "pruned"}),
    "a knob besides": measured(PLANNED, {LABELS: "fused", "s4.batch_rows": 2}),
    "a rival that is neither": measured(PLANNED, {LABELS: "carry"}),
    "others in between": measured(PLANNED | {"s4.columns": "pruned"}, {LABELS: "fused"}),
    "other rows": measured(PLANNED, {LABELS: "fused"}, drifts=(Drift("s4_event_labels_6B", 1, 2),)),
    "runs that failed": measured(PLANNED, {LABELS: "fused"}, failed_runs=1),
    "another state's time": replace(measured(PLANNED, {LABELS: "fused"}), targets={"state": "S5"}),
    "the control is gone": replace(measured(PLANNED, {LABELS: "fused"}), runs=()),
}


@pytest.mark.parametrize("why", NOTHING)
def test_what_measures_nothing(why):
    assert {(w.alone, w.on_top) for w in found(NOTHING[why]).values()} == {(None, None)}


def test_an_arm_without_pairs_measures_nothing():
    one = measured(PLANNED, {LABELS: "fused"})
    bare = replace(one, arms=(replace(one.arms[0], ratio=None),))
    assert found(bare)[LABELS].alone is None


def test_more_pairs_win_then_the_last():
    few, many, last = (
        measured(PLANNED, {LABELS: "fused"}, lane=n, pairs=k) for n, k in (("few", 3), ("many", 5), ("last", 5))
    )
    assert found(many, few)[LABELS].alone.lane == "many"
    assert found(few, many, last)[LABELS].alone.lane == "last"


def test_only_strategies_that_the_authority_changed_are_asked():
    assert list(found(now={LABELS: "fused", "s4.columns": "all"})) == [LABELS]
    assert [w.key for w in found().values()] == [key for key in PLAN if key in NOW]

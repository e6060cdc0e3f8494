from __future__ import annotations

import math
from copy import deepcopy
from functools import reduce
from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException
from hypothesis import given, settings
from hypothesis import strategies as st
from omegaconf import OmegaConf

from seg6b.errors import UsageError
from seg6b.lane.boards import build_plan_budgets
from seg6b.lane.lanes import LANES, as_overrides, lane_of, register_lanes, unlocking
from seg6b.settings.rules import require_sound
from seg6b.settings.schema import register

CONF = Path(__file__).resolve().parents[2] / "conf"
NAMES = sorted(path.stem for path in LANES.glob("*.yaml"))

TEXT = st.text(st.characters(blacklist_categories=("Cs", "Cc")), max_size=12)
SCALARS = st.none() | st.booleans() | st.integers(-(10**12), 10**12) | st.floats(allow_nan=False) | TEXT
KEYS = st.from_regex(r"[a-z_]{1,3}[A-Z0-9]{1,3}", fullmatch=True)
VALUES = st.recursive(SCALARS, lambda v: st.lists(v, max_size=3) | st.dictionaries(KEYS, v, max_size=3), max_leaves=5)


@pytest.fixture(autouse=True)
def known():
    register()
    assert register_lanes() == {}


@pytest.fixture(scope="module")
def plain():
    register()
    return OmegaConf.to_container(composed(), enum_to_str=True)


def composed(*overrides):
    GlobalHydra.instance().clear()
    with initialize_config_dir(version_base="1.3", config_dir=str(CONF)):
        return compose("config", list(overrides))


@pytest.mark.parametrize("name", NAMES)
def test_a_lane_file_is_whole_and_each_of_its_candidates_is_a_job(name, job):
    lane = job(f"+lane={name}").lane
    assert lane.goal
    assert lane.kind
    assert lane.alternatives
    for candidate in lane.candidates:
        job(f"+lane={name}", *as_overrides(candidate))


def test_popt2r2_is_as_the_build_plan_has_it(job):
    lane = job("+lane=popt2r2").lane
    assert lane.id == "POPT.2R2"
    assert [(c["s4.batch_rows"], c["s4.compression"]) for c in lane.candidates] == [
        (500000, "snappy"), (750000, "snappy"), (1000000, "snappy"), (750000, "lz4"),
    ]  # fmt: skip
    for seconds in ("633.64", "694.56", "653.20", "647.67"):
        assert any(seconds in line for line in lane.history)
    assert lane.requires == ("UNLOCK_POPT.2_CONTINUE",)
    assert (lane.closure.min_reduction, lane.closure.target_s, lane.closure.stretch_s) == (0.30, 420, 500)


def test_popt1_times_the_defaults_against_the_ways_of_the_history(job):
    lane, plain = job("+lane=popt1").lane, job()
    assert (lane.id, lane.owner, lane.requires) == ("POPT.1", "S1", ("GO_POPT.1",))
    assert lane.closure.control == {"s1.attach": "join_chain", "s1.sessions": "two_pass"}
    defaults = {f"s1.{knob}": getattr(plain.knobs["S1"], knob) for knob in ("attach", "sessions")}
    assert defaults == lane.candidates[0]
    assert len({tuple(c.items()) for c in (*lane.candidates, lane.closure.control)}) == 5
    rule = lane.closure
    assert (rule.state, rule.min_reduction, rule.target_s, rule.stretch_s) == ("S1", 0.40, 800, 900)
    assert (rule.unlocks, rule.holds) == ("UNLOCK_POPT.2_CONTINUE", "HOLD_POPT.1_REOPEN")
    for told in ("1333.75", "51496f8e", "4ab118c8"):
        assert any(told in line for line in lane.history)


@pytest.mark.parametrize(
    ("name", "lane_id", "strategy", "told", "reduction"),
    [
        ("popt2r", "POPT.2R", "carry", ("570.62", "4070.62"), 0.0),
        ("popt2u", "POPT.2U", "flow_join", ("411.66", "413.61", "403.78", "414.62", "28.31"), 0.30),
    ],
)
def test_event_label_lanes_are_as_the_build_plan_has_them(job, name, lane_id, strategy, told, reduction):
    lane = job(f"+lane={name}").lane
    swept = [c["s4.event_labels"] for c in lane.candidates]
    assert (lane.id, lane.closure.min_reduction) == (lane_id, reduction)
    assert {strategy, "recompute"} <= set(swept)
    for figure in told:
        assert any(figure in line for line in lane.history)


BEFORE_POPT2 = {
    "s4.event_labels": "recompute", "s4.timeline": "filter_concat", "s4.columns": "all", "s4.writer": "per_batch",
}  # fmt: skip


@pytest.mark.parametrize(
    ("name", "lane_id", "told"),
    [
        ("popt2", "POPT.2", ("563.20", "641.33", "570.62", "869.47", "685.38")),
        ("popt2v", "POPT.2V", ("563.20", "403.78", "392.64", "413.86")),
    ],
)
def test_lanes_that_ask_for_30_percent_are_held_against_where_popt2_set_out(job, name, lane_id, told):
    lane = job(f"+lane={name}").lane
    assert (lane.id, lane.owner, lane.requires) == (lane_id, "S4", ("UNLOCK_POPT.2_CONTINUE",))
    closure = lane.closure
    assert (closure.min_reduction, closure.target_s, closure.stretch_s) == (0.30, 420, 500)
    assert (closure.unlocks, closure.holds) == ("UNLOCK_POPT.3_CONTINUE", "HOLD_POPT.2_REOPEN")
    assert closure.control == BEFORE_POPT2
    for candidate in lane.candidates:
        assert candidate.keys() == closure.control.keys(), "an arm has the defaults where it names nothing"
        assert candidate != closure.control
    for figure in told:
        assert any(figure in line for line in lane.history)


def test_popt2t_is_held_against_the_join_and_its_trap_stands_apart(job):
    lane, trap = job("+lane=popt2t").lane, job("+lane=popt2t_trap").lane
    assert lane.closure.control == {"s4.campaign_map": "join"}
    assert [c["s4.campaign_map"] for c in lane.candidates] == ["expression", "lookup"]
    for figure in ("422.53", "620.19"):
        assert any(figure in line for line in lane.history)
    assert [dict(c) for c in trap.candidates] == [{"s4.campaign_map": "trap_lost_none"}]
    assert (trap.closure.unlocks, trap.closure.holds) == ("", "")
    offered = [p.stem for p in LANES.glob("*.yaml") if ": trap_" in p.read_text()]
    assert offered == ["popt2t_trap"]


def test_popt2s_is_as_the_build_plan_has_it(job):
    lane = job("+lane=popt2s").lane
    assert [c["s4.columns"] for c in lane.candidates] == ["all", "pruned"]
    assert any("579.45" in line for line in lane.history)


def test_popt3_asks_for_fewer_parts_of_a_writer_that_writes_each_batch(job):
    lane = job("+lane=popt3").lane
    rule = lane.closure
    assert (lane.id, lane.requires) == ("POPT.3", ("UNLOCK_POPT.3_CONTINUE",))
    assert (rule.unlocks, rule.holds) == ("UNLOCK_POPT.4_CONTINUE", "HOLD_POPT.3_REOPEN")
    assert (rule.state, rule.min_fewer_parts, rule.min_reduction) == ("S3", 0.5, 0.0)
    assert {rule.control[f"{state}.writer"] for state in ("s3", "s4")} == {"per_batch"}
    for candidate in lane.candidates:
        assert candidate["s3.writer"] == candidate["s4.writer"] != "per_batch"
        assert {k: v for k, v in candidate.items() if "batch_rows" in k} == {
            k: v for k, v in rule.control.items() if "batch_rows" in k
        }
    assert any("565.64" in line for line in lane.history)


def test_a_closing_rule_counts_parts_of_known_datasets(plain):
    with pytest.raises(UsageError) as refused:
        require_sound(changed(plain, "lane.closure.min_fewer_parts=0.5", "lane.closure.datasets=[s3_event_stream_6B]"))
    assert (refused.value.where, refused.value.value) == ("lane.closure.datasets", "s3_event_stream_6B")


def test_popt0_locks_the_posture_as_it_is_and_links_nothing(job):
    asked, plain = job("+lane=popt0", "world=tiny"), job("world=tiny")
    lane = asked.lane
    assert (lane.id, lane.kind, lane.requires, lane.candidates) == ("POPT.0", "baseline", (), ())
    assert (lane.closure.scorer, lane.closure.unlocks, lane.closure.holds) == (
        "runtime",
        "GO_POPT.1",
        "HOLD_POPT.0_REOPEN",
    )
    assert (composed().source_run, composed("+lane=popt0").source_run) == ("any", "none")
    assert (asked.policy.parameter_hash, asked.knobs) == (plain.policy.parameter_hash, plain.knobs)
    for figure in ("1333.75", "142.45", "371.67", "563.20", "5.20", "S1, S4, S3", "RED"):
        assert any(figure in line for line in lane.history)


def test_a_step_of_the_gain_ladder_asks_what_the_lane_asks(job):
    for step in build_plan_budgets()["ladder"]:
        mine = [job(f"+lane={name}").lane for name in NAMES if lane_of(name).id == step["lane"]]
        assert all(lane.closure.min_reduction == step["min_reduction"] for lane in mine)


def test_the_command_line_wins_over_the_lane(job):
    lane = job("+lane=popt2r2", "lane.repeats=7", "lane.candidates=[]").lane
    assert (lane.repeats, lane.candidates) == (7, ())


@settings(max_examples=60, deadline=None)
@given(VALUES)
def test_a_candidate_says_to_hydra_what_the_file_says(value):
    (override,) = as_overrides({"policy.amount.x": value})
    assert same(OverridesParser.create().parse_override(override).value(), value)


def same(found, value):
    """Equal, and of one type: Hydra must not take the text `1` for a number."""
    if isinstance(value, dict):
        return list(found) == list(value) and all(same(found[k], v) for k, v in value.items())
    if isinstance(value, list):
        return len(found) == len(value) and all(map(same, found, value))
    return type(found) is type(value) and (found == value or math.isnan(found))


def test_a_typo_in_a_key_is_refused_by_its_name(tmp_path):
    (tmp_path / "typo.yaml").write_text("lane: {id: X, candidats: []}\n")
    assert register_lanes(tmp_path) == {}
    with pytest.raises(HydraException, match="candidats"):
        composed("+lane=typo")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("lane: [oops\n", "while parsing"),
        ("goal: x\n", "no `lane:`"),
        ("lane: popt2r2\n", "no `lane:`"),
        ("lane: {goal: x}\n", "`id:`"),
        ("lane: {id: A, id: B}\n", "duplicate key"),
        ("!!python/object/apply:os.system [x]\n", "could not determine a constructor"),
    ],
    ids=["broken", "no-lane", "a-word", "no-id", "twice", "code"],
)
def test_a_file_that_is_no_lane_stops_nobody_else(tmp_path, text, why):
    (tmp_path / "odd.yaml").write_text(text)
    (tmp_path / "even.yaml").write_text("lane: {id: EVEN}\n")
    faults = register_lanes(tmp_path)
    assert set(faults) == {"odd"}
    assert why in faults["odd"]
    assert composed("+lane=even").lane.id == "EVEN"


def test_the_lane_that_gives_a_marker_is_found(tmp_path):
    (tmp_path / "a.yaml").write_text("lane: {id: A.1, closure: {unlocks: UNLOCK_B}}\n")
    (tmp_path / "b.yaml").write_text("lane: {id: B.1}\n")
    assert unlocking("UNLOCK_B", tmp_path) == (("A.1", "a"),)
    assert unlocking("UNLOCK_C", tmp_path) == ()


@pytest.mark.parametrize(
    ("override", "key", "expected"),
    [
        ("lane.id=../../x", "lane.id", "letters"),
        ("lane.id=.hidden", "lane.id", "letters"),
        ("lane.kind=faster", "lane.kind", "optimisation, remediation"),
        ("lane.on_failure=explode", "lane.on_failure", "continue, stop, retry"),
        ("lane.retries=-1", "lane.retries", "0 or more"),
        ("lane.repeats=1", "lane.repeats", "2 .. 12"),
        ("lane.repeats=13", "lane.repeats", "2 .. 12"),
        ("lane.max_repeats=1", "lane.max_repeats", "2 .. 12"),
        ("lane.max_repeats=13", "lane.max_repeats", "2 .. 12"),
        ("lane.closure.scorer=taste", "lane.closure.scorer", "runtime, realism"),
        ("lane.closure.state=S6", "lane.closure.state", "S1, S2"),
        ("lane.closure.min_reduction=1", "lane.closure.min_reduction", "0 .. 1"),
        ("lane.closure.min_fewer_parts=1", "lane.closure.min_fewer_parts", "0 .. 1"),
        ("lane.closure.min_fewer_parts=0.5", "lane.closure.datasets", "exactly where"),
        ("lane.closure.datasets=[s3_event_stream_with_fraud_6B]", "lane.closure.datasets", "exactly where"),
        ("lane.closure.max_slower=-0.1", "lane.closure.max_slower", "0 .. 1"),
        ("lane.closure.max_slower=0.1", "lane.closure.max_slower", "0 without"),
        ("s3.target_file_mb=0", "s3.target_file_mb", "1 or more"),
        ("lane.closure.target_s=-1", "lane.closure.target_s", "0 or more"),
        ("lane.closure.unlocks=a/b", "lane.closure.unlocks", "a marker"),
        ("lane.closure.control={s1.shards: 8}", "lane.closure.control", "kind optimisation"),
        ("lane.closure.scorer=speed", "lane.closure.scorer", "runtime, realism"),
        ("lane.closure.seeds=[42,7]", "lane.closure.seeds", "no witness lane"),
        ("lane.requires=[please]", "lane.requires", "a marker"),
        ("lane.candidates=[{root: /tmp}]", "lane.candidates[0]", "a knob"),
        ("lane.candidates=[{lane.id: x}]", "lane.candidates[0]", "a knob"),
        ("lane.candidates=[{}]", "lane.candidates[0]", "at least one"),
        ("source_run=abc", "source_run", "a run id"),
        ("source_run=../x", "source_run", "a run id"),
        ("arm.sweep=../x", "arm.sweep", "id of a sweep"),
        ("arm.name=../x", "arm.name", "control"),
        ("arm.execute_from=S0", "arm.execute_from", "S1, S2"),
        ("prune.expensive_arrivals=0", "prune.expensive_arrivals", "1 or more"),
        ("prune.grace_h=-1", "prune.grace_h", "0 or more"),
    ],
)  # fmt: skip
def test_a_setting_out_of_range_is_refused_by_its_key(plain, override, key, expected):
    with pytest.raises(UsageError) as refused:
        require_sound(changed(plain, override))
    assert refused.value.code == "E_CONFIG_VALUE"
    assert refused.value.where == key
    assert expected in refused.value.expected


@pytest.mark.parametrize(
    ("kind", "key"), [("remediation", "s1.shards"), ("optimisation", "posture"), ("optimisation", "policy/amount")]
)
def test_only_knobs_of_an_optimisation_may_be_named_of_a_control(plain, kind, key):
    with pytest.raises(UsageError) as refused:
        require_sound(changed(plain, f"lane.kind={kind}", f"lane.closure.control={{{key}: 8}}"))
    assert (refused.value.where, refused.value.value) == ("lane.closure.control", key)
    require_sound(changed(plain, "lane.kind=optimisation", "lane.closure.control={s1.shards: 8, executor.threads: 1}"))


@pytest.mark.parametrize(
    ("kind", "closure", "key", "expected"),
    [
        ("witness", "seeds=[42]", "seeds", "2 different ones"),
        ("witness", "seeds=[42,42]", "seeds", "2 different ones"),
        ("remediation", "witness=true", "witness", "only a timed one"),
        ("baseline", "witness=true", "witness", "only a timed one"),
    ],
)
def test_a_witness_is_asked_only_of_a_lane_that_can_give_it(plain, kind, closure, key, expected):
    with pytest.raises(UsageError) as refused:
        require_sound(changed(plain, f"lane.kind={kind}", f"lane.closure.{closure}"))
    assert (refused.value.where, expected in refused.value.expected) == (f"lane.closure.{key}", True)
    require_sound(changed(plain, "lane.kind=witness", "lane.closure.seeds=[42,7]"))
    require_sound(changed(plain, "lane.kind=optimisation", "lane.closure.witness=true"))


@pytest.mark.parametrize(("kind", "scorer"), [("optimisation", "realism"), ("remediation", "runtime")])
def test_a_scorer_that_does_not_fit_the_kind_is_refused(plain, kind, scorer):
    with pytest.raises(UsageError) as refused:
        require_sound(changed(plain, f"lane.kind={kind}", f"lane.closure.scorer={scorer}"))
    assert (refused.value.where, refused.value.value) == ("lane.closure.scorer", scorer)


def changed(plain, *overrides):
    settings = deepcopy(plain)
    for given_one in OverridesParser.create().parse_overrides(list(overrides)):
        *groups, key = given_one.key_or_group.split(".")
        reduce(dict.__getitem__, groups, settings)[key] = given_one.value()
    return settings


def test_max_repeats_is_not_below_repeats(plain):
    with pytest.raises(UsageError, match=r"lane\.max_repeats.*8 \.\. 12"):
        require_sound(changed(plain, "lane.repeats=8", "lane.max_repeats=7"))
    require_sound(changed(plain, "lane.repeats=8", "lane.max_repeats=8"))


@pytest.mark.parametrize("good", ["0123", "ab" * 16, "any", "none", "authority", "last_good"])
def test_a_source_run_is_a_word_or_an_id(plain, good):
    require_sound(changed(plain, f"source_run='{good}'"))


def test_what_is_missing_or_refers_to_nothing_is_refused_by_its_key(job):
    with pytest.raises(UsageError, match="rejected_because"):
        job("lane.alternatives=[{name: x}]")
    with pytest.raises(UsageError, match=r"E_CONFIG.*nowhere"):
        job("scenario_id=${nowhere}")

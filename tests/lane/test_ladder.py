from dataclasses import replace

import pytest

from seg6b.errors import UsageError
from seg6b.lane.estimate import START_S
from seg6b.lane.ladder import LADDER, ROUNDS, WORTH, Place, decided, expected_s, last_closure, missing_marker, place_of
from seg6b.lane.lanes import LANES, lane_of, register_lanes
from seg6b.lane.plan import CODE
from seg6b.runs.keys import code_digest
from seg6b.runs.ledger import append
from seg6b.runs.sweep_folder import create_sweep, sweep_id_of
from seg6b.settings.job import Lane
from seg6b.settings.knobs import StateKnobs
from seg6b.settings.strategies import PLAN, state_of
from tests.runs.fake_runs import make_run
from tests.scoring.sweeps import sweep

HERE = Place(500_000)
HOLD, UNLOCK = "HOLD_POPT.2_REOPEN", "UNLOCK_POPT.3_CONTINUE"


def closed(root, marker, code="", ordinal=1, **changed):
    """A sweep of POPT.2U and its line in the ledger."""
    made = sweep(lane="POPT.2U", arrivals=500_000, code=code or code_digest(CODE), ordinal=ordinal, **changed)
    made = replace(made, sweep_id=sweep_id_of(made))
    create_sweep(root, made)
    body = {"lane": "POPT.2U", "sweep_id": made.sweep_id, "decision": "KEEP", "marker": marker, "run_id": ""}
    append(root, "closure", body)
    return body


@pytest.mark.parametrize("file", [*LADDER, *WORTH])
def test_every_lane_of_the_walk_is_there_and_names_its_history(file):
    assert (LANES / f"{file}.yaml").exists()
    lane = lane_of(file)
    assert lane.history
    assert lane.goal
    assert lane.candidates or lane.kind != "optimisation"


def test_the_ladder_is_the_build_plans():
    ids = [lane_of(file).id for file in LADDER]
    assert ids == [f"POPT.{n}" for n in ("0", "1", "2", "2R", "2S", "2T", "2R2", "2U", "2V", "3", "4")]


def test_a_place_is_a_world_by_name_or_size():
    assert place_of("500000") == Place(500_000)
    assert place_of("tiny", 7) == Place(20_000, 7)
    assert place_of("parquet") == Place(None)
    with pytest.raises(UsageError, match=r"E_POPT_WORLD.*huge.*default, large.*or a number of arrivals"):
        place_of("huge")


def test_an_adopted_world_is_as_large_as_its_source_says():
    assert Place(None).holds(Place(12))
    assert not Place(None).holds(Place(12, 7))
    assert not Place(12).holds(Place(13))
    assert not Place(12).holds(None)


def test_what_a_lane_unlocked_stands_whatever_the_code(tmp_path):
    assert decided(tmp_path, "POPT.2U", HERE) is None
    body = closed(tmp_path, UNLOCK, code="other")
    assert decided(tmp_path, "POPT.2U", HERE) == body


def test_what_it_held_stands_while_the_code_is_the_same(tmp_path):
    closed(tmp_path, HOLD, code="other")
    assert decided(tmp_path, "POPT.2U", HERE) is None
    body = closed(tmp_path, HOLD, ordinal=2)
    assert decided(tmp_path, "POPT.2U", HERE) == body


def test_a_hold_withdraws_what_was_unlocked_before(tmp_path):
    closed(tmp_path, UNLOCK)
    closed(tmp_path, HOLD, code="other", ordinal=2)
    assert decided(tmp_path, "POPT.2U", HERE) is None


@pytest.mark.parametrize("elsewhere", [{"arrivals": 20_000}, {"seed": 7}], ids=["world", "seed"])
def test_a_decision_counts_in_its_own_place_alone(tmp_path, elsewhere):
    body = closed(tmp_path, UNLOCK)
    there = {"arrivals": 500_000, "seed": 42} | elsewhere
    made = replace(sweep(lane="POPT.2U", code="x"), **there)
    made = replace(made, sweep_id=sweep_id_of(made))
    create_sweep(tmp_path, made)
    append(tmp_path, "closure", {**body, "sweep_id": made.sweep_id, "marker": HOLD})
    assert last_closure(tmp_path, "POPT.2U", HERE) == body


def test_a_baseline_is_placed_by_its_run_and_a_held_one_is_tried_again(tmp_path):
    run = make_run(tmp_path, "base")
    for marker, found in (("HOLD_POPT.0_REOPEN", False), ("GO_POPT.1", True)):
        append(tmp_path, "closure", {"lane": "POPT.0", "run_id": run.run_id, "decision": "KEEP", "marker": marker})
        assert (decided(tmp_path, "POPT.0", Place(3)) is not None) is found
    append(
        tmp_path, "closure", {"lane": "POPT.0", "run_id": "f" * 32, "decision": "KEEP", "marker": "HOLD_POPT.0_REOPEN"}
    )
    assert last_closure(tmp_path, "POPT.0", Place(3))["marker"] == "GO_POPT.1"


def test_the_first_marker_that_is_missing_is_named(tmp_path):
    lane = Lane(id="POPT.4", requires=(UNLOCK, "GO_POPT.1"))
    assert missing_marker(tmp_path, lane) == UNLOCK
    closed(tmp_path, UNLOCK)
    assert missing_marker(tmp_path, lane) == "GO_POPT.1"
    assert missing_marker(tmp_path, Lane(id="POPT.0")) == ""


def test_expected_seconds_by_hand():
    took = {"S1": 10.0, "S4": 4.0, "S5": 1.0}
    two = Lane(owner="S4", kind="optimisation", candidates=({"a": 1}, {"a": 2}), repeats=3)
    assert expected_s([two], took) == (1 + 3 * 5) * (START_S + 5.0)
    assert expected_s([replace(two, confirm=False)], took) == (1 + 3 * 3) * (START_S + 5.0)
    assert expected_s([replace(two, repeats=0)], took) == (1 + ROUNDS * 5) * (START_S + 5.0)
    assert expected_s([Lane(kind="baseline")], took) == START_S + 15.0
    assert expected_s([Lane(owner="all", kind="witness")], took) == 3 * (START_S + 15.0)
    assert expected_s([], took) == 0.0


@pytest.mark.parametrize("file", WORTH)
def test_a_lane_of_worth_switches_each_strategy_of_its_state_once(file, job):
    register_lanes()
    lane = job(f"+lane={file}").lane
    state = lane.closure.state
    plan = {key: value for key, value in PLAN.items() if state_of(key) == state}
    ours = {key: getattr(StateKnobs(), key.split(".", 1)[1]) for key in plan}
    base, other = (plan, ours) if file.endswith("_alone") else (ours, plan)
    batches = {key: rows for key, rows in lane.closure.control.items() if key == f"{state.lower()}.batch_rows"}
    assert ours | dict(lane.closure.control) == base | batches
    arms = [ours | dict(candidate) for candidate in lane.candidates]
    wanted = [base | batches | {key: other[key]} for key in plan]
    assert sorted(arms, key=str) == sorted(wanted, key=str)
    assert (lane.closure.unlocks, lane.closure.holds, lane.confirm) == ("", "", False)


def test_every_strategy_is_weighed():
    states = {file.split("_")[1].upper() for file in WORTH}
    assert states == {state_of(key) for key in PLAN}

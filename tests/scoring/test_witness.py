"""The witness lane by hand: what freezes the runtime posture, and each single thing that stands against it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from seg6b.scoring.certification import SeedRun
from seg6b.scoring.replay import ReplayVerdict, ReplayWitness
from seg6b.scoring.witness import Evidence, judge_witness, slower_than
from seg6b.settings.job import ClosureRule, Lane
from tests.scoring.sweeps import GATES, facts

STATES = ("S1", "S2", "S3", "S4", "S5")
LANE = Lane("POPT.4", kind="witness", closure=ClosureRule(unlocks="UNLOCK_IT", holds="HOLD_IT"))
BUDGETS = {
    "arrivals": 1_000_000,
    "floor_s": 1.0,
    "states": {state: {"target_s": 22.0, "stretch_s": 24.0} for state in STATES},
    "lanes_min": {
        "candidate": {"target": 105 / 60, "stretch": 115 / 60},
        "witness": {"target": 210 / 60, "stretch": 230 / 60},
        "certification": {"target": 420 / 60, "stretch": 460 / 60},
    },
}


def run(arm="authority", each=20.0, **changed):
    """A run of which every state takes `each` seconds."""
    made = facts(arm, executed=STATES, elapsed_s=dict.fromkeys(STATES, each), **changed)
    return replace(made, run_id=f"{len(arm):02x}" * 16)


def seed_run(seed=42, faults=(), **changed):
    return SeedRun(seed, run(f"seed {seed}", seed=seed, **changed), None, "2026-01-01T00:00:00Z", tuple(faults))


def replay(*faults):
    verdict = ReplayVerdict.DIFFERENT if faults else ReplayVerdict.IDENTICAL
    return ReplayWitness(verdict, faults, "1" * 32, "2" * 32, "S1", (), "2026-01-01T00:00:01Z")


def evidence(**changed):
    made = Evidence(run(), (seed_run(42), seed_run(7)), (run("replay"),), replay(), BUDGETS, 1_000_000, 4)
    return replace(made, **changed)


def judged(**changed):
    return judge_witness(LANE, "0" * 32, evidence(**changed))


def test_two_seeds_within_budget_and_an_identical_replay_freeze_the_posture():
    closure = judged()
    assert (closure.decision, closure.marker, closure.slower) == ("KEEP", "UNLOCK_IT", 0.0)
    assert closure.reasons[0].startswith("seeds 42, 7 keep their budgets, 8 of 8 within the target")
    assert {b.name: b.elapsed_s for b in closure.budgets} == dict.fromkeys(STATES, 20.0) | {
        "candidate": 100.0, "witness": 200.0, "certification": 400.0,
    }  # fmt: skip


def test_the_slowest_seed_is_what_is_reckoned_with():
    closure = judged(runs=(seed_run(42), seed_run(7, each=21.0)))
    found = {b.name: b.elapsed_s for b in closure.budgets}
    assert (found["S4"], found["candidate"], found["witness"], found["certification"]) == (21.0, 105.0, 205.0, 420.0)


AGAINST = {
    "candidate over target": ({"runs": (seed_run(42), seed_run(7, each=21.5))}, "candidate is AMBER: 107.50 s"),
    "a state over budget": ({"runs": (seed_run(42), seed_run(7, each=25.0))}, "S1 is RED"),
    "certification not feasible": ({"certified": 5}, "certification is RED"),
    "the replay differs": ({"replay": replay("s4_case_flows_6B: 1 rows, 2 in the replay")}, "s4_case_flows_6B: 1 rows"),
    "damage": ({"runs": (seed_run(42, ["damaged: x"]), seed_run(7))}, "(seed 42): damaged: x"),
    "a linked state": ({"runs": (seed_run(42), SeedRun(7, replace(run("seed 7"), executed=STATES[1:]), None))},
                       "(seed 7) did not execute S1"),
    "a failed check": ({"runs": (seed_run(42, required={"REQ_A": "FAIL"}), seed_run(7))}, "failed: REQ_A"),
    "no report": ({"runs": (seed_run(42), seed_run(7, required={}))}, "(seed 7): required checks of S5 left no report"),
    "S5 failed": ({"runs": (seed_run(42), seed_run(7, overall_status="FAIL"))}, "(seed 7): S5 is FAIL"),
    "other rows": ({"runs": (seed_run(42, digests={"s4_case_flows_6B": "1:00"}), seed_run(7))},
                   "rows are not the authority's"),
    "a fallen gate": ({"runs": (seed_run(42, gates=GATES | {"T3": GATES["T3"] | {"b": "FAIL"}}), seed_run(7))},
                      "have fallen: T3"),
    "slower": ({"authority": run(each=17.0)}, "S1 to S5 take 18% longer"),
    "another testbed": ({"authority": run(testbed="elsewhere")}, "cannot be held against the authority's"),
    "a linked authority": ({"authority": replace(run(), executed=("S4", "S5"))}, "cannot be held against"),
    "no budget": ({"budgets": {**BUDGETS, "lanes_min": {}}}, "no budget is stated for the candidate lane"),
}  # fmt: skip


@pytest.mark.parametrize(("changed", "said"), AGAINST.values(), ids=AGAINST)
def test_one_thing_against_it_holds_and_is_named(changed, said):
    closure = judged(**changed)
    assert (closure.decision, closure.marker) == ("HOLD", "HOLD_IT")
    assert said in closure.reasons[0], closure.reasons


def test_what_is_over_its_target_but_within_its_stretch_is_told():
    budgets = {**BUDGETS, "states": BUDGETS["states"] | {"S2": {"target_s": 19.0, "stretch_s": 24.0}}}
    closure = judged(budgets=budgets, runs=(seed_run(42, overall_status="WARN"), seed_run(7)))
    assert closure.decision == "KEEP"
    assert closure.reasons[1:] == ("S2 is AMBER: 20.00 s, target 19.00 s", "seed 42: S5 is WARN")


def test_the_fastest_run_of_the_seed_is_held_against_the_authority():
    slow = (seed_run(42, each=21.0), seed_run(7))
    assert judged(authority=run(each=18.0), runs=slow, again=(run("replay", 21.0),)).decision == "HOLD"
    assert judged(authority=run(each=18.0), runs=slow, again=(run("replay", 21.0), run("further", 19.0))).slower < 0.06
    assert slower_than(run(each=20.0), (run(each=15.0),)) == pytest.approx(-0.25)

"""The order of runs: pure, balanced, and stable when arms drop out."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations

from hypothesis import given
from hypothesis import strategies as st

from seg6b.lane.schedule import first_slots, rounds, timed_arms
from seg6b.runs.sweep import Arm, Sweep

NAMES = ("control", "c01", "c02", "c03")


def sweep(*, sweep_id="ab" * 16, arms=NAMES, inert=(), warm_up=True, repeats=5):
    made = tuple(Arm(n, (), {}, "", "too small" if n in inert else "") for n in arms)
    return Sweep(
        sweep_id=sweep_id, lane="adhoc", kind="optimisation", owner="S4", overrides=(), arms=made, repeats=repeats,
        max_repeats=12, confirm=True, on_failure="continue", retries=1, warm_up=warm_up, authority="",
        authority_digest="", manifest_fingerprint="", posture="bplus", seed=42, scenario_id="b", arrivals=1, closure={},
        code="", ordinal=1, created_utc="",
    )  # fmt: skip


IDS = st.binary(min_size=16, max_size=16).map(bytes.hex)


@given(IDS, st.integers(1, 2), st.integers(1, 6))
def test_each_pair_takes_turns_at_going_first(sweep_id, set_index, half):
    plan = sweep(sweep_id=sweep_id)
    odd, even = (rounds(plan, set_index, r, NAMES) for r in (2 * half - 1, 2 * half))
    for one, other in combinations(NAMES, 2):
        first = [[s.arm for s in done].index(one) < [s.arm for s in done].index(other) for done in (odd, even)]
        assert sorted(first) == [False, True]


@given(IDS)
def test_the_order_depends_on_nothing_but_the_sweep(sweep_id):
    plan = sweep(sweep_id=sweep_id)
    assert first_slots(plan) == first_slots(replace(plan, created_utc="later"))
    assert rounds(plan, 1, 3, NAMES) == tuple(s for s in first_slots(plan) if s.round_index == 3)


@given(IDS, st.sets(st.sampled_from(NAMES[1:])), st.integers(1, 12))
def test_a_slot_keeps_its_place_and_run_whoever_drops_out(sweep_id, dropped, round_index):
    plan = sweep(sweep_id=sweep_id)
    left = set(NAMES) - dropped
    assert rounds(plan, 1, round_index, left) == tuple(s for s in rounds(plan, 1, round_index, NAMES) if s.arm in left)


@given(IDS, IDS)
def test_no_two_slots_share_a_run(one, other):
    plans = [sweep(sweep_id=i) for i in {one, other}]
    slots = [s for p in plans for s in first_slots(p)]
    slots += [s for p in plans for k in (1, 2) for r in range(6, 13) for s in rounds(p, k, r, NAMES)]
    slots += [s for p in plans for r in range(1, 6) for s in rounds(p, 2, r, NAMES)]
    assert len({s.run_id for s in slots}) == len(slots)
    assert all(len(s.run_id) == 32 and int(s.run_id, 16) >= 0 for s in slots)
    assert len({(s.set_index, s.round_index, s.arm) for s in slots}) == len(slots) / len(plans)


def test_arms_go_first_equally_often_over_many_sweeps():
    leads = dict.fromkeys(NAMES, 0)
    for k in range(2000):
        leads[rounds(sweep(sweep_id=f"{k:032x}"), 1, 1, NAMES)[0].arm] += 1
    assert all(400 < n < 600 for n in leads.values()), leads


def test_a_sweep_begins_with_one_run_of_the_control():
    slots = first_slots(sweep())
    assert (slots[0].arm, slots[0].round_index) == ("control", 0)
    assert len(slots) == 1 + 5 * 4
    assert len(first_slots(sweep(warm_up=False))) == 5 * 4


def test_inert_arms_are_left_out_and_nothing_is_run_for_the_control_alone():
    plan = sweep(inert=("c01",))
    assert [a.name for a in timed_arms(plan)] == ["control", "c02", "c03"]
    assert {s.arm for s in first_slots(plan)} == {"control", "c02", "c03"}
    assert first_slots(sweep(inert=NAMES[1:])) == ()

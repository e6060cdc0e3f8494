"""The boundary law: each reason by hand, caps, and agreement with a slow oracle on any party history."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seg6b.datasets.vocabulary import SESSION_BOUNDARIES
from seg6b.draws.uniform import Draws
from seg6b.shards.cells import cell_of
from seg6b.states.s1_attach.boundaries import Visits, boundary_draw, cut_sessions

from .conftest import load_pack

DRAWS = Draws("ab" * 32, 7, "baseline_v1")
SECOND = 1_000_000


def visits(times, *, party=None, merchant=None, device=None):
    """Arrivals at `times` seconds, already in shard order."""
    size = len(times)
    party = np.array(party or [1] * size, np.int64)
    return Visits(
        party_id=party,
        ts=np.array([round(t * SECOND) for t in times], np.int64),
        merchant_id=np.array(merchant or [5] * size, np.int64),
        seq=np.arange(1, size + 1, dtype=np.int64),
        device_id=np.array(device or [9] * size, np.int64),
        channel=np.zeros(size, np.uint8),
        cell=cell_of(party),
    )


def law(**changes):
    base = {"hard_timeout_s": 100, "hard_break_s": 200, "max_arrivals": 4, "max_duration_s": 250}
    return load_pack("session", **(base | changes))


def cut(arrivals, policy, *, stochastic=True):
    """Reason of each session and the times of its members, and the draws used."""
    tally = np.zeros(64, np.int64)
    found = cut_sessions(arrivals, policy, DRAWS, tally, stochastic=stochastic)
    times = arrivals.ts[found.order] // SECOND
    members = [times[a:b].tolist() for a, b in zip(found.starts[:-1], found.starts[1:], strict=True)]
    reasons = [SESSION_BOUNDARIES[r] for r in found.reason]
    return list(zip(reasons, members, strict=True)), int(tally.sum()), found


def test_gaps_up_to_the_time_out_join_and_from_the_break_on_split():
    sessions, drawn, _ = cut(visits([0, 100, 300]), law())
    assert sessions == [("FIRST", [0, 100]), ("HARD_BREAK", [300])]
    assert drawn == 0


def test_a_gap_between_the_thresholds_takes_one_draw():
    outcomes = {}
    for k in range(400):
        sessions, drawn, _ = cut(visits([0, 150], merchant=[5, 1000 + k]), law())
        assert drawn == 1
        outcomes[tuple(r for r, _ in sessions)] = outcomes.get(tuple(r for r, _ in sessions), 0) + 1
    assert set(outcomes) == {("FIRST",), ("FIRST", "DRAWN")}
    assert outcomes["FIRST", "DRAWN"] == pytest.approx(200, abs=45)


def test_the_chance_of_a_split_grows_with_the_gap():
    split = [
        sum(len(cut(visits([0, gap], merchant=[5, 1000 + k]), law())[0]) == 2 for k in range(300))
        for gap in (105, 150, 195)
    ]
    assert split == pytest.approx([15, 150, 285], abs=40)


def test_without_the_stochastic_boundary_every_longer_gap_splits():
    sessions, drawn, _ = cut(visits([0, 100, 201]), law(), stochastic=False)
    assert sessions == [("FIRST", [0, 100]), ("HARD_BREAK", [201])]
    assert drawn == 0


def test_the_cap_on_arrivals_forces_a_split_without_a_draw():
    sessions, drawn, _ = cut(visits([0, 10, 20, 30, 40, 190]), law())
    assert sessions[0] == ("FIRST", [0, 10, 20, 30])
    assert sessions[1][0] == "CAP_ARRIVALS"
    assert drawn == 1


def test_the_cap_on_duration_forces_a_split_without_a_draw():
    sessions, drawn, _ = cut(visits([0, 90, 180, 251]), law())
    assert sessions == [("FIRST", [0, 90, 180]), ("CAP_DURATION", [251])]
    assert drawn == 0
    assert len(cut(visits([0, 90, 180, 250]), law())[0]) == 1


def test_midnight_splits_where_the_policy_says_so():
    night = visits([86_390, 86_410])
    assert [r for r, _ in cut(night, law())[0]] == ["FIRST"]
    sessions, drawn, _ = cut(night, law(break_on_day_boundary=True))
    assert sessions == [("FIRST", [86_390]), ("DAY", [86_410])]
    assert drawn == 0


def test_parties_never_share_a_session():
    sessions, _, found = cut(visits([0, 10, 0, 10], party=[1, 1, 2, 2]), law())
    assert sessions == [("FIRST", [0, 10]), ("FIRST", [0, 10])]
    assert len(set(found.session_id)) == 2


def test_historical_days_join_what_lies_far_apart():
    sessions, drawn, _ = cut(visits([5, 86_000, 86_400, 90_000]), load_pack("session", "historical"))
    assert sessions == [("FIRST", [5, 86_000]), ("DAY", [86_400, 90_000])]
    assert drawn == 0


def test_lean_buckets_cut_by_key_and_clock():
    arrivals = visits([0, 10, 20, 1_199, 1_200, 1_300], merchant=[5, 6, 5, 5, 5, 6])
    sessions, _, found = cut(arrivals, load_pack("session", "lean"))
    assert sorted(sessions) == [
        ("BUCKET", [1_200]), ("BUCKET", [1_300]), ("FIRST", [0, 20, 1_199]), ("FIRST", [10]),
    ]  # fmt: skip
    assert len(set(found.session_id)) == 4


def test_the_id_depends_on_key_and_first_arrival_alone():
    short, long = cut(visits([0]), law())[2], cut(visits([0, 10, 20]), law())[2]
    assert short.session_id.tolist() == long.session_id.tolist()


def oracle(arrivals, policy):
    """The gap law once more, slow and plain: (reason, members) of each session and the draws used."""
    out, drawn = [], 0
    for i in range(arrivals.ts.size):
        t, reason = int(arrivals.ts[i]), None
        if i == 0 or arrivals.party_id[i] != arrivals.party_id[i - 1]:
            reason = "FIRST"
        else:
            gap = (t - int(arrivals.ts[i - 1])) / SECOND
            members = out[-1][1]
            if gap >= policy.hard_break_s:
                reason = "HARD_BREAK"
            elif policy.break_on_day_boundary and t // (86_400 * SECOND) != int(arrivals.ts[i - 1]) // (
                86_400 * SECOND
            ):
                reason = "DAY"
            elif len(members) >= policy.max_arrivals:
                reason = "CAP_ARRIVALS"
            elif t - members[0] > policy.max_duration_s * SECOND:
                reason = "CAP_DURATION"
            elif gap > policy.hard_timeout_s:
                drawn += 1
                chance = (gap - policy.hard_timeout_s) / (policy.hard_break_s - policy.hard_timeout_s)
                key = DRAWS.key("session_boundary", "BOUNDARY_AMBIGUITY")
                reason = "DRAWN" if boundary_draw(arrivals, i, key) < chance else None
        if reason:
            out.append((reason, [t]))
        else:
            out[-1][1].append(t)
    return out, drawn


histories = st.lists(st.tuples(st.integers(1, 3), st.integers(0, 400_000)), min_size=1, max_size=60).map(sorted)


@given(history=histories, days=st.booleans(), cap=st.integers(1, 6), duration=st.integers(4_000, 50_000))
@settings(max_examples=150, deadline=None)
def test_any_history_is_cut_as_the_oracle_cuts_it(history, days, cap, duration):
    policy = law(
        hard_timeout_s=1_800, hard_break_s=4_000, break_on_day_boundary=days, max_arrivals=cap, max_duration_s=duration
    )
    arrivals = visits([t for _, t in history], party=[p for p, _ in history])
    sessions, drawn, found = cut(arrivals, policy)
    wanted, wanted_draws = oracle(arrivals, policy)
    assert [(r, [t // SECOND for t in m]) for r, m in wanted] == sessions
    assert drawn == wanted_draws
    assert len(set(found.session_id)) == len(sessions)


@given(history=histories)
@settings(max_examples=100, deadline=None)
def test_sessions_partition_the_arrivals_in_every_variant(history):
    arrivals = visits([t for _, t in history], party=[p for p, _ in history], device=[t % 2 + 1 for _, t in history])
    for variant in ("full", "lean", "historical"):
        _, _, found = cut(arrivals, load_pack("session", variant))
        assert sorted(found.order) == list(range(len(history)))
        assert found.starts[0] == 0
        assert found.starts[-1] == len(history)
        assert (np.diff(found.starts) > 0).all()
        for start, stop in zip(found.starts[:-1], found.starts[1:], strict=True):
            rows = found.order[start:stop]
            assert len(set(arrivals.party_id[rows])) == 1
            assert (np.diff(arrivals.ts[rows]) >= 0).all()

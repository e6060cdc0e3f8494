"""The runtime baseline by hand: shares, part shapes, gaps, the ladder, and what cannot be a baseline."""

from __future__ import annotations

import pytest

from seg6b.lane.boards import build_plan_budgets
from seg6b.scoring.baseline import baseline_faults, threads_of
from seg6b.scoring.budget_pin import budget_pin
from seg6b.scoring.hotspots import hotspot_map
from seg6b.scoring.part_shape import Spread, part_shapes
from tests.scoring.baselines import BUDGETS, ELAPSED, LANES, MIB, SIZES, baseline, receipt, run_facts, state_receipts

ARRIVALS = 124_724_153
PUBLISHED = {"S0": 1.0, "S1": 1333.75, "S2": 142.45, "S3": 371.67, "S4": 563.20, "S5": 5.20}


def test_states_are_ranked_by_their_share_of_s1_to_s5():
    found = hotspot_map(run_facts(), 2)
    assert found.elapsed_s == 100.0
    assert found.order == ("S1", "S4", "S2", "S3", "S5")
    assert [(s.rank, s.share) for s in found.states] == [(1, 0.5), (2, 0.25), (3, 0.1), (4, 0.1), (5, 0.05)]


def test_lanes_and_residual_make_up_the_time_of_a_state():
    cpu = {**LANES, "S1": {"input": 10.0, "compute": 30.0, "validate": 10.0, "write": 0.0, "residual": 0.0}}
    found = {s.state: s for s in hotspot_map(run_facts(lanes_cpu_s=cpu), 2).states}
    s1 = found["S1"]
    assert [(lane.lane, lane.share, lane.cpu_share) for lane in s1.lanes] == [
        ("compute", 0.7, 0.6), ("write", 0.18, 0.0), ("input", 0.1, 0.2), ("validate", 0.0, 0.2),
    ]  # fmt: skip
    assert (s1.residual.elapsed_s, s1.residual.share) == (1.0, 0.02)
    assert [lane.lane for lane in found["S4"].lanes] == ["compute", "write", "input", "validate"]
    assert [name for name, state in found.items() if state.unexplained] == ["S2"]
    for state in found.values():
        assert sum(lane.share for lane in state.lanes) + state.residual.share == pytest.approx(1.0)


def test_a_receipt_of_an_earlier_version_has_no_decomposition_and_is_no_baseline():
    summed = {"S4": {"input": 5.0, "compute": 20.0, "validate": 5.0, "write": 10.0}}
    old = run_facts(lanes_s={**LANES, **summed}, lanes_cpu_s={})
    s4 = next(s for s in hotspot_map(old, 2).states if s.state == "S4")
    assert (s4.elapsed_s, s4.lanes, s4.residual, s4.unexplained) == (25.0, (), None, False)
    assert list(baseline_faults(old)) == [
        "no decomposition into lanes and residual, which an earlier version did not write: S4"
    ]


def test_a_linked_state_is_told():
    found = hotspot_map(run_facts(executed=("S4", "S5")), 2)
    assert [s.state for s in found.states if not s.executed] == ["S1", "S2", "S3"]


def test_a_state_that_took_no_time_has_no_share():
    found = hotspot_map(run_facts(elapsed_s=dict.fromkeys(ELAPSED, 0.0), lanes_s={}), 2)
    assert {(s.share, s.residual) for s in found.states} == {(0.0, None)}


def test_shape_of_the_heavy_datasets_the_largest_first():
    found = part_shapes(state_receipts())
    events, labels, truth = found.heavy
    assert (events.dataset, events.state, events.files, events.rows, events.bytes) == (
        "s3_event_stream_with_fraud_6B", "S3", 3, 70, 25 * MIB,
    )  # fmt: skip
    assert events.rows_per_file == Spread(10, 20.0, 40)
    assert events.bytes_per_file == Spread(4 * MIB, 9.0 * MIB, 12 * MIB)
    assert labels.bytes_per_file == Spread(1 * MIB, 8.0 * MIB, 15 * MIB)
    assert truth.bytes_per_file.median == 1.0 * MIB
    assert found.light == ("s4_case_flows_6B",)


@pytest.mark.parametrize(("median", "small"), [(8 * MIB, False), (8 * MIB - 1, True)], ids=["at", "below"])
def test_files_are_small_below_a_median_of_8_mib(median, small):
    (shape,) = part_shapes(state_receipts({"s4_event_labels_6B": ("S4", [(1, 1), (1, median), (1, 99 * MIB)])})).heavy
    assert shape.small_files is small


@pytest.mark.parametrize(("size", "heavy"), [(10, True), (9, False)], ids=["at", "below"])
def test_a_dataset_is_heavy_from_one_percent_of_all_bytes(size, heavy):
    found = part_shapes(state_receipts({"a": ("S3", [(1, 1000 - size)]), "b": ("S4", [(1, size)])}))
    assert ("b" in {shape.dataset for shape in found.heavy}) is heavy
    assert ("b" in found.light) is not heavy


def test_nothing_published_has_no_shape():
    assert part_shapes({}).heavy == ()
    assert part_shapes(state_receipts({"s4_case_flows_6B": ("S4", [])})).light == ("s4_case_flows_6B",)


def test_gaps_are_what_is_over_target_and_stretch():
    found = budget_pin(run_facts(), BUDGETS, 1_000_000)
    assert {b.name: (b.status, b.gap_s, b.stretch_gap_s) for b in found.states} == {
        "S1": ("RED", 20.0, 10.0),
        "S2": ("GREEN", 0.0, 0.0),
        "S3": ("AMBER", 2.0, 0.0),
        "S4": ("AMBER", 5.0, 0.0),
        "S5": ("GREEN", 0.0, 0.0),
    }
    together = found.candidate
    assert (together.elapsed_s, together.target_s, together.stretch_s) == (100.0, 75.0, 90.0)
    assert (together.status, together.gap_s, together.stretch_gap_s) == ("RED", 25.0, 10.0)


def test_the_ladder_begins_with_the_largest_gain_and_adds_up():
    steps = budget_pin(run_facts(), BUDGETS, 1_000_000).ladder
    told = [(s.lane, s.expected_gain_s, s.gap_s, s.candidate_after_s, s.status_after) for s in steps]
    assert told == [
        ("POPT.2", 5.0, 5.0, 95.0, "RED"),
        ("POPT.1", 5.0, 20.0, 90.0, "AMBER"),
        ("POPT.3", 0.0, 2.0, 90.0, "AMBER"),
    ]


def test_budgets_scale_with_the_world_and_say_where_the_floor_binds():
    doubled = budget_pin(run_facts(), BUDGETS, 2_000_000)
    assert (doubled.states[0].target_s, doubled.candidate.target_s) == (60.0, 150.0)
    small = budget_pin(run_facts(), BUDGETS, 50_000)
    assert [(b.name, b.target_s, b.at_floor) for b in small.states[:2]] == [("S1", 1.5, False), ("S2", 1.0, True)]
    assert (small.candidate.target_s, small.candidate.at_floor) == (5.0, True)


def test_what_was_not_executed_has_no_budget_and_no_step():
    found = budget_pin(run_facts(executed=("S4", "S5")), BUDGETS, 1_000_000)
    assert [b.name for b in found.states] == ["S4", "S5"]
    assert [step.lane for step in found.ladder] == ["POPT.2"]
    nothing = budget_pin(run_facts(executed=()), BUDGETS, 1_000_000)
    assert (nothing.states, nothing.candidate, nothing.ladder) == ((), None, ())


def test_the_published_run_is_red_and_the_build_plans_lanes_leave_it_so():
    found = budget_pin(run_facts(elapsed_s=PUBLISHED), build_plan_budgets(), ARRIVALS)
    assert hotspot_map(run_facts(elapsed_s=PUBLISHED), 1).order == ("S1", "S4", "S3", "S2", "S5")
    assert {b.name: b.status for b in found.states} == {
        "S1": "RED", "S2": "AMBER", "S3": "RED", "S4": "RED", "S5": "GREEN",
    }  # fmt: skip
    assert (found.candidate.status, found.candidate.gap_s) == ("RED", pytest.approx(2416.27 - 1320.0))
    assert [(s.lane, s.status_after) for s in found.ladder] == [
        ("POPT.1", "RED"), ("POPT.2", "RED"), ("POPT.3", "RED"),
    ]  # fmt: skip
    assert found.ladder[-1].candidate_after_s == pytest.approx(2416.27 - 533.5 - 168.96)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({}, []),
        ({"executed": ("S0", "S3", "S4", "S5")}, ["linked from another run, whose times they have: S1, S2;"]),
        ({"elapsed_s": {"S1": 1.0, "S2": 1.0, "S3": 1.0, "S4": 1.0}}, ["no receipt of S5"]),
        ({"required": {"REQ_A": "PASS", "REQ_B": "FAIL"}}, ["required checks of S5 failed: REQ_B"]),
        ({"required": {}, "overall_status": ""}, ["required checks of S5 left no report"]),
        ({"overall_status": "FAIL"}, ["S5 is FAIL"]),
        ({"overall_status": "WARN"}, []),
    ],
    ids=["whole", "linked", "missing", "failed", "no-report", "failed-as-a-whole", "warned"],
)
def test_what_cannot_be_a_baseline(changed, said):
    found = list(baseline_faults(run_facts(**changed)))
    assert len(found) == len(said)
    assert all(fault.startswith(words) for fault, words in zip(found, said, strict=True))


def test_threads_are_the_knob_or_all_cores():
    assert threads_of(receipt()) == 2
    assert threads_of(receipt(knobs={"executor.threads": 0})) == 8


def test_small_files_are_named():
    assert baseline().small_files == ("s4_flow_truth_labels_6B",)
    assert set(SIZES) == {*(s.dataset for s in baseline().parts.heavy), *baseline().parts.light}

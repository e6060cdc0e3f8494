"""From jobs to a sweep: control, kind, owner, identity, and what an unfinished sweep refuses."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from seg6b.errors import Conflict, Damaged, UsageError
from seg6b.lane.schedule import first_slots
from seg6b.runs.disk import write_json
from seg6b.runs.folder import RunFolder
from seg6b.runs.machine import describe_machine
from seg6b.runs.sweep import SlotReceipt, SlotStatus
from seg6b.runs.sweep_folder import SweepFolder, create_sweep, read_sweep, sweep_id_of, unfinished_sweeps
from tests.lane.sweeps import Planner, copy_receipts, world_of

LANE = ("lane.id=POPT.2R2",)


@pytest.fixture(scope="module")
def tiny(tiny_run):
    return RunFolder(tiny_run)


@pytest.fixture
def planner(job, tiny, tmp_path):
    """A place without runs, on the tiny world."""
    return Planner(job, tmp_path, world_of(tiny))


def test_knobs_make_an_optimisation_of_their_state_against_the_defaults(planner):
    sweep = planner.sweep("s4.batch_rows=5000", "s4.batch_rows=9000 s4.compression=lz4")
    assert (sweep.kind, sweep.owner, sweep.authority) == ("optimisation", "S4", "")
    assert [(a.name, a.overrides) for a in sweep.arms] == [
        ("control", ()),
        ("c01", ("s4.batch_rows=5000",)),
        ("c02", ("s4.batch_rows=9000", "s4.compression=lz4")),
    ]
    assert sweep.control.knobs["s4.batch_rows"] == 500_000
    assert (sweep.repeats, sweep.max_repeats, sweep.confirm, sweep.warm_up) == (5, 12, True, True)


def test_policies_make_a_remediation_of_one_run_an_arm(planner):
    sweep = planner.sweep("policy/bank_view=full", "policy/amount=full")
    assert (sweep.kind, sweep.owner) == ("remediation", "S2")
    assert (sweep.repeats, sweep.warm_up, sweep.confirm) == (1, False, False)
    assert len({a.parameter_hash for a in sweep.arms}) == 3
    assert len(first_slots(sweep)) == 3


@pytest.mark.parametrize(
    ("overrides", "owner"),
    [
        ("s2.compression=lz4", "S2"),
        ("executor.threads=1", "S1"),
        ("s5.audit=full", "S5"),
        ("policy/session=historical", "S1"),
        ("policy/case=lean", "S4"),
        ("policy.validation.audit_cells=2", "S5"),
        ("s3.batch_rows=500000", "S3"),
        ("executor.threads=0", "S1"),
        ("s2.compression=lz4 s4.batch_rows=7000", "S2"),
    ],
)
def test_the_owner_is_the_first_state_that_an_arm_reaches(planner, overrides, owner):
    assert planner.sweep(overrides).owner == owner


def test_the_state_that_closes_a_lane_is_executed_by_every_arm(planner):
    sweep = planner.sweep("s4.compression=lz4", shared=("lane.closure.state=S3",))
    assert (sweep.owner, sweep.closure["state"]) == ("S3", "S3")


def test_the_control_has_the_authoritys_own_knobs(planner, tiny):
    authority = _with_knobs(tiny, {"s4.compression": "lz4", "executor.threads": 1})
    sweep = planner.sweep("s4.compression=snappy executor.threads=1", authority=authority)
    assert "s4.compression=lz4" in sweep.control.overrides
    assert sweep.control.knobs["s4.compression"] == "lz4"
    assert sweep.control.knobs["executor.threads"] == 1
    assert (sweep.owner, sweep.authority) == ("S4", tiny.run_id)


NAMED = ("lane.kind=optimisation", "lane.closure.control={s2.compression: lz4, s4.batch_rows: 7000}")


def test_a_named_control_has_the_authoritys_knobs_but_those(planner, tiny):
    authority = _with_knobs(tiny, {"s2.compression": "zstd", "executor.threads": 1})
    sweep = planner.sweep("s4.compression=lz4", shared=NAMED, authority=authority)
    knobs = sweep.control.knobs
    assert (knobs["s2.compression"], knobs["s4.batch_rows"], knobs["executor.threads"]) == ("lz4", 7000, 1)
    assert [o for o in sweep.control.overrides if o.startswith(("s2.compression", "s4.batch_rows"))] == [
        "s2.compression=lz4",
        "s4.batch_rows=7000",
    ]
    assert (sweep.owner, sweep.authority) == ("S1", tiny.run_id)
    assert sweep.closure["control"] == {"s2.compression": "lz4", "s4.batch_rows": 7000}


def test_a_named_control_is_a_plan_of_its_own_and_needs_no_authority(planner):
    sweep = planner.sweep("s4.compression=lz4", shared=NAMED)
    assert sweep.control.overrides == ("s2.compression=lz4", "s4.batch_rows=7000")
    assert (sweep.owner, sweep.authority) == ("S2", "")
    assert sweep.sweep_id != planner.sweep("s4.compression=lz4", shared=NAMED[:1]).sweep_id


def test_a_shared_knob_that_the_authority_has_not_is_a_difference(planner, tiny):
    sweep = planner.sweep("s4.compression=lz4", shared=("s2.batch_rows=7000",), authority=tiny)
    assert sweep.owner == "S2"
    assert sweep.control.knobs["s2.batch_rows"] == 500_000


def test_an_authority_of_another_policy_measures_nothing(planner, tiny):
    sweep = planner.sweep("s4.compression=lz4", shared=("policy/session=historical",), authority=tiny)
    assert (sweep.kind, sweep.authority, sweep.control.overrides) == ("optimisation", "", ())


def test_a_candidate_equal_to_the_control_is_allowed_and_timed(planner, tiny):
    sweep = planner.sweep("s4.batch_rows=500000", authority=tiny)
    assert (sweep.owner, sweep.arms[1].inert) == ("S4", "")


def test_no_other_candidate_binds_so_the_equal_one_is_not_timed_either(planner, tiny):
    copy_receipts(tiny, planner.root)
    sweep = planner.sweep("s4.batch_rows=500000", "s4.batch_rows=750000", authority=tiny)
    assert "no other candidate can bind" in sweep.arms[1].inert
    assert "every batch is as at 500000" in sweep.arms[2].inert
    assert first_slots(sweep) == ()


def test_equal_candidates_are_refused_by_name(planner):
    with pytest.raises(UsageError, match=r"E_SWEEP_TWINS.*s4.batch_rows=7000 and s4.batch_rows=7_000"):
        planner.sweep("s4.batch_rows=7000", "s4.batch_rows=7_000")


def test_an_optimisation_lane_may_not_change_policy(planner):
    with pytest.raises(UsageError, match=r"E_SWEEP_KIND.*policy/amount=full"):
        planner.sweep("s4.batch_rows=7000", "policy/amount=full", shared=("lane.kind=optimisation",))


def test_candidates_of_two_seeds_are_not_compared(planner):
    with pytest.raises(UsageError, match="E_SWEEP_PLACES"):
        planner.sweep("seed=7", "seed=8")


def test_equal_plans_have_equal_ids_and_where_they_run_does_not_count(planner):
    one = planner.sweep("s4.batch_rows=7000")
    other = planner.sweep(
        "s4.batch_rows=7000", shared=("tracking.timeout_s=3", "lane.restart=true", "prune.auto=false")
    )
    assert one.sweep_id == sweep_id_of(one) == other.sweep_id
    assert one.overrides == other.overrides == ("world=tiny",)
    assert planner.sweep("s4.batch_rows=8000").sweep_id != one.sweep_id


def test_the_same_command_continues_its_sweep_and_begins_the_next_one_after_it(planner):
    first = begun(planner, "s4.batch_rows=7000")
    again = planner.sweep("s4.batch_rows=7000", shared=("lane.on_failure=stop",))
    assert (again.sweep_id, again.on_failure) == (first.sweep_id, "stop")
    write_json(SweepFolder.of(planner.root, first.sweep_id).closure_path, {})
    after = planner.sweep("s4.batch_rows=7000")
    assert (after.ordinal, after.sweep_id != first.sweep_id) == (2, True)


def test_receipts_that_appear_meanwhile_do_not_change_a_sweep_that_has_begun(planner, tiny):
    candidates = "s2.batch_rows=40000", "s4.compression=lz4"
    first = begun(planner, *candidates)
    assert (first.owner, first.arms[1].inert) == ("S2", "")
    copy_receipts(tiny, planner.root)
    assert planner.sweep(*candidates) == first
    SweepFolder.of(planner.root, first.sweep_id).give_up("enough")
    later = planner.sweep(*candidates)
    assert (later.owner, bool(later.arms[1].inert), later.ordinal) == ("S4", True, 2)


def test_a_lane_with_other_candidates_is_refused_by_name(planner):
    first = begun(planner, "s4.batch_rows=7000", "s4.compression=lz4", shared=LANE)
    with pytest.raises(
        Conflict, match=r"E_SWEEP_CHANGED.*added: s4.batch_rows=9000; missing: s4.compression=lz4.*lane.restart=true"
    ):
        planner.sweep("s4.batch_rows=7000", "s4.batch_rows=9000", shared=LANE)
    with pytest.raises(Conflict, match=r"E_SWEEP_CHANGED.*repeats is 3, was 5"):
        planner.sweep("s4.batch_rows=7000", "s4.compression=lz4", shared=(*LANE, "lane.repeats=3"))
    assert [s.sweep_id for s in unfinished_sweeps(planner.root, "POPT.2R2")] == [first.sweep_id]


def test_other_lanes_other_places_and_ad_hoc_sweeps_do_not_meet(planner):
    begun(planner, "s4.batch_rows=7000", shared=LANE)
    begun(planner, "s4.batch_rows=7000", shared=("lane.id=POPT.2U",))
    begun(planner, "s4.batch_rows=7000", shared=(*LANE, "seed=7"))
    begun(planner, "s4.batch_rows=7000")
    begun(planner, "s4.batch_rows=9000")


def test_a_restart_gives_the_old_sweep_up_and_says_so(planner):
    first = begun(planner, "s4.batch_rows=7000", shared=LANE)
    planner.sweep("s4.batch_rows=9000", shared=(*LANE, "lane.restart=true", "dry=true"))
    folder = SweepFolder.of(planner.root, first.sweep_id)
    assert not folder.finished()
    second = planner.sweep("s4.batch_rows=9000", shared=(*LANE, "lane.restart=true"))
    assert "missing: s4.batch_rows=7000" in json.loads(folder.given_up_path.read_text())["reason"]
    assert (second.ordinal, folder.finished()) == (1, True)


def test_a_sweep_of_other_code_is_not_continued(planner):
    found = replace(planner.sweep("s4.batch_rows=7000"), code="0" * 64, sweep_id="")
    create_sweep(planner.root, replace(found, sweep_id=sweep_id_of(found)))
    with pytest.raises(Conflict, match=r"E_SWEEP_CODE.*0 runs done"):
        planner.sweep("s4.batch_rows=7000")
    assert planner.sweep("s4.batch_rows=7000", shared=("lane.restart=true",)).ordinal == 2


def test_a_sweep_of_another_machine_is_not_continued(planner, tiny):
    first = begun(planner, "s4.batch_rows=7000")
    slot = first_slots(first)[0]
    elsewhere = replace(tiny.receipt(), run_id=slot.run_id, machine=describe_machine() | {"cores": 512})
    RunFolder.of(planner.root, slot.run_id).write_receipt(elsewhere)
    SweepFolder.of(planner.root, first.sweep_id).write_slot(SlotReceipt(slot, SlotStatus.DONE))
    with pytest.raises(Conflict, match=r"E_SWEEP_TESTBED.*1 runs done.*512 cores"):
        planner.sweep("s4.batch_rows=7000")


def test_a_damaged_sweep_is_named(planner):
    first = begun(planner, "s4.batch_rows=7000")
    path = SweepFolder.of(planner.root, first.sweep_id).sweep_path
    path.write_text(path.read_text().replace("7000", "8000"))
    with pytest.raises(Damaged, match=rf"E_SWEEP_DAMAGED.*{path}"):
        planner.sweep("s4.batch_rows=7000")
    path.write_text("{")
    with pytest.raises(Damaged, match=rf"E_SWEEP_DAMAGED.*{path}"):
        read_sweep(planner.root, first.sweep_id)


def begun(planner, *candidates, shared=()):
    sweep = planner.sweep(*candidates, shared=shared)
    assert create_sweep(planner.root, sweep)
    assert not create_sweep(planner.root, sweep)
    return sweep


def _with_knobs(run, knobs):
    """The run, as if it had been made with other knobs."""

    class Altered(type(run)):
        def receipt(self):
            before = run.receipt()
            return replace(before, knobs=before.knobs | knobs)

    return Altered(run.path)

from __future__ import annotations

import pytest

from seg6b.errors import Damaged, PhaseClosed, UsageError
from seg6b.lane.phase import open_phase
from seg6b.runs.ledger import append, entries, ledger_path
from seg6b.settings.job import Lane

MARKER = "UNLOCK_POPT.2_CONTINUE"
LANE = Lane(id="POPT.2R2", requires=(MARKER,))


def lane(override):
    return Lane(id=LANE.id, requires=LANE.requires, override=override)


def closure(root, marker, name="POPT.1"):
    append(root, "closure", {"lane": name, "marker": marker, "decision": "KEEP"})


def test_a_missing_marker_closes_the_phase_and_both_ways_on_are_shown(tmp_path):
    with pytest.raises(PhaseClosed) as refused:
        open_phase(tmp_path, LANE)
    said = str(refused.value)
    assert said.startswith("E_LANE_PHASE: POPT.2R2 requires UNLOCK_POPT.2_CONTINUE")
    assert "POPT.1 (python -m seg6b.lane +lane=popt1)" in said
    assert "lane.override=" in said
    assert not ledger_path(tmp_path).exists()


def test_a_marker_that_no_lane_gives_is_told(tmp_path):
    with pytest.raises(PhaseClosed, match=r"No lane in lanes/ gives it"):
        open_phase(tmp_path, Lane(id="POPT.9", requires=("UNLOCK_POPT.9_CONTINUE",)))


def test_the_lanes_that_give_the_marker_are_named(tmp_path):
    wants = Lane(id="POPT.3", requires=("UNLOCK_POPT.3_CONTINUE",))
    with pytest.raises(PhaseClosed, match=r"Run .*POPT\.2R2 \(python -m seg6b\.lane \+lane=popt2r2\) or POPT"):
        open_phase(tmp_path, wants)


def test_a_closure_that_gave_the_marker_opens_it(tmp_path):
    closure(tmp_path, MARKER)
    assert open_phase(tmp_path, LANE) == ()
    assert len(entries(tmp_path)) == 1


def test_a_hold_of_that_lane_closes_it_again(tmp_path):
    closure(tmp_path, MARKER)
    closure(tmp_path, "HOLD_POPT.1_REOPEN")
    with pytest.raises(PhaseClosed):
        open_phase(tmp_path, LANE)


def test_an_override_is_recorded_once_with_its_reason_and_handed_on(tmp_path):
    for _ in range(2):
        assert open_phase(tmp_path, lane(" the old  notes ")) == (f"{MARKER} is missing; overridden: the old notes",)
    (entry,) = entries(tmp_path)
    assert entry.kind == "override"
    assert entry.body == {"lane": "POPT.2R2", "what": MARKER, "reason": "the old notes"}


def test_an_override_opens_one_run_not_the_phase(tmp_path):
    open_phase(tmp_path, lane("once"))
    with pytest.raises(PhaseClosed):
        open_phase(tmp_path, LANE)


@pytest.mark.parametrize("blank", [" ", "\t", " \n "])
def test_an_override_without_a_reason_is_refused(tmp_path, blank):
    with pytest.raises(UsageError, match="E_LANE_OVERRIDE: an override needs a reason"):
        open_phase(tmp_path, lane(blank))
    assert not ledger_path(tmp_path).exists()


def test_a_dry_run_only_looks(tmp_path):
    assert open_phase(tmp_path, lane("to see"), record=False)
    assert not ledger_path(tmp_path).exists()


def test_an_override_that_nothing_needs_is_not_recorded(tmp_path):
    closure(tmp_path, MARKER)
    assert open_phase(tmp_path, lane("just in case")) == ()
    assert len(entries(tmp_path)) == 1


def test_a_marker_that_stands_by_a_persons_word_is_shown_as_such(tmp_path):
    append(tmp_path, "override", {"marker": MARKER, "reason": "measured elsewhere"})
    assert open_phase(tmp_path, LANE) == (f"{MARKER} stands by override: measured elsewhere",)


def test_a_ledger_that_was_edited_opens_nothing(tmp_path):
    closure(tmp_path, MARKER)
    path = ledger_path(tmp_path)
    path.write_text(path.read_text().replace("POPT.1", "POPT.9"))
    with pytest.raises(Damaged):
        open_phase(tmp_path, LANE)

"""Where a wave starts: the last good run of its place, else the authority; and what became of an unfinished sweep."""

from __future__ import annotations

from dataclasses import replace

import pytest

from seg6b.errors import InputRefused
from seg6b.lane.base import base_overrides, variants_of
from seg6b.runs.folder import RunFolder
from seg6b.runs.pins import Role, pin
from seg6b.runs.sweep_folder import create_sweep, sweep_id_of
from seg6b.settings.job import Lane
from tests.runs.fake_runs import ONE
from tests.scoring.sweeps import sweep
from tests.street.lanes import copy_run

LANE = Lane(id="P2", kind="remediation", base="last_good")
SHARED = ("world=tiny",)


@pytest.fixture
def run(tmp_path, tiny_run):
    return RunFolder(copy_run(tiny_run, tmp_path))


@pytest.fixture
def asked(job, tmp_path, run):
    """The packs that lane P2 would start from."""

    def ask(lane=LANE):
        def compose(overrides):
            return job(*overrides)

        wave = replace(job("world=tiny"), root=tmp_path, lane=lane)
        return base_overrides(wave, run.receipt().manifest_fingerprint, SHARED, compose)

    return ask


def test_a_lane_without_a_base_starts_from_what_it_composes(asked):
    assert asked(replace(LANE, base="")) == ()


def test_without_a_pin_it_is_refused_with_the_way_on(asked):
    with pytest.raises(InputRefused) as refused:
        asked()
    assert refused.value.code == "E_LANE_BASE"
    assert "+lane=p0" in refused.value.hint


def test_the_authority_is_the_start_until_there_is_a_last_good_run(asked, run, tmp_path, candidate):
    pin(tmp_path, run, Role.AUTHORITY, "PASS_B", ONE)
    assert asked() == variants_of(run.receipt())
    assert "policy/amount=bplus" in asked()
    other = RunFolder(copy_run(candidate("world=tiny", "policy/amount=full").run.path, tmp_path))
    pin(tmp_path, other, Role.LAST_GOOD, "PASS_B", ONE)
    assert "policy/amount=full" in asked()


def test_a_run_with_packs_of_its_own_is_no_start(asked, tmp_path, candidate):
    own = candidate("world=tiny", "policy.amount.party_habit.sigma=0.5").run
    pin(tmp_path, RunFolder(copy_run(own.path, tmp_path)), Role.LAST_GOOD, "PASS_B", ONE)
    with pytest.raises(InputRefused, match="packs of its own"):
        asked()


def test_an_unfinished_sweep_goes_on_from_where_it_was_begun(asked, run, tmp_path):
    pin(tmp_path, run, Role.AUTHORITY, "PASS_B", ONE)
    receipt = run.receipt()
    begun = sweep(
        lane="P2", kind="remediation", manifest_fingerprint=receipt.manifest_fingerprint, overrides=("policy/truth=lean", "seed=42"),
    )  # fmt: skip
    create_sweep(tmp_path, replace(begun, sweep_id=sweep_id_of(begun)))
    assert asked() == ("policy/truth=lean",)
    assert asked(replace(LANE, id="P3")) == variants_of(receipt)

"""Before a run: the disk is looked at, and nothing is pruned unless the run is an expensive one."""

from __future__ import annotations

import shutil
from dataclasses import replace
from typing import NamedTuple

import pytest

from seg6b.errors import Damaged, ResourceRefused
from seg6b.lane.room import BYTES_PER_ARRIVAL, bytes_needed, make_room, require_room
from seg6b.runs.folder import RunFolder
from seg6b.runs.prune import execute_plan
from seg6b.runs.prune_plan import plan_prune
from seg6b.runs.pruned import Fate, read_mark, write_mark
from seg6b.runs.trash import undelete
from seg6b.settings.job import ArmChoice, PruneChoice
from tests.runs.fake_runs import ONE, contents, id_of, killed_at, make_run, superseded, utc

DEAR = 1_000


class Usage(NamedTuple):
    total: int
    used: int
    free: int


@pytest.fixture
def old(tmp_path):
    return superseded(tmp_path)


@pytest.fixture
def wanted(job, tmp_path):
    return replace(job("world=tiny"), root=tmp_path, prune=PruneChoice(expensive_arrivals=DEAR))


@pytest.fixture
def left(monkeypatch):
    """`left(n)`: the disk has n bytes."""
    return lambda free: monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(10**12, 10**12 - free, free))


class World(NamedTuple):
    arrivals: int
    manifest_fingerprint: str = "f" * 64


def made(job, arrivals):
    said = []
    make_room(job, World(arrivals), said.append)
    return said


def test_an_expensive_run_prunes_before(wanted, old):
    before = contents(old)
    assert made(wanted, DEAR - 1) == []
    assert contents(old) == before
    (line,) = made(wanted, DEAR)
    assert "pruned 1 runs that nothing keeps" in line
    assert read_mark(old).fate == Fate.TRASHED
    assert undelete(wanted.root, line.split()[-1], ONE) == (old.run_id,)
    assert contents(old) == before


def test_nothing_is_pruned_where_it_was_switched_off_or_by_a_slot(wanted, old):
    assert made(replace(wanted, prune=replace(wanted.prune, auto=False)), DEAR) == []
    assert made(replace(wanted, arm=ArmChoice(sweep=id_of("sweep"))), DEAR) == []
    assert read_mark(old) is None


def test_a_run_that_is_linked_from_is_spared(wanted, old):
    assert made(replace(wanted, source_run=old.run_id[:8]), DEAR) == []
    assert read_mark(old) is None
    assert made(wanted, DEAR) != []


def test_old_trash_is_freed_whatever_the_size(wanted, old):
    execute_plan(wanted.root, plan_prune(wanted.root), executor=ONE)
    assert made(wanted, 1) == []
    write_mark(old, replace(read_mark(old), pruned_utc=utc(-25)))
    (line,) = made(wanted, 1)
    assert line.startswith("freed 1 pruned runs for good")
    assert read_mark(old).fate == Fate.FREED


def test_a_killed_prune_is_finished_first(wanted, old):
    with killed_at(5):
        made(wanted, DEAR)
    assert read_mark(old) is None or read_mark(old).fate == Fate.MOVING
    made(wanted, DEAR)
    assert read_mark(old).fate == Fate.TRASHED


def test_a_damaged_kept_run_stops_the_run(wanted, old):
    part = next(RunFolder.of(wanted.root, id_of("newest")).path.rglob("*.parquet"))
    part.chmod(0o644)
    part.write_bytes(part.read_bytes()[:-1])
    with pytest.raises(Damaged) as refused:
        made(wanted, DEAR)
    assert refused.value.where == str(part)
    assert read_mark(old) is None


def test_a_disk_with_room_is_no_matter(tmp_path, left):
    left(1_100)
    require_room(tmp_path, 1_000)
    left(1_099)
    with pytest.raises(ResourceRefused):
        require_room(tmp_path, 1_000)


def test_a_disk_that_is_too_full_is_refused_with_the_command(tmp_path, old, left):
    left(1_099)
    with pytest.raises(ResourceRefused) as refused:
        require_room(tmp_path, 1_000)
    assert refused.value.code == "E_RUN_ROOM"
    assert refused.value.where == str(tmp_path / "mlruns")
    assert "`python -m seg6b prune --yes --free` gives back" in refused.value.hint
    assert "`python -m seg6b prune --free`" not in refused.value.hint
    assert read_mark(old) is None

    execute_plan(tmp_path, plan_prune(tmp_path), executor=ONE)
    with pytest.raises(ResourceRefused) as refused:
        require_room(tmp_path, 1_000)
    assert refused.value.hint.startswith("`python -m seg6b prune --free` gives back")
    assert "--yes" not in refused.value.hint


def test_a_full_disk_without_anything_to_prune_says_so(tmp_path, left):
    left(0)
    with pytest.raises(ResourceRefused, match="nothing to prune"):
        require_room(tmp_path, 1)


def test_what_a_run_needs_is_scaled_from_the_nearest_finished_run(tmp_path):
    assert bytes_needed(tmp_path, 10, ("S1", "S4")) == 10 * BYTES_PER_ARRIVAL
    run = make_run(tmp_path, "known")
    wrote = sum(map(len, contents(run).values()))
    assert bytes_needed(tmp_path, 3, ("S1", "S4")) == wrote
    assert bytes_needed(tmp_path, 30, ("S1", "S4")) == 10 * wrote
    assert 0 < bytes_needed(tmp_path, 3, ("S4",)) < wrote

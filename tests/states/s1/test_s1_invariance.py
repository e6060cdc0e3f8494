"""No knob and no order of files moves a row."""

from __future__ import annotations

import dataclasses

import pytest
from polars.testing import assert_frame_equal

from seg6b.datasets.tables import SESSION_ARRIVALS
from seg6b.evidence.tables import Evidence
from seg6b.shards.cells import cell_of, route_of
from seg6b.states.s1_attach import exchange

from .conftest import attach, build_zoo, load_pack, load_packs


@pytest.mark.parametrize(
    "knobs",
    [
        {"batch_rows": 100},
        {"batch_rows": 1_777},
        {"shards": 1},
        {"shards": 8, "threads": 4},
        {"shards": 64, "threads": 2},
        {"shards": 256, "threads": 4, "batch_rows": 333},
        {"compression": "zstd"},
    ],
    ids=str,
)
def test_knobs_move_nothing(zoo_world, zoo_outcome, tmp_path, knobs):
    found = attach(zoo_world, tmp_path, **knobs)
    assert found.digests == zoo_outcome.digests
    same(found.evidence, zoo_outcome.evidence)


def same(left: Evidence, right: Evidence):
    assert set(left.tables) == set(right.tables)
    for name in left.tables:
        assert_frame_equal(left.table(name), right.table(name))


@pytest.mark.parametrize("variant", ["full", "lean"])
def test_the_order_of_arrival_files_moves_nothing(zoo_world, tmp_path, variant):
    files = zoo_world.files | {"arrival_events_5B": zoo_world.files["arrival_events_5B"][::-1]}
    turned = dataclasses.replace(zoo_world, files=files)
    straight = attach(zoo_world, tmp_path / "a", load_packs(variant))
    assert attach(turned, tmp_path / "b", load_packs(variant)).digests == straight.digests


def test_the_cut_into_files_moves_nothing(zoo_outcome, tmp_path):
    assert attach(build_zoo().seal(tmp_path, cuts=(7, 8, 4_000)), tmp_path).digests == zoo_outcome.digests


def test_rows_that_spill_to_disk_are_the_same(zoo_world, zoo_outcome, tmp_path, monkeypatch):
    monkeypatch.setattr(exchange, "HELD_BYTES", 100_000)
    found = attach(zoo_world, tmp_path, shards=16, threads=2, batch_rows=500)
    assert found.digests == zoo_outcome.digests
    assert list((tmp_path / "scratch").iterdir()) == []


def test_parts_hold_whole_parties_in_order(zoo_world, tmp_path):
    found = attach(zoo_world, tmp_path, shards=64)
    party = found.arrivals["party_id"].to_numpy()
    routes = route_of(party)
    assert (routes[1:] >= routes[:-1]).all()
    for part in found.ctx.output.datasets[SESSION_ARRIVALS.name].parts:
        index = int(part.name[5:10])
        assert part.cells == (index, index)
    assert set(cell_of(party)) == {int(p.name[5:10]) for p in found.ctx.output.datasets[SESSION_ARRIVALS.name].parts}


def test_another_seed_moves_the_rows(zoo_world, zoo_outcome, tmp_path):
    found = attach(zoo_world, tmp_path, seed=7)
    assert found.digests != zoo_outcome.digests
    assert found.arrivals.height == zoo_outcome.arrivals.height


@pytest.mark.parametrize("session", ["lean", "historical"])
def test_knobs_move_nothing_in_the_older_session_laws(zoo_world, tmp_path, session):
    packs = load_packs(session=load_pack("session", session))
    one = attach(zoo_world, tmp_path / "a", packs, shards=1)
    many = attach(zoo_world, tmp_path / "b", packs, shards=256, threads=2, batch_rows=900)
    assert many.digests == one.digests
    same(many.evidence, one.evidence)

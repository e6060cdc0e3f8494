import json
import os
import shutil
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from seg6b.world.choose import choose_world, configured
from seg6b.world.layout import MANIFEST
from seg6b.world.provide import WorldSettings, provide
from seg6b.world.sealed import SealedWorld

MAKE = "from pathlib import Path; from seg6b.world.provide import *; provide(WorldSettings('x', {n}, 9), Path({p!r}))"


def test_a_world_is_made_once(tiny, worlds):
    before = (tiny.root / MANIFEST).stat().st_mtime_ns
    told = []
    again = provide(WorldSettings("tiny", 20_000, 1), worlds, lambda *a: told.append(a))
    assert again == tiny
    assert (tiny.root / MANIFEST).stat().st_mtime_ns == before
    assert not told


def test_progress_is_told(tmp_path):
    told = []
    provide(WorldSettings("x", 5_000, 1), tmp_path, lambda *a: told.append(a))
    assert told == [(5_000, 5_000)]


def test_published_files_are_read_only(tiny):
    assert not [p for p in tiny.root.rglob("*") if p.is_file() and p.stat().st_mode & stat.S_IWUSR]


def test_paths_are_the_published_ones(tiny):
    fp = tiny.manifest_fingerprint
    ph = tiny.manifest.upstream_parameter_hash
    names = {str(p.relative_to(tiny.root)) for p in tiny.root.rglob("*") if p.is_file()}
    assert names == {MANIFEST, *tiny.manifest.files}
    assert (
        f"data/layer2/5B/arrival_events/seed=1/manifest_fingerprint={fp}/scenario_id=baseline_v1/part-00000.parquet"
        in names
    )
    assert f"data/layer2/5A/merchant_class_profile/manifest_fingerprint={fp}/merchant_class_profile_5A.parquet" in names
    assert (
        f"data/layer3/6A/s1_party_base_6A/seed=1/parameter_hash={ph}/manifest_fingerprint={fp}/s1_party_base_6A.parquet"
        in names
    )
    assert f"data/layer3/6A/validation/manifest_fingerprint={fp}/_passed.flag" in names
    assert f"data/layer2/5B/sealed_inputs/manifest_fingerprint={fp}/sealed_inputs_5B.json" in names


def test_a_killed_maker_leaves_nothing_that_counts(tmp_path):
    code = MAKE.format(n=3_000_000, p=str(tmp_path))
    maker = subprocess.Popen([sys.executable, "-c", code], cwd=Path(__file__).parents[2])
    deadline = time.monotonic() + 60
    while not list(tmp_path.glob(".making-*/data/layer3")) and time.monotonic() < deadline:
        time.sleep(0.05)
    os.kill(maker.pid, signal.SIGKILL)
    maker.wait()
    assert list(tmp_path.glob(".making-*"))
    assert not list(tmp_path.glob("[0-9a-f]*"))
    left = next(tmp_path.glob(".making-*"))
    left.rename(left.with_name(left.name.replace(left.name.split("-")[1], _recipe(5_000)[:16])))
    world = provide(WorldSettings("x", 5_000, 9), tmp_path)
    assert world.arrivals == 5_000
    assert not list(tmp_path.glob(".making-*"))


def _recipe(arrivals):
    from seg6b.world.provide import recipe_of

    return recipe_of(WorldSettings("x", arrivals, 9)).digest


def test_two_makers_at_once_make_one_world(tmp_path):
    code = MAKE.format(n=20_000, p=str(tmp_path))
    makers = [subprocess.Popen([sys.executable, "-c", code], cwd=Path(__file__).parents[2]) for _ in range(2)]
    assert [m.wait() for m in makers] == [0, 0]
    assert len(list(tmp_path.glob(f"[0-9a-f]*/{MANIFEST}"))) == 1


def test_a_read_only_disk_is_told(tmp_path, monkeypatch):
    def refuse(*_args, **_kwargs):
        raise OSError(30, "Read-only file system", str(tmp_path / "x"))

    monkeypatch.setattr(Path, "mkdir", refuse)
    with pytest.raises(Exception, match=r"E_WORLD_DISK: the file system is read-only"):
        provide(WorldSettings("x", 5_000), tmp_path / "worlds")


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda r: (r / "world.json").unlink(), "E_WORLD_MISSING: no sealed world here"),
        (lambda r: (r / "world.json").write_text("{"), "E_WORLD_SEAL_DAMAGED: the seal of a world cannot be read"),
        (lambda r: edit(r, version="seg6b.world.v0"), "E_WORLD_VERSION: a world of another version.*v0"),
        (lambda r: edit(r, surprise=1), "E_WORLD_SEAL_DAMAGED"),
        (lambda r: next(r.rglob("s4_ip_links_6A.parquet")).unlink(), "E_WORLD_FILE_MISSING: .*s4_ip_links_6A.parquet"),
        (
            lambda r: (next(r.rglob("part-00000.parquet"))).write_bytes(b"x"),
            "E_WORLD_FILE_ALTERED: .*part-00000.parquet.*got 1 bytes",
        ),
    ],
    ids=["no-seal", "torn-seal", "version", "unknown-key", "missing", "size"],
)
def test_a_damaged_world_is_named_on_opening(tiny_copy, damage, message):
    damage(tiny_copy)
    with pytest.raises(Exception, match=message):
        SealedWorld.open(tiny_copy)


def edit(root, **fields):
    path = root / MANIFEST
    path.write_text(json.dumps(json.loads(path.read_text()) | fields))


def test_a_table_that_was_not_sealed_cannot_be_read(tiny):
    from seg6b.datasets.tables import FLOWS

    with pytest.raises(Exception, match=r"E_WORLD_UNSEALED_READ: .*s2_flow_anchor_baseline_6B"):
        tiny.table(FLOWS)


def test_a_damaged_seal_is_told_and_the_hint_works(tmp_path):
    first = provide(WorldSettings("x", 5_000, 1), tmp_path)
    (first.root / MANIFEST).chmod(0o644)
    (first.root / MANIFEST).write_text("{")
    with pytest.raises(Exception, match=r"E_WORLD_SEAL_DAMAGED: .*Remove the world's folder and make it again"):
        provide(WorldSettings("x", 5_000, 1), tmp_path)
    shutil.rmtree(first.root)
    assert provide(WorldSettings("x", 5_000, 1), tmp_path).manifest == first.manifest


@pytest.mark.parametrize(
    ("name", "arrivals"), [("tiny", 20_000), ("default", 250_000), ("large", 5_000_000), ("authority", 124_724_153)]
)
def test_configured_worlds(name, arrivals):
    assert configured(name) == WorldSettings(name, arrivals, 1, "")


def test_unknown_names_list_the_known_ones():
    with pytest.raises(
        Exception, match=r"E_WORLD_UNKNOWN.*got huge; expected authority, default, large, parquet, tiny"
    ):
        configured("huge")


def test_parquet_needs_a_source(tmp_path):
    with pytest.raises(Exception, match=r"E_WORLD_SOURCE: no published world to adopt"):
        provide(configured("parquet"), tmp_path)


def test_a_world_answers_to_name_fingerprint_and_folder(tiny, worlds):
    for text in ("tiny", tiny.manifest_fingerprint[:8], str(tiny.root)):
        assert choose_world(text, worlds) == tiny


@pytest.mark.parametrize(
    ("text", "message"),
    [("large", "E_WORLD_NOT_MADE.*world make large"), ("zzzz", "E_WORLD_UNKNOWN"), ("f9c", "E_WORLD_UNKNOWN")],
)
@pytest.mark.usefixtures("tiny")
def test_names_that_nothing_answers_to(worlds, text, message):
    with pytest.raises(Exception, match=message):
        choose_world(text, worlds)


def test_a_copied_world_is_the_same_world(tiny, tmp_path):
    shutil.copytree(tiny.root, tmp_path / "elsewhere")
    assert SealedWorld.open(tmp_path / "elsewhere").digests == tiny.digests

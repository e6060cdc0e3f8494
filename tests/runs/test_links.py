"""A file in a second place: hard where it can be, copied and compared where not; the source stays as it is."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest

from seg6b.errors import Conflict
from seg6b.runs.links import link_file


@pytest.fixture
def source(tmp_path):
    path = tmp_path / "source" / "part-00000.parquet"
    path.parent.mkdir()
    path.write_bytes(os.urandom(200_000))
    path.chmod(0o444)
    return path


@pytest.fixture
def elsewhere(other_disk):
    """A folder on another file system."""
    with tempfile.TemporaryDirectory(dir=other_disk) as folder:
        yield Path(folder)


def facts(path):
    found = path.stat()
    return found.st_ino, found.st_size, found.st_mtime_ns, found.st_mode, path.read_bytes()


def test_on_one_file_system_both_names_are_one_file(source, tmp_path):
    before, target = facts(source), tmp_path / "run" / "data" / "part.parquet"
    assert link_file(source, target) == "hard"
    assert target.samefile(source)
    assert facts(source) == before


def test_on_another_file_system_the_bytes_are_equal_and_the_source_is_untouched(source, elsewhere):
    before, target = facts(source), elsewhere / "data" / "part.parquet"
    assert link_file(source, target) in {"copy", "reflink"}
    assert target.read_bytes() == source.read_bytes()
    assert not target.samefile(source)
    assert facts(source) == before


def test_and_from_there_back(source, elsewhere, tmp_path):
    link_file(source, elsewhere / "there")
    link_file(elsewhere / "there", tmp_path / "back")
    assert (tmp_path / "back").read_bytes() == source.read_bytes()


def test_a_link_to_a_file_is_followed(source, tmp_path):
    (tmp_path / "alias").symlink_to(source)
    link_file(tmp_path / "alias", tmp_path / "target")
    assert not (tmp_path / "target").is_symlink()
    source.unlink()
    assert (tmp_path / "target").stat().st_size == 200_000


@pytest.mark.parametrize("dangling", [False, True])
def test_nothing_is_overwritten(source, tmp_path, dangling):
    target = tmp_path / "target"
    if dangling:
        target.symlink_to(tmp_path / "nowhere")
    else:
        target.write_text("mine")
    with pytest.raises(Conflict, match=r"E_LINK_TARGET.*target"):
        link_file(source, target)
    assert dangling or target.read_text() == "mine"


def test_a_source_that_is_gone_leaves_no_trace(tmp_path):
    with pytest.raises(FileNotFoundError):
        link_file(tmp_path / "gone", tmp_path / "target")
    assert not (tmp_path / "target").exists()

"""Staging: an equal state is linked with its own path tokens, a damaged or unequal one never."""

from __future__ import annotations

import json
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from seg6b.cli.app import app
from seg6b.errors import Damaged, InputRefused, UsageError
from seg6b.runs.axes import Axes
from seg6b.runs.commit import clear_leftovers, describe_file, store_lock
from seg6b.runs.disk import files_under, write_json
from seg6b.runs.folder import RunFolder
from seg6b.runs.pins import Role, pin
from seg6b.runs.staging import find_source, stage_state
from seg6b.runs.verify import verify_digests, verify_files
from seg6b.shards.executor import Threads
from tests.runs.small_runs import POLICY, STATES, WORLD, key_of, make_run, prune_by_hand, run_id_of
from tests.street.lanes import copy_run, flip

ONE = Threads(1)
HERE = Axes(WORLD, "f" * 64, 42, "baseline")
KNOBS = {"batch_rows": 1000}


@pytest.fixture
def root(tmp_path):
    return tmp_path


@pytest.fixture
def new(root):
    """A run that has begun, with a policy of its own."""
    run = RunFolder.of(root, run_id_of("new"))
    run.path.mkdir(parents=True)
    return run


def found(root, where="any", state="S1", axes=HERE, knobs=None, exclude=()):
    source = find_source(root, state, key_of(state, axes), KNOBS if knobs is None else knobs, where, exclude)
    return source.run.run_id if source else None


def look(folder):
    """Everything of a folder that linking must leave alone."""
    return {p: (p.stat().st_ino, p.stat().st_size, p.stat().st_mtime_ns, p.stat().st_mode) for p in files_under(folder)}


def test_a_linked_state_has_the_new_path_the_same_bytes_and_says_where_it_ran(root, new):
    first = make_run(root, "first")
    before = look(first.path)
    made = stage_state(new, HERE, find_source(root, "S1", key_of("S1", HERE), KNOBS, "any"), ONE)
    was = first.state("S1")
    part = f"{HERE.folder('s1_rows_6B')}/part-00000.parquet"
    assert (new.path / part).samefile(first.path / part.replace("f" * 64, POLICY))
    assert made == new.state("S1")
    assert made.datasets["s1_rows_6B"].folder == HERE.folder("s1_rows_6B")
    plain = replace(made, staged_from="", datasets=was.datasets)
    assert (made.staged_from, plain) == (first.run_id, was)
    assert look(first.path) == before
    assert verify_files(first, ONE) == []
    assert not list(new.path.glob(".*"))


def test_who_links_from_a_linked_run_still_names_the_run_that_executed(root, new):
    first = make_run(root, "first")
    stage_state(new, HERE, find_source(root, "S1", key_of("S1", HERE), KNOBS, first.run_id), ONE)
    new.write_receipt(
        replace(first.receipt(), run_id=new.run_id, started_utc="2027", parameter_hash=HERE.parameter_hash)
    )
    third = RunFolder.of(root, run_id_of("third"))
    third.path.mkdir()
    source = find_source(root, "S1", key_of("S1", HERE), KNOBS, "any")
    assert source.run == new
    assert stage_state(third, replace(HERE, parameter_hash="9" * 64), source, ONE).staged_from == first.run_id


@pytest.fixture
def tiny(tiny_run, root):
    """A copy of a finished real run."""
    return RunFolder(copy_run(tiny_run, root))


def link_all(root, run, new, parameter_hash):
    """A run that is linked as a whole, and its receipt."""
    receipt = run.receipt()
    axes = Axes(receipt.manifest_fingerprint, parameter_hash, receipt.seed, receipt.scenario_id)
    new.path.mkdir(parents=True, exist_ok=True)
    for state in receipt.states:
        was = run.state(state)
        stage_state(new, axes, find_source(root, state, was.input_key, was.knobs, run.run_id), Threads(2))
    new.write_receipt(replace(receipt, run_id=new.run_id, parameter_hash=parameter_hash, files=()))
    return new


def test_a_real_run_linked_to_another_policy_and_back_passes_verify(root, tiny):
    own, other = tiny.receipt().parameter_hash, "f" * 64
    there = link_all(root, tiny, RunFolder.of(root, "1" * 32), other)
    folders = {p.parent.relative_to(there.path).as_posix() for p in there.path.rglob("part-*.parquet")}
    assert folders == {d.folder for s in there.receipt().states for d in there.state(s).datasets.values()}
    assert all(f"parameter_hash={other}" in folder.split("/") for folder in folders)
    assert verify_files(there, ONE) == verify_digests(there, ONE) == []
    back = link_all(root, there, RunFolder.of(root, "2" * 32), own)
    assert {back.state(s).staged_from for s in back.receipt().states} == {tiny.run_id}
    answer = CliRunner().invoke(app, ["verify", back.run_id, "--full", "--json", "--root", str(root)])
    assert json.loads(answer.stdout) == {"run_id": back.run_id, "pruned": None, "findings": []}


def test_a_run_folder_on_another_disk_gets_copies_and_serves_as_a_source(root, tiny, other_disk):
    with tempfile.TemporaryDirectory(dir=other_disk) as elsewhere:
        RunFolder.of(root, "1" * 32).path.symlink_to(elsewhere)
        there = link_all(root, tiny, RunFolder.of(root, "1" * 32), "f" * 64)
        back = link_all(root, there, RunFolder.of(root, "2" * 32), tiny.receipt().parameter_hash)
        for run in (there, back):
            assert verify_files(run, ONE) == verify_digests(run, ONE) == []
            assert not [p for p in (run.path / "data").rglob("*.parquet") if p.stat().st_mode & 0o222]
        assert not list(Path(elsewhere).glob(".*"))


OTHERS = [{"seed": 7}, {"manifest_fingerprint": "d" * 64}, {"scenario_id": "stress"}]


@pytest.mark.parametrize("other", OTHERS)
def test_nothing_is_linked_across_seeds_worlds_and_scenarios(root, other):
    run = make_run(root, "first", **other)
    assert found(root) is None
    assert found(root, run.run_id) is None
    assert found(root, axes=replace(HERE, **other)) == run.run_id


@pytest.mark.parametrize("other", OTHERS)
def test_a_receipt_that_says_otherwise_is_refused(root, new, other):
    """A key copied by hand into a run of other axes: the folders give it away."""
    run = make_run(root, "first", **other)
    run.state_path("S1").chmod(0o644)
    write_json(run.state_path("S1"), replace(run.state("S1"), input_key=key_of("S1", HERE)))
    source = find_source(root, "S1", key_of("S1", HERE), KNOBS, "any")
    with pytest.raises(Damaged, match=r"E_STAGE_SOURCE_DAMAGED.*other axes"):
        stage_state(new, HERE, source, ONE)
    assert files_under(new.path) == []


@pytest.mark.parametrize("path", ["../../evil", "/etc/evil", ""])
def test_no_receipt_can_lead_out_of_its_run(root, new, path):
    run = make_run(root, "first")
    receipt = run.state("S1")
    run.state_path("S1").chmod(0o644)
    (kept,) = receipt.files
    write_json(run.state_path("S1"), replace(receipt, files=(replace(kept, path=path),)))
    with pytest.raises(Damaged, match="E_STAGE_SOURCE_DAMAGED"):
        stage_state(new, HERE, find_source(root, "S1", receipt.input_key, KNOBS, "any"), ONE)
    assert files_under(new.path) == []


def test_other_knobs_are_another_state(root):
    run = make_run(root, "first")
    assert found(root, knobs={"batch_rows": 999}) is None
    assert found(root, knobs={}) is None
    assert found(root) == run.run_id


def test_the_newest_is_taken_and_an_authority_before_it(root):
    older = make_run(root, "older", started="2026-01-01")
    newer = make_run(root, "newer", started="2026-01-02")
    assert found(root) == newer.run_id
    assert found(root, exclude={newer.run_id}) == older.run_id
    pin(root, older, Role.AUTHORITY, "PASS_B", ONE)
    assert found(root) == older.run_id
    assert found(root, exclude={older.run_id}) == newer.run_id
    assert found(root, exclude={older.run_id, newer.run_id}) is None
    assert found(root, "none") is None
    assert found(root, newer.run_id[:8]) == newer.run_id


@pytest.mark.parametrize("role", [Role.AUTHORITY, Role.LAST_GOOD])
def test_a_pin_is_found_by_its_role_whichever_world_it_is_of(root, role):
    with pytest.raises(UsageError, match=f"E_STAGE_NO_PIN.*--role {role}"):
        found(root, role.value)
    mine = make_run(root, "mine", started="2026-01-01")
    make_run(root, "newer", started="2026-01-02")
    pin(root, mine, role, "PASS_B", ONE)
    pin(root, make_run(root, "other", seed=7), role, "PASS_B", ONE)
    assert found(root, role.value) == mine.run_id
    assert found(root, role.value, axes=replace(HERE, seed=9)) is None


def test_an_authority_that_is_not_as_pinned_is_refused_as_a_source(root):
    run = make_run(root, "first")
    pin(root, run, Role.AUTHORITY, "PASS_B", ONE)
    run.write_receipt(replace(run.receipt(), git_revision="other"))
    with pytest.raises(Damaged, match="E_AUTHORITY_DAMAGED"):
        found(root, "authority")


def test_a_named_run_must_be_there_readable_and_with_its_data(root):
    with pytest.raises(UsageError, match="E_RUN_UNKNOWN"):
        found(root, "0" * 32)
    run = make_run(root, "first")
    run.state_path("S1").chmod(0o644)
    run.state_path("S1").write_text("{" + key_of("S1", HERE))
    with pytest.raises(Damaged, match=r"E_RUN_RECEIPT_DAMAGED.*S1\.json"):
        found(root, run.run_id)
    other = make_run(root, "other")
    prune_by_hand(root, other)
    with pytest.raises(InputRefused, match=r"E_STAGE_PRUNED.*undelete"):
        found(root, other.run_id)
    assert found(root) is None


def test_a_run_in_which_the_state_has_not_happened_is_no_source(root):
    run = make_run(root, "first")
    run.state_path("S1").unlink()
    assert found(root, run.run_id) is found(root) is None


DAMAGE = {
    "a flipped bit in a part": ("data/layer3/6B/s1_rows_6B/**/part-00000.parquet", flip),
    "a missing part": ("data/layer3/6B/s1_rows_6B/**/part-00000.parquet", Path.unlink),
    "a flipped bit in evidence": ("evidence/S1/counts.txt", flip),
    "a longer file": ("evidence/S1/counts.txt", lambda p: (p.chmod(0o644), p.write_text("S1 3\nmore"))),
}


@pytest.mark.parametrize("how", DAMAGE)
def test_a_damaged_source_is_refused_by_name_and_the_next_equal_one_serves(root, new, how):
    older = make_run(root, "older", started="2026-01-01")
    newer = make_run(root, "newer", started="2026-01-02")
    name, harm = DAMAGE[how]
    harm(next(newer.path.glob(name)))
    source = find_source(root, "S1", key_of("S1", HERE), KNOBS, "any")
    with pytest.raises(Damaged, match=rf"E_STAGE_SOURCE_DAMAGED.*{newer.run_id}.*{Path(name).name}"):
        stage_state(new, HERE, source, ONE)
    assert files_under(new.path) == []
    source = find_source(root, "S1", key_of("S1", HERE), KNOBS, "any", {newer.run_id})
    assert stage_state(new, HERE, source, ONE).staged_from == older.run_id


def test_a_state_receipt_edited_after_the_run_was_sealed_is_refused(root, new):
    run = make_run(root, "first")
    sealed = [describe_file(run.state_path(state), run.path) for state in STATES]
    run.write_receipt(replace(run.receipt(), files=tuple(sealed)))
    run.state_path("S1").chmod(0o644)
    write_json(run.state_path("S1"), replace(run.state("S1"), elapsed_s={"total": 0.1}))
    with pytest.raises(Damaged, match=r"E_STAGE_SOURCE_DAMAGED.*S1\.json"):
        stage_state(new, HERE, find_source(root, "S1", key_of("S1", HERE), KNOBS, "any"), ONE)


def test_a_source_that_was_pruned_in_between_is_refused(root, new):
    run = make_run(root, "first")
    source = find_source(root, "S1", key_of("S1", HERE), KNOBS, "any")
    prune_by_hand(root, run)
    with pytest.raises(Damaged, match=r"pruned meanwhile.*pruned\.json"):
        stage_state(new, HERE, source, ONE)
    assert files_under(new.path) == []


def test_linking_waits_for_whoever_holds_the_store(root, new):
    make_run(root, "first")
    source = find_source(root, "S1", key_of("S1", HERE), KNOBS, "any")
    with ThreadPoolExecutor(1) as pool:
        with store_lock(root):
            linked = pool.submit(stage_state, new, HERE, source, ONE)
            with pytest.raises(TimeoutError):
                linked.result(timeout=0.3)
            assert new.state("S1") is None
        assert linked.result(timeout=20).state == "S1"


class Death(BaseException):
    pass


def test_a_death_at_any_file_leaves_no_half_state_and_the_source_whole(root, new, monkeypatch):
    from seg6b.runs import staging

    run = make_run(root, "first")
    source, before = find_source(root, "S1", key_of("S1", HERE), KNOBS, "any"), look(run.path)
    real, calls = staging.link_file, []

    def dies_at_the_second(old, target):
        calls.append(target)
        if len(calls) == 2:
            raise Death
        return real(old, target)

    monkeypatch.setattr(staging, "link_file", dies_at_the_second)
    with pytest.raises(Death):
        stage_state(new, HERE, source, ONE)
    clear_leftovers(new)
    assert files_under(new.path) == []
    assert stage_state(new, HERE, source, ONE).staged_from == run.run_id
    assert look(run.path) == before

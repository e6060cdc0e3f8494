"""Pins: one authority in a place, checked whenever it is used, and never half changed."""

from __future__ import annotations

import hashlib
import json
import stat
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from seg6b.cli.app import app
from seg6b.errors import Conflict, Damaged, InputRefused, UsageError
from seg6b.runs import ledger, pins
from seg6b.runs.disk import files_under, remove_tree, to_json, write_json
from seg6b.runs.pins import Role, authority, baseline_path, pin, pins_path, require_told, unpin, verified
from seg6b.shards.executor import Threads
from tests.runs.small_runs import POLICY, WORLD, make_run, prune_by_hand, run_id_of
from tests.street.lanes import flip

ONE = Threads(1)


@pytest.fixture
def root(tmp_path):
    return tmp_path


@pytest.fixture
def first(root):
    return make_run(root, "first")


def pinned_first(root, first):
    return pin(root, first, Role.AUTHORITY, "PASS_B", ONE)


def held(root):
    return [(str(p.role), p.run_id) for p in pins.pins(root)]


def test_a_pin_holds_what_the_run_was(root, first):
    made = pinned_first(root, first)
    assert pins.pins(root) == (made,)
    assert (made.receipt_digest, made.parameter_hash) == (first.receipt().digest, POLICY)
    assert authority(root, WORLD, "bplus", 42, "baseline") == made
    assert baseline_path(root).read_text() == first.run_id + "\n"
    assert [(e.kind, e.body["run_id"], e.body["replaces"]) for e in ledger.entries(root)] == [("pin", first.run_id, "")]
    assert verified(root, made, ONE).path == first.path


def test_no_file_of_a_pinned_run_can_be_written(root, first):
    for path in files_under(first.path):
        path.chmod(0o644)
    pinned_first(root, first)
    assert not [p for p in files_under(first.path) if p.stat().st_mode & stat.S_IWUSR]


def test_a_run_that_failed_its_gates_may_be_pinned_and_says_so(root, first):
    assert pin(root, first, Role.AUTHORITY, "FAIL_REALISM", ONE).verdict == "FAIL_REALISM"
    assert authority(root, WORLD, "bplus", 42, "baseline").verdict == "FAIL_REALISM"


@pytest.mark.parametrize(
    "other", [{"seed": 7}, {"manifest_fingerprint": "d" * 64}, {"scenario_id": "stress"}, {"posture": "dplus"}]
)
def test_each_world_posture_seed_and_scenario_has_its_own(root, first, other):
    mine = pinned_first(root, first)
    theirs = pin(root, make_run(root, "other", **other), Role.AUTHORITY, "PASS_B", ONE)
    assert set(pins.pins(root)) == {mine, theirs}
    assert authority(root, WORLD, "bplus", 42, "baseline") == mine
    assert authority(root, *theirs.place) == theirs
    assert authority(root, WORLD, "none", 1, "baseline") is None


def test_a_second_authority_in_one_place_needs_the_word_and_a_reason(root, first):
    mine, other = pinned_first(root, first), make_run(root, "other", parameter_hash="e" * 64)
    with pytest.raises(Conflict, match=rf"E_PIN_TAKEN.*python -m seg6b pin {other.run_id} --role authority --replace"):
        pin(root, other, Role.AUTHORITY, "PASS_B", ONE, reason="faster")
    with pytest.raises(UsageError, match=rf"E_LEDGER_REASON.*{other.run_id}.*--replace --reason"):
        pin(root, other, Role.AUTHORITY, "PASS_B", ONE, replace=True, reason=" ")
    assert pins.pins(root) == (mine,)
    made = pin(root, other, Role.AUTHORITY, "PASS_B", ONE, replace=True, reason="faster on two seeds")
    assert pins.pins(root) == (made,)
    last = ledger.entries(root)[-1].body
    assert (last["replaces"], last["reason"]) == (first.run_id, "faster on two seeds")
    assert baseline_path(root).read_text().strip() == other.run_id


def test_pinning_again_changes_nothing(root, first):
    made, before = pinned_first(root, first), pins_path(root).read_bytes()
    assert pin(root, first, Role.AUTHORITY, "PASS_B", ONE, replace=True, reason="again") == made
    assert pins_path(root).read_bytes() == before
    assert len(ledger.entries(root)) == 1


def test_a_run_has_several_roles_and_witnesses_stand_side_by_side(root, first):
    second = make_run(root, "second")
    for run in (first, second):
        for role in (Role.WITNESS, Role.CERTIFICATION, Role.LAST_GOOD):
            pin(root, run, role, "PASS_B", ONE)
    assert held(root) == [
        ("witness", first.run_id), ("certification", first.run_id), ("witness", second.run_id),
        ("certification", second.run_id), ("last_good", second.run_id),
    ]  # fmt: skip
    assert ledger.entries(root)[-1].body["replaces"] == first.run_id
    assert not baseline_path(root).exists()


def damage_nothing_but(run, root, how):
    receipt = run.receipt()
    data = next(run.path.rglob("part-*.parquet"))
    if how == "running":
        run.write_receipt(replace(receipt, status="RUNNING"))
    elif how == "a state is missing":
        run.state_path("S2").unlink()
    elif how == "pruned":
        prune_by_hand(root, run)
    elif how == "a flipped bit":
        flip(data)
    elif how == "a missing file":
        data.unlink()
    elif how == "a stray file":
        (run.path / "note.txt").write_text("x")
    elif how == "an edited receipt":
        run.receipt_path.write_text(run.receipt_path.read_text().replace('"seed": 42', '"seed": 43'))
    elif how == "a wrong digest":
        state = run.state("S1")
        rows = {name: replace(d, digest="3:0000000000000001") for name, d in state.datasets.items()}
        run.state_path("S1").chmod(0o644)
        write_json(run.state_path("S1"), replace(state, datasets=rows))


REFUSED = {
    "running": (InputRefused, "E_PIN_NOT_DONE.*RUNNING"),
    "a state is missing": (InputRefused, "E_PIN_NOT_DONE.*S2"),
    "pruned": (InputRefused, "E_PIN_PRUNED.*undelete"),
    "a flipped bit": (Damaged, "E_PIN_RUN_DAMAGED.*the bytes differ.*parquet"),
    "a missing file": (Damaged, "E_PIN_RUN_DAMAGED.*the file is missing.*parquet"),
    "a stray file": (Damaged, "E_PIN_RUN_DAMAGED.*no receipt knows this file.*note"),
    "an edited receipt": (Damaged, "E_RUN_RECEIPT_DAMAGED"),
    "a wrong digest": (Damaged, "E_PIN_RUN_DAMAGED.*the content digest differs.*s1_rows_6B"),
}


@pytest.mark.parametrize("how", REFUSED)
def test_only_a_finished_whole_run_can_be_pinned(root, first, how):
    kind, words = REFUSED[how]
    damage_nothing_but(first, root, how)
    with pytest.raises(kind, match=words):
        pinned_first(root, first)
    assert not pins_path(root).exists()
    assert ledger.entries(root) == ()


LOST = {
    "gone": lambda run, _: remove_tree(run.path),
    "pruned": lambda run, root: prune_by_hand(root, run),
    "flipped": lambda run, _: flip(next(run.path.rglob("counts.txt"))),
    "stray": lambda run, _: (run.path / "data" / "x").write_text("x"),
    "missing": lambda run, _: next(run.path.rglob("counts.txt")).unlink(),
    "resealed": lambda run, _: run.write_receipt(replace(run.receipt(), git_revision="other")),
    "state receipt": lambda run, _: write_json(
        run.state_path("S1"), replace(run.state("S1"), elapsed_s={"total": 0.1})
    ),
}


@pytest.mark.parametrize("how", LOST)
def test_a_damaged_authority_is_an_error_and_never_a_baseline(root, first, how):
    made = pinned_first(root, first)
    LOST[how](first, root)
    with pytest.raises(Damaged, match=r"E_AUTHORITY_DAMAGED.*--role authority --replace"):
        verified(root, made, ONE)
    other = make_run(root, "other")
    assert pin(root, other, Role.AUTHORITY, "PASS_B", ONE, replace=True, reason="the first one is damaged")
    assert held(root) == [("authority", other.run_id)]


def test_a_damaged_witness_is_named_as_one(root, first):
    made = pin(root, first, Role.WITNESS, "PASS_B", ONE)
    remove_tree(first.path)
    with pytest.raises(Damaged, match=r"E_WITNESS_DAMAGED.*the run is gone"):
        verified(root, made, ONE)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=100)
@given(at=st.floats(0, 1, exclude_max=True), new=st.characters(codec="utf-8"))
def test_an_edit_of_the_pins_is_found_wherever_it_is(pinned_root, at, new):
    path = pins_path(pinned_root)
    text = path.read_bytes().decode()
    position = int(at * len(text))
    if text[position] == new:
        return
    path.write_bytes((text[:position] + new + text[position + 1 :]).encode())
    with pytest.raises(Damaged, match="E_PINS_DAMAGED"):
        pins.pins(pinned_root)
    path.write_bytes(text.encode())


@pytest.fixture(scope="module")
def pinned_root(tmp_path_factory):
    root = tmp_path_factory.mktemp("pinned")
    pin(root, make_run(root, "first"), Role.AUTHORITY, "PASS_B", ONE, reason="first")
    return root


def test_taking_a_pin_off_needs_a_reason_and_leaves_the_run(root, first):
    pinned_first(root, first)
    other = pin(root, make_run(root, "other", seed=7), Role.AUTHORITY, "PASS_B", ONE)
    with pytest.raises(UsageError, match=r"E_LEDGER_REASON.*--remove"):
        unpin(root, other.run_id, Role.AUTHORITY, "")
    with pytest.raises(UsageError, match=f"E_PIN_UNKNOWN.*authority {first.run_id[:8]}"):
        unpin(root, other.run_id, Role.WITNESS, "done")
    assert baseline_path(root).read_text().strip() == other.run_id
    assert unpin(root, other.run_id, Role.AUTHORITY, "done") == other
    assert baseline_path(root).read_text().strip() == first.run_id
    unpin(root, first.run_id, Role.AUTHORITY, "done")
    assert not baseline_path(root).exists()
    assert pins.pins(root) == ()
    require_told(root)
    assert first.exists()


def test_the_same_words_twice_are_two_entries(root, first):
    for _ in range(2):
        pinned_first(root, first)
        unpin(root, first.run_id, Role.AUTHORITY, "done")
    assert [e.kind for e in ledger.entries(root)] == ["pin", "unpin"] * 2


def test_nothing_is_pinned_on_a_damaged_ledger(root, first):
    pinned_first(root, first)
    path, other = ledger.ledger_path(root), make_run(root, "other", seed=7)
    path.write_text("")
    before = pins_path(root).read_bytes()
    for act in (
        lambda: pin(root, other, Role.AUTHORITY, "PASS_B", ONE),
        lambda: unpin(root, first.run_id, Role.AUTHORITY, "done"),
    ):
        with pytest.raises(Damaged, match="E_LEDGER_DAMAGED"):
            act()
    assert pins_path(root).read_bytes() == before


class Death(BaseException):
    pass


ACTS = {
    "pin": lambda root, run: pin(root, run, Role.AUTHORITY, "PASS_B", ONE, replace=True, reason="better"),
    "unpin": lambda root, _: unpin(root, run_id_of("first"), Role.AUTHORITY, "done"),
}


@pytest.mark.parametrize("act", ACTS)
def test_a_death_before_any_write_leaves_the_old_or_the_new_and_the_next_change_tells_it(tmp_path, monkeypatch, act):
    seen = set()
    for nth in range(1, 12):
        root = tmp_path / str(nth)
        before = pinned_first(root, make_run(root, "first"))
        other, witness = make_run(root, "other"), make_run(root, "witness")
        with monkeypatch.context() as patched:
            died = die_before(patched, nth, lambda root=root, other=other: ACTS[act](root, other))
        after = pins.pins(root)
        seen.add(after == (before,))
        if after != (before,):
            assert held(root) == ([("authority", other.run_id)] if act == "pin" else [])
        require_told(root)
        pin(root, witness, Role.WITNESS, "PASS_B", ONE)
        require_told(root)
        assert json.loads(pins_path(root).read_text())["owed"] == []
        assert pins.pins(root)[:-1] == after
        authorities = [run for role, run in held(root) if role == "authority"]
        assert (baseline_path(root).read_text().split() if authorities else []) == authorities
        if not died:
            assert seen == {True, False}
            return
    pytest.fail("a change without a death was never reached")


def die_before(monkeypatch, nth, act):
    """Whether `act` died before its `nth` write."""
    calls = []
    for module, name in ((pins, "write_text"), (ledger, "write_text"), (ledger, "write_json")):
        real = getattr(module, name)

        def write(*args, real=real):
            calls.append(args)
            if len(calls) == nth:
                raise Death
            return real(*args)

        monkeypatch.setattr(module, name, write)
    try:
        act()
    except Death:
        return True
    return False


def ask(root, *words):
    return CliRunner().invoke(app, [*words, "--root", str(root)])


def test_the_command_pins_the_newest_finished_run_outside_sweeps(root, tiny_run):
    make_run(root, "older", started="2026-01-01T00:00:00.000000Z")
    newest = make_run(root, "newer", started="2026-01-02T00:00:00.000000Z")
    make_run(root, "running", started="2026-01-03T00:00:00.000000Z", status="RUNNING")
    repeat = make_run(root, "repeat", started="2026-01-04T00:00:00.000000Z")
    repeat.write_receipt(replace(repeat.receipt(), sweep_id="f" * 32))
    prune_by_hand(root, make_run(root, "pruned", started="2026-01-05T00:00:00.000000Z"))
    board = newest.gates_path
    board.write_text((tiny_run / "gates.json").read_text())
    seal = {"path": "gates.json", "bytes": board.stat().st_size, "sha256": pins.sha256_of(board)}
    newest.write_receipt(replace(newest.receipt(), files=(seal,)))
    verdict = json.loads(board.read_text())["verdict"]
    answer = ask(root, "pin")
    assert answer.exit_code == 0, answer.output
    assert answer.stdout.startswith(f"{newest.run_id} is authority: world {WORLD[:12]}, bplus, seed 42, baseline, ")
    assert answer.stdout.endswith(f"{verdict}\n")
    listed = json.loads(ask(root, "pin", "--list", "--json").stdout)
    assert [(p["role"], p["run_id"], p["verdict"]) for p in listed] == [("authority", newest.run_id, verdict)]
    assert newest.run_id[:8] in ask(root, "pin", "--list").stdout
    checked = json.loads(ask(root, "verify", "--ledger", "--json").stdout)
    assert checked["ledger"]["entries"] == checked["ledger"]["pins"] == 1
    gone = ask(root, "pin", newest.run_id[:6], "--remove", "--reason", "done")
    assert gone.stdout.startswith(f"{newest.run_id} no longer authority")
    assert ask(root, "pin", "--list").stdout.startswith("Nothing is pinned.")


def test_a_pin_of_a_run_that_is_gone_can_be_taken_off(root, first):
    pinned_first(root, first)
    remove_tree(first.path)
    assert ask(root, "pin", first.run_id[:8], "--remove", "--reason", "lost").exit_code == 0
    assert pins.pins(root) == ()


def test_without_a_finished_run_the_command_says_how_to_make_one(root):
    assert "python -m seg6b.lane" in str(ask(root, "pin").exception)


def test_an_override_gives_a_marker_and_is_kept(root):
    answer = ask(root, "override", "UNLOCK_POPT.3_CONTINUE", "--reason", "seen by hand", "--json")
    assert json.loads(answer.stdout)["body"] == {"marker": "UNLOCK_POPT.3_CONTINUE", "reason": "seen by hand"}
    assert list(ledger.markers(root)) == ["UNLOCK_POPT.3_CONTINUE"]
    assert "E_LEDGER_REASON" in str(ask(root, "override", "UNLOCK_P1").exception)
    assert "E_OVERRIDE_MARKER" in str(ask(root, "override", "unlock p1", "--reason", "x").exception)
    assert len(ledger.entries(root)) == 1


def test_verify_names_the_broken_line_and_needs_something_to_verify(root, first):
    pinned_first(root, first)
    text = ledger.ledger_path(root).read_text()
    ledger.ledger_path(root).write_text(text.replace("PASS_B", "PASS_A"))
    assert "line 1" in str(ask(root, "verify", "--ledger").exception)
    assert "E_VERIFY_NOTHING" in str(ask(root, "verify").exception)


@pytest.mark.parametrize("edit", ["another run", "no pin"])
def test_an_edit_that_brings_its_own_digest_is_not_what_the_ledger_tells(root, first, edit):
    pinned_first(root, first)
    plain = json.loads(pins_path(root).read_text())
    if edit == "no pin":
        plain["pins"] = []
    else:
        plain["pins"][0]["run_id"] = make_run(root, "other").run_id
    del plain["digest"]
    pins_path(root).write_text(to_json(plain | {"digest": hashlib.sha256(to_json(plain).encode()).hexdigest()}))
    assert f"the ledger tells of authority {first.run_id[:8]}" in str(ask(root, "verify", "--ledger").exception)
    for forged in pins.pins(root):
        with pytest.raises(Damaged, match="E_AUTHORITY_DAMAGED"):
            verified(root, forged, ONE)

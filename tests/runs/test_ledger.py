"""The ledger: whatever is done to a line, it is seen, and the line is named."""

from __future__ import annotations

import hashlib
import json
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from seg6b.errors import Damaged, UsageError
from seg6b.runs import ledger
from seg6b.runs.ledger import append, checked_reason, entries, head_path, ledger_path, markers, overrides

SHARED = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=150)
BODIES = (
    {"role": "authority", "run_id": "0" * 32, "seed": 42, "ratio": 0.5},
    {"lane": "POPT.2", "marker": "UNLOCK_POPT.3_CONTINUE", "reasons": ["läuft", "a\nb"]},
    {"marker": "UNLOCK_P1", "reason": "seen by hand \u2028 twice"},
    {"plan_id": "f" * 64, "freed": 0},
)
KINDS = ("pin", "closure", "override", "prune")


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """A root with a ledger of four lines, and both of its files as they were written."""
    root = tmp_path_factory.mktemp("ledger")
    for kind, body in zip(KINDS, BODIES, strict=True):
        append(root, kind, body)
    return root, ledger_path(root).read_bytes(), head_path(root).read_bytes()


@pytest.fixture
def root(kept):
    """That root, restored after the test."""
    where, lines, head = kept
    yield where
    ledger_path(where).write_bytes(lines)
    head_path(where).write_bytes(head)


def damage(root, text):
    ledger_path(root).write_bytes(text.encode())
    with pytest.raises(Damaged, match="E_LEDGER_DAMAGED") as caught:
        entries(root)
    return caught.value


def lines_of(root):
    return ledger_path(root).read_bytes().decode().split("\n")[:-1]


def test_every_line_holds_the_digest_of_the_line_before(root):
    before = "0" * 64
    for n, line in enumerate(lines_of(root), start=1):
        plain = json.loads(line)
        digest = plain.pop("digest")
        bare = json.dumps(plain, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        assert digest == hashlib.sha256(bare.encode()).hexdigest()
        assert (plain["n"], plain["prev"]) == (n, before)
        before = digest
    assert json.loads(head_path(root).read_text()) == {"n": 4, "digest": before}
    assert [(e.kind, e.body) for e in entries(root)] == list(zip(KINDS, BODIES, strict=True))


def test_a_root_without_a_ledger_has_no_entries(tmp_path):
    assert entries(tmp_path) == ()
    assert markers(tmp_path) == {}
    assert not (tmp_path / "mlruns").exists()


@SHARED
@given(at=st.floats(0, 1, exclude_max=True), new=st.characters(codec="utf-8"))
def test_any_other_character_anywhere_is_found_and_its_line_is_named(kept, at, new):
    root, raw, _ = kept
    text = raw.decode()
    position = int(at * len(text))
    if text[position] == new:
        return
    found = damage(root, text[:position] + new + text[position + 1 :])
    ledger_path(root).write_bytes(raw)
    assert f"line {text[:position].count(chr(10)) + 1}" in found.where


@SHARED
@given(order=st.lists(st.integers(0, 3), max_size=6))
def test_any_other_sequence_of_the_same_lines_is_found(kept, order):
    root, raw, _ = kept
    if order == [0, 1, 2, 3]:
        return
    lines = raw.decode().split("\n")
    damage(root, "".join(lines[i] + "\n" for i in order))
    ledger_path(root).write_bytes(raw)


def forged(lines, at, body):
    """The ledger with another body in line `at`, and every digest from there on made good."""
    prev = json.loads(lines[at])["prev"]
    made = lines[:at]
    for line in lines[at:]:
        plain = json.loads(line)
        del plain["digest"]
        plain |= {"prev": prev} | ({"body": body} if len(made) == at else {})
        bare = json.dumps(plain, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        prev = hashlib.sha256(bare.encode()).hexdigest()
        whole = json.dumps(plain | {"digest": prev}, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        made.append(whole)
    return "".join(line + "\n" for line in made)


@pytest.mark.parametrize("at", range(4))
def test_a_forged_chain_does_not_meet_its_head(root, at):
    assert "the last line was replaced" in damage(root, forged(lines_of(root), at, {"marker": "UNLOCK_P1"})).what


@pytest.mark.parametrize("left", range(4))
def test_a_cut_tail_is_found_although_what_is_left_is_a_good_chain(root, left):
    found = damage(root, "".join(line + "\n" for line in lines_of(root)[:left]))
    assert found.what == "lines are missing at the end"
    assert (found.value, found.expected) == (f"{left} lines", "4 lines")


def test_a_ledger_that_is_gone_is_found(root):
    ledger_path(root).unlink()
    with pytest.raises(Damaged, match="lines are missing at the end"):
        entries(root)


def test_a_head_that_is_gone_is_found(root):
    head_path(root).unlink()
    with pytest.raises(Damaged, match=r"ledger_head\.json, is missing"):
        entries(root)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"n": 4}', '{"n": "x", "digest": ""}'])
def test_a_head_that_cannot_be_read_is_found(root, text):
    head_path(root).write_text(text)
    with pytest.raises(Damaged, match="the head of the ledger cannot be read"):
        entries(root)


def test_a_process_that_ended_between_both_writes_is_mended_by_the_next_entry(tmp_path):
    append(tmp_path, "free", {"plan_id": "1"})
    head_path(tmp_path).unlink()
    assert len(entries(tmp_path)) == 1
    append(tmp_path, "free", {"plan_id": "2"})
    older = head_path(tmp_path).read_text()
    append(tmp_path, "free", {"plan_id": "3"})
    head_path(tmp_path).write_text(older)
    assert [e.body["plan_id"] for e in entries(tmp_path)] == ["1", "2", "3"]
    assert append(tmp_path, "free", {"plan_id": "4"}).n == 4
    assert json.loads(head_path(tmp_path).read_text())["n"] == 4
    head_path(tmp_path).write_text(older)
    with pytest.raises(Damaged, match="lines were added past the recorded end"):
        entries(tmp_path)


def test_a_process_that_ends_between_both_writes_twice_leaves_a_ledger_that_goes_on(tmp_path, monkeypatch):
    write = ledger.write_json
    append(tmp_path, "free", {"plan_id": "1"})

    def killed(path, record):
        if record.n > kept:
            raise KeyboardInterrupt
        write(path, record)

    monkeypatch.setattr(ledger, "write_json", killed)
    for kept in (1, 2, 3):
        with pytest.raises(KeyboardInterrupt):
            append(tmp_path, "free", {"plan_id": str(kept + 1)})
        assert len(entries(tmp_path)) == kept + 1


def test_nothing_is_added_to_a_damaged_ledger(root):
    text = "".join(line + "\n" for line in lines_of(root)[:3])
    ledger_path(root).write_text(text)
    with pytest.raises(Damaged):
        append(root, "pin", {})
    assert ledger_path(root).read_text() == text


def test_many_at_once_make_one_chain_and_no_reader_sees_damage(tmp_path):
    with ThreadPoolExecutor(6) as pool:
        written = [pool.submit(append, tmp_path, "prune", {"plan_id": str(i)}) for i in range(24)]
        read = [pool.submit(entries, tmp_path) for _ in range(24)]
        assert sorted(w.result().n for w in written) == list(range(1, 25))
        assert all(len(r.result()) <= 24 for r in read)
    assert len({e.body["plan_id"] for e in entries(tmp_path)}) == 24


def closure(lane, marker):
    return "closure", {"lane": lane, "marker": marker}


def override(marker):
    return "override", {"marker": marker, "reason": "looked at"}


STORIES = {
    "given": ([closure("A", "UNLOCK_B")], {"UNLOCK_B": 1}),
    "without a marker": ([closure("A", ""), ("prune", {"marker": "UNLOCK_B"})], {}),
    "last word": ([closure("A", "UNLOCK_B"), closure("A", "UNLOCK_B")], {"UNLOCK_B": 2}),
    "withdrawn": ([closure("A", "UNLOCK_B"), closure("A", "HOLD_A_REOPEN")], {"HOLD_A_REOPEN": 2}),
    "given again": ([closure("A", "UNLOCK_B"), closure("A", "HOLD_A"), closure("A", "UNLOCK_B")], {"UNLOCK_B": 3}),
    "of another lane": ([closure("A", "UNLOCK_B"), closure("C", "HOLD_C")], {"UNLOCK_B": 1, "HOLD_C": 2}),
    "by override": ([closure("A", "HOLD_A"), override("UNLOCK_B")], {"HOLD_A": 1, "UNLOCK_B": 2}),
    "override stands": ([override("UNLOCK_B"), closure("A", "HOLD_A")], {"UNLOCK_B": 1, "HOLD_A": 2}),
}


@pytest.mark.parametrize("story", STORIES)
def test_a_marker_stands_until_its_lane_holds(tmp_path, story):
    told, standing = STORIES[story]
    for kind, body in told:
        append(tmp_path, kind, body)
    assert {marker: entry.n for marker, entry in markers(tmp_path).items()} == standing


def test_overrides_are_listed(root):
    assert [e.body["marker"] for e in overrides(root)] == ["UNLOCK_P1"]


@pytest.mark.parametrize("reason", ["", "  \n", "a\x00b", "\udc80"])
def test_a_reason_is_words_and_the_refusal_shows_the_command(reason):
    with pytest.raises(UsageError, match=r'E_LEDGER_REASON.*Type: seg6b x --reason "…"'):
        checked_reason(reason, "seg6b x")


def test_a_reason_is_one_line():
    assert checked_reason(" seen\nby  hand ", "seg6b x") == "seen by hand"

"""The ledger: one line a decision, each holding the digest of the line before, so that no line can change unseen.

`reports/ledger.jsonl` is written anew as a whole, so no line can be torn. `mlruns/ledger_head.json` is written after
it and holds count and digest of the last line; so a tail that was cut off is seen. A head one line behind a good
chain is what a process leaves that ended between both writes; the next entry puts it right.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from seg6b.errors import Damaged, UsageError
from seg6b.runs.commit import wait_for_lock
from seg6b.runs.disk import disk_faults, write_json, write_text
from seg6b.runs.machine import now_utc

OVERRIDE: Final = "override"
CLOSURE: Final = "closure"
GENESIS: Final = "0" * 64
HOLD: Final = "HOLD_"
WAIT_S: Final = 60.0


@dataclass(frozen=True, slots=True)
class Entry:
    """One line.

    Attributes:
        n: its number, from 1.
        utc: RFC 3339.
        kind: `pin`, `unpin`, `closure`, `override`, `prune`, `undelete`, `free`, `adopt`.
        body: what happened, as plain data.
        prev: digest of the line before; zeros in the first.
        digest: SHA-256 over the line as it reads without this field.
    """

    n: int
    utc: str
    kind: str
    body: dict[str, Any]
    prev: str
    digest: str


@dataclass(frozen=True, slots=True)
class Head:
    """Count of lines and digest of the last one."""

    n: int
    digest: str


def ledger_path(root: Path) -> Path:
    """`reports/ledger.jsonl` below the project root."""
    return root / "reports" / "ledger.jsonl"


def head_path(root: Path) -> Path:
    """`mlruns/ledger_head.json` below the project root."""
    return root / "mlruns" / "ledger_head.json"


def append(root: Path, kind: str, body: Mapping[str, Any]) -> Entry:
    """Write one entry at the end.

    Raises:
        Damaged: the ledger as it stands is not as it was written; nothing is added to it.
    """
    with disk_faults("E_LEDGER_DISK", ledger_path(root)), wait_for_lock(root, "ledger", WAIT_S):
        before = _read(root)
        if before and _head(head_path(root)).n < before[-1].n:
            write_json(head_path(root), Head(before[-1].n, before[-1].digest))
        made = _entry(before, kind, body)
        lines = "".join(_line(entry) + "\n" for entry in (*before, made))
        write_text(ledger_path(root), lines)
        write_json(head_path(root), Head(made.n, made.digest))
    return made


def entries(root: Path) -> tuple[Entry, ...]:
    """Every entry, oldest first, after the chain and its head were checked.

    Raises:
        Damaged: a line was edited, removed, moved or inserted; it is named.
    """
    with suppress(Damaged):
        return _read(root)
    with disk_faults("E_LEDGER_DISK", ledger_path(root)), wait_for_lock(root, "ledger", WAIT_S):
        return _read(root)


def markers(root: Path) -> dict[str, Entry]:
    """The markers that stand, each with the entry that gave it last.

    A later `HOLD_…` of a lane withdraws all that the lane gave before; any later marker withdraws the lane's hold.
    """
    standing: dict[str, Entry] = {}
    for entry in entries(root):
        marker, lane = str(entry.body.get("marker") or ""), entry.body.get("lane") or ""
        if entry.kind not in {CLOSURE, OVERRIDE} or not marker:
            continue
        for name in [n for n, e in standing.items() if lane and e.body.get("lane") == lane]:
            if marker.startswith(HOLD) or name.startswith(HOLD):
                del standing[name]
        standing[marker] = entry
    return standing


def closures(root: Path, lane: str) -> list[Mapping[str, Any]]:
    """What every closure of a lane said, oldest first."""
    return [entry.body for entry in entries(root) if entry.kind == CLOSURE and entry.body.get("lane") == lane]


def overrides(root: Path) -> tuple[Entry, ...]:
    """Every recorded override, oldest first."""
    return tuple(entry for entry in entries(root) if entry.kind == OVERRIDE)


def checked_reason(reason: str, command: str) -> str:
    """`reason` without blanks around it; refuses an empty or unreadable one and shows the command with it."""
    text = " ".join(reason.split())
    if not text or not text.isprintable():
        raise UsageError(
            "E_LEDGER_REASON", "a reason must be given", "--reason", repr(reason) if reason else "none",
            "a few readable words", f'Type: {command} --reason "…"',
        )  # fmt: skip
    return text


def _entry(before: tuple[Entry, ...], kind: str, body: Mapping[str, Any]) -> Entry:
    plain = json.loads(json.dumps(dict(body), allow_nan=False))
    prev = before[-1].digest if before else GENESIS
    bare = Entry(len(before) + 1, now_utc(), kind, plain, prev, "")
    return Entry(bare.n, bare.utc, kind, plain, prev, _digest(bare))


def _line(entry: Entry) -> str:
    return json.dumps(asdict(entry), sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def _digest(entry: Entry) -> str:
    plain = asdict(entry)
    del plain["digest"]
    line = json.dumps(plain, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return hashlib.sha256(line.encode()).hexdigest()


def _read(root: Path) -> tuple[Entry, ...]:
    """Chain and head as they stand; the head first, so that an entry added meanwhile is ahead of it, not behind."""
    head, path = _head(head_path(root)), ledger_path(root)
    try:
        text = path.read_bytes().decode("utf-8") if path.exists() else ""
    except ValueError as error:
        raise _damaged(path, 0, "the ledger is not text", str(error)[:80]) from error
    lines = text.split("\n")
    if lines.pop():
        raise _damaged(path, len(lines) + 1, "the last line does not end", "")
    chain: list[Entry] = []
    for line in lines:
        chain.append(_checked(path, line, chain[-1] if chain else None))
    _check_head(path, chain, head)
    return tuple(chain)


def _checked(path: Path, line: str, before: Entry | None) -> Entry:
    """One line as an entry: exactly as it was written, and next to the line before."""
    n, prev = (before.n + 1, before.digest) if before else (1, GENESIS)
    try:
        entry = Entry(**json.loads(line))
        as_written = _line(entry) == line and isinstance(entry.body, dict) and entry.digest == _digest(entry)
    except (ValueError, TypeError, RecursionError) as error:
        raise _damaged(path, n, "a line cannot be read", type(error).__name__) from error
    if not as_written:
        raise _damaged(path, n, "a line is not as it was written", line[:80])
    if entry.n != n or entry.prev != prev:
        raise _damaged(path, n, "a line does not follow the line before it", f"entry {entry.n}", f"entry {n}")
    return entry


def _check_head(path: Path, chain: list[Entry], head: Head) -> None:
    last = chain[-1] if chain else Entry(0, "", "", {}, "", GENESIS)
    if (head.n, head.digest) == (last.n, last.digest) or (head.n, head.digest) == (last.n - 1, last.prev):
        return
    if head.n == 0:
        raise _damaged(path, 0, "its head, mlruns/ledger_head.json, is missing", "", f"a count of {last.n} lines")
    if head.n > last.n:
        raise _damaged(path, last.n + 1, "lines are missing at the end", f"{last.n} lines", f"{head.n} lines")
    if head.n == last.n:
        raise _damaged(path, last.n, "the last line was replaced", last.digest[:16], head.digest[:16])
    raise _damaged(path, head.n + 1, "lines were added past the recorded end", f"{last.n} lines", f"{head.n} lines")


def _head(path: Path) -> Head:
    if not path.exists():
        return Head(0, GENESIS)
    try:
        plain = json.loads(path.read_text(encoding="utf-8"))
        return Head(int(plain["n"]), str(plain["digest"]))
    except (ValueError, TypeError, KeyError) as error:
        raise _damaged(path, 0, "the head of the ledger cannot be read", type(error).__name__) from error


def _damaged(path: Path, line: int, what: str, value: str, expected: str = "") -> Damaged:
    where = f"{path}, line {line}" if line else str(path)
    hint = "Restore reports/ledger.jsonl and mlruns/ledger_head.json together from a copy; no marker counts until then."
    return Damaged("E_LEDGER_DAMAGED", what, where, value, expected, hint)

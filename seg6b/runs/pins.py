"""Pins: runs that others are measured by or that must be kept, fixed by run id and receipt digest.

`mlruns/authority.json` is the one place that says what is pinned. A change is one atomic write of it, and that write
also holds the ledger line that is still owed; the text file and the ledger follow, and a last write takes the debt
off. A process that ends in between leaves a pin that stands and a debt that the next change pays first.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

from seg6b.errors import Conflict, Damaged, InputRefused, UsageError
from seg6b.runs import ledger
from seg6b.runs.commit import store_lock
from seg6b.runs.disk import disk_faults, files_under, make_read_only, sha256_of, to_json, write_text
from seg6b.runs.folder import RunFolder
from seg6b.runs.machine import now_utc
from seg6b.runs.pruned import MARK, read_mark
from seg6b.runs.receipt import RunReceipt
from seg6b.runs.verify import Finding, state_receipts, verify_digests, verify_files
from seg6b.shards.executor import Executor

PIN: Final = "pin"
UNPIN: Final = "unpin"


class Role(StrEnum):
    """What a run is pinned as."""

    AUTHORITY = "authority"
    LAST_GOOD = "last_good"
    WITNESS = "witness"
    CERTIFICATION = "certification"


SINGLE: Final = (Role.AUTHORITY, Role.LAST_GOOD)


@dataclass(frozen=True, slots=True)
class Pin:
    """One pinned run.

    Attributes:
        role: what it is pinned as.
        run_id: which run.
        receipt_digest: digest of its run receipt.
        states_digest: SHA-256 over the bytes of its state receipts.
        manifest_fingerprint: world.
        parameter_hash: policy.
        posture: posture of its policy.
        seed: run seed.
        scenario_id: scenario.
        verdict: what its gates said when it was pinned; a FAIL_REALISM may be pinned, and is shown.
        pinned_utc: RFC 3339.
        reason: why it replaced another one, or why it was pinned; may be empty for a first pin.
    """

    role: Role
    run_id: str
    receipt_digest: str
    states_digest: str
    manifest_fingerprint: str
    parameter_hash: str
    posture: str
    seed: int
    scenario_id: str
    verdict: str
    pinned_utc: str
    reason: str

    @property
    def place(self) -> tuple[str, str, int, str]:
        """World, posture, seed and scenario: one authority for each."""
        return (self.manifest_fingerprint, self.posture, self.seed, self.scenario_id)


@dataclass(frozen=True, slots=True)
class _Book:
    """What `authority.json` holds: the pins, and ledger lines that are still to be written."""

    pins: tuple[Pin, ...] = ()
    owed: tuple[dict[str, Any], ...] = ()


def pins_path(root: Path) -> Path:
    """`mlruns/authority.json` below the project root."""
    return root / "mlruns" / "authority.json"


def baseline_path(root: Path) -> Path:
    """`mlruns/POPT0_BASELINE_RUN_ID.txt`: run id of the authority that was pinned last."""
    return root / "mlruns" / "POPT0_BASELINE_RUN_ID.txt"


def pins(root: Path) -> tuple[Pin, ...]:
    """Every pin, in the order of pinning.

    Raises:
        Damaged: `authority.json` is not as it was written.
    """
    return _read(root).pins


def authority(root: Path, manifest_fingerprint: str, posture: str, seed: int, scenario_id: str) -> Pin | None:
    """The authority for a world, posture, seed and scenario, if one is pinned; whoever uses it calls `verified`."""
    place = (manifest_fingerprint, posture, seed, scenario_id)
    return next((p for p in pins(root) if p.role is Role.AUTHORITY and p.place == place), None)


def pin(
    root: Path, run: RunFolder, role: Role, verdict: str, executor: Executor, *, replace: bool = False, reason: str = ""
) -> Pin:
    """Pin `run`, after every file and every digest of it was checked; a last good run moves on by itself.

    Args:
        root: project root.
        run: a finished run with all its data.
        role: what it becomes; it may have several roles.
        verdict: what its gates say.
        executor: for the checks.
        replace: whether another authority in the same place may be replaced, which takes a reason.
        reason: kept in the ledger.

    Raises:
        InputRefused: the run is not finished, or its data was pruned.
        Damaged: the run, the pins or the ledger are not as they were written.
        Conflict: another authority is pinned for this world, posture, seed and scenario.
        UsageError: an authority is to be replaced without a reason.
    """
    with disk_faults("E_PIN_DISK", pins_path(root)), store_lock(root):
        book = _settled(root)
        ledger.entries(root)
        receipt = _pinnable(run, executor)
        made = _pin_of(run, receipt, role, verdict, reason)
        same = next((p for p in book.pins if (p.role, p.run_id) == (role, run.run_id)), None)
        if same is not None:
            _require_as_pinned(run, same)
            return same
        before = _displaced(book.pins, made)
        if before is not None and role is Role.AUTHORITY:
            _may_replace(before, made, replace=replace)
        for path in files_under(run.path):
            make_read_only(path)
        body = asdict(made) | {"replaces": before.run_id if before else ""}
        _write(root, _Book((*(p for p in book.pins if p is not before), made), ({"kind": PIN, "body": body},)))
        _settled(root)
    return made


def unpin(root: Path, run_id: str, role: Role, reason: str) -> Pin:
    """Take a pin off; the run itself stays as it is.

    Raises:
        UsageError: there is no such pin, or no reason.
    """
    why = ledger.checked_reason(reason, f"python -m seg6b pin {run_id} --remove --role {role}")
    with disk_faults("E_PIN_DISK", pins_path(root)), store_lock(root):
        book = _settled(root)
        ledger.entries(root)
        gone = next((p for p in book.pins if (p.role, p.run_id) == (role, run_id)), None)
        if gone is None:
            known = ", ".join(f"{p.role} {p.run_id[:8]}" for p in book.pins) or "none"
            raise UsageError(
                "E_PIN_UNKNOWN", "the run is not pinned so", str(pins_path(root)), f"{role} {run_id}", known
            )
        body = {"role": role, "run_id": run_id, "reason": why, "unpinned_utc": now_utc()}
        _write(root, _Book(tuple(p for p in book.pins if p is not gone), ({"kind": UNPIN, "body": body},)))
        _settled(root)
    return gone


def unchanged(root: Path, pinned: Pin) -> RunFolder:
    """The folder of a pinned run, after its receipts were found as they were pinned; its files are not read.

    Raises:
        Damaged: as `verified`.
    """
    run = RunFolder.of(root, pinned.run_id)
    _require_as_pinned(run, pinned)
    return run


def verified(root: Path, pinned: Pin, executor: Executor) -> RunFolder:
    """The folder of a pinned run, after its receipts and every file of it were found as they were pinned.

    Raises:
        Damaged: `E_AUTHORITY_DAMAGED` (or the other role's name) with the first file that differs.
    """
    run = unchanged(root, pinned)
    findings = verify_files(run, executor)
    if findings:
        raise _damaged(run, pinned, findings[0], len(findings) - 1)
    return run


def require_told(root: Path) -> None:
    """Hold the pins against the ledger, which tells how each of them came about.

    Raises:
        Damaged: a pin is there that the ledger does not know, or the other way round.
    """
    with store_lock(root):
        book, told = _read(root), [(e.kind, e.body) for e in ledger.entries(root)]
    told += [(o["kind"], o["body"]) for o in book.owed if (o["kind"], o["body"]) not in told]
    held: list[dict[str, Any]] = []
    for kind, body in told:
        if kind in {PIN, UNPIN}:
            gone = {body["run_id"], body.get("replaces", "")}
            held = [h for h in held if h["role"] != body["role"] or h["run_id"] not in gone]
        if kind == PIN:
            held.append({name: value for name, value in body.items() if name != "replaces"})
    if held != [asdict(p) for p in book.pins]:
        known = ", ".join(f"{h['role']} {h['run_id'][:8]}" for h in held) or "nothing"
        found = ", ".join(f"{p.role} {p.run_id[:8]}" for p in book.pins) or "nothing"
        raise _unreadable(pins_path(root), f"{found}; the ledger tells of {known}")


def _pinnable(run: RunFolder, executor: Executor) -> RunReceipt:
    """The receipt of a run that is finished, has all its data, and is as it was published."""
    receipt, mark = run.receipt(), read_mark(run)
    if mark is not None:
        raise InputRefused(
            "E_PIN_PRUNED", "the data of the run was pruned", str(run.path), mark.plan_id, "a run with its data",
            f"Bring it back: python -m seg6b undelete {mark.plan_id}",
        )  # fmt: skip
    missing = sorted(set(receipt.states) - set(state_receipts(run)))
    if receipt.status != "DONE" or missing:
        raise InputRefused(
            "E_PIN_NOT_DONE", "the run is not finished", str(run.path), ", ".join(missing) or receipt.status, "DONE",
            f"Finish it: python -m seg6b.lane run_id={run.run_id} with the settings it was made with.",
        )  # fmt: skip
    findings = verify_files(run, executor) or verify_digests(run, executor)
    if findings:
        first = findings[0]
        raise Damaged(
            "E_PIN_RUN_DAMAGED", first.fault + _more(len(findings) - 1), str(run.path / first.path), first.found,
            first.expected, f"Look at all of it: python -m seg6b verify {run.run_id}",
        )  # fmt: skip
    return receipt


def _pin_of(run: RunFolder, receipt: RunReceipt, role: Role, verdict: str, reason: str) -> Pin:
    return Pin(
        role=role,
        run_id=run.run_id,
        receipt_digest=receipt.digest,
        states_digest=_states_digest(run),
        manifest_fingerprint=receipt.manifest_fingerprint,
        parameter_hash=receipt.parameter_hash,
        posture=receipt.posture,
        seed=receipt.seed,
        scenario_id=receipt.scenario_id,
        verdict=verdict,
        pinned_utc=now_utc(),
        reason=" ".join(reason.split()),
    )


def _states_digest(run: RunFolder) -> str:
    parts = [f"{p.name}={sha256_of(p)}" for p in sorted((run.path / "states").glob("*.json"))]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def _displaced(held: Iterable[Pin], made: Pin) -> Pin | None:
    """The pin whose place `made` takes: witnesses and certification runs stand side by side."""
    if made.role not in SINGLE:
        return None
    return next((p for p in held if p.role is made.role and p.place == made.place), None)


def _may_replace(before: Pin, made: Pin, *, replace: bool) -> None:
    command = f"python -m seg6b pin {made.run_id} --role {made.role} --replace"
    if replace:
        ledger.checked_reason(made.reason, command)
        return
    raise Conflict(
        "E_PIN_TAKEN",
        "another authority is pinned for this world, posture, seed and scenario",
        f"world {made.manifest_fingerprint[:12]}, {made.posture}, seed {made.seed}, {made.scenario_id}",
        made.run_id,
        before.run_id,
        f'To replace it: {command} --reason "…"',
    )


def _require_as_pinned(run: RunFolder, pinned: Pin) -> None:
    """Refuse a pinned run that is gone, was pruned, or whose receipts differ from those that were pinned."""
    if not run.exists():
        raise _damaged(run, pinned, Finding(run.receipt_path.name, "the run is gone"))
    if read_mark(run) is not None:
        raise _damaged(run, pinned, Finding(MARK, "the data of the run was pruned"))
    digest, states = run.receipt().digest, _states_digest(run)
    if digest != pinned.receipt_digest:
        fault = "the run receipt is not the one that was pinned"
        raise _damaged(run, pinned, Finding(run.receipt_path.name, fault, digest[:16], pinned.receipt_digest[:16]))
    if states != pinned.states_digest:
        fault = "the state receipts are not those that were pinned"
        raise _damaged(run, pinned, Finding("states", fault, states[:16], pinned.states_digest[:16]))


def _damaged(run: RunFolder, pinned: Pin, finding: Finding, more: int = 0) -> Damaged:
    return Damaged(
        f"E_{pinned.role.upper()}_DAMAGED",
        f"a pinned run is damaged: {finding.fault}{_more(more)}",
        str(run.path / finding.path),
        finding.found,
        finding.expected,
        "Restore the file, or pin another run in its place: "
        f'python -m seg6b pin RUN --role {pinned.role} --replace --reason "…"',
    )


def _more(count: int) -> str:
    return f", and {count} more findings" if count else ""


def _settled(root: Path) -> _Book:
    """The book without debts: what an ended process left to write is written."""
    book = _read(root)
    if not book.owed:
        return book
    last = [p for p in book.pins if p.role is Role.AUTHORITY]
    if last:
        write_text(baseline_path(root), last[-1].run_id + "\n")
    else:
        baseline_path(root).unlink(missing_ok=True)
    written = [(e.kind, e.body) for e in ledger.entries(root)]
    for line in book.owed:
        if (line["kind"], line["body"]) not in written:
            ledger.append(root, line["kind"], line["body"])
    paid = _Book(book.pins)
    _write(root, paid)
    return paid


def _read(root: Path) -> _Book:
    path = pins_path(root)
    if not path.exists():
        return _Book()
    try:
        text = path.read_text(encoding="utf-8")
        plain = json.loads(text)
        held = tuple(Pin(**{**item, "role": Role(item["role"])}) for item in plain["pins"])
        book = _Book(held, tuple(plain["owed"]))
        as_written = _text(book) == text
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise _unreadable(path, f"{type(error).__name__}: {error}"[:80]) from error
    if not as_written:
        raise _unreadable(path, "a content that does not have the digest written with it")
    return book


def _text(book: _Book) -> str:
    plain = asdict(book)
    return to_json(plain | {"digest": hashlib.sha256(to_json(plain).encode()).hexdigest()})


def _write(root: Path, book: _Book) -> None:
    write_text(pins_path(root), _text(book))


def _unreadable(path: Path, value: str) -> Damaged:
    return Damaged(
        "E_PINS_DAMAGED", "the pins are not as they were written", str(path), value, "",
        "Restore the file; reports/ledger.jsonl holds every pin and its reason.",
    )  # fmt: skip

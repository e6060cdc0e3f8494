"""Why a state ran: what of its input key and its knobs differs from the same state of another run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from seg6b.runs.folder import RunFolder
from seg6b.runs.receipt import StateReceipt


@dataclass(frozen=True, slots=True)
class Change:
    """A named part, as it was and as it is; empty where one of the two lacks it."""

    name: str
    was: str
    now: str


@dataclass(frozen=True, slots=True)
class Reasons:
    """One state of a run, held against the same state of another.

    Attributes:
        state: its name.
        action: `linked`, `executed` or `not yet`.
        source: run that it was linked from, else the one it is held against; empty where there is none.
        changed: changed parts of the input key.
        knobs: changed knobs.
    """

    state: str
    action: str
    source: str
    changed: tuple[Change, ...] = ()
    knobs: tuple[Change, ...] = ()


def reasons(run: RunFolder, against: RunFolder | None, state: str) -> Reasons:
    """Why `state` ran, or was linked, in `run`."""
    receipt = run.state(state)
    if receipt is None:
        return Reasons(state, "not yet", "")
    other = against.state(state) if against is not None else None
    source = receipt.staged_from or (against.run_id if against is not None and other is not None else "")
    changed, knobs = ((), ()) if other is None else _changes(other, receipt)
    return Reasons(state, "linked" if receipt.staged_from else "executed", source, changed, knobs)


def _changes(before: StateReceipt, after: StateReceipt) -> tuple[tuple[Change, ...], tuple[Change, ...]]:
    return _differing(before.input_parts, after.input_parts), _differing(before.knobs, after.knobs)


def _differing(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[Change, ...]:
    names = sorted(set(before) | set(after))
    pairs = ((n, str(before.get(n, "")), str(after.get(n, ""))) for n in names)
    return tuple(Change(n, was, now) for n, was, now in pairs if was != now)

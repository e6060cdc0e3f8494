"""Phase law: a lane runs when the markers that it requires stand in the ledger, or under a recorded override."""

from __future__ import annotations

from pathlib import Path

from seg6b.errors import PhaseClosed, UsageError
from seg6b.lane.lanes import unlocking
from seg6b.runs.ledger import OVERRIDE, append, markers, overrides
from seg6b.settings.job import Lane


def open_phase(root: Path, lane: Lane, *, record: bool = True) -> tuple[str, ...]:
    """The overrides that `lane` runs under, each with its reason; none where every required marker stands.

    Args:
        root: project root.
        lane: the lane.
        record: whether an override is written to the ledger; a dry run only looks.

    Raises:
        PhaseClosed: a marker is missing and nobody overrides it.
        UsageError: the reason of the override is blank.
        Damaged: the ledger is not as it was written.
    """
    reason = " ".join(lane.override.split())
    if lane.override and not (reason and reason.isprintable()):
        raise UsageError(
            "E_LANE_OVERRIDE", "an override needs a reason", "lane.override", repr(lane.override),
            "a few readable words", 'Type: lane.override="why it may run now"',
        )  # fmt: skip
    standing = markers(root) if lane.requires else {}
    missing = [marker for marker in lane.requires if marker not in standing]
    if missing and not reason:
        raise _closed(lane, missing[0])
    if record:
        for marker in missing:
            _record(root, {"lane": lane.id, "what": marker, "reason": reason})
    lent = [standing[m] for m in lane.requires if m in standing and standing[m].kind == OVERRIDE]
    return (
        *(f"{marker} is missing; overridden: {reason}" for marker in missing),
        *(f"{entry.body['marker']} stands by override: {entry.body.get('reason', '')}" for entry in lent),
    )


def recorded_overrides(root: Path, lane: str) -> tuple[str, ...]:
    """Overrides of the phase law that stand in the ledger for a lane, as every board of it shows them."""
    found = [entry.body for entry in overrides(root) if entry.body.get("lane") == lane]
    return tuple(f"Override: {body.get('what') or body.get('marker')}: {body.get('reason', '')}" for body in found)


def _record(root: Path, body: dict[str, str]) -> None:
    """Write the override, once: continuing a sweep is no second one."""
    if all(entry.body != body for entry in overrides(root)):
        append(root, OVERRIDE, body)


def _closed(lane: Lane, marker: str) -> PhaseClosed:
    givers = unlocking(marker)
    given = " or ".join(f"{name} (python -m seg6b.lane +lane={file})" for name, file in givers)
    way = f"Run {given} until it closes with it" if given else "No lane in lanes/ gives it"
    return PhaseClosed(
        "E_LANE_PHASE", f"{lane.id} requires {marker}, which does not stand in the ledger", "reports/ledger.jsonl",
        "", "", f'{way}; or run it under a recorded override: lane.override="why it may run now".',
    )  # fmt: skip

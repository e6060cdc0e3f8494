"""The keep-set: every run whose data must stay, each with its reasons in words."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from seg6b.errors import Damaged, ResourceRefused
from seg6b.runs.commit import lock_path, run_lock
from seg6b.runs.folder import RunFolder
from seg6b.runs.inventory import DONE, Inventory, Listed, SweepEnd, instant
from seg6b.runs.machine import now_utc
from seg6b.runs.pins import pins, verified
from seg6b.runs.verify import STRAY, Finding, verify_files
from seg6b.shards.executor import Executor

GRACE_H: Final = 24.0
_WINNERS: Final = frozenset({"KEEP", "KEEP_PROVISIONAL"})
_RUN_ID: Final = re.compile(r"[0-9a-f]{32}")

Reasons = dict[str, tuple[str, ...]]


def kept_of(
    stock: Inventory, restored: Mapping[str, str], grace_h: float, now: str = "", spared: Sequence[str] = ()
) -> Reasons:
    """The keep-set of an inventory.

    Args:
        stock: all runs and sweeps.
        restored: run id → when it was brought back from the trash.
        grace_h: hours in which what nobody refers to is no garbage yet.
        now: RFC 3339; empty takes the present.
        spared: runs that whoever asks is about to link from.
    """
    since = instant(now or now_utc()) - timedelta(hours=grace_h)
    why: dict[str, list[str]] = defaultdict(list)
    for pin in pins(stock.root):
        why[pin.run_id].append(f"pinned as {pin.role}")
    _keep_candidate(stock, why)
    _keep_for_sweeps(stock, why)
    _keep_young(stock, restored, since, grace_h, why)
    _keep_locked(stock, why)
    _keep_sources(stock, why)
    for run_id in stock.here().keys() & set(spared):
        why[run_id].append("a run that is about to begin links from it")
    return {run_id: tuple(dict.fromkeys(reasons)) for run_id, reasons in sorted(why.items())}


def verify_kept(root: Path, kept: Mapping[str, tuple[str, ...]], executor: Executor) -> None:
    """Refuse if anything kept is not as its receipts say; of a run that is not done, what it has committed so far.

    Raises:
        Damaged: names the run, the file, and why the run is kept.
    """
    pinned = pins(root)
    for pin in pinned:
        verified(root, pin, executor)
    for run_id in sorted(set(kept) - {pin.run_id for pin in pinned}):
        run = RunFolder.of(root, run_id)
        if faults := faults_of(root, run, executor):
            more = f", and {len(faults) - 1} more findings" if len(faults) > 1 else ""
            raise Damaged(
                "E_PRUNE_KEPT_DAMAGED",
                f"a run that is kept ({'; '.join(kept[run_id])}) is damaged: {faults[0].fault}{more}",
                str(run.path / faults[0].path),
                faults[0].found,
                faults[0].expected,
                "Nothing was pruned. Restore the file, or remove the damaged run.",
            )


def faults_of(root: Path, run: RunFolder, executor: Executor) -> list[Finding]:
    """What is wrong with a run that is no pin: in one that is not done, only what it has committed counts.

    The board does not count: it is drawn again, and a process may end between a board and its digest.
    """
    whole = run.receipt().status == DONE and not is_locked(root, run.run_id)
    found = [f for f in verify_files(run, executor) if f.path != run.board_path.name]
    return [f for f in found if whole or f.fault != STRAY]


def is_locked(root: Path, run_id: str) -> bool:
    """Whether a process works in the run."""
    if not lock_path(root, run_id).exists():
        return False
    try:
        with run_lock(root, run_id):
            return False
    except ResourceRefused:
        return True


def first_of_arms(stock: Inventory) -> dict[tuple[str, str], str]:
    """(sweep, arm) → its first finished run, of sweeps alone."""
    slots = [x for x in stock.runs.values() if x.receipt.sweep_id and x.receipt.status == DONE]
    slots.sort(key=lambda x: (x.receipt.set_index, x.receipt.round_index, x.receipt.started_utc, x.run.run_id))
    first: dict[tuple[str, str], str] = {}
    for listed in slots:
        first.setdefault((listed.receipt.sweep_id, listed.receipt.arm), listed.run.run_id)
    return first


def _keep_candidate(stock: Inventory, why: dict[str, list[str]]) -> None:
    firsts = set(first_of_arms(stock).values())
    done = [
        x
        for x in stock.here().values()
        if x.receipt.status == DONE and (not x.receipt.sweep_id or x.run.run_id in firsts)
    ]
    if done:
        newest = max(done, key=lambda x: (x.receipt.ended_utc, x.run.run_id))
        why[newest.run.run_id].append("the current candidate: the newest finished run")


def _keep_for_sweeps(stock: Inventory, why: dict[str, list[str]]) -> None:
    """Everything of an open sweep, and the winner of the last closed sweep of each lane."""
    for end in stock.sweeps.values():
        if not end.closed:
            _keep_slots(stock, end.sweep_id, f"of sweep {end.sweep_id[:8]}, which is not closed", why)
    for end in last_closed(stock):
        listed = stock.here().get(end.best)
        if listed is not None and end.decision in _WINNERS:
            words = f"the best arm ({listed.receipt.arm}, {end.decision}) of sweep {end.sweep_id[:8]}"
            why[end.best].append(words)


def last_closed(stock: Inventory) -> Iterable[SweepEnd]:
    """The sweep of each lane that was closed last."""
    by_lane: dict[str, SweepEnd] = {}
    for end in sorted(stock.sweeps.values(), key=lambda e: (e.utc, e.sweep_id)):
        if end.closed:
            by_lane[end.lane] = end
    return by_lane.values()


def _keep_young(
    stock: Inventory, restored: Mapping[str, str], since: datetime, grace_h: float, why: dict[str, list[str]]
) -> None:
    """Unfinished runs that no closed sweep has judged, and what was brought back; both only while they are young."""
    for run_id, listed in stock.here().items():
        status = listed.receipt.status
        if status != DONE and not _judged(stock, listed) and listed.seen > since:
            why[run_id].append(f"{status.lower()} and younger than {grace_h:g} h")
        if run_id in restored and instant(restored[run_id]) > since:
            why[run_id].append(f"brought back less than {grace_h:g} h ago; pin it to keep it longer")


def _judged(stock: Inventory, listed: Listed) -> bool:
    end = stock.sweeps.get(listed.receipt.sweep_id)
    return end is not None and end.closed


def _keep_locked(stock: Inventory, why: dict[str, list[str]]) -> None:
    """What a process works in; a sweep with one such run stays as a whole."""
    for run_id, listed in stock.here().items():
        sweep_id = listed.receipt.sweep_id
        asked = sweep_id or run_id not in why or listed.receipt.status != DONE
        if asked and is_locked(stock.root, run_id):
            why[run_id].append("in flight: a process works in it")
            if sweep_id:
                _keep_slots(stock, sweep_id, f"of sweep {sweep_id[:8]}, in which a run is in flight", why)


def _keep_slots(stock: Inventory, sweep_id: str, words: str, why: dict[str, list[str]]) -> None:
    for listed in stock.slots_of(sweep_id):
        if listed.mark is None:
            why[listed.run.run_id].append(words)


def _keep_sources(stock: Inventory, why: dict[str, list[str]]) -> None:
    """Runs that an unfinished kept run was told by id to link from."""
    here = stock.here()
    for run_id in list(why):
        receipt = here[run_id].receipt if run_id in here else None
        if receipt and receipt.status != DONE and _RUN_ID.fullmatch(receipt.source_run) and receipt.source_run in here:
            why[receipt.source_run].append(f"run {run_id[:8]}, which is not done, links from it")

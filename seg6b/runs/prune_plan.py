"""The plan of a prune: which runs lose their data, why, and how many bytes the disk gets back."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from seg6b.runs.disk import to_json
from seg6b.runs.inventory import DONE, Inventory, Listed, take_inventory
from seg6b.runs.keep import GRACE_H, first_of_arms, kept_of
from seg6b.runs.prune_record import count_records, restored_runs
from seg6b.runs.pruned import Fate, droppable, trash_root
from seg6b.runs.sizes import Inode, held_bytes, links_of, sizes

REJECTIONS: Final = frozenset({"REJECT", "REJECT_SEMANTIC_DRIFT", "INERT"})


@dataclass(frozen=True, slots=True)
class PruneItem:
    """One run whose data is dropped.

    Attributes:
        run_id: which.
        lane: its lane.
        arm: its arm; empty outside sweeps.
        sweep_id: its sweep; empty outside sweeps.
        states: states that it holds.
        reason: why nothing keeps it.
        bytes: what its files hold.
        freed_bytes: what the disk gets back: files none of whose links lies outside what is dropped, each counted once.
    """

    run_id: str
    lane: str
    arm: str
    sweep_id: str
    states: tuple[str, ...]
    reason: str
    bytes: int
    freed_bytes: int


@dataclass(frozen=True, slots=True)
class StrayFolder:
    """A folder that belongs to no run; it is told, never touched.

    Attributes:
        path: relative to the project root.
        what: what it seems to be.
        bytes: what its files hold.
    """

    path: str
    what: str
    bytes: int


@dataclass(frozen=True, slots=True)
class PrunePlan:
    """What one prune would do.

    Attributes:
        plan_id: SHA-256 over `number` and `items`; another content is another plan.
        number: 1 + prunes before it, so that no plan is ever the same as one that was executed.
        grace_h: hours in which what nobody refers to is no garbage yet.
        sweep_id: the one sweep it is about; empty for all.
        spared: runs that stay because the caller is about to link from them.
        items: runs to drop, by lane, sweep, arm and id.
        kept: run id → why its data stays.
        strays: folders that belong to no run.
        bytes: what the files of all items hold.
        freed_bytes: what the disk gets back once the trash is freed.
    """

    plan_id: str
    number: int
    grace_h: float
    sweep_id: str
    spared: tuple[str, ...]
    items: tuple[PruneItem, ...]
    kept: dict[str, tuple[str, ...]]
    strays: tuple[StrayFolder, ...]
    bytes: int
    freed_bytes: int


def plan_prune(
    root: Path, grace_h: float = GRACE_H, now: str = "", sweep_id: str = "", spared: Sequence[str] = ()
) -> PrunePlan:
    """Which runs a prune would drop now; nothing is changed.

    Args:
        root: project root.
        grace_h: hours in which what nobody refers to is no garbage yet.
        now: RFC 3339; empty takes the present.
        sweep_id: look at the runs of this sweep alone; empty looks at all.
        spared: ids of runs that stay whatever else is said of them.
    """
    stock = take_inventory(root)
    kept = kept_of(stock, restored_runs(root), grace_h, now, spared)
    dropped = {k: v for k, v in stock.here().items() if k not in kept and sweep_id in {"", v.receipt.sweep_id}}
    items = _items(root, stock, dropped)
    number = count_records(root) + 1
    content = to_json({"number": number, "items": [asdict(item) for item in items]})
    plan_id = hashlib.sha256(content.encode()).hexdigest()
    total, freed = sum(item.bytes for item in items), sum(item.freed_bytes for item in items)
    return PrunePlan(plan_id, number, grace_h, sweep_id, tuple(spared), items, kept, _strays(stock), total, freed)


def _items(root: Path, stock: Inventory, dropped: Mapping[str, Listed]) -> tuple[PruneItem, ...]:
    units = {run_id: droppable(listed.run) for run_id, listed in dropped.items()}
    links = links_of([path for paths in units.values() for path in paths] + [trash_root(root)])
    firsts = first_of_arms(stock)
    counted: set[Inode] = set()
    items = []
    order = sorted(
        dropped, key=lambda i: (dropped[i].receipt.lane, dropped[i].receipt.sweep_id, dropped[i].receipt.arm, i)
    )
    for run_id in order:
        receipt = dropped[run_id].receipt
        total, freed = sizes(units[run_id], links, counted)
        states = tuple(sorted(p.stem for p in (dropped[run_id].run.path / "states").glob("*.json")))
        reason = _reason(stock, dropped[run_id], firsts)
        items.append(PruneItem(run_id, receipt.lane, receipt.arm, receipt.sweep_id, states, reason, total, freed))
    return tuple(items)


def _reason(stock: Inventory, listed: Listed, firsts: Mapping[tuple[str, str], str]) -> str:
    receipt = listed.receipt
    if not receipt.sweep_id:
        return "superseded candidate" if receipt.status == DONE else f"abandoned run ({receipt.status})"
    sweep, end = receipt.sweep_id[:8], stock.sweeps.get(receipt.sweep_id)
    decision = (end.decisions or {}).get(receipt.arm, "") if end else ""
    if end is None:
        return f"run of sweep {sweep}, which is gone"
    if end.decisions is None:
        return f"run of sweep {sweep}, which was given up"
    if receipt.status != DONE:
        return f"failed run of sweep {sweep}"
    if decision in REJECTIONS:
        return f"rejected arm of sweep {sweep} ({decision})"
    first = firsts.get((receipt.sweep_id, receipt.arm)) == listed.run.run_id
    return f"superseded arm of sweep {sweep}" if first else f"repeat of sweep {sweep}"


def _strays(stock: Inventory) -> tuple[StrayFolder, ...]:
    """Worlds in the making, folders among the runs that are none, and trash that belongs to no pruned run."""
    found = [(path, f"among the runs, but {what}") for path, what in stock.unreadable.items()]
    worlds = stock.root / "mlruns" / "world"
    found += [(path, "a world in the making") for path in worlds.glob(".making-*")]
    for path in trash_root(stock.root).glob("*/*"):
        listed = stock.runs.get(path.name)
        mark = listed.mark if listed else None
        if mark is None or mark.plan_id != path.parent.name:
            found.append((path, "in the trash, but of no pruned run"))
        elif mark.fate == Fate.FREED:
            found.append((path, "in the trash, half freed: python -m seg6b prune --free"))
    return tuple(
        StrayFolder(path.relative_to(stock.root).as_posix(), what, held_bytes(path)) for path, what in sorted(found)
    )

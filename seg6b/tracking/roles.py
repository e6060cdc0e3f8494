"""What each run is now: pins and prune speak first, then what it was, then what it was made as."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from seg6b.runs import ledger
from seg6b.runs.inventory import Inventory
from seg6b.runs.pins import PIN, Role, pins
from seg6b.runs.receipt import RunReceipt
from seg6b.runs.sweep import CONTROL

_WEAKEST_FIRST: Final = (Role.LAST_GOOD, Role.WITNESS, Role.CERTIFICATION, Role.AUTHORITY)


def pinned_roles(root: Path) -> dict[str, str]:
    """Run id → what it is pinned as; of several roles the strongest.

    Raises:
        Damaged: the pins cannot be read.
    """
    held = sorted(pins(root), key=lambda pin: _WEAKEST_FIRST.index(pin.role))
    return {pin.run_id: str(pin.role) for pin in held}


def made_as(receipt: RunReceipt) -> str:
    """Role that a run was made for."""
    return CONTROL if receipt.arm == CONTROL else receipt.role


def roles(stock: Inventory) -> dict[str, str]:
    """Run id → role of every run: as pinned, else `pruned`, else `superseded` once its pin was taken off.

    Raises:
        Damaged: pins or ledger cannot be read.
    """
    pinned = pinned_roles(stock.root)
    before = {str(e.body.get("run_id")) for e in ledger.entries(stock.root) if e.kind == PIN}
    out: dict[str, str] = {}
    for run_id, listed in stock.runs.items():
        gone = "pruned" if listed.mark is not None else "superseded" if run_id in before else ""
        out[run_id] = pinned.get(run_id) or gone or made_as(listed.receipt)
    return out

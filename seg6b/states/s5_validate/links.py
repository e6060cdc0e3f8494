"""REQ_LINK_INTEGRITY: campaigns and their flows, cases and their flows (all rows), entities and their owners (audited).

L10 looks at the audited cells: a party owns its account, the account its instrument, the device is the party's or a
terminal of the merchant, the IP is the device's. Where an overlay tactic swapped an identity, the one before the swap
must be linked and the one after it must exist.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from seg6b.datasets import tables as t
from seg6b.datasets import world_tables as w
from seg6b.datasets.column import Dataset
from seg6b.evidence import laws
from seg6b.evidence.keys import key_hashes
from seg6b.evidence.laws import Finding, Ledger
from seg6b.states.s5_validate.cells import audited_cells, rows_of_cells
from seg6b.states.s5_validate.check import Outcome, found
from seg6b.states.s5_validate.request import ValidationRequest
from seg6b.world.sealed import SealedWorld

_ENTITIES = ("merchant_id", "party_id", "account_id", "instrument_id", "device_id", "ip_id")


@dataclass(frozen=True, slots=True)
class Link:
    """A pair of columns that must stand in a base table under the columns named."""

    columns: tuple[str, ...]
    base: Dataset
    base_columns: tuple[str, ...]


OWNED = (
    Link(("party_id",), w.PARTIES, ("party_id",)),
    Link(("account_id", "party_id"), w.ACCOUNTS, ("account_id", "owner_party_id")),
    Link(("instrument_id", "account_id"), w.INSTRUMENTS, ("instrument_id", "account_id")),
    Link(("ip_id", "device_id"), w.IP_LINKS, ("ip_id", "device_id")),
    Link(("swapped_to_device",), w.DEVICES, ("device_id",)),
    Link(("swapped_to_ip",), w.IPS, ("ip_id",)),
)


def link_integrity(request: ValidationRequest, ledger: Ledger) -> Outcome:
    """L8 and L9 over all rows, L10 over the audited cells."""
    findings = [
        *laws.campaigns_counted(request.evidence, request.catalogue),
        *laws.fraud_events_caused(ledger),
        *laws.cases_whole(ledger),
        *owned(request.world, used_entities(request)),
    ]
    metrics = {
        "campaigns": request.catalogue.height,
        "cases": ledger.rows(f"{t.CASES.name}.case_id"),
        "flows_in_cases": ledger.rows(f"{t.CASE_FLOWS.name}.flow_id"),
    }
    return found(findings, metrics, {"broken_links": 0})


def used_entities(request: ValidationRequest) -> pl.DataFrame:
    """Distinct entity combinations of the audited cells, identities as they were before any swap."""
    cells = audited_cells(request.draws, request.policy.validation.audit_cells, request.audit)
    arrivals = rows_of_cells(request.inputs[t.SESSION_ARRIVALS.name], _ENTITIES, cells)
    swaps = (*_ENTITIES, "swapped_device_id", "swapped_ip_id", "identity_swap_flag")
    flows = rows_of_cells(request.inputs[t.FLOWS_WITH_FRAUD.name], swaps, cells)
    device, ip = pl.col("swapped_device_id"), pl.col("swapped_ip_id")
    before = flows.select(
        "merchant_id",
        "party_id",
        "account_id",
        "instrument_id",
        device_id=pl.coalesce(device, "device_id"),
        ip_id=pl.coalesce(ip, "ip_id"),
        swapped_to_device=pl.when(device.is_not_null()).then("device_id"),
        swapped_to_ip=pl.when(ip.is_not_null()).then("ip_id"),
    )
    return pl.concat([arrivals, before], how="diagonal").unique()


def owned(world: SealedWorld, used: pl.DataFrame) -> Iterator[Finding]:
    """L10: a finding for each kind of link that some row lacks."""
    for link in OWNED:
        missing = unlinked(used.select(link.columns).drop_nulls().unique(), world.table(link.base, link.base_columns))
        yield from _finding(link.columns, missing)
    devices = used.select("device_id", "party_id", "merchant_id").unique()
    links = world.table(w.DEVICE_LINKS, ("device_id", "party_id", "merchant_id"))
    mine = _standing(devices.select("device_id", "party_id"), links.select("device_id", "party_id").drop_nulls())
    theirs = _standing(
        devices.select("device_id", "merchant_id"), links.select("device_id", "merchant_id").drop_nulls()
    )
    yield from _finding(("device_id", "party_id or merchant_id"), int((~(mine | theirs)).sum()))


def unlinked(used: pl.DataFrame, base: pl.DataFrame) -> int:
    """Rows of `used` that do not stand in `base`, column by column in order."""
    return int((~_standing(used, base)).sum())


def _standing(used: pl.DataFrame, base: pl.DataFrame) -> np.typing.NDArray[np.bool_]:
    wanted, held = key_hashes(used.get_columns()), np.sort(key_hashes(base.get_columns()))
    if held.size == 0:
        return np.zeros(wanted.size, np.bool_)
    at = np.minimum(np.searchsorted(held, wanted), held.size - 1)
    return np.equal(held[at], wanted)


def _finding(columns: Sequence[str], missing: int) -> Iterator[Finding]:
    if missing:
        yield Finding("L10", f"{' and '.join(columns)} are not linked in the 6A bases", None, {"combinations": missing})

"""Strategy `list_gather`: candidates as list columns by owner, gathered by the owner's index (what POPT.1 brought).

Costs one scan of the batch a step and seven gathers a batch: one each for accounts, instruments and IPs; devices by
number and by place, of party and merchant, where rows are grouped by owner first, since a large merchant's list of
terminals is not to be copied for each of its rows. No join, no sort. Memory: list columns of all candidates, made once,
and the candidates of all rows of a batch, as lists and flat (16 to 28 B a candidate each).
"""

from __future__ import annotations

from functools import partial
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl
import polars.selectors as cs
import pyarrow as pa

from seg6b.states.s1_attach.attach.contract import Law, Link
from seg6b.states.s1_attach.attach.gathered import I32, Devices, Found
from seg6b.states.s1_attach.attach.stepwise import link_stepwise
from seg6b.states.s1_attach.entities import Held


class Lists(NamedTuple):
    """A row an owner: list columns `member`, `group_*`, `share_*`, and what else is known of it; a `Lookup`."""

    account: pl.DataFrame
    instrument: pl.DataFrame
    own_device: pl.DataFrame
    terminal: pl.DataFrame
    ip: pl.DataFrame

    def accounts(self, party: I32) -> Found:
        """See `Lookup`."""
        return _found(_gathered(self.account, party), sides=2)

    def instruments(self, account: I32) -> Found:
        """See `Lookup`."""
        return _found(_gathered(self.instrument, account))

    def devices(self, party: I32, merchant: I32) -> Devices:
        """See `Lookup`."""
        own = _gathered(self.own_device.select("n", "main"), party)
        shop = _gathered(self.terminal.select("n"), merchant)
        return Devices(own["n"].to_numpy(), own["main"].to_numpy(), shop["n"].to_numpy())

    def device(self, party: I32, merchant: I32, place: I32, own: I32) -> I32:
        """See `Lookup`."""
        device, mine = np.empty(place.size, np.int32), place < own
        device[mine] = _at(self.own_device, party[mine], place[mine])
        device[~mine] = _at(self.terminal, merchant[~mine], (place - own)[~mine])
        return device

    def ips(self, device: I32) -> tuple[Found, I32]:
        """See `Lookup`."""
        gathered = _gathered(self.ip, device)
        return _found(gathered.drop("groups")), gathered["groups"].to_numpy()


def prepare(held: Held, law: Law) -> Link:
    """The gathers over these candidates; see `contract.Strategy`."""
    accounts = {f"group_{side}": group for side, group in enumerate(held.account_group)}
    accounts |= {f"share_{side}": share for side, share in enumerate(held.account_share)}
    lists = Lists(
        account=_lists(held.account_at, accounts),
        instrument=_lists(held.instrument_at, {"group_0": held.instrument_kind, "share_0": held.instrument_share}),
        own_device=_lists(held.device_at, {"member": held.device}, main=held.main_device),
        terminal=_lists(held.terminal_at, {"member": held.terminal}),
        ip=_lists(held.ip_at, {"group_0": held.ip_group, "share_0": held.ip_share}, groups=held.ip_groups),
    )
    return partial(link_stepwise, lists, law)


def _lists(at: I32, columns: dict[str, npt.NDArray[Any]], **of_owner: I32) -> pl.DataFrame:
    flat = {"member": np.arange(at[-1], dtype=np.int32)} | columns
    offsets = pa.array(at)
    lists = {name: pl.Series(pa.ListArray.from_arrays(offsets, pa.array(values))) for name, values in flat.items()}
    return pl.DataFrame({"n": np.diff(at)} | lists | of_owner)


def _gathered(lists: pl.DataFrame, owner: I32) -> pl.DataFrame:
    return lists.select(pl.all().gather(owner))


def _at(lists: pl.DataFrame, owner: I32, place: I32) -> I32:
    """What stands at one place of each row's list; each list is gathered once, however many rows ask for it."""
    asked = pl.DataFrame({"owner": owner, "place": place}).with_row_index("asked").group_by("owner").agg(pl.all())
    members = lists["member"].gather(asked["owner"])
    told = asked.select("asked", member=members.list.gather(asked["place"])).explode("asked", "member")
    found = np.empty(owner.size, np.int32)
    found[told["asked"].to_numpy()] = told["member"].to_numpy()
    return found


def _found(gathered: pl.DataFrame, *, sides: int = 1) -> Found:
    """The lists side by side, flat."""
    high = gathered["n"].cast(pl.Int64).cum_sum().to_numpy()
    flat = gathered.filter(pl.col("n") > 0).drop("n").explode(cs.list())
    return Found(
        low=high - gathered["n"].to_numpy(),
        high=high,
        member=flat["member"].to_numpy(),
        group=np.stack([flat[f"group_{v}"].to_numpy() for v in range(sides)]),
        share=np.stack([flat[f"share_{v}"].to_numpy() for v in range(sides)]),
    )

"""Strategy `dict_map`: candidates in Python dictionaries by owner, looked up once for each owner of a batch.

Costs one scan of the batch a step, seven sorts of owners a batch (each lookup sorts to find the distinct ones; devices
are looked up by number and by place), and one step of Python for each distinct owner; no join. Rows of one owner share
its candidates, so none is copied a row. Memory: dictionaries of all owners, made once (some 200 B an owner: entry, key,
array), and the candidates of the batch's distinct owners.
"""

from __future__ import annotations

from functools import partial
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from seg6b.states.s1_attach.attach.contract import Law, Link
from seg6b.states.s1_attach.attach.gathered import F64, I32, I64, Devices, Found
from seg6b.states.s1_attach.attach.stepwise import link_stepwise
from seg6b.states.s1_attach.entities import Held

Members = dict[int, I32]


class Maps(NamedTuple):
    """Members by owner, for each kind of candidates; a `Lookup`."""

    held: Held
    account: Members
    instrument: Members
    own_device: Members
    terminal: Members
    ip: Members

    def accounts(self, party: I32) -> Found:
        """See `Lookup`."""
        return _found(self.account, party, self.held.account_group, self.held.account_share)

    def instruments(self, account: I32) -> Found:
        """See `Lookup`."""
        held = self.held
        return _found(self.instrument, account, held.instrument_kind[None], held.instrument_share[None])

    def devices(self, party: I32, merchant: I32) -> Devices:
        """See `Lookup`."""
        own, shop = _mapped(self.own_device, party), _mapped(self.terminal, merchant)
        counts = [(m.high - m.low).astype(np.int32) for m in (own, shop)]
        return Devices(counts[0], self.held.main_device[party], counts[1])

    def device(self, party: I32, merchant: I32, place: I32, own: I32) -> I32:
        """See `Lookup`."""
        found = np.empty(place.size, np.int32)
        mine = place < own
        for members, owner, at, rows in (
            (self.own_device, party, place, mine),
            (self.terminal, merchant, place - own, ~mine),
        ):
            mapped = _mapped(members, owner[rows])
            found[rows] = mapped.member[mapped.low + at[rows]]
        return found

    def ips(self, device: I32) -> tuple[Found, I32]:
        """See `Lookup`."""
        held = self.held
        found = _found(self.ip, device, held.ip_group[None], held.ip_share[None])
        return found, held.ip_groups[device]


class _Mapped(NamedTuple):
    """Members of each row's owner, as in `Found`."""

    low: I64
    high: I64
    member: I32


def prepare(held: Held, law: Law) -> Link:
    """The dictionaries of these candidates; see `contract.Strategy`."""
    places = [np.arange(at[-1], dtype=np.int32) for at in (held.account_at, held.instrument_at, held.ip_at)]
    maps = Maps(
        held=held,
        account=_members(held.account_at, places[0]),
        instrument=_members(held.instrument_at, places[1]),
        own_device=_members(held.device_at, held.device),
        terminal=_members(held.terminal_at, held.terminal),
        ip=_members(held.ip_at, places[2]),
    )
    return partial(link_stepwise, maps, law)


def _members(at: I32, member: I32) -> Members:
    edges = at.tolist()
    return {owner: member[low:high] for owner, (low, high) in enumerate(pairwise(edges))}


def _mapped(members: Members, owner: I32) -> _Mapped:
    """One lookup an owner, whatever the number of its rows."""
    owners, of_row = np.unique(owner, return_inverse=True)
    found = [members[key] for key in owners.tolist()]
    ends = np.cumsum([0, *map(len, found)], dtype=np.int64)
    flat = np.concatenate(found) if found else np.empty(0, np.int32)
    return _Mapped(ends[of_row], ends[of_row + 1], flat)


def _found(members: Members, owner: I32, group: I32, share: F64) -> Found:
    low, high, member = _mapped(members, owner)
    return Found(low, high, member, group.take(member, axis=1), share.take(member, axis=1))

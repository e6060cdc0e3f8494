"""The four steps one after the other over a whole batch, for strategies that differ in their lookups alone."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from seg6b.draws.mix import entities2
from seg6b.states.s1_attach.attach.contract import Law, Linked
from seg6b.states.s1_attach.attach.gathered import (
    F64,
    I32,
    Bools,
    By,
    Devices,
    Found,
    by_cell,
    choose_devices,
    choose_place,
    lost_at,
)
from seg6b.states.s1_attach.links import Links, Rows


class Lookup(Protocol):
    """How a strategy comes by candidates; arrays are aligned with the rows of the batch."""

    def accounts(self, party: I32) -> Found:
        """Accounts of each party: first side where an instrument is required, second where it is optional."""

    def instruments(self, account: I32) -> Found:
        """Instruments of each account."""

    def devices(self, party: I32, merchant: I32) -> Devices:
        """How many devices each row may use."""

    def device(self, party: I32, merchant: I32, place: I32, own: I32) -> I32:
        """The device at `place` among the party's `own`, and behind them among the merchant's terminals."""

    def ips(self, device: I32) -> tuple[Found, I32]:
        """IPs of each device, and the bit set of their groups."""


def link_stepwise(lookup: Lookup, law: Law, rows: Rows) -> Linked:
    """Link a batch step by step; see `contract.Link`."""
    weights, keys = law.weights, law.keys
    spare = law.optional[rows.channel].astype(np.int8)
    by = By(spare, rows.family * 5 + rows.channel, entities2(rows.merchant_id, rows.seq))
    account, by_account = _chosen(lookup.accounts(rows.party), by, weights.account, keys.account)
    if account.min(initial=0) < 0:
        return lost_at(account < 0)
    by = by._replace(side=np.zeros_like(spare))
    instrument, by_instrument = _chosen(lookup.instruments(account), by, weights.instrument, keys.instrument)
    missing = (instrument < 0) & (spare == 0)
    if missing.any():
        return lost_at(missing)
    devices = lookup.devices(rows.party, rows.merchant)
    terminal, primary = (table[rows.family, rows.channel] for table in (weights.terminal, weights.primary))
    place, by_device = choose_devices(devices, terminal, primary, by.entity, keys.device)
    device = lookup.device(rows.party, rows.merchant, place, devices.own)
    found, groups = lookup.ips(device)
    ip, by_ip = _chosen(found, by._replace(row=by.row * 32 + groups), weights.ip, keys.ip)
    drawn = by_cell(rows.cell, (by_account, by_instrument, by_device, by_ip))
    return Linked(Links(account, instrument, device, ip), drawn, -1)


def _chosen(found: Found, by: By, weight: F64, key: np.uint64) -> tuple[I32, Bools]:
    """The chosen candidate of each row, -1 where it has none, and whether it drew."""
    at, drew = choose_place(found, by, weight, key)
    # A place of -1 reads the entry behind the last one.
    return np.append(found.member, np.int32(-1))[at], drew

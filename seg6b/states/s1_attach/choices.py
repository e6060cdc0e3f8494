"""Decisions that had more than one outcome, counted from the candidates and not from the draws.

S5 compares what these counts and the policy imply with the draws that the kernels counted.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

from seg6b.datasets.vocabulary import ATTACH_RULES, CHANNELS, SESSION_BOUNDARIES
from seg6b.draws.compiled import kernel
from seg6b.shards.cells import CELLS
from seg6b.states.s1_attach.boundaries import Cut, Visits
from seg6b.states.s1_attach.entities import Held
from seg6b.states.s1_attach.links import Links, Rows
from seg6b.states.s1_attach.pools import Pools
from seg6b.states.s1_attach.weights import Weights

Bools = npt.NDArray[np.bool_]
I64 = npt.NDArray[np.int64]
U8 = npt.NDArray[np.uint8]

FORCED: Final = [SESSION_BOUNDARIES.index(r) for r in ("CAP_ARRIVALS", "CAP_DURATION", "DAY")]
HOME: Final = np.int8(ATTACH_RULES.index("HOME"))


class Openings(NamedTuple):
    """Whether an entity has several candidates; bits are channels.

    Attributes:
        accounts: by party, bit set.
        instruments: by account, bit set.
        devices: customer devices of each party are several.
        terminals: bit set of the channels that use terminals, by merchant.
        ips: IPs of each device are several.
        pool: home pool of each merchant: bit set of the channels where it has someone, and where it has several.
        everyone: bit set of the channels on which several parties are eligible at all.
    """

    accounts: U8
    instruments: U8
    devices: U8
    terminals: U8
    ips: U8
    someone: U8
    several: U8
    everyone: np.uint8


def find_openings(
    held: Held, weights: Weights, pools: Pools, optional: Bools, country: npt.NDArray[np.int32]
) -> Openings:
    """The openings of all that is held; computed once, by comparing offsets."""
    accounts = np.zeros(held.account_at.size - 1, np.uint8)
    instruments = np.zeros(held.instrument_at.size - 1, np.uint8)
    someone, several = np.zeros((2, country.size), np.uint8)
    everyone, terminals = np.uint8(0), np.uint8(0)
    at = np.maximum(country, 0)
    for channel in range(len(CHANNELS)):
        bit = np.uint8(channel)
        classes = weights.account[channel::5].max(axis=0) > 0.0
        kinds = weights.instrument[channel::5].max(axis=0) > 0.0
        groups = held.account_group[int(optional[channel])]
        accounts |= _several(held.account_at, classes[groups]) << bit
        instruments |= _several(held.instrument_at, kinds[held.instrument_kind]) << bit
        eligible = np.where(country < 0, 0, pools.eligible[pools.set_of[channel]][at])
        someone |= (eligible > 0).astype(np.uint8) << bit
        several |= (eligible > 1).astype(np.uint8) << bit
        everyone |= np.uint8(pools.population[pools.set_of[channel]] > 1) << bit
        terminals |= np.uint8(weights.terminal[:, channel].max() > 0.0) << bit
    return Openings(
        accounts=accounts,
        instruments=instruments,
        devices=(np.diff(held.device_at) > 1).astype(np.uint8),
        terminals=np.where(np.diff(held.terminal_at) > 0, terminals, np.uint8(0)).astype(np.uint8),
        ips=(np.diff(held.ip_at) > 1).astype(np.uint8),
        someone=someone,
        several=several,
        everyone=everyone,
    )


@kernel
def count_open(rows: Rows, links: Links, rule: npt.NDArray[np.int8], openings: Openings) -> I64:
    """Rows by cell for which candidate, stay, party away, account, instrument, device and IP were open."""
    counts = np.zeros((CELLS, 7), np.int64)
    for i in range(rows.party.size):
        cell, m, p, ch = rows.cell[i], rows.merchant[i], rows.party[i], rows.channel[i]
        counts[cell, 0] += openings.several[m] >> ch & 1
        counts[cell, 1] += openings.someone[m] >> ch & 1
        if rule[i] != HOME:
            counts[cell, 2] += openings.everyone >> ch & 1
        counts[cell, 3] += openings.accounts[p] >> ch & 1
        counts[cell, 4] += openings.instruments[links.account[i]] >> ch & 1
        counts[cell, 5] += openings.devices[p] | (openings.terminals[m] >> ch & 1)
        counts[cell, 6] += openings.ips[links.device[i]]
    return counts


def count_open_gaps(cut: Cut, visits: Visits, timeout_us: int, break_us: int) -> I64:
    """Gaps by cell that lay between the thresholds and before which nothing forced a split; shape (cells, 1)."""
    reason = np.full(visits.ts.size, -1, np.int8)
    reason[cut.starts[:-1]] = cut.reason
    gap = np.diff(visits.ts, prepend=visits.ts[:1])
    same = np.diff(visits.party_id, prepend=visits.party_id[:1] - 1) == 0
    still_open = same & (gap > timeout_us) & (gap < break_us) & ~np.isin(reason, FORCED)
    return np.bincount(visits.cell[still_open], minlength=CELLS)[:, None]


def choice_rows(steps: Sequence[str], counts: I64) -> pl.DataFrame:
    """Counts of shape (cells, steps) as rows of `attach_choices`: cell, step, n."""
    cell, at = np.nonzero(counts)
    names = pl.Series("step", [steps[s] for s in at.tolist()], dtype=pl.String)
    return pl.DataFrame({"cell": cell.astype(np.uint8), "step": names, "n": counts[cell, at]})


def _several(offsets: npt.NDArray[np.int32], serves: Bools) -> U8:
    """1 for each owner with more than one member that serves."""
    upto = np.concatenate([[0], np.cumsum(serves)])
    return np.asarray(upto[offsets[1:]] - upto[offsets[:-1]] > 1, np.uint8)

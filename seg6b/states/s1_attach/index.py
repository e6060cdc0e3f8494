"""The session index: size, span and dominant entities of each session."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

from seg6b.datasets.frames import dictionary, nullable, utc
from seg6b.datasets.tables import SESSIONS
from seg6b.datasets.vocabulary import SESSION_BOUNDARIES
from seg6b.draws.compiled import kernel
from seg6b.shards.stable import sort_rows
from seg6b.states.s1_attach.boundaries import Cut, Visits
from seg6b.states.s1_attach.published import Chosen

I64 = npt.NDArray[np.int64]


class Dominant(NamedTuple):
    """Dominant entities of each session, the bit set of its channels, and how many merchants it has."""

    device: I64
    account: I64
    instrument: I64
    merchant: I64
    ip: I64
    merchants: I64
    channels: npt.NDArray[np.int32]


def session_index(cut: Cut, visits: Visits, chosen: Chosen) -> pl.DataFrame:
    """Rows of `s1_session_index_6B`."""
    counts = np.diff(cut.starts)
    first, last = cut.order[cut.starts[:-1]], cut.order[cut.starts[1:] - 1]
    start, end = visits.ts[first], visits.ts[last]
    found = dominant(cut.order, cut.starts, visits, chosen)
    span_s = (end - start) / 1e6
    return pl.DataFrame(
        {
            "session_id": cut.session_id,
            "arrival_count": counts,
            "session_start_utc": utc(start),
            "session_end_utc": utc(end),
            "party_id": visits.party_id[first],
            "device_id": found.device,
            "account_id": found.account,
            "instrument_id": nullable(found.instrument, found.instrument == 0),
            "merchant_id": found.merchant,
            "primary_ip_id": found.ip,
            "channel_set": found.channels,
            "merchant_set_size": found.merchants,
            "duration_s": span_s,
            "mean_gap_s": nullable(span_s / np.maximum(counts - 1, 1), counts == 1),
            "boundary_reason": dictionary(cut.reason, SESSION_BOUNDARIES),
        }
    ).select(SESSIONS.names)


@kernel
def most_frequent(rows: I64, values: I64) -> tuple[int, int]:
    """The most frequent positive value of `rows`, ties to the smallest (0 if there is none), and how many differ.

    Reorders `rows`.
    """
    sort_rows(rows, values)
    best, top, run, distinct = 0, 0, 0, 0
    for i in range(rows.size):
        value = values[rows[i]]
        run = run + 1 if i > 0 and value == values[rows[i - 1]] else 1
        if value > 0:
            distinct += run == 1
            if run > top:
                top, best = run, value
    return best, distinct


@kernel
def dominant(order: I64, starts: I64, visits: Visits, chosen: Chosen) -> Dominant:
    """What dominates each session, by number of arrivals."""
    size = starts.size - 1
    device, account, instrument = np.empty(size, np.int64), np.empty(size, np.int64), np.empty(size, np.int64)
    merchant, ip, merchants = np.empty(size, np.int64), np.empty(size, np.int64), np.empty(size, np.int64)
    channels = np.zeros(size, np.int32)
    account_id, instrument_id, ip_id = chosen.account_id, chosen.instrument_id, chosen.ip_id
    for s in range(size):
        begin, end = starts[s], starts[s + 1]
        for i in range(begin, end):
            channels[s] |= np.int32(1) << np.int32(visits.channel[order[i]])
        if end - begin == 1:
            row = order[begin]
            device[s], account[s], instrument[s] = visits.device_id[row], account_id[row], instrument_id[row]
            merchant[s], ip[s], merchants[s] = visits.merchant_id[row], ip_id[row], 1
            continue
        rows = order[begin:end].copy()
        device[s] = most_frequent(rows, visits.device_id)[0]
        account[s] = most_frequent(rows, account_id)[0]
        instrument[s] = most_frequent(rows, instrument_id)[0]
        merchant[s], merchants[s] = most_frequent(rows, visits.merchant_id)
        ip[s] = most_frequent(rows, ip_id)[0]
    return Dominant(device, account, instrument, merchant, ip, merchants, channels)

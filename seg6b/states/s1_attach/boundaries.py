"""Where sessions start: by gaps (the law), by UTC days, or by clock buckets of a narrow key.

Each cut gives the reason of every arrival that starts a session and `JOINS` for the others, together with the rows
in an order in which the members of a session are adjacent and in time order.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from seg6b.datasets.vocabulary import SESSION_BOUNDARIES
from seg6b.draws.compiled import kernel
from seg6b.draws.mix import draw, entity1, fold, id64
from seg6b.draws.uniform import Draws
from seg6b.policy.session import Bucket, Day, Gap
from seg6b.shards.stable import sort_rows

I8 = npt.NDArray[np.int8]
I64 = npt.NDArray[np.int64]
U8 = npt.NDArray[np.uint8]

SECOND_US = np.int64(1_000_000)
DAY_US = np.int64(86_400_000_000)
JOINS = np.int8(-1)
FIRST, HARD_BREAK, DRAWN, CAP_ARRIVALS, CAP_DURATION, DAY, BUCKET = (
    np.int8(SESSION_BOUNDARIES.index(r))
    for r in ("FIRST", "HARD_BREAK", "DRAWN", "CAP_ARRIVALS", "CAP_DURATION", "DAY", "BUCKET")
)


class Visits(NamedTuple):
    """Arrivals in shard order: party, then time."""

    party_id: I64
    ts: I64
    merchant_id: I64
    seq: I64
    device_id: I64
    channel: U8
    cell: U8


class GapLaw(NamedTuple):
    """The gap law in microseconds; `stochastic` 0 splits every gap beyond the time-out."""

    timeout_us: np.int64
    break_us: np.int64
    max_arrivals: np.int64
    max_duration_us: np.int64
    split_days: np.int64
    stochastic: np.int64
    key: np.uint64


class Cut(NamedTuple):
    """Sessions of a batch.

    Attributes:
        order: rows with the members of a session adjacent.
        starts: place in `order` of each session's first row, and the number of rows at the end.
        reason: code into `SESSION_BOUNDARIES`, by session.
        session_id: id of each session.
    """

    order: I64
    starts: I64
    reason: I8
    session_id: I64


def cut_sessions(visits: Visits, policy: Gap | Bucket | Day, draws: Draws, tally: I64, *, stochastic: bool) -> Cut:
    """Cut the arrivals of whole parties into sessions; boundary draws are added to `tally` by cell."""
    domain = draws.id_domain("session")
    if policy.kind == "bucket":
        key = bucket_keys(visits)
        order, reason = cut_buckets(visits, key.view(np.int64), policy.bucket_s * SECOND_US)
    elif policy.kind == "day":
        order, reason = np.arange(visits.ts.size), cut_days(visits)
        key = party_keys(visits)
    else:
        order, reason = (
            np.arange(visits.ts.size),
            cut_gaps(visits, gap_law(policy, draws, stochastic=stochastic), tally),
        )
        key = party_keys(visits)
    first = np.flatnonzero(reason != JOINS)
    starts = np.concatenate([first, [reason.size]]).astype(np.int64)
    rows = order[first]
    return Cut(order, starts, reason[first], session_ids(key[rows], visits.merchant_id[rows], visits.seq[rows], domain))


def gap_law(policy: Gap, draws: Draws, *, stochastic: bool) -> GapLaw:
    """The law of a `gap` pack."""
    return GapLaw(
        timeout_us=policy.hard_timeout_s * SECOND_US,
        break_us=policy.hard_break_s * SECOND_US,
        max_arrivals=np.int64(policy.max_arrivals),
        max_duration_us=policy.max_duration_s * SECOND_US,
        split_days=np.int64(policy.break_on_day_boundary),
        stochastic=np.int64(stochastic),
        key=draws.key("session_boundary", "BOUNDARY_AMBIGUITY"),
    )


@kernel
def cut_gaps(visits: Visits, law: GapLaw, tally: I64) -> I8:
    """Reason of each arrival under the gap law; forced splits come before the draw."""
    size = visits.ts.size
    reason = np.empty(size, np.int8)
    start, members = 0, 0
    for i in range(size):
        if i == 0 or visits.party_id[i] != visits.party_id[i - 1]:
            why = FIRST
        else:
            why = forced(visits, law, i, start, members)
            gap = visits.ts[i] - visits.ts[i - 1]
            if why == JOINS and gap > law.timeout_us:
                tally[visits.cell[i]] += 1
                if boundary_draw(visits, i, law.key) < (gap - law.timeout_us) / (law.break_us - law.timeout_us):
                    why = DRAWN
        if why != JOINS:
            start, members = visits.ts[i], 0
        members += 1
        reason[i] = why
    return reason


@kernel
def forced(visits: Visits, law: GapLaw, i: int, start: int, members: int) -> np.int8:
    """What splits before arrival `i` without a draw; `JOINS` if nothing does.

    Args:
        visits: arrivals.
        law: thresholds and caps.
        i: an arrival that has one of the same party before it.
        start: time of the running session's first arrival.
        members: arrivals in it so far.
    """
    ts, before = visits.ts[i], visits.ts[i - 1]
    if ts - before >= law.break_us or (law.stochastic == 0 and ts - before > law.timeout_us):
        return HARD_BREAK
    if law.split_days != 0 and ts // DAY_US != before // DAY_US:
        return DAY
    if members >= law.max_arrivals:
        return CAP_ARRIVALS
    if ts - start > law.max_duration_us:
        return CAP_DURATION
    return JOINS


@kernel
def boundary_draw(visits: Visits, i: int, key: np.uint64) -> float:
    """The uniform of the gap before arrival `i`: keyed by the party and the arrivals on both sides."""
    entity = fold(entity1(visits.party_id[i]), np.uint64(visits.merchant_id[i - 1]))
    entity = fold(entity, np.uint64(visits.seq[i - 1]))
    entity = fold(fold(entity, np.uint64(visits.merchant_id[i])), np.uint64(visits.seq[i]))
    return float(draw(entity, key))


@kernel
def cut_days(visits: Visits) -> I8:
    """Reason of each arrival when sessions are UTC days of a party."""
    reason = np.empty(visits.ts.size, np.int8)
    for i in range(visits.ts.size):
        if i == 0 or visits.party_id[i] != visits.party_id[i - 1]:
            reason[i] = FIRST
        elif visits.ts[i] // DAY_US != visits.ts[i - 1] // DAY_US:
            reason[i] = DAY
        else:
            reason[i] = JOINS
    return reason


@kernel
def cut_buckets(visits: Visits, key: I64, bucket_us: np.int64) -> tuple[I64, I8]:
    """Rows by party, key and time, and the reason of each in that order, when sessions are clock buckets of a key."""
    size = visits.ts.size
    order, reason = np.empty(size, np.int64), np.empty(size, np.int8)
    begin = 0
    while begin < size:
        end = begin + 1
        while end < size and visits.party_id[end] == visits.party_id[begin]:
            end += 1
        rows = np.arange(begin, end)
        sort_rows(rows, key)
        for i in range(rows.size):
            row, before = rows[i], rows[i - 1] if i else rows[i]
            if i == 0 or key[row] != key[before]:
                reason[begin + i] = FIRST
            elif visits.ts[row] // bucket_us != visits.ts[before] // bucket_us:
                reason[begin + i] = BUCKET
            else:
                reason[begin + i] = JOINS
            order[begin + i] = row
        begin = end
    return order, reason


@kernel
def party_keys(visits: Visits) -> npt.NDArray[np.uint64]:
    """Hash of the session key (party) of each arrival."""
    out = np.empty(visits.ts.size, np.uint64)
    for i in range(out.size):
        out[i] = entity1(visits.party_id[i])
    return out


@kernel
def bucket_keys(visits: Visits) -> npt.NDArray[np.uint64]:
    """Hash of the session key (party, device, merchant, channel) of each arrival."""
    out = np.empty(visits.ts.size, np.uint64)
    for i in range(out.size):
        out[i] = fold(entity1(visits.party_id[i]), np.uint64(visits.device_id[i]))
        out[i] = fold(fold(out[i], np.uint64(visits.merchant_id[i])), np.uint64(visits.channel[i]))
    return out


@kernel
def session_ids(key: npt.NDArray[np.uint64], merchant_id: I64, seq: I64, domain: np.uint64) -> I64:
    """Id of each session from its key and its first arrival."""
    out = np.empty(key.size, np.int64)
    for i in range(key.size):
        out[i] = id64(fold(fold(key[i], np.uint64(merchant_id[i])), np.uint64(seq[i])), domain)
    return out

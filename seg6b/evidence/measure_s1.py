"""Evidence of S1: attachment richness, rhythm, sessions; from published columns alone.

Rows of a party must be adjacent, as they are in every part.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

from seg6b.datasets.frames import codes_of, dictionary, ids_of, micros_of
from seg6b.datasets.tables import SESSION_ARRIVALS, SESSIONS
from seg6b.datasets.vocabulary import ATTACH_RULES, CHANNELS, CLASSES, SESSION_BOUNDARIES
from seg6b.draws.compiled import kernel
from seg6b.draws.mix import entity2, mix64
from seg6b.evidence.behaviour import BURSTINESS, measure_burstiness
from seg6b.evidence.ledger import LEDGER, ledger_arrivals, ledger_sessions
from seg6b.evidence.row_arrays import I64, U8, runs, tally
from seg6b.evidence.tables import DRAWS, Evidence, Measure
from seg6b.shards.cells import CELLS, cell_of

MINUTE_US: Final = 60_000_000
HOUR_US: Final = 3_600_000_000
DAY_MINUTES: Final = 1_440
WEEK_HOURS: Final = 168
# 1970-01-01 was a Thursday: 72 hours into a week that starts on Monday.
EPOCH_HOUR: Final = 72

ARRIVALS: Final = Measure(
    "arrivals",
    ("cell", "merchant_class", "channel_group", "attach_rule_id", "is_cross_border", "is_virtual"),
    doc="arrivals",
)
ARRIVAL_KEYS: Final = Measure(
    "arrival_keys", ("cell",), ("n", "key_sum"), doc="arrivals, and the wrapping sum of the hashes of their keys"
)
HOUR_OF_WEEK: Final = Measure(
    "hour_of_week", ("cell", "merchant_class", "hour"), doc="arrivals by local hour of the week, Monday 0 h = 0"
)
SESSION_SIZES: Final = Measure("sessions", ("cell", "arrival_count"), doc="sessions")
SESSION_SPANS: Final = Measure(
    "session_spans", ("cell", "minutes"), doc="sessions by whole minutes from first to last arrival, at most 1440"
)
BOUNDARIES: Final = Measure("boundaries", ("cell", "boundary_reason"), doc="sessions by what made them start")
DEVICES: Final = Measure(
    "devices", ("cell", "device_id"), ("n",), ("party_min",), ("party_max",), "arrivals and parties of each device"
)
IPS: Final = Measure(
    "ips", ("cell", "ip_id"), ("n",), ("device_min",), ("device_max",), "arrivals and devices of each IP"
)
ACCOUNTS: Final = Measure(
    "accounts", ("cell",), ("n", "n_multi"), doc="accounts seen, and those that used more than one instrument"
)
LINKED: Final = Measure(
    "linked_entities",
    ("cell", "linked"),
    doc="sessions by distinct accounts, instruments, devices, IPs and merchants together",
)
CHOICES: Final = Measure(
    "attach_choices", ("cell", "step"), doc="decisions that had more than one outcome, by step; from S1's own inputs"
)
IP_GROUPS: Final = Measure("ip_groups", ("cell", "ip_type"), doc="arrivals by type of their IP; from S1's own inputs")

MEASURES: Final[dict[str, Measure]] = {
    m.name: m
    for m in (
        ARRIVALS, ARRIVAL_KEYS, HOUR_OF_WEEK, SESSION_SIZES, SESSION_SPANS, BOUNDARIES, DEVICES, IPS, ACCOUNTS, LINKED,
        CHOICES, IP_GROUPS, BURSTINESS, DRAWS,
    )
} | LEDGER  # fmt: skip


def measure_s1(frames: Mapping[str, pl.DataFrame]) -> Evidence:
    """Evidence found in published rows of whole parties.

    Args:
        frames: `s1_arrival_entities_6B` and `s1_session_index_6B`.

    Returns:
        Every table of `MEASURES` except `attach_choices`, `ip_groups` and `draws`, which S1 alone can know.
    """
    sessions = frames[SESSIONS.name]
    found = measure_arrivals(frames[SESSION_ARRIVALS.name], sessions.height)
    for measure, rows in measure_sessions(sessions).tables.values():
        found.put(measure, rows)
    return found


def measure_arrivals(arrivals: pl.DataFrame, sessions: int) -> Evidence:
    """The part of `measure_s1` that arrivals tell, which are of so many sessions."""
    found = Evidence()
    party = arrivals["party_id"].to_numpy()
    cell = cell_of(party)
    _traffic(found, arrivals, cell)
    _richness(found, arrivals, party, cell)
    _linked(found, arrivals, cell, sessions)
    measure_burstiness(found, party, micros_of(arrivals["ts_utc"]))
    ledger_arrivals(found, arrivals)
    return found


def measure_sessions(sessions: pl.DataFrame) -> Evidence:
    """The part of `measure_s1` that the session index tells."""
    found = Evidence()
    _sessions(found, sessions)
    ledger_sessions(found, sessions)
    return found


def _traffic(found: Evidence, arrivals: pl.DataFrame, cell: U8) -> None:
    codes = {name: codes_of(arrivals[name]) for name in ("merchant_class", "channel_group", "attach_rule_id")}
    flags = {name: arrivals[name].to_numpy().astype(np.int64) for name in ("is_cross_border", "is_virtual")}
    counted = tally(
        (cell, *codes.values(), *flags.values()), (CELLS, len(CLASSES), len(CHANNELS), len(ATTACH_RULES), 2, 2)
    )
    found.put(
        ARRIVALS,
        pl.DataFrame(
            {
                "cell": counted[0].astype(np.uint8),
                "merchant_class": dictionary(counted[1], CLASSES),
                "channel_group": dictionary(counted[2], CHANNELS),
                "attach_rule_id": dictionary(counted[3], ATTACH_RULES),
                "is_cross_border": counted[4] == 1,
                "is_virtual": counted[5] == 1,
                "n": counted[6],
            }
        ),
    )
    hour = week_hour(micros_of(arrivals["ts_local_primary"]))
    hours = tally((cell, codes["merchant_class"], hour), (CELLS, len(CLASSES), WEEK_HOURS))
    found.put(
        HOUR_OF_WEEK,
        pl.DataFrame(
            {
                "cell": hours[0].astype(np.uint8),
                "merchant_class": dictionary(hours[1], CLASSES),
                "hour": hours[2].astype(np.int32),
                "n": hours[3],
            }
        ),
    )
    rows, sums = key_sums(cell, arrivals["merchant_id"].to_numpy(), arrivals["arrival_seq"].to_numpy())
    seen = np.flatnonzero(rows)
    found.put(
        ARRIVAL_KEYS,
        pl.DataFrame({"cell": seen.astype(np.uint8), "n": rows[seen], "key_sum": sums[seen].view(np.int64)}),
    )


def week_hour(local_us: I64) -> I64:
    """Hour of the week of local times in microseconds, Monday 0 h = 0."""
    return (local_us // HOUR_US + EPOCH_HOUR) % WEEK_HOURS


def _sessions(found: Evidence, sessions: pl.DataFrame) -> None:
    cell = cell_of(sessions["party_id"].to_numpy())
    span = micros_of(sessions["session_end_utc"]) - micros_of(sessions["session_start_utc"])
    minutes = np.minimum(span // MINUTE_US, DAY_MINUTES)
    found.put(SESSION_SIZES, _by_number(cell, sessions["arrival_count"].to_numpy(), "arrival_count"))
    found.put(SESSION_SPANS, _by_number(cell, minutes, "minutes"))
    reasons = tally((cell, codes_of(sessions["boundary_reason"])), (CELLS, len(SESSION_BOUNDARIES)))
    found.put(
        BOUNDARIES,
        pl.DataFrame(
            {
                "cell": reasons[0].astype(np.uint8),
                "boundary_reason": dictionary(reasons[1], SESSION_BOUNDARIES),
                "n": reasons[2],
            }
        ),
    )


def _richness(found: Evidence, arrivals: pl.DataFrame, party: I64, cell: U8) -> None:
    starts = runs(party)
    device, ip, account = (arrivals[name].to_numpy() for name in ("device_id", "ip_id", "account_id"))
    instrument = ids_of(arrivals["instrument_id"])
    cells = cell[starts[:-1]]

    devices = distinct_pairs(starts, device, party)
    frame = pl.DataFrame(
        {"cell": cells[devices.run], "device_id": devices.key, "n": devices.rows, "party_min": devices.low}
    )
    found.put(DEVICES, _folded(DEVICES, frame.with_columns(party_max=pl.Series(devices.high))))
    ips = distinct_pairs(starts, ip, device)
    frame = pl.DataFrame({"cell": cells[ips.run], "ip_id": ips.key, "n": ips.rows, "device_min": ips.low})
    found.put(IPS, _folded(IPS, frame.with_columns(device_max=pl.Series(ips.high))))
    accounts = distinct_pairs(starts, account, instrument)
    frame = pl.DataFrame({"cell": cells[accounts.run], "n_multi": (accounts.low < accounts.high).astype(np.int64)})
    found.put(ACCOUNTS, _folded(ACCOUNTS, frame.with_columns(n=pl.lit(1, pl.Int64))))


def _linked(found: Evidence, arrivals: pl.DataFrame, cell: U8, sessions: int) -> None:
    session = arrivals["session_id"].to_numpy()
    order, starts = np.arange(session.size), runs(session)
    if starts.size - 1 != sessions:  # members of a session are not adjacent
        order = np.argsort(session, kind="stable")
        starts = runs(session[order])
    total = np.zeros(starts.size - 1, np.int64)
    for name in ("account_id", "instrument_id", "device_id", "ip_id", "merchant_id"):
        total += count_distinct(order, starts, ids_of(arrivals[name]))
    found.put(LINKED, _by_number(cell[order[starts[:-1]]], total, "linked"))


def _folded(measure: Measure, frame: pl.DataFrame) -> pl.DataFrame:
    """Rows of equal key made one, in no order: fewer rows to carry until all evidence is merged."""
    values = [*(pl.col(c).sum() for c in measure.sums), *(pl.col(c).min() for c in measure.mins)]
    return frame.group_by(measure.keys).agg(*values, *(pl.col(c).max() for c in measure.maxs))


def _by_number(cell: U8, number: I64, name: str) -> pl.DataFrame:
    """Counts by cell and a small number."""
    cells, numbers, n = tally((cell, number), (CELLS, int(number.max(initial=0)) + 1))
    return pl.DataFrame({"cell": cells.astype(np.uint8), name: numbers, "n": n})


@kernel
def key_sums(cell: U8, merchant_id: I64, seq: I64) -> tuple[I64, npt.NDArray[np.uint64]]:
    """Arrivals of each cell, and the wrapping sum of the hashes of their keys."""
    rows, sums = np.zeros(CELLS, np.int64), np.zeros(CELLS, np.uint64)
    for i in range(cell.size):
        rows[cell[i]] += 1
        sums[cell[i]] += entity2(merchant_id[i], seq[i])
    return rows, sums


class Pairs(NamedTuple):
    """Distinct keys of runs: key, rows, smallest and largest positive value (without one: 1 and 0), run."""

    key: I64
    rows: I64
    low: I64
    high: I64
    run: I64


@kernel
def distinct_pairs(starts: I64, keys: I64, values: I64) -> Pairs:
    """The distinct keys of each run, in order of their first row.

    A table of places finds a key again. It is never emptied: places before those of the run at hand count as empty.
    """
    size = keys.size
    key, rows, run = np.empty(size, np.int64), np.zeros(size, np.int64), np.empty(size, np.int64)
    low, high = np.ones(size, np.int64), np.zeros(size, np.int64)
    longest = 0
    for r in range(starts.size - 1):
        longest = max(longest, starts[r + 1] - starts[r])
    table = np.full(_table_size(longest), -1, np.int64)
    n = 0
    for r in range(starts.size - 1):
        first, mask = n, np.uint64(_table_size(starts[r + 1] - starts[r]) - 1)
        for i in range(starts[r], starts[r + 1]):
            slot = mix64(np.uint64(keys[i])) & mask
            while table[slot] >= first and key[table[slot]] != keys[i]:
                slot = (slot + np.uint64(1)) & mask
            if table[slot] < first:
                table[slot], key[n], run[n] = n, keys[i], r
                n += 1
            at, value = table[slot], values[i]
            rows[at] += 1
            if value > 0:
                low[at] = value if high[at] == 0 else min(low[at], value)
                high[at] = max(high[at], value)
    return Pairs(key[:n], rows[:n], low[:n], high[:n], run[:n])


@kernel
def _table_size(rows: int) -> int:
    """A power of two, twice as large as `rows` at least."""
    size = 2
    while size < 2 * rows:
        size *= 2
    return size


@kernel
def count_distinct(order: I64, starts: I64, values: I64) -> I64:
    """Distinct positive values of each session."""
    out = np.zeros(starts.size - 1, np.int64)
    for s in range(out.size):
        for i in range(starts[s], starts[s + 1]):
            value = values[order[i]]
            fresh = value > 0
            for j in range(starts[s], i):
                if values[order[j]] == value:
                    fresh = False
                    break
            out[s] += fresh
    return out

"""Evidence of behaviour: bursts of a party, habit in its amounts, velocity of an instrument, devices and IPs shared.

All are integers that merge over cells, whatever the batches were. Rows of a party are adjacent.

References:
    E.-K. Kim and H.-H. Jo, Phys. Rev. E 94, 2016, 032311: burstiness of n gaps without the bias of small n.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import polars as pl

from seg6b.datasets.frames import codes_of, ids_of, micros_of
from seg6b.datasets.vocabulary import AMOUNT_FAMILIES, PATTERNS
from seg6b.draws.compiled import kernel
from seg6b.draws.mix import entity1
from seg6b.evidence.row_arrays import I64, U8, Flags, runs
from seg6b.evidence.tables import Evidence, Measure
from seg6b.shards.cells import CELLS, cell_of

MIN_GAPS: Final = 20
MILLI: Final = 1_000
HOUR_US: Final = 3_600_000_000
MOST_FLOWS: Final = 60
MOST_PEAK: Final = 30
SAMPLE_BITS: Final = 4
LOG_ONE: Final = 1_024
CARD_TESTING: Final = PATTERNS.index("CARD_TESTING")
PURCHASE: Final = AMOUNT_FAMILIES.index("PURCHASE")
KINDS: Final = ("DEVICE", "IP")

BURSTINESS: Final = Measure(
    "burstiness",
    ("cell", "b_milli"),
    doc=f"parties with {MIN_GAPS} gaps or more, by burstiness in thousandths: 0 is Poisson, 1000 one single burst",
)
HABIT: Final = Measure(
    "habit",
    ("cell",),
    ("parties", "flows", "sum", "squares", "between", "sizes"),
    doc="purchases of parties with two or more: y = log2 of the amount, linear between powers of two, in 1/1024; "
    "sum of y, of y^2, of (sum of y)^2/n by party, of n^2",
)
VELOCITY: Final = Measure(
    "velocity",
    ("cell", "targeted", "flows", "peak"),
    doc=f"instruments with two flows or more, by flows (at most {MOST_FLOWS}), most flows in an hour (at most "
    f"{MOST_PEAK}), and whether card testing used them",
)
ORIGINS: Final = Measure(
    "origins",
    ("cell", "fraud", "kind", "entity"),
    ("n", "own"),
    doc="campaign flows, and one in 16 of the others by a hash of the flow, by device and by IP; own = sum of n^2 by "
    "party; without terminals, carrier and public IPs; from S3's own inputs",
)


def measure_burstiness(found: Evidence, party: I64, ts: I64) -> None:
    """Add table `burstiness`.

    Args:
        found: where to.
        party: of each arrival, adjacent.
        ts: time of each arrival in microseconds, in any order within a party.
    """
    starts = runs(party)
    values = burstiness(starts, ts)
    seen = values > -2 * MILLI
    cells = cell_of(party[starts[:-1]])[seen]
    code = cells.astype(np.int64) * (4 * MILLI) + values[seen] + 2 * MILLI
    words, n = np.unique(code, return_counts=True)
    found.put(
        BURSTINESS,
        pl.DataFrame(
            {
                "cell": (words // (4 * MILLI)).astype(np.uint8),
                "b_milli": words % (4 * MILLI) - 2 * MILLI,
                "n": n.astype(np.int64),
            }
        ),
    )


def measure_habit(found: Evidence, flows: pl.DataFrame, cell: U8) -> None:
    """Add table `habit` from flows whose parties are adjacent; a flow without an amount is left out."""
    counted = (codes_of(flows["amount_family"]) == PURCHASE) & flows["amount_minor"].is_not_null().to_numpy()
    party = flows["party_id"].to_numpy()[counted]
    amount = ids_of(flows["amount_minor"], null=1)[counted]
    sums = habit(runs(party), cell[counted], np.maximum(amount, 1))
    there = np.flatnonzero(sums[:, 0])
    columns = dict(zip(HABIT.sums, sums[there].T, strict=True))
    found.put(HABIT, pl.DataFrame({"cell": there.astype(np.uint8), **columns}))


def measure_velocity(found: Evidence, flows: pl.DataFrame, cell: U8) -> None:
    """Add table `velocity` from flows of whole parties, probes included."""
    known = flows["instrument_id"].is_not_null().to_numpy()
    instrument = ids_of(flows["instrument_id"])[known]
    ts, tested = micros_of(flows["ts_utc"])[known], (codes_of(flows["fraud_pattern_type"]) == CARD_TESTING)[known]
    order = np.lexsort((ts, instrument))
    starts = runs(instrument[order])
    flows_of, peaks, targeted = peaks_of(starts, ts[order], tested[order])
    kept = flows_of > 1
    cells = cell[known][order][starts[:-1]][kept].astype(np.int64)
    code = ((cells * 2 + targeted[kept]) * (MOST_FLOWS + 1) + flows_of[kept]) * (MOST_PEAK + 1) + peaks[kept]
    words, n = np.unique(code, return_counts=True)
    words, peak = np.divmod(words, MOST_PEAK + 1)
    words, count = np.divmod(words, MOST_FLOWS + 1)
    found.put(
        VELOCITY,
        pl.DataFrame(
            {
                "cell": (words // 2).astype(np.uint8),
                "targeted": words % 2 == 1,
                "flows": count,
                "peak": peak,
                "n": n.astype(np.int64),
            }
        ),
    )


def origins(flows: pl.DataFrame, terminals: I64, open_ips: I64) -> pl.DataFrame:
    """Rows of table `origins`.

    Args:
        flows: of whole parties, as S3 publishes them.
        terminals: ids of devices that belong to no customer, sorted.
        open_ips: ids of carrier and public IPs, sorted.
    """
    fraud = flows["campaign_id"].is_not_null().to_numpy()
    rows = np.flatnonzero(fraud | sampled(flows["flow_id"].to_numpy()))
    party = flows["party_id"].to_numpy()[rows]
    frames = []
    for kind, name, left_out in (("DEVICE", "device_id", terminals), ("IP", "ip_id", open_ips)):
        entity = flows[name].to_numpy()[rows]
        at = np.searchsorted(left_out, entity)
        inside = np.zeros(entity.size, np.bool_)
        if left_out.size:
            inside = left_out[np.minimum(at, left_out.size - 1)] == entity
        frame = pl.DataFrame({"cell": cell_of(party), "fraud": fraud[rows], "entity": entity, "party": party})
        mine = (
            frame.filter(pl.Series(~inside)).group_by("cell", "fraud", "entity", "party").agg(n=pl.len().cast(pl.Int64))
        )
        sums = mine.group_by("cell", "fraud", "entity").agg(pl.col("n").sum(), own=(pl.col("n") ** 2).sum())
        frames.append(sums.with_columns(kind=pl.lit(kind, pl.Enum(KINDS))))
    return pl.concat(frames)


@kernel
def sampled(flow_id: I64) -> Flags:
    """One flow in 16, by a hash of its id."""
    out = np.zeros(flow_id.size, np.bool_)
    for i in range(flow_id.size):
        out[i] = entity1(flow_id[i]) >> np.uint64(64 - SAMPLE_BITS) == 0
    return out


@kernel
def burstiness(starts: I64, ts: I64) -> I64:
    """Thousandths of burstiness of each run of arrivals; -2000 where it has too few gaps."""
    out = np.full(starts.size - 1, -2 * MILLI, np.int64)
    for r in range(out.size):
        n = starts[r + 1] - starts[r] - 1
        if n < MIN_GAPS:
            continue
        times = np.sort(ts[starts[r] : starts[r + 1]])
        mean = (times[n] - times[0]) / n
        if mean <= 0.0:
            continue
        total = 0.0
        for i in range(n):
            total += (times[i + 1] - times[i] - mean) ** 2
        ratio = np.sqrt(total / n) / mean
        more, less = np.sqrt(n + 1.0), np.sqrt(n - 1.0)
        out[r] = int(np.floor((more * ratio - less) / ((more - 2.0) * ratio + less) * MILLI + 0.5))
    return out


@kernel
def habit(starts: I64, cell: U8, amount: I64) -> I64:
    """Sums of table `habit` by cell, shape (64, 6)."""
    out = np.zeros((CELLS, 6), np.int64)
    for r in range(starts.size - 1):
        n = starts[r + 1] - starts[r]
        if n < 2:
            continue
        total = np.int64(0)
        squares = np.int64(0)
        for i in range(starts[r], starts[r + 1]):
            y = log2_of(amount[i])
            total += y
            squares += y * y
        c = cell[starts[r]]
        out[c, 0] += 1
        out[c, 1] += n
        out[c, 2] += total
        out[c, 3] += squares
        out[c, 4] += total * total // n
        out[c, 5] += n * n
    return out


@kernel
def log2_of(value: int) -> int:
    """Logarithm of a positive integer in 1/1024, exact at powers of two and linear between them."""
    power, rest = 0, value
    while rest > 1:
        rest >>= 1
        power += 1
    return power * LOG_ONE + ((value - (1 << power)) * LOG_ONE >> power)


@kernel
def peaks_of(starts: I64, ts: I64, tested: Flags) -> tuple[I64, I64, I64]:
    """Flows, most flows within an hour, and whether any was card testing, of each run of flows in order of time."""
    size = starts.size - 1
    flows, peaks, targeted = np.zeros(size, np.int64), np.zeros(size, np.int64), np.zeros(size, np.int64)
    for r in range(size):
        first = starts[r]
        for i in range(starts[r], starts[r + 1]):
            while ts[i] - ts[first] > HOUR_US:
                first += 1
            peaks[r] = max(peaks[r], i - first + 1)
            targeted[r] |= tested[i]
        flows[r] = min(starts[r + 1] - starts[r], MOST_FLOWS)
        peaks[r] = min(peaks[r], MOST_PEAK)
    return flows, peaks, targeted

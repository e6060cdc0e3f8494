"""The arrival stream: each merchant's arrivals walk along its own cumulated intensity.

The intensity of an hour is the merchant's rhythm in the local time of its zones, times a factor of the day and a
factor of the hour whose variance is that of a Poisson count with mild overdispersion. Arrival `k` of `n` lies at
`(k + u_k) / n` of the cumulated intensity, so arrivals come out in time order, `arrival_seq` is `k + 1`, times are
uniform inside their hour, and any range of `k` can be made without the others.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl
from scipy.special import ndtri

from seg6b.datasets.frames import dictionary, nullable, utc
from seg6b.datasets.vocabulary import CLASSES
from seg6b.draws.compiled import kernel
from seg6b.draws.mix import draw, entity2
from seg6b.draws.quantile import build_table, lookup, significant
from seg6b.world.generate.merchants import KINDS, Merchants
from seg6b.world.generate.places import Places
from seg6b.world.generate.recipe import HOURS, START_US, Recipe
from seg6b.world.generate.rhythms import week_of
from seg6b.world.generate.zones import ZONES, offset_minutes, week_hours

I64 = npt.NDArray[np.int64]
I32 = npt.NDArray[np.int32]
F64 = npt.NDArray[np.float64]

HOUR_US: Final = 3_600_000_000
MINUTE_US: Final = 60_000_000
DAY_SIGMA: Final = 0.10
OVERDISPERSION: Final = 0.02
# The hour factor is log-normal; its variance follows the mean count, from one of these tables.
MEAN_STEPS: Final = (0.3, 1.0, 3.0, 10.0, 30.0, 100.0, 300.0)
MIXED: Final = ("mixed",)


@dataclass(frozen=True, slots=True)
class Span:
    """Arrivals `start .. stop` of one merchant."""

    merchant: int
    start: int
    stop: int


def plan_parts(recipe: Recipe, merchants: Merchants) -> list[list[Span]]:
    """Spans of each file, in order of merchant id; files differ by at most one row, a merchant may span several."""
    order = np.argsort(merchants.merchant_id, kind="stable")
    sizes = merchants.size[order]
    ends = np.cumsum(sizes)
    cuts = np.arange(1, recipe.parts + 1) * recipe.arrivals // recipe.parts
    parts: list[list[Span]] = []
    at = 0
    for cut in cuts.tolist():
        spans = []
        while at < cut:
            i = int(np.searchsorted(ends, at, side="right"))
            begin = int(ends[i] - sizes[i])
            stop = min(cut, int(ends[i]))
            spans.append(Span(int(order[i]), at - begin, stop - begin))
            at = stop
        parts.append(spans)
    return parts


@cache
def _noise_tables() -> F64:
    """Quantiles of the factors, mean 1: one row a day factor, then one row a step of the mean count."""
    variances = [DAY_SIGMA * DAY_SIGMA, *(1.0 / m + OVERDISPERSION for m in MEAN_STEPS)]
    return np.stack([_lognormal(v) for v in variances])


def _lognormal(variance: float) -> F64:
    s2 = significant(float(np.log1p(variance)))
    s = significant(float(np.sqrt(s2)))
    return build_table(lambda u: np.exp(s * ndtri(u) - s2 / 2.0), 0.0, float(np.exp(s * 5.0 - s2 / 2.0)))


class Rows(NamedTuple):
    """Columns of one span, to be filled."""

    seq: I64
    ts: I64
    hour: I32
    rate: F64
    place: I32
    zone: I32
    local: I64
    site: I64
    edge: I64
    virtual: npt.NDArray[np.bool_]


class Demand(NamedTuple):
    """When and where one merchant is visited; arrays by place, tables by place and hour."""

    week: F64
    noise: F64
    steps: F64
    weight: F64
    zone: I32
    week_hours: I32
    offset_min: I32
    first_site: I64
    sites: I64
    edge_id: I64


class Who(NamedTuple):
    """One merchant and where its span begins."""

    merchant: np.int64
    size: np.int64
    start: np.int64
    first_place: np.int64
    virtual_share: float


class Keys(NamedTuple):
    """Decision keys of the arrival stream."""

    day_factor: np.uint64
    hour_factor: np.uint64
    time: np.uint64
    zone: np.uint64
    site: np.uint64
    virtual: np.uint64


@kernel
def _intensity(cum: F64, demand: Demand, who: Who, keys: Keys) -> None:
    """Cumulated intensity at the end of each hour; the last entry is the total."""
    total = 0.0
    for h in range(cum.size):
        rate = 0.0
        for z in range(demand.weight.size):
            rate += demand.weight[z] * demand.week[demand.week_hours[z, h]]
        cum[h] = rate * lookup(demand.noise[0], draw(entity2(who.merchant, np.int64(h // 24)), keys.day_factor))
        total += cum[h]
    scale = who.size / total
    total = 0.0
    for h in range(cum.size):
        mean = cum[h] * scale
        step = 0
        while step < demand.steps.size - 1 and mean > demand.steps[step]:
            step += 1
        total += mean * lookup(demand.noise[1 + step], draw(entity2(who.merchant, np.int64(h)), keys.hour_factor))
        cum[h] = total


@kernel
def _walk(rows: Rows, cum: F64, who: Who, key: np.uint64) -> None:
    """Number, time and intensity of each arrival of one span."""
    total = cum[cum.size - 1]
    h = 0
    for i in range(rows.seq.size):
        k = who.start + i
        at = (k + draw(entity2(who.merchant, np.int64(k + 1)), key)) / who.size * total
        while h < cum.size - 1 and at >= cum[h]:
            h += 1
        low = cum[h - 1] if h > 0 else 0.0
        inside = np.int64((at - low) / (cum[h] - low) * HOUR_US)
        rows.seq[i] = k + 1
        rows.hour[i] = h
        rows.rate[i] = cum[h] - low
        rows.ts[i] = START_US + h * HOUR_US + min(max(inside, np.int64(0)), np.int64(HOUR_US - 1))


@kernel
def _locate(rows: Rows, demand: Demand, site_id: I64, who: Who, keys: Keys) -> None:
    """Zone, local time, and site or edge of each arrival of one span."""
    rates = np.empty(demand.weight.size, np.float64)
    for i in range(rows.seq.size):
        entity = entity2(who.merchant, rows.seq[i])
        z = 0
        if rates.size > 1:
            total = 0.0
            for j in range(rates.size):
                total += demand.weight[j] * demand.week[demand.week_hours[j, rows.hour[i]]]
                rates[j] = total
            u = draw(entity, keys.zone) * total
            while z < rates.size - 1 and u >= rates[z]:
                z += 1
        rows.place[i] = who.first_place + z
        rows.zone[i] = demand.zone[z]
        rows.local[i] = rows.ts[i] + demand.offset_min[z, rows.hour[i]] * np.int64(MINUTE_US)
        virtual = demand.sites[z] == 0
        if not virtual and who.virtual_share > 0.0:
            virtual = draw(entity, keys.virtual) < who.virtual_share
        rows.virtual[i] = virtual
        rows.edge[i] = demand.edge_id[z] if virtual else 0
        rows.site[i] = 0
        if not virtual:
            rows.site[i] = site_id[demand.first_site[z] + np.int64(draw(entity, keys.site) * demand.sites[z])]


def make_arrivals(recipe: Recipe, merchants: Merchants, places: Places, spans: list[Span]) -> pl.DataFrame:
    """The rows of one file, in the order (merchant_id, ts_utc, arrival_seq)."""
    count = sum(s.stop - s.start for s in spans)
    columns = _empty_rows(count)
    merchant_id = np.empty(count, np.int64)
    keys = Keys._make(recipe.draws.key("world.arrivals", decision) for decision in Keys._fields)
    at = 0
    for span in spans:
        rows = slice(at, at + span.stop - span.start)
        merchant_id[rows] = merchants.merchant_id[span.merchant]
        _fill(Rows._make(column[rows] for column in columns), merchants, places, span, keys)
        at = rows.stop
    return _frame(merchant_id, columns, places)


def _empty_rows(count: int) -> Rows:
    def ints() -> I64:
        return np.empty(count, np.int64)

    def codes() -> I32:
        return np.empty(count, np.int32)

    return Rows(
        seq=ints(), ts=ints(), hour=codes(), rate=np.empty(count), place=codes(), zone=codes(),
        local=ints(), site=ints(), edge=ints(), virtual=np.empty(count, np.bool_),
    )  # fmt: skip


def _fill(rows: Rows, merchants: Merchants, places: Places, span: Span, keys: Keys) -> None:
    m = span.merchant
    own = slice(int(places.first[m]), int(places.first[m + 1]))
    zones = places.zone[own]
    demand = Demand(
        week=week_of(CLASSES[merchants.demand_class[m]]),
        noise=_noise_tables(),
        steps=np.array(MEAN_STEPS),
        weight=places.weight[own],
        zone=zones,
        week_hours=week_hours()[zones],
        offset_min=offset_minutes()[zones],
        first_site=places.first_site[own],
        sites=places.sites[own],
        edge_id=places.edge_id[own],
    )
    hybrid = merchants.hybrid_share if merchants.kind[m] == KINDS.index("HYBRID") else 0.0
    who = Who(np.int64(m), np.int64(merchants.size[m]), np.int64(span.start), np.int64(own.start), hybrid)
    cum = np.empty(HOURS)
    _intensity(cum, demand, who, keys)
    _walk(rows, cum, who, keys.time)
    _locate(rows, demand, places.site_id, who, keys)


def _frame(merchant_id: I64, rows: Rows, places: Places) -> pl.DataFrame:
    """The contract frame."""
    zone = dictionary(rows.zone, ZONES)
    return pl.DataFrame(
        {
            "merchant_id": merchant_id,
            "arrival_seq": rows.seq,
            "ts_utc": utc(rows.ts),
            "bucket_index": rows.hour,
            "zone_representation": zone,
            "channel_group": dictionary(np.zeros(rows.seq.size, np.int32), MIXED),
            "tzid_primary": zone,
            "ts_local_primary": pl.Series(rows.local).cast(pl.Datetime("us")),
            "is_virtual": rows.virtual,
            "site_id": nullable(rows.site, rows.virtual),
            "edge_id": nullable(rows.edge, ~rows.virtual),
            "routing_universe_hash": dictionary(rows.place, places.routing),
            "lambda_realised": rows.rate,
        }
    )
